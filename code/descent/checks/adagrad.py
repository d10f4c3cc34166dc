"""Checks of the exercises of the chapter on Adagrad."""

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


@check
def check_random_orthogonal(random_orthogonal):
    """Exercise 1: a random matrix with UᵀU = I, which keeps all distances.

    Args:
        random_orthogonal: function (d, seed) -> d × d orthogonal matrix, the same for
            the same seed, another for another, and for d > 1 with no axis taken to an
            axis.
    Tolerance: the products of the columns to 1e-6. Oracle: the definition itself.
    """
    deadline = time.monotonic() + SECONDS
    for d in (1, 2, 3, 8):
        found = []
        for seed in (0, 1, 0):
            called = describe(random_orthogonal, (d, seed))
            value = ask(random_orthogonal, d, seed, deadline=deadline, called=called)
            found.append(numbers(value, (d, d), called))
            _judge_orthogonal(found[-1], called)
        name = getattr(random_orthogonal, "__name__", "your function")
        if d > 1 and np.allclose(found[0], found[1], atol=1e-6):
            raise Wrong(
                f"{name} gives the same matrix for d = {d} and the seeds 0 and 1; "
                f"expected random ones."
            )
        if not np.allclose(found[0], found[2], atol=1e-6):
            raise Wrong(
                f"{name}({d}, 0) gives another matrix when it is called again; "
                f"expected the same for the same seed. Seed a generator of its own."
            )
    return right(
        "UᵀU is the identity to 1e-6 for d = 1, 2, 3 and 8, so all distances are kept."
    )


def _judge_orthogonal(U, called):
    """Raise Wrong with the worst product of two columns."""
    off = U.T @ U - np.eye(len(U))
    i, j = np.unravel_index(np.abs(off).argmax(), off.shape)
    if abs(off[i, j]) > 1e-6:
        product = (U.T @ U)[i, j]
        if np.abs(off.diagonal()).max() < 1e-6:
            raise Wrong(
                f"{called} has columns {i} and {j} with the product {show(product)}; "
                f"expected 0. The columns have length 1 but are not perpendicular."
            )
        i = np.abs(off.diagonal()).argmax()
        length = math.sqrt((U.T @ U)[i, i])
        raise Wrong(
            f"{called} has a column of length {show(length)}; expected 1. It is not "
            f"orthogonal."
        )
    if len(U) > 1 and np.abs(U).max() > 1 - 1e-9:
        raise Wrong(
            f"{called} takes an axis to an axis: an entry is {show(np.abs(U).max())}; "
            f"expected all below 1 in size. To such a matrix Adagrad is as blind as "
            f"gradient descent."
        )


@check
def check_adagrad_path(adagrad_path):
    """Exercise 2: Adagrad's path on ½ xᵀQx, with ε = 0.

    Args:
        adagrad_path: function (Q, x, lr, steps) -> path of shape (steps + 1, d), the
            start first.
    Tolerance: 1e-4, so that a tiny ε is no mistake. Oracle: torch.optim.Adagrad.
    """

    def oracle(Q, x, lr, steps):
        p = x.clone().requires_grad_()
        optimizer = torch.optim.Adagrad([p], lr=lr, eps=0.0)
        path = [x]
        for _ in range(steps):
            p.grad = Q @ p.detach()
            optimizer.step()
            path.append(p.detach().clone())
        return torch.stack(path)

    def mistaken(rate):
        """The path of a rule with this rate, from the gradients up to now."""

        def path(Q, x, lr, steps):
            points, gradients = [x], []
            for _ in range(steps):
                gradients.append(Q @ points[-1])
                step = lr * rate(torch.stack(gradients)) * gradients[-1]
                points.append(points[-1] - step)
            return torch.stack(points)

        return path

    mistakes = [
        (mistaken(lambda g: 1.0), "That is gradient descent, without a sum."),
        (
            mistaken(lambda g: 1 / (g**2).sum(0)),
            "That divides by the sum of squares; is the root missing?",
        ),
        (
            mistaken(lambda g: 1 / (g**2).mean(0).sqrt()),
            "That divides by the root of the mean of the squares, not of their sum.",
        ),
        (
            mistaken(lambda g: 1 / g[-1].abs()),
            "That keeps only the newest square; the squares have to add up.",
        ),
        (
            mistaken(lambda g: 1 / (g**2).sum().sqrt()),
            "That is one common sum for all coordinates; each has its own.",
        ),
        (
            mistaken(lambda g: 1 / g.abs().sum(0)),
            "That adds up absolute values; the rule adds up squares.",
        ),
    ]
    diagonal = torch.diag(torch.tensor([0.2, 4.0], dtype=torch.float64))
    turned = torch.tensor([[2.1, -1.9], [-1.9, 2.1]], dtype=torch.float64)
    start = torch.tensor([-5.0, -2.0], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    x = torch.randn(3, generator=generator, dtype=torch.float64)
    one = torch.ones(1, 1, dtype=torch.float64)
    cases = [
        (2 * one, one[0], 0.3, 1),
        (2 * one, one[0], 0.3, 3),
        (diagonal, start, 0.4, 3),
        (turned, start, 2.0, 20),
        (A.T @ A, x, 0.3, 20),
    ]
    count = compare(adagrad_path, oracle, cases, mistakes, rtol=1e-4, atol=1e-5)
    return right(f"agrees with torch.optim.Adagrad on {count} quadratics, to 1e-4.")


def _matrices(symmetric):
    """Small matrices by hand and random ones, as float64 tensors, the simplest first.

    With `symmetric` they are symmetric and have a positive diagonal.
    """
    generator = torch.Generator().manual_seed(0)

    def tensor(rows):
        return torch.tensor(rows, dtype=torch.float64)

    if symmetric:
        simple = [
            [[3.0]],
            [[1.0, 0.0], [0.0, 4.0]],
            [[1.0, -0.5], [-0.5, 1.0]],
            [[1.0, -1.0], [-1.0, 4.0]],
            [[2.0, 2.0, 2.0], [2.0, 5.0, 4.0], [2.0, 4.0, 5.0]],
            [[1.0, 0.9, 0.0], [0.9, 1.0, -0.1], [0.0, -0.1, 9.0]],
            [[1.0, 2.0], [2.0, 1.0]],
        ]
    else:
        simple = [
            [[3.0]],
            [[-1.0, 0.0], [0.0, 2.0]],
            [[1.0, 2.0], [0.0, 3.0]],
            [[1.0, -2.0, 1.0], [3.0, -1.0, 0.5], [0.0, 0.0, 2.0]],
        ]
    found = [tensor(rows) for rows in simple]
    for d in (3, 5):
        M = torch.randn(d, d, generator=generator, dtype=torch.float64)
        if symmetric:
            M = (M + M.T) / 20 + torch.eye(d, dtype=torch.float64)
            scale = torch.logspace(-1, 1, d, dtype=torch.float64)
            M = scale[:, None] * M * scale
        found.append(M)
    return found


@check
def check_gershgorin_discs(gershgorin_discs):
    """Exercise 3: centre and radius of the disc of every row.

    Args:
        gershgorin_discs: function M -> shape (d, 2), (M_jj, Σ_{k≠j} |M_jk|) in row j.
    Tolerance: 1e-6. Oracle: the definition, entry by entry.
    """

    def oracle(M):
        rows = M.tolist()
        return np.array(
            [
                [row[j], sum(abs(v) for k, v in enumerate(row) if k != j)]
                for j, row in enumerate(rows)
            ]
        )

    def discs(radius):
        return lambda M: torch.stack([M.diagonal(), radius(M)], 1)

    def off(M):
        return M - torch.diag(M.diagonal())

    mistakes = [
        (
            discs(lambda M: off(M).abs().sum(0)),
            "Those are sums over columns. They give discs, too, but rows were asked.",
        ),
        (
            discs(lambda M: M.abs().sum(1)),
            "The radius must not include the diagonal entry.",
        ),
        (
            discs(lambda M: off(M).sum(1)),
            "Take absolute values before you add: entries must not cancel.",
        ),
        (
            discs(lambda M: off(M).sum(1).abs()),
            "Take absolute values before you add: entries must not cancel.",
        ),
        (
            discs(lambda M: off(M).abs().amax(1)),
            "That is the largest entry of the row; the radius is a sum.",
        ),
        (
            discs(lambda M: (off(M) ** 2).sum(1).sqrt()),
            "That is the row's Euclidean length; the radius is a sum of sizes.",
        ),
        (
            lambda M: discs(lambda M: off(M).abs().sum(1))(M).abs(),
            "The centre is the diagonal entry itself, with its sign.",
        ),
    ]
    count = compare(
        gershgorin_discs, oracle, [(M,) for M in _matrices(False)], mistakes
    )
    return right(f"the discs of {count} matrices are as the theorem has them.")


@check
def check_kappa_bound(kappa_bound):
    """Exercise 4: (1 + r)/(1 − r), r the largest radius after scaling, or infinity.

    Args:
        kappa_bound: function of a symmetric tensor with positive diagonal -> number,
            math.inf where the theorem gives no bound.
    Tolerance: 1e-6. Oracle: the definition, entry by entry, in plain Python.
    """

    def bound(r):
        return (1 + r) / (1 - r) if r < 1 else math.inf

    def radius(M, size=abs, scale=math.sqrt, pick=max):
        rows = M.tolist()
        d = range(len(rows))
        entry = [
            [rows[j][k] / (scale(rows[j][j]) * scale(rows[k][k])) for k in d] for j in d
        ]
        return pick(sum(size(entry[j][k]) for k in d if k != j) for j in d)

    def oracle(M):
        return bound(radius(M))

    mistakes = [
        (
            lambda M: (1 + radius(M)) / (1 - radius(M)) if radius(M) != 1 else math.inf,
            "A lower end 1 − r that is not positive bounds nothing.",
        ),
        (
            lambda M: bound(radius(M, scale=lambda v: 1.0)),
            "That takes the radii of M itself; scale it as in (5) first.",
        ),
        (
            lambda M: bound(radius(M, scale=lambda v: v)),
            "The scaling is by the roots of the diagonal entries.",
        ),
        (
            lambda M: bound(radius(M, size=lambda v: v)),
            "Take absolute values before you add.",
        ),
        (
            lambda M: bound(radius(M, pick=min)),
            "Every eigenvalue lies in some disc, so the largest radius counts.",
        ),
        (
            lambda M: 1 + radius(M),
            "That bounds the largest eigenvalue only; κ needs the smallest as well.",
        ),
        (
            lambda M: np.linalg.cond(radius_free(M)),
            "That is κ itself; the theorem's bound was asked.",
        ),
    ]

    def radius_free(M):
        root = M.diagonal().sqrt()
        return (M / (root[:, None] * root)).numpy()

    deadline = time.monotonic() + SECONDS
    failure, pairs = None, []
    for M in _matrices(True):
        called = describe(kappa_bound, (M,))
        value = ask(kappa_bound, M, deadline=deadline, called=called)
        value = _extended(value, called)
        pairs.append((M, value))
        expected = oracle(M)
        if failure is None and not math.isclose(value, expected, rel_tol=1e-6):
            failure = f"{called} returns {show(value)}; expected {show(expected)}."
    if failure is None:
        return right(f"agrees on {len(pairs)} matrices, also where there is no bound.")
    for mistaken, sentence in mistakes:
        if all(math.isclose(v, mistaken(M), rel_tol=1e-6) for M, v in pairs):
            raise Wrong(f"{failure} {sentence}")
    raise Wrong(failure)


def _extended(value, called):
    """Return a reader's value as a float that may be infinite."""
    try:
        if math.isinf(value):
            return float(value)
    except (TypeError, ValueError):
        pass
    return float(numbers(value, (), called))


@check
def check_gentle_rates(gentle_rates):
    """Exercise 6: a rule whose rate falls less than Adagrad's, tried by its properties.

    Args:
        gentle_rates: function (g, lr) -> the rate at each of the gradients g.
    Tried: finite and positive, also after zeros; in proportion to lr; from gradients up
    to now; through their sizes, smaller where they are larger; under 10 000 gradients
    of size 1 falling, but to more than twice what Adagrad leaves, 1/100 of the first.
    Tolerance: 1e-6 relative. Oracle: none; many rules are right.
    """
    deadline = time.monotonic() + SECONDS

    def rates(g, lr=0.5):
        called = describe(gentle_rates, (g, lr))
        value = ask(gentle_rates, g, lr, deadline=deadline, called=called)
        value = numbers(value, g.shape, called)
        if (value <= 0).any():
            raise Wrong(
                f"{called} gives the rate {show(value.min())}; expected positive rates."
            )
        return value

    ones = torch.ones(4, dtype=torch.float64)
    small = rates(ones)
    if not np.allclose(rates(ones, 1.0), 2 * small, rtol=1e-6):
        raise Wrong(
            "twice the lr does not give twice the rates; expected that it does."
        )
    rates(torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64))
    generator = torch.Generator().manual_seed(0)
    g = torch.randn(20, generator=generator, dtype=torch.float64)
    before, later = rates(g), g.clone()
    later[10:] *= 3
    if not np.allclose(rates(later)[:10], before[:10], rtol=1e-6):
        raise Wrong(
            "the first 10 of 20 rates change when the last 10 gradients do; expected "
            "that a rate depends on gradients that have already come."
        )
    if not np.allclose(rates(-g), before, rtol=1e-6):
        raise Wrong("the rates of g and of −g differ; expected that only sizes count.")
    if not (rates(100 * g) < 0.95 * before).all():
        raise Wrong(
            "gradients that are 100 times as large do not get smaller rates; expected "
            "that the rate looks at the size of the gradients, as Adagrad's does and "
            "a count or a schedule does not."
        )
    many = rates(torch.ones(10_000, dtype=torch.float64))
    left = many[-1] / many[0]
    now = f"after 10 000 gradients of size 1 the rate is {show(left)} of the first"
    if left > 1 + 1e-6:
        raise Wrong(f"{now}; expected that it falls.")
    if abs(left - 0.01) < 1e-4:
        raise Wrong(f"{now}; that is just Adagrad's decay. Expected more than 0.02.")
    if left <= 0.02:
        raise Wrong(f"{now}; expected more than 0.02, twice what Adagrad leaves.")
    return right(f"{now}, where Adagrad leaves 0.01, and it sees the gradients' size.")
