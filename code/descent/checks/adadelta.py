"""Checks of the exercises of the chapter on Adadelta."""

import copy
import math
import statistics
import time
import weakref

import torch
from torch.overrides import TorchFunctionMode

from descent.checks.core import (
    SECONDS,
    Wrong,
    ask,
    check,
    compare,
    describe,
    number,
    right,
)


@check
def check_eps_for_step(eps_for_step):
    """Exercise 1: the ε that makes Adadelta's first step as long as you want.

    Args:
        eps_for_step: function (length, g, rho) of 0 < length < |g|, the first
            gradient and ρ; returns ε, to one part in 10⁶.
    Oracle: bisection on the first step of the rule, (2) and (3) of the chapter.
    """

    def first_step(eps, g, rho):
        s = (1 - rho) * g**2
        return math.sqrt((0.0 + eps) / (s + eps)) * abs(g)

    def oracle(length, g, rho):
        low, high = -60.0, 60.0  # exponents of e
        for _ in range(100):
            middle = (low + high) / 2
            short = first_step(math.exp(middle), g, rho) < length
            low, high = (middle, high) if short else (low, middle)
        return math.exp(low)

    def exact(length, g, rho):
        return (1 - rho) * g**2 * length**2 / (g**2 - length**2)

    mistakes = [
        (
            lambda length, g, rho: (1 - rho) * length**2,
            "That is right for large gradients only: (6) has ε under the lower root "
            "as well.",
        ),
        (
            lambda length, g, rho: math.sqrt(exact(length, g, rho)),
            "That is √ε.",
        ),
        (
            lambda length, g, rho: exact(length, g, rho) / (1 - rho),
            "The factor 1 − ρ of the first square is missing: s starts at 0.",
        ),
        (
            lambda length, g, rho: exact(length, g, rho) * rho / (1 - rho),
            "The first square enters s with the factor 1 − ρ, not ρ.",
        ),
        (
            lambda length, g, rho: (1 - rho) * g**2 * length**2 / (g**2 + length**2),
            "A sign is wrong: solve (6), squared, for ε once more.",
        ),
        (
            lambda length, g, rho: (1 - rho) * length / (1 - length / abs(g)),
            "You left out the roots in (3): the step has √ε over a root.",
        ),
        (
            lambda length, g, rho: (1 - rho) * length**2 / (1 - length**2),
            "The gradient is missing; yours is right for g = 1 only.",
        ),
    ]
    cases = [(0.5, 1.0, 0.5), (0.5, 2.0, 0.5), (0.5, -2.0, 0.5), (0.01, 1.0, 0.9)]
    cases += [(0.01, 0.02, 0.9), (1.2, 1.5, 0.0), (3.0, 10.0, 0.99), (0.1, 0.11, 0.95)]
    count = compare(eps_for_step, oracle, cases, mistakes, rtol=1e-6, atol=0.0)
    return right(f"the rule's first step has the length asked for on {count} cases.")


@check
def check_adadelta_in_place(adadelta_in_place):
    """Exercise 2: Adadelta in place, without ever forming g′.

    Args:
        adadelta_in_place: function (params, states, hyperparams) like the chapter's
            `adadelta`; params is a list of tensors with .grad, states a list of
            pairs (s, Δ). Updates both in place, to one part in 10⁹ in float64,
            leaves p.grad at zero, never has ±g′ in a tensor and holds at most one
            tensor as large as the parameter beside those given.
    Oracle: the chapter's formulas, out of place; every operation is watched.
    """
    hyperparams = {"rho": 0.9, "eps": 1e-3}
    called = f"{getattr(adadelta_in_place, '__name__', 'your function')}(…)"
    deadline, peak = time.monotonic() + SECONDS, 0
    for sizes, steps, options in (
        ([(1,)], 3, hyperparams),
        ([(2, 1), (1,)], 12, {"rho": 0.5, "eps": 1e-2}),
        ([(3,)], 3, {"rho": 0.9}),
        ([(6, 5)], 12, hyperparams),
    ):
        torch.manual_seed(0)
        start = [torch.randn(size, dtype=torch.float64) for size in sizes]
        grads = [
            [4 * torch.randn(size, dtype=torch.float64) for size in sizes]
            for _ in range(steps)
        ]
        watch = _Watch()

        def walk(start=start, grads=grads, options=options, watch=watch):
            return _walk(adadelta_in_place, start, grads, options, watch)

        found = ask(walk, deadline=deadline, called=called)
        right_way = _reference(start, grads, options)
        for judge in (_judge_parameters, _judge_states):
            for step, (got, expected) in enumerate(zip(found, right_way), start=1):
                judge(step, got, expected, found, start, grads, options)
        if watch.forms(_all_steps(start, grads, options)):
            raise Wrong(
                f"{called} computes the right iterates, but has g′ in a tensor on the "
                f"way; multiply and add in one operation (addcmul_, addcdiv_)."
            )
        if math.prod(sizes[-1]) > 1:
            peak = max(peak, watch.peak)
    if peak > 1:
        raise Wrong(
            f"{called} computes the right iterates, but holds {peak} tensors as large "
            f"as the parameter at the same time, beside those it was given; one is "
            f"enough. Use operations that end in an underscore."
        )
    held = "one further tensor" if peak else "no further tensor"
    return right(f"the iterates are those of the chapter, with {held} of that size.")


class _Watch(TorchFunctionMode):
    """Keeps a copy of what every operation returns, and counts living tensors."""

    def __init__(self):
        super().__init__()
        self.values, self.alive, self.peak = [], [], 0
        self.given, self.sizes, self.busy = set(), set(), False

    def start(self, tensors):
        self.given = {t.untyped_storage().data_ptr() for t in tensors}
        self.sizes = {t.numel() for t in tensors}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if self.busy:
            return result
        self.busy = True
        if isinstance(result, torch.Tensor) and result.numel() in self.sizes:
            if result.is_floating_point() and len(self.values) < 5000:
                self.values.append(result.detach().clone().flatten())
            if result.untyped_storage().data_ptr() not in self.given:
                self.alive.append(weakref.ref(result))
                living = [ref() for ref in self.alive]
                self.alive = [
                    ref for ref, t in zip(self.alive, living) if t is not None
                ]
                places = {
                    t.untyped_storage().data_ptr() for t in living if t is not None
                }
                self.peak = max(self.peak, len(places))
        self.busy = False
        return result

    def forms(self, steps):
        """Return whether ±g′ of a step was in a tensor of at least three entries."""
        for g_prime in steps:
            g_prime = g_prime.flatten()
            for value in self.values:
                if len(value) == len(g_prime) > 2 and any(
                    torch.allclose(value, sign * g_prime, rtol=1e-9, atol=0.0)
                    for sign in (1, -1)
                ):
                    return True
        return False


def _walk(rule, start, grads, options, watch):
    """Run the reader's rule; return (params, states, grads left) after each step."""
    params = [p.clone().requires_grad_() for p in start]
    states = [(torch.zeros_like(p), torch.zeros_like(p)) for p in start]
    given = copy.copy(options)
    kept = []
    for step in grads:
        for p, g in zip(params, step):
            p.grad = g.clone()
        tensors = [*params, *(p.grad for p in params)]
        watch.start([*tensors, *(t for pair in states for t in pair)])
        with watch:
            rule(list(params), states, given)
        if given != options:
            raise ValueError("the rule changed the caller's hyperparams")
        kept.append(
            (
                [p.detach().clone() for p in params],
                [tuple(t.clone() for t in pair) for pair in states],
                [None if p.grad is None else p.grad.clone() for p in params],
            )
        )
    return kept


def _reference(start, grads, options, wrong=None):
    """Return (params, states, g′) after each step, by the chapter's formulas."""
    rho = options["rho"]
    eps = options.get("eps", 1e-6 if wrong == "eps" else 1e-5)
    params = [p.clone() for p in start]
    states = [(torch.zeros_like(p), torch.zeros_like(p)) for p in start]
    kept = []
    for step in grads:
        moves = []
        for i, g in enumerate(step):
            s, delta = states[i]
            s = rho * s + (1 - rho) * g**2
            r = (delta + eps) / (s + eps)
            if wrong == "outside":
                r = ((delta.sqrt() + eps) / (s.sqrt() + eps)) ** 2
            move = r.sqrt() * g
            square = g**2 if wrong == "square" else r * g**2
            square = r.sqrt() * g**2 if wrong == "root" else square
            delta = rho * delta + (1 - rho) * square
            if wrong == "order":
                move = ((delta + eps) / (s + eps)).sqrt() * g
            moves.append(move)
            params[i] = params[i] - move
            states[i] = (s, delta)
        kept.append(([p.clone() for p in params], list(states), moves))
    return kept


def _all_steps(start, grads, options):
    return [m for _, _, moves in _reference(start, grads, options) for m in moves]


MISTAKES = {
    "order": "You update Δ before x, so that the step is made from the new Δ; (3) "
    "uses the old one.",
    "square": "Your Δ averages squared gradients; it averages squared steps, r g².",
    "root": "Your Δ averages √r g²; the square of the step is r g².",
    "outside": "You add ε outside the roots; in (3) it stands inside.",
    "eps": "Without `eps` the chapter's rule takes 1e-5; yours takes torch's 1e-6.",
}


def _same(one, other):
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-9)


def _judge_parameters(step, got, expected, found, start, grads, options):
    """Raise Wrong if the reader's parameters differ from the formulas."""
    for i, (value, wanted) in enumerate(zip(got[0], expected[0])):
        what = f"after step {step} from gradients {grads[0][i].flatten()[0]:.4g}, …"
        if not torch.isfinite(value).all():
            raise Wrong(f"{what} a parameter is not finite.")
        if not _same(value, wanted):
            if torch.equal(value, start[i]):
                raise Wrong(
                    f"{what} the parameters have not moved; change them in place."
                )
            for wrong, sentence in MISTAKES.items():
                path = _reference(start, grads, options, wrong)
                if all(
                    _same(a, b)
                    for mine, theirs in zip(found, path)
                    for a, b in zip(mine[0], theirs[0])
                ):
                    raise Wrong(f"{what} a parameter differs. {sentence}")
            value, wanted = value.flatten(), wanted.flatten()
            k = int((value - wanted).abs().argmax())
            raise Wrong(
                f"{what} a parameter is {value[k]:.6g}; expected {wanted[k]:.6g}."
            )


def _judge_states(step, got, expected, *_):
    """Raise Wrong if the reader's states differ, or a gradient is left."""
    for pair, wanted in zip(got[1], expected[1]):
        for value, right_one, name in zip(pair, wanted, ("s", "Δ")):
            if not torch.allclose(value, right_one, rtol=1e-9, atol=1e-14):
                raise Wrong(
                    f"after step {step} the state {name} is {value.flatten()[0]:.6g}; "
                    f"expected {right_one.flatten()[0]:.6g}."
                )
    for left in got[2]:
        if left is not None and left.any():
            raise Wrong("p.grad is not zero after the step; end with p.grad.zero_().")


@check
def check_leaving_problem(leaving_problem):
    """Exercise 3: a convex problem whose minimum Adadelta leaves again.

    Args:
        leaving_problem: function () that returns (gradient, start): the derivative of
            a smooth convex function of one variable with its minimum at 0, as a
            function of a float, and a start with |start| ≥ 1.
    Oracle: the rule with ρ = 0.9 and ε = 10⁻⁶, run for 20 000 steps; and for
        convexity, the signs of the derivative's differences on a grid.
    """
    deadline = time.monotonic() + SECONDS
    called = describe(leaving_problem, ())
    answer = ask(leaving_problem, deadline=deadline)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Wrong(f"{called} returns {answer!r:.40}; expected (gradient, start).")
    gradient, start = answer
    if not callable(gradient):
        raise Wrong(f"the first of what {called} returns is no function.")
    start = number(start, f"the start of {called}")
    if abs(start) < 1:
        raise Wrong(f"the start {start:.4g} is nearer to 0 than 1; begin at ±1 or out.")
    grid = [start * k / 100 for k in range(-110, 111)]
    grid += [sign * 10.0**-k for k in range(1, 13) for sign in (1, -1)] + [0.0]
    grid = sorted(set(grid))
    values = ask(lambda: [gradient(x) for x in grid], deadline=deadline)
    values = [number(v, f"gradient({x:.4g})") for x, v in zip(grid, values)]
    at = dict(zip(grid, values))
    if at[0.0] != 0:
        raise Wrong(f"gradient(0) is {at[0.0]:.4g}; with the minimum at 0 it is 0.")
    for x, y in zip(grid, grid[1:]):
        if at[y] < at[x] - 1e-12 * abs(at[x]):
            raise Wrong(
                f"gradient({x:.4g}) is {at[x]:.4g} and gradient({y:.4g}) is "
                f"{at[y]:.4g}: the derivative falls, so the function is not convex "
                f"with its minimum at 0 (is it the function, not its derivative?)."
            )
    if at[1e-12] > 1e-4 or at[-1e-12] < -1e-4:
        raise Wrong(
            "the derivative jumps at 0, so the function is not smooth; a kink makes "
            "any method with a constant rate jump about."
        )

    def run():
        x, s, delta, near, furthest = start, 0.0, 0.0, None, 0.0
        for t in range(20_000):
            g = gradient(x)
            s = 0.9 * s + 0.1 * g * g
            r = (delta + 1e-6) / (s + 1e-6)
            delta = 0.9 * delta + 0.1 * r * g * g
            x -= math.sqrt(r) * g
            if near is None and abs(x) < 1e-6:
                near = t + 1
            if near is not None:
                furthest = max(furthest, abs(x))
                if furthest > 1e-3:
                    return near, t + 1, furthest, x
        return near, None, furthest, x

    near, far, furthest, end = ask(run, deadline=deadline, called="Adadelta's run")
    if near is None:
        raise Wrong(
            f"Adadelta never comes within 1e-6 of the minimum in 20 000 steps; it ends "
            f"at {end:.4g}."
        )
    if far is None:
        slope = (gradient(1e-6) - gradient(-1e-6)) / 2e-6
        raise Wrong(
            f"Adadelta comes within 1e-6 at step {near} and is never further than "
            f"{furthest:.2g} away in the rest of 20 000 steps; the curvature at the "
            f"minimum is {slope:.4g}. Which one does (11) need?"
        )
    return right(
        f"Adadelta is within 1e-6 of the minimum at step {near} and more than 1e-3 "
        f"away at step {far}."
    )


@check
def check_tuned(tuned):
    """Exercise 4: the best setting of a grid, by the median over seeds.

    Args:
        tuned: function (losses) of a float64 tensor (settings, seeds), seeds odd; a
            run that diverged is nan or inf. Returns the number of the setting, from
            0, whose median loss is lowest, where a diverged run counts as infinite.
    Oracle: statistics.median, row by row.
    """

    def rows(losses):
        return [
            [math.inf if math.isnan(v) else v for v in row] for row in losses.tolist()
        ]

    def lowest(measure):
        def pick(losses):
            scores = [measure(row) for row in rows(losses)]
            return scores.index(min(scores))

        return pick

    def skipping(refuse):
        def pick(losses):
            kept = [[v for v in row if not refuse(v)] for row in losses.tolist()]
            scores = [statistics.median(row) if row else math.inf for row in kept]
            return scores.index(min(scores))

        return pick

    skipped = "You leave out runs that diverged; they count as infinite."

    oracle = lowest(statistics.median)
    mistakes = [
        (lowest(min), "You take the setting of the luckiest single run."),
        (
            lowest(lambda row: sum(row) / len(row)),
            "You compare means; one run that diverges spoils a mean.",
        ),
        (lowest(max), "You take the setting whose worst run is best."),
        (lowest(lambda row: row[0]), "You look at the first seed only."),
        (skipping(math.isnan), skipped),
        (skipping(lambda v: not math.isfinite(v)), skipped),
        (
            lambda losses: losses.nanmedian(1).values.nan_to_num(math.inf).argmin(),
            skipped,
        ),
        (
            lambda losses: losses.median(1).values.nan_to_num(0.0).argmin(),
            "A setting that diverges (nan) wins in yours.",
        ),
        (
            lambda losses: losses.median(1).values.argmin(),
            "A single nan makes your median nan; count it as infinite instead.",
        ),
        (
            lowest(lambda row: -statistics.median(row)),
            "You take the highest median; lower is better.",
        ),
        (
            lambda losses: oracle(losses) + 1,
            "You count from 1; the first setting is 0.",
        ),
    ]
    inf, nan = math.inf, math.nan
    listed = [
        [[1.0], [2.0]],
        [[3.0, 2.0, 4.0], [1.0, 6.0, 5.0]],
        [[2.0, 2.0, 9.0], [1.0, 4.0, 3.0], [3.5, 3.5, 3.5]],
        [[5.0, 5.0, 5.0], [1.0, nan, nan], [6.0, 6.0, 6.0]],
        [[4.0, 4.0, 4.0], [nan, 3.0, 2.0], [5.0, inf, 5.0]],
    ]
    cases = [(torch.tensor(rows, dtype=torch.float64),) for rows in listed]
    rng = torch.Generator().manual_seed(0)
    for _ in range(6):
        losses = torch.rand(9, 11, generator=rng, dtype=torch.float64)
        cases.append((losses.masked_fill(losses > 0.9, nan),))
    count = compare(tuned, oracle, cases, mistakes, rtol=0.0, atol=0.0)
    return right(f"you pick the lowest median of all {count} tables.")
