"""Checks of the exercises of the chapter on RMSProp."""

import math

import torch

from descent.checks.core import check, compare, right

EPS = 1e-6  # of the chapter's 2-D trace, whose rate is 0.4 and whose γ is 0.9


@check
def check_without_forgetting(without_forgetting):
    """Exercise 1: where RMSProp is on ½λx² after some steps with γ = 1.

    Args:
        without_forgetting: function (x, curvature, eta, eps, steps) of the start, λ,
            η, ε > 0 and the number of steps; returns x after them, to one part in
            10⁹.
    Oracle: (1) and (2) of the chapter, step by step.
    """

    def oracle(x, curvature, eta, eps, steps, gamma=1.0, fresh=0.0):
        s = 0.0
        for _ in range(steps):
            g = curvature * x
            s = gamma * s + fresh * g * g
            x -= eta * g / math.sqrt(s + eps)
        return x

    mistakes = [
        (
            lambda x, k, eta, eps, t: x * (1 - eta * k / eps) ** t,
            "You divide by ε; in (2) it stands under the root.",
        ),
        (
            lambda x, k, eta, eps, t: x * (1 - eta / math.sqrt(eps)) ** t,
            "The curvature is missing: the gradient is λx, not x.",
        ),
        (
            lambda x, k, eta, eps, t: x * (1 - eta * k) ** t,
            "ε is missing: the step is still divided by something when s is 0.",
        ),
        (
            lambda *a: oracle(*a, fresh=1.0),
            "Your s adds up all squares: that is Adagrad. Which factor has the new "
            "square in (1) when γ = 1?",
        ),
        (
            lambda *a: oracle(*a, gamma=0.0, fresh=1.0),
            "Your s is the last square: that is γ = 0, the opposite end.",
        ),
        (
            lambda *a: oracle(*a, gamma=0.9, fresh=0.1),
            "That is γ = 0.9; the task sets γ = 1.",
        ),
        (
            lambda x, k, eta, eps, t: x * (1 - t * eta * k / math.sqrt(eps)),
            "All your steps are as long as the first; the gradient changes with x, so "
            "each step multiplies x by the same factor.",
        ),
        (
            lambda x, k, eta, eps, t: x * math.exp(-eta * k / math.sqrt(eps) * t),
            "That is the path for infinitely small steps; here they are finite.",
        ),
        (lambda *a: oracle(*a[:4], a[4] + 1), "You take one step too many."),
        (lambda *a: oracle(*a[:4], max(0, a[4] - 1)), "You take one step too few."),
    ]
    cases = [(1.0, 1.0, 0.1, 0.04, 1), (1.0, 1.0, 0.1, 0.04, 2)]
    cases += [(1.0, 1.0, 0.1, 0.04, 0), (1.0, 1.0, 0.4, 0.04, 3)]
    rng = torch.Generator().manual_seed(0)
    for steps in (1, 2, 3, 5, 8, 13):
        a, b, c, d = torch.rand(4, generator=rng, dtype=torch.float64).tolist()
        eps = 10 ** (-4 * a - 1)
        curvature = 5 * b + 0.1
        eta = 2.2 * c * math.sqrt(eps) / curvature
        cases.append((6 * d - 3, curvature, eta, eps, steps))
    count = compare(without_forgetting, oracle, cases, mistakes, rtol=1e-9, atol=1e-12)
    return right(f"agrees with (1) and (2), run step by step, on {count} cases.")


@check
def check_rmsprop_rotated(rmsprop_rotated):
    """Exercise 2: one step of RMSProp on the bowl turned by 45°.

    Args:
        rmsprop_rotated: function (x1, x2, s1, s2) that returns the four numbers after
            a step with η = 0.4, γ = 0.9 and ε = 10⁻⁶, to one part in 10⁹.
    Oracle: the gradient by autograd, from the function's formula.
    """

    def bowl(x1, x2):
        return 0.05 * (x1 + x2) ** 2 + (x1 - x2) ** 2

    def gradient(f, x1, x2):
        x = torch.tensor([x1, x2], dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(f(*x), x)[0]

    def step(x1, x2, s1, s2, f=bowl, old=0.9, new=0.1, stale=False, outside=False):
        g = gradient(f, x1, x2)
        before = torch.tensor([s1, s2], dtype=torch.float64)
        s = old * before + new * g**2
        divisor = before if stale else s
        root = divisor.sqrt() + EPS if outside else (divisor + EPS).sqrt()
        x = torch.tensor([x1, x2], dtype=torch.float64) - 0.4 * g / root
        return torch.cat([x, s])

    def with_(**options):
        return lambda *arguments: step(*arguments, **options)

    mistakes = [
        (
            with_(f=lambda x1, x2: 0.1 * (x1 + x2) ** 2 + 2 * (x1 - x2) ** 2),
            "That is twice the function: turning 0.1x₁² + 2x₂² puts (x₁ ± x₂)/√2 in "
            "the squares, and the two halves matter.",
        ),
        (
            with_(f=lambda x1, x2: 0.1 * x1**2 + 2 * x2**2),
            "That is the bowl before it was turned.",
        ),
        (
            with_(f=lambda x1, x2: 0.05 * (x1 - x2) ** 2 + (x1 + x2) ** 2),
            "That is the bowl turned the other way: the steep direction is along "
            "x₁ − x₂.",
        ),
        (
            with_(f=lambda x1, x2: bowl(x1, x2) / 2),
            "A factor of 2 is missing in the gradient: the derivative of (x₁ − x₂)² "
            "is 2(x₁ − x₂).",
        ),
        (with_(stale=True), "You divide by the old s; (1) comes before (2)."),
        (
            with_(outside=True),
            "You add ε outside the root; in (2) it stands inside.",
        ),
        (
            with_(old=0.1, new=0.9),
            "γ and 1 − γ have changed places: the old s keeps 0.9 of itself.",
        ),
        (
            with_(old=1.0, new=1.0),
            "Your s adds up all squares and forgets none: that is Adagrad.",
        ),
        (
            with_(new=1.0),
            "The factor 1 − γ of the new square is missing.",
        ),
        (
            lambda x1, x2, s1, s2: (
                2 * torch.tensor([x1, x2, 0, 0], dtype=torch.float64)
                + step(x1, x2, s1, s2) * torch.tensor([-1.0, -1, 1, 1]).double()
            ),
            "You walk uphill: the step is subtracted.",
        ),
    ]
    cases = [(1.0, 1.0, 0.0, 0.0), (1.0, -1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)]
    cases += [(1.0, 0.0, 1.0, 2.0), (0.001, 0.0, 1e-6, 2e-6)]
    rng = torch.Generator().manual_seed(0)
    for _ in range(8):
        x1, x2, s1, s2 = torch.rand(4, generator=rng, dtype=torch.float64).tolist()
        cases.append((10 * x1 - 5, 10 * x2 - 5, 5 * s1, 5 * s2))
    count = compare(rmsprop_rotated, step, cases, mistakes, rtol=1e-9, atol=1e-12)
    return right(
        f"agrees with autograd and the formulas of the chapter on {count} cases."
    )


@check
def check_slope_distance(slope_distance):
    """Exercise 3: how far RMSProp gets on a steady slope.

    Args:
        slope_distance: function (lr, alpha, steps) that returns the distance covered
            in so many steps with ε = 0, to one part in 10⁹.
    Oracle: (1) and (2) of the chapter, run down a slope of 3.
    """

    def oracle(lr, alpha, steps):
        x, s = 0.0, 0.0
        for _ in range(steps):
            s = alpha * s + (1 - alpha) * 3.0**2
            x += lr * 3.0 / math.sqrt(s)
        return x

    def total(lr, alpha, exponents):
        return sum(lr / math.sqrt(1 - alpha**k) for k in exponents)

    mistakes = [
        (
            lambda lr, alpha, n: lr * n,
            "All your steps are η long; by (5) the early ones are longer.",
        ),
        (
            lambda lr, alpha, n: lr * n / math.sqrt(1 - alpha),
            "All your steps are as long as the first; by (5) they get shorter.",
        ),
        (
            lambda lr, alpha, n: lr / math.sqrt(1 - alpha**n),
            "That is the last step alone; add them all up.",
        ),
        (
            lambda lr, alpha, n: sum(lr / (1 - alpha**t) for t in range(1, n + 1)),
            "The root in (5) is missing.",
        ),
        (
            lambda lr, alpha, n: sum(
                lr * math.sqrt(1 - alpha**t) for t in range(1, n + 1)
            ),
            "You multiply by the root of 1 − γᵗ; (5) divides by it.",
        ),
        (
            lambda lr, alpha, n: total(lr, alpha, range(1, n)),
            "The last step is missing.",
        ),
        (
            lambda lr, alpha, n: total(lr, alpha, range(2, n + 2)),
            "The first step is missing and one too many comes at the end: the first "
            "has t = 1.",
        ),
    ]
    cases = [(1.0, 0.5, 1), (1.0, 0.5, 2), (1.0, 0.5, 3), (0.1, 0.0, 4)]
    cases += [(0.01, 0.9, 10), (0.01, 0.9, 300), (0.003, 0.99, 300), (2.0, 0.999, 50)]
    count = compare(slope_distance, oracle, cases, mistakes, rtol=1e-9, atol=0.0)
    return right(f"RMSProp, run down a slope, gets exactly as far, on {count} cases.")


@check
def check_weights(weights):
    """Exercise 4: what s_t remembers when γ changes from step to step.

    Args:
        weights: function (gammas) of a float64 tensor (t,), the γ of steps 1 to t;
            returns t numbers, the weight of each squared gradient in s_t, the oldest
            first, to one part in 10⁹.
    Oracle: the derivative of s_t with respect to each square, by autograd.
    """

    def oracle(gammas):
        squares = torch.ones(len(gammas), dtype=torch.float64, requires_grad=True)
        s = torch.zeros((), dtype=torch.float64)
        for gamma, square in zip(gammas, squares):
            s = gamma * s + (1 - gamma) * square
        return torch.autograd.grad(s, squares)[0]

    def constant(gammas):
        ages = torch.arange(len(gammas) - 1, -1, -1, dtype=torch.float64)
        return (1 - gammas) * gammas**ages

    def by_last(gammas):
        ages = torch.arange(len(gammas) - 1, -1, -1, dtype=torch.float64)
        return (1 - gammas[-1]) * gammas[-1] ** ages

    def with_own(gammas):
        return (1 - gammas) * gammas.flip(0).cumprod(0).flip(0)

    def forward(gammas):
        before = torch.cat([torch.ones(1).double(), gammas[:-1]]).cumprod(0)
        return (1 - gammas) * before

    mistakes = [
        (
            lambda g: oracle(g).flip(0),
            "The order is reversed: the oldest gradient comes first.",
        ),
        (
            constant,
            "You take a power of the gradient's own γ; each later step fades it by "
            "the γ of that step.",
        ),
        (
            by_last,
            "You use one γ, the last, for all steps; each step has its own.",
        ),
        (
            with_own,
            "A gradient is not faded by the γ of its own step, only by later ones.",
        ),
        (
            forward,
            "You multiply the γ of earlier steps; a gradient is faded by later ones.",
        ),
        (
            lambda g: oracle(g) / (1 - g),
            "The factor 1 − γ of the gradient's own step is missing.",
        ),
        (
            lambda g: oracle(g) / oracle(g).sum(),
            "You made the weights sum to 1; those in (1) need not.",
        ),
        (
            lambda g: oracle(g).cumsum(0),
            "You return running sums of the weights, not the weights.",
        ),
    ]
    rows = [[0.5], [0.5, 0.75], [0.25, 0.5, 0.75], [0.9, 0.8, 0.3], [0.9] * 5]
    cases = [(torch.tensor(row, dtype=torch.float64),) for row in rows]
    steps = torch.arange(1, 9, dtype=torch.float64)
    cases += [(1 - 1 / (steps + 1),)]
    rng = torch.Generator().manual_seed(0)
    for t in (4, 6, 20):
        cases.append((0.98 * torch.rand(t, generator=rng, dtype=torch.float64) + 0.01,))
    cases += [(1 - 1 / steps,)]  # γ₁ = 0
    count = compare(weights, oracle, cases, mistakes, rtol=1e-9, atol=1e-14)
    return right(f"agrees with autograd through (1) on {count} sequences of γ.")
