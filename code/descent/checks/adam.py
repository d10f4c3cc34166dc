"""Checks of the exercises of the chapter on Adam."""

import math

import numpy as np

from descent.checks.core import Wrong, ask, check, compare, describe, right, show


@check
def check_decay_rate(decay_rate):
    """Exercise 2: decay rates that make Adam's bias correction unnecessary.

    Args:
        decay_rate: function (beta, t) of Adam's decay rate, 0 ≤ beta < 1, and the step
            t = 1, 2, …; returns the rate b for which b times the last corrected
            average plus 1 − b times the gradient is the new one, to one part in 10⁹.
    Oracle: the weight of the newest gradient is 1 over the sum of all weights,
        1 + β + … + β^(t−1), which is added up.
    """

    def oracle(beta, t):
        return 1 - 1 / math.fsum(beta**i for i in range(t))

    def closed(beta, t):
        return beta * (1 - beta ** (t - 1)) / (1 - beta**t)

    mistakes = [
        (
            lambda b, t: b,
            "That is the constant rate: with it the weights add up to 1 − βᵗ, not 1.",
        ),
        (
            lambda b, t: b if t > 1 else 0.0,
            "That starts the average from the first gradient, which then keeps the "
            "weight β^(t−1): too much. It is the other way of the exercise.",
        ),
        (
            lambda b, t: 1 - closed(b, t),
            "That is the weight of the new gradient; what is left for the old average?",
        ),
        (
            lambda b, t: closed(b, t + 1),
            "Your rates are one step ahead: the first step has t = 1.",
        ),
        (
            lambda b, t: closed(b, max(1, t - 1)),
            "Your rates are one step behind: the first step has t = 1.",
        ),
        (
            lambda b, t: min(b, 1 - 1 / t),
            "That averages all gradients alike until β is reached; Adam's corrected "
            "average prefers the newer ones from the start.",
        ),
        (
            lambda b, t: min(b, t / (t + 1)),
            "That averages all gradients alike until β is reached; Adam's corrected "
            "average prefers the newer ones from the start.",
        ),
        (
            lambda b, t: b * (1 - b ** (t - 1)),
            "A division is missing: the new average is to be the corrected one too.",
        ),
        (
            lambda b, t: b / (1 - b**t),
            "The old average is the corrected one: undo its correction first.",
        ),
        (lambda b, t: 1 - b**t, "That is the divisor of (4), not a decay rate."),
    ]
    cases = [(0.5, 1), (0.5, 2), (0.5, 3), (0.9, 1), (0.9, 2), (0.9, 10), (0.0, 3)]
    cases += [(0.999, t) for t in (1, 2, 5, 12, 100, 3000)] + [(0.9, 200)]
    count = compare(decay_rate, oracle, cases, mistakes, rtol=1e-9, atol=1e-12)
    return right(f"the weights add up to 1 at every step, on {count} cases.")


@check
def check_hover_variance(hover_variance):
    """Exercise 3: how far from the minimum of ½x² a constant rate leaves Adam.

    Args:
        hover_variance: function (lr, beta1); returns the variance of x once it no
            longer changes, for gradients x + noise of variance 1, ŝ held at 1 and
            ε = 0, to one part in 10⁶.
    Oracle: the covariances of (x, v) as the solution of a linear system.
    """

    def oracle(lr, beta1):
        # new v = β v + (1 − β)(x + z), new x = x − η (new v)
        gain = 1 - beta1
        step = np.array([[1 - lr * gain, -lr * beta1], [gain, beta1]])
        noise = np.outer([-lr * gain, gain], [-lr * gain, gain])
        system = np.eye(4) - np.kron(step, step)
        return np.linalg.solve(system, noise.reshape(4))[0]

    def theirs(lr, beta):  # formula (9) of Momentum, without translating the rate
        return lr / (1 - beta) * (1 + beta) / (2 + 2 * beta - lr)

    def sgd(lr, beta):
        return lr / (2 - lr)

    mistakes = [
        (
            lambda lr, b: oracle(lr, b) ** 0.5,
            "That is the standard deviation; square it.",
        ),
        (lambda lr, b: oracle(lr, b) / 2, "That is the mean of f; x² is twice that."),
        (
            lambda lr, b: lr / 2,
            "That is right only for small rates; keep the whole formula.",
        ),
        (
            theirs,
            "You took Momentum's formula with η itself. There the velocity is a sum; "
            "Adam's v is an average, so the rate to insert is (1 − β₁)η.",
        ),
        (
            lambda lr, b: lr / (1 - b) / 2,
            "Adam's v is an average, not a sum: its effective rate is η, not "
            "η/(1 − β₁).",
        ),
        (sgd, "That is plain SGD; for larger rates β₁ plays a part."),
        (
            lambda lr, b: lr**2 * (1 - b) / (1 + b),
            "That is the variance of one step; the steps add up, and x pulls back.",
        ),
        (
            lambda lr, b: sgd(lr, b) * (1 - b) / (1 + b),
            "The noise of neighbouring steps does not just average out: v carries it "
            "on from step to step.",
        ),
    ]
    cases = [(1.0, 0.0), (0.5, 0.0), (1.0, 0.5), (0.1, 0.9), (1.0, 0.9)]
    cases += [(0.01, 0.9), (0.3, 0.99), (10.0, 0.9), (1e-3, 0.95)]
    count = compare(hover_variance, oracle, cases, mistakes, rtol=1e-6, atol=1e-12)
    return right(f"agrees with the stationary covariances on {count} cases.")


@check
def check_adam_loses(adam_loses):
    """Exercise 4: a problem on which Adam ends at the worst point, Yogi at the best.

    Args:
        adam_loses: function without arguments; returns (cycle, beta2), a list of 2 to
            20 gradients, repeated over and over, and a decay rate in [0, 1). β₁ = 0,
            η_t = 0.5/√t, x starts at 0 and is kept in [−1, 1], s starts at 0, no ε and
            no bias correction.
    Asked for: at the end of the last whole cycle of 20 000 steps Adam is within 0.1 of
        the worse end of the interval and Yogi within 0.1 of the better one.
    Oracle: none is needed; both methods are run.
    """
    cycle, beta2 = _problem(adam_loses)
    total = math.fsum(cycle)
    best = -1.0 if total > 0 else 1.0
    problem = f"the cycle {show(cycle)} with β₂ = {show(beta2)}"
    adam, yogi = (_last(cycle, beta2, name) for name in ("adam", "yogi"))
    found = (
        f"with {problem}, where {best:+.0f} is the best point, Adam ends at "
        f"{adam:+.3f} and Yogi at {yogi:+.3f}"
    )
    adam_right, yogi_right = abs(adam - best) <= 0.1, abs(yogi - best) <= 0.1
    if abs(adam + best) <= 0.1 and yogi_right:
        return right(f"{found}.")
    if adam_right and yogi_right:
        reason = "Both succeed. Let Adam's s forget the rare gradient sooner."
    elif abs(adam + best) <= 0.1 and abs(yogi + best) <= 0.1:
        reason = "Both fail. Give the rare gradient a larger margin over the others."
    elif adam_right:
        reason = "It should be the other way round."
    else:
        late = "Adam" if 0.1 < abs(adam - best) < 1.9 else "Yogi"
        reason = f"{late} has not arrived: its moves in a cycle nearly cancel."
    raise Wrong(f"{found}. {reason}")


def _problem(adam_loses):
    """Return the reader's cycle as floats, and β₂, or say what is wrong with them."""
    called = describe(adam_loses, ())
    value = ask(adam_loses, called=called)
    if value is None:
        raise Wrong(f"{called} returns None; expected (cycle, beta2).")
    try:
        cycle, beta2 = value
        cycle, beta2 = [float(g) for g in cycle], float(beta2)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(
            f"{called} returns {show(value)}; expected (cycle, beta2), a list of "
            f"gradients and a number."
        ) from error
    if not 2 <= len(cycle) <= 20:
        raise Wrong(f"the cycle has {len(cycle)} gradients; expected 2 to 20.")
    if not all(1e-6 <= abs(g) <= 1e6 for g in cycle):
        odd = next(g for g in cycle if not 1e-6 <= abs(g) <= 1e6)
        raise Wrong(
            f"the gradient {show(odd)} of the cycle is not between 1e-6 and 1e6 in "
            f"size."
        )
    if not 0 <= beta2 < 1:
        raise Wrong(f"beta2 is {show(beta2)}; expected at least 0 and less than 1.")
    if abs(math.fsum(cycle)) <= 1e-9 * max(map(abs, cycle)):
        raise Wrong(
            f"the gradients {show(cycle)} add up to 0, so that no point is better than "
            f"another."
        )
    return cycle, beta2


def _last(cycle, beta2, name, steps=20_000):
    """Return x at the end of the last whole cycle."""
    x = s = 0.0
    for t in range(1, steps - steps % len(cycle) + 1):
        g = cycle[(t - 1) % len(cycle)]
        if name == "adam":
            s = beta2 * s + (1 - beta2) * g * g
        else:
            s += (1 - beta2) * math.copysign(g * g, g * g - s) * (g * g != s)
        x -= 0.5 / math.sqrt(t) * g / math.sqrt(s)
        x = min(1.0, max(-1.0, x))
    return x
