"""Checks of the exercises of the chapter on Yogi."""

import math
import time
from fractions import Fraction

import numpy as np
import torch

from descent.checks.core import SECONDS, Wrong, ask, check, compare, number, right


@check
def check_at_least_adams(at_least_adams):
    """Exercise 1: when Yogi's new second moment is at least Adam's.

    Args:
        at_least_adams: function (square, s) of the squared gradient and the last
            second moment, both at least 0; returns True or False.
    Oracle: both moments, computed in exact fractions.
    """

    def oracle(square, s):
        u, s = Fraction(square), Fraction(s)
        return float(u * ((u > s) - (u < s)) >= u - s)

    mistakes = [
        (
            lambda u, s: u > s,
            "Small gradients are missing: of s Adam takes a fraction, Yogi hardly "
            "anything.",
        ),
        (
            lambda u, s: u >= s,
            "Small gradients are missing: of s Adam takes a fraction, Yogi hardly "
            "anything.",
        ),
        (lambda u, s: u <= s / 2, "Large gradients are missing."),
        (lambda u, s: u < s, "For gradients a little below s Yogi takes more."),
        (lambda u, s: True, "There are squares for which Adam's is larger."),
        (
            lambda u, s: u < s / 2 or u > s,
            "At the ends of the range the two are equal, which is at least.",
        ),
        (
            lambda u, s: u < s / 2 or u >= s,
            "At the ends of the range the two are equal, which is at least.",
        ),
        (
            lambda u, s: u <= s / 2 or u > s,
            "At the ends of the range the two are equal, which is at least.",
        ),
        (
            lambda u, s: u * ((u > s) - (u < s)) < u - s,
            "That is the opposite.",
        ),
    ]
    cases = [(0.0, 1.0), (0.75, 1.0), (0.25, 1.0), (2.0, 1.0), (1.0, 1.0), (0.5, 1.0)]
    cases += [(0.0, 0.0), (1.0, 0.0), (3.0, 4.0), (1.5, 4.0), (2.25, 4.0), (9.0, 4.0)]
    generator = np.random.default_rng(0)
    cases += [tuple(pair) for pair in generator.uniform(0, 3, (60, 2)).tolist()]
    count = compare(at_least_adams, oracle, cases, mistakes)
    return right(f"agrees with both rules on {count} pairs.")


@check
def check_settles(settles):
    """Exercise 2: where the second moments settle for two sizes of gradients.

    Args:
        settles: function (C, p); returns the pair of Adam's and Yogi's s, to one part
            in 10⁶.
    Oracle: a population of squares, its mean, and its median by weight, from sorting.
    """

    def population(C, p, size=1000):
        large = round(p * size)
        return np.sort(np.r_[np.full(large, C * C), np.ones(size - large)])

    def oracle(C, p):
        squares = population(C, p)
        half = np.searchsorted(squares.cumsum(), squares.sum() / 2)
        return [squares.mean(), squares[half]]

    def with_yogi(yogi):
        return lambda C, p: [p * C * C + 1 - p, yogi(C, p)]

    mistakes = [
        (
            with_yogi(lambda C, p: C * C if p > 0.5 else 1.0),
            "That is the plain median; Yogi's votes have the weight g².",
        ),
        (
            with_yogi(lambda C, p: C * C if p * C > 1 - p else 1.0),
            "Your votes have the weight |g|; Yogi's have g².",
        ),
        (
            with_yogi(lambda C, p: (p * C**4 + 1 - p) / (p * C * C + 1 - p)),
            "That is the mean with weights g², not the median.",
        ),
        (
            with_yogi(lambda C, p: p * C * C + 1 - p),
            "Only Adam's s settles at the mean.",
        ),
        (lambda C, p: oracle(C, p)[::-1], "The two are in the wrong order."),
        (
            lambda C, p: [math.sqrt(s) for s in oracle(C, p)],
            "Those are the roots; s is of the size of g².",
        ),
        (with_yogi(lambda C, p: C * C), "Yogi's target is not always C²."),
        (
            lambda C, p: [p * C + 1 - p, oracle(C, p)[1]],
            "Adam averages squares, C² and 1.",
        ),
    ]
    cases = [(2.0, 0.1), (2.0, 0.5), (3.0, 0.05), (3.0, 0.2), (3.0, 0.3), (2.0, 0.25)]
    cases += [(10.0, 0.005), (10.0, 0.02), (1.5, 0.25), (1.5, 0.4), (1.5, 0.9)]
    count = compare(settles, oracle, cases, mistakes)
    return right(f"agrees with a sorted population on {count} cases.")


@check
def check_own_correction(own_correction):
    """Exercise 4: the factor that corrects Yogi for a constant gradient.

    Args:
        own_correction: function (beta2, t); returns the factor for step t = 1, 2, …,
            to one part in 10⁶.
    Oracle: Yogi's rule with the gradient 1 from 0, in exact fractions.
    """

    def oracle(beta2, t):
        rate, s = 1 / Fraction(round(1 / (1 - beta2))), Fraction(0)
        for _ in range(t):
            s += rate * ((s < 1) - (s > 1))
        return float(s)

    mistakes = [
        (lambda b, t: 1 - b**t, "That is Adam's correction, for an average."),
        (
            lambda b, t: t * (1 - b),
            "That is right until s reaches g². Then it stays there.",
        ),
        (
            lambda b, t: t * (1 - b) / (1 - b**t),
            "That is (10), which is corrected already; find the factor of s itself.",
        ),
        (lambda b, t: 1 / oracle(b, t), "That is its inverse: s is divided by it."),
        (lambda b, t: oracle(b, t - 1), "You are one step behind: t starts at 1."),
        (lambda b, t: oracle(b, t + 1), "You are one step ahead: t starts at 1."),
        (
            lambda b, t: min(1.0, t * (1 - b)) / (1 - b**t),
            "That is corrected twice; find the factor of s itself.",
        ),
        (lambda b, t: 1.0, "Without correction s is too small at first."),
    ]
    cases = [(0.5, 1), (0.5, 2), (0.5, 3), (0.9, 2), (0.9, 7), (0.9, 40), (0.99, 50)]
    cases += [(0.999, t) for t in (1, 10, 300, 999, 1000, 1001, 3000)] + [(0.0, 2)]
    count = compare(own_correction, oracle, cases, mistakes)
    return right(f"s / cₜ is g² for a constant gradient, in {count} cases.")


def _candidate(kind):
    """Return an optimizer class: Yogi, or a rule that differs from it in one thing."""

    class Yogi(torch.optim.Optimizer):
        def __init__(self, params, lr=0.01, betas=(0.9, 0.999), eps=1e-3):
            super().__init__(params, dict(lr=lr, betas=betas, eps=eps))

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                beta1, beta2 = group["betas"]
                if kind == "exchanged":
                    beta1, beta2 = beta2, beta1
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    v = state.get("v", torch.zeros_like(p))
                    s = state.get("s", torch.zeros_like(p))
                    t = state.get("t", 0) + 1
                    square = p.grad**2
                    change = square * torch.sign(square - s)
                    if kind == "adam":
                        change = square - s
                    elif kind == "reversed":
                        change = -change
                    v = beta1 * v + (1 - beta1) * p.grad
                    s = s + (1 - beta2) * change
                    state.update(v=v, s=s, t=t)
                    if kind != "uncorrected":
                        v, s = v / (1 - beta1**t), s / (1 - beta2**t)
                    eps = group["eps"]
                    root = s.sqrt() + eps
                    if kind == "inside":
                        root = (s + eps).sqrt()
                    p.sub_(group["lr"] * v / root)

    return Yogi


REFUSED = {
    "adam": "Adam. At the first step the two agree; s has to fall once, or rise slowly",
    "reversed": "Yogi with the sign reversed. Its s is negative from the first step on",
    "exchanged": "Yogi with β₁ and β₂ exchanged. At the first step, and for a constant "
    "gradient, no β shows",
    "inside": "Yogi with ε inside the root. Small gradients, or a large ε, tell",
    "uncorrected": "Yogi without bias correction. One step is enough to tell",
}


@check
def check_is_yogi(is_yogi):
    """Exercise 6: a test of optimizer classes.

    Args:
        is_yogi: function of an optimizer class; returns True or False.
    Asked for: True for Yogi, False for Adam and four near-misses.
    Oracle: none is needed; the classes are known.
    """
    deadline = time.monotonic() + SECONDS
    accepted = {}
    for kind in ("yogi", *REFUSED):
        called = "is_yogi(Yogi)" if kind == "yogi" else f"is_yogi of {kind!r}"
        value = ask(is_yogi, _candidate(kind), deadline=deadline, called=called)
        value = number(value, called)
        if value not in (0.0, 1.0):
            raise Wrong(f"{called} returns {value:.4g}; expected True or False.")
        accepted[kind] = bool(value)
    wrongly = [kind for kind in REFUSED if accepted[kind]]
    if not accepted["yogi"] and not wrongly:
        raise Wrong(
            "your test refuses every class, Yogi too. Are your expected values right, "
            "and your tolerance above rounding?"
        )
    if not accepted["yogi"]:
        raise Wrong("your test refuses Yogi itself.")
    if len(wrongly) == len(REFUSED):
        raise Wrong("your test accepts every class that it was tried on.")
    if wrongly:
        raise Wrong(f"your test accepts {REFUSED[wrongly[0]]}.")
    return right(f"your test accepts Yogi and refuses {len(REFUSED)} others.")
