"""Checks of the exercises of the chapter on momentum."""

import math
import time

import numpy as np
import torch

from descent.checks.core import (
    SECONDS,
    Wrong,
    ask,
    check,
    compare,
    describe,
    numbers,
    right,
    show,
)


def _tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def _random(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@check
def check_worst_radius(worst_radius):
    """Exercise 1: the largest spectral radius of momentum over the curvatures.

    Args:
        worst_radius: function (lr, beta, curvatures) -> number.
    Tolerance: 1e-6 relative. Oracle: numpy's eigenvalues of Polyak's recursion as a
    2 × 2 matrix, in place of a formula for the roots.
    """

    def radii(lr, beta, curvatures):
        matrices = [
            [[1 + beta - lr * c, -beta], [1.0, 0.0]] for c in curvatures.tolist()
        ]
        return np.abs(np.linalg.eigvals(np.array(matrices))).max(1)

    def roots(lr, beta, curvatures):
        half = (1 + beta - lr * curvatures) / 2
        return half, (half**2 - beta).clamp(min=0).sqrt()

    mistakes = [
        (
            lambda lr, beta, c: (1 - lr * c).abs().max(),
            "That is gradient descent's factor, without β.",
        ),
        (
            lambda lr, beta, c: (1 - lr * c / (1 - beta)).abs().max(),
            "That is gradient descent at the effective rate, which is another method.",
        ),
        (
            lambda lr, beta, c: math.sqrt(beta),
            "√β is right only where the roots are complex.",
        ),
        (
            lambda *a: radii(*a).min(),
            "The slowest coordinate decides, not the fastest.",
        ),
        (
            lambda *a: radii(*a).mean(),
            "The slowest coordinate decides, not the mean.",
        ),
        (
            lambda *a: sum(roots(*a)).max(),
            "Where the roots are negative, the one of larger size is the other.",
        ),
        (
            lambda *a: (roots(*a)[0].abs() + roots(*a)[1]).max(),
            "The size of a complex root is not its real part.",
        ),
    ]
    cases = [
        (0.4, 0.0, _tensor([0.2])),
        (0.4, 0.0, _tensor([0.2, 4.0])),
        (0.6, 0.5, _tensor([4.0])),
        (0.6, 0.25, _tensor([0.2, 4.0])),
        (0.01, 0.3, _tensor([0.2, 4.0])),
        (0.6, 0.1, _tensor([0.2, 4.0])),
        (0.05, 0.9, _random(0, 5).abs()),
    ]
    count = compare(
        worst_radius, lambda *a: radii(*a).max(), cases, mistakes, rtol=1e-6
    )
    return right(f"agrees with the eigenvalues of the recursion on {count} settings.")


@check
def check_coordinates_after(coordinates_after):
    """Exercise 2: every coordinate of a quadratic after some steps of momentum.

    Args:
        coordinates_after: function (eigenvalues, lr, beta, steps) -> z, from z = 1 at
            rest.
    Tolerance: 1e-6 relative, 1e-9 absolute. Oracle: torch.optim.SGD.
    """

    def run(eigenvalues, lr, beta, steps, **options):
        z = torch.ones_like(eigenvalues).requires_grad_()
        optimizer = torch.optim.SGD([z], lr=lr, momentum=beta, **options)
        for _ in range(steps):
            z.grad = eigenvalues * z.detach()
            optimizer.step()
        return z.detach()

    def average(eigenvalues, lr, beta, steps):
        z, v = torch.ones_like(eigenvalues), torch.zeros_like(eigenvalues)
        for _ in range(steps):
            v = beta * v + (1 - beta) * eigenvalues * z
            z = z - lr * v
        return z

    def late(eigenvalues, lr, beta, steps):
        z, v = torch.ones_like(eigenvalues), torch.zeros_like(eigenvalues)
        for _ in range(steps):
            z, v = z - lr * v, beta * v + eigenvalues * z
        return z

    def nesterov(eigenvalues, lr, beta, steps):
        return run(eigenvalues, lr, beta, steps, nesterov=beta > 0)

    def radius(eigenvalues, lr, beta, steps):
        half = (1 + beta - lr * eigenvalues) / 2
        root = half.abs() + (half**2 - beta).clamp(min=0).sqrt()
        return torch.where(half**2 < beta, beta**0.5, root) ** steps

    mistakes = [
        (
            lambda e, lr, beta, steps: (1 - lr * e) ** steps,
            "That is gradient descent, without a velocity.",
        ),
        (average, "The velocity is a sum: no factor 1 − β on the gradient."),
        (late, "That moves with the old velocity; update the velocity first."),
        (nesterov, "That is Nesterov's method; here the slope is taken at z itself."),
        (radius, "ρᵗ is the rate in the long run, not the coordinate itself."),
        (lambda *a: run(*a).abs(), "The sign is missing."),
        (
            lambda e, lr, beta, steps: run(e, lr, beta, steps + 1),
            "That is one step too many.",
        ),
        (
            lambda e, lr, beta, steps: run(e, lr, beta, max(steps - 1, 0)),
            "That is one step too few.",
        ),
    ]
    spectrum = 0.5 ** torch.arange(10, dtype=torch.float64)
    cases = [
        (_tensor([1.0]), 0.5, 0.0, 1),
        (_tensor([1.0]), 0.5, 0.0, 0),
        (_tensor([1.0]), 0.5, 0.5, 2),
        (_tensor([2.0, 0.5]), 0.9, 0.5, 3),
        (spectrum, 1.9, 0.0, 20),
        (spectrum, 1.0, 0.8, 20),
        (spectrum, 3.5, 0.85, 200),
    ]
    count = compare(coordinates_after, run, cases, mistakes, atol=1e-9)
    return right(f"agrees with torch.optim.SGD on {count} cases, to one part in 10⁶.")


@check
def check_minimiser(minimiser):
    """Exercise 3: a point at which ½ xᵀQx + xᵀc is smallest, or None.

    Args:
        minimiser: function (Q, c) -> x, or None where h has no minimum.
    Tolerance: the gradient Qx + c to 1e-6. Oracle: the gradient itself; whether there
    is a minimiser is known from how each case is made.
    """
    A, B = _random(0, 4, 3), _random(1, 2, 3)
    flat = torch.diag(_tensor([1.0, 0.0]))
    across = torch.linalg.svd(B).Vh[2]  # in the kernel of BᵀB
    cases = [
        (_tensor([[2.0]]), _tensor([2.0]), True),
        (torch.diag(_tensor([1.0, 4.0])), _tensor([1.0, 2.0]), True),
        (A.T @ A, A[0], True),
        (flat, _tensor([1.0, 0.0]), True),
        (flat, _tensor([0.0, 1.0]), False),
        (B.T @ B, B[0] - 2 * B[1], True),
        (B.T @ B, B[0] + across, False),
        (torch.zeros(2, 2, dtype=torch.float64), _tensor([0.0, 0.0]), True),
    ]
    deadline = time.monotonic() + SECONDS
    for Q, c, exists in cases:
        called = describe(minimiser, (Q, c))
        value = ask(minimiser, Q, c, deadline=deadline, called=called)
        if not exists:
            if value is not None:
                raise Wrong(
                    f"{called} returns {show(value)}; expected None. There h falls "
                    f"without limit along a direction in which Q is zero and c is not."
                )
            continue
        if value is None:
            raise Wrong(
                f"{called} returns None; expected a vector. There h has a minimum"
                f"{', though Q is singular' if torch.linalg.det(Q) < 1e-9 else ''}. "
                f"(Or is a `return` missing?)"
            )
        x = torch.as_tensor(numbers(value, c.shape, called))
        _judge_gradient(Q, c, x, called)
    return right(f"the gradient vanishes, or nothing can, in {len(cases)} cases.")


def _judge_gradient(Q, c, x, called):
    """Raise Wrong where x is not stationary, with the usual mistake if it is one."""

    def vanishes(gradient):
        return bool((gradient.abs() < 1e-6).all())

    if vanishes(Q @ x + c):
        return
    usual = [
        (Q @ x - c, "The sign is wrong."),
        (2 * Q @ x + c, "With the ½ in front, the gradient of ½ xᵀQx is Qx."),
        (x + Q @ c, "That is −Qc; Q has to be inverted."),
        (x - Q @ c, "That is Qc; Q has to be inverted."),
    ]
    mistake = next((f" {text}" for gap, text in usual if vanishes(gap)), "")
    raise Wrong(
        f"{called} returns {show(x)}, where the gradient is {show(Q @ x + c)}; "
        f"expected {show(torch.zeros_like(c))}.{mistake}"
    )


@check
def check_positions_apart(positions_apart):
    """Exercise 5: how far a dampened and a scaled run are apart after some steps.

    Args:
        positions_apart: function (g1, lr, beta, steps) -> number, the dampened run's
            position less the other's.
    Tolerance: 1e-6 relative. Oracle: two runs of torch.optim.SGD on random gradients.
    """

    def run(g1, steps, **options):
        x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([x], **options)
        gradients = _random(0, steps)
        gradients[0] = g1
        for g in gradients:
            x.grad = g.reshape(1)
            optimizer.step()
        return x.item()

    def oracle(g1, lr, beta, steps):
        damped = run(g1, steps, lr=lr, momentum=beta, dampening=beta)
        return damped - run(g1, steps, lr=(1 - beta) * lr, momentum=beta)

    def mistaken(formula):
        return lambda g1, lr, beta, steps: formula(lr * g1, beta, steps)

    mistakes = [
        (
            mistaken(lambda s, b, t: s * b * (1 - b**t) / (1 - b)),
            "The sign is wrong: the dampened run goes further against g1.",
        ),
        (
            mistaken(lambda s, b, t: -s * b / (1 - b)),
            "That is the distance for ever; after so many steps it is not reached.",
        ),
        (
            mistaken(lambda s, b, t: -s * b**t),
            "That is the difference of the last updates; positions add them up.",
        ),
        (
            mistaken(lambda s, b, t: -s * (1 - b**t) / (1 - b)),
            "A factor β is missing: how far apart are the first two velocities?",
        ),
        (
            mistaken(lambda s, b, t: -s * b * (1 - b ** (t - 1)) / (1 - b)),
            "That is one step too few.",
        ),
        (
            mistaken(lambda s, b, t: -s * b * (1 - b**t)),
            "The sum of the powers of β has a factor 1/(1 − β).",
        ),
    ]
    cases = [
        (1.0, 1.0, 0.5, 1),
        (1.0, 1.0, 0.5, 2),
        (1.0, 1.0, 0.0, 3),
        (-2.0, 0.1, 0.9, 5),
        (3.0, 0.05, 0.9, 50),
        (1.0, 0.3, 0.99, 100),
    ]
    count = compare(positions_apart, oracle, cases, mistakes)
    return right(f"agrees with pairs of torch.optim.SGD on {count} cases.")


@check
def check_three_cycle(three_cycle):
    """Exercise 6: the cycle of three of the heavy ball on (21) with η = 1/9, or None.

    Args:
        three_cycle: function beta -> (c1, c2, c3), or None.
    Tolerance: 1e-6. Oracle: the three linear equations solved numerically, then one
    turn of the heavy ball itself with the slope of (21).
    """

    def slope(x):
        return x + 24 if 1 <= x < 2 else 25 * x - 24 * (x >= 2)

    def solve(beta, constant=24.0):
        a = 1 + beta - 25 / 9  # c_next = a c − β c_before, + 24/9 after c3
        system = [[1.0, beta, -a], [-a, 1.0, beta], [beta, -a, 1.0]]
        return np.linalg.solve(system, [constant / 9, 0.0, 0.0])

    def stays(c, beta):
        for i in range(3):
            here, before = c[i], c[i - 1]
            after = here - slope(here) / 9 + beta * (here - before)
            if abs(after - c[(i + 1) % 3]) > 1e-9:
                return False
        return c[0] < 1 and c[1] < 1 and c[2] >= 2

    deadline = time.monotonic() + SECONDS
    betas = (4 / 9, 0.5, 0.0, 0.4, 0.42, 0.57, 0.6, 0.8, 0.9)
    for beta in betas:
        called = describe(three_cycle, (beta,))
        value = ask(three_cycle, beta, deadline=deadline, called=called)
        cycle = solve(beta)
        if not stays(cycle, beta):
            if value is not None:
                raise Wrong(
                    f"{called} returns {show(value)}; expected None. The linear "
                    f"equations have the solution {show(cycle)}, but a point of it is "
                    f"not on its piece of (21)."
                )
            continue
        expected = f"expected {show(cycle)}"
        if value is None:
            raise Wrong(f"{called} returns None; {expected}.")
        value = numbers(value, (3,), called)
        if np.allclose(value, cycle, rtol=1e-6):
            continue
        mistake = ""
        if np.allclose(sorted(value), sorted(cycle), rtol=1e-6):
            mistake = " The order is another one: c3 is the one beyond 2."
        elif np.allclose(value, solve(beta, -24.0), rtol=1e-6):
            mistake = (
                " The sign of the constant 24 is wrong: x moves against the slope."
            )
        elif np.allclose(value, solve(4 / 9), rtol=1e-6):
            mistake = " That is the cycle of β = 4/9."
        raise Wrong(f"{called} returns {show(value)}; {expected}.{mistake}")
    return right(
        f"the cycle is right, or rightly missing, at {len(betas)} values of β."
    )
