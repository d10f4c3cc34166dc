"""The checks of the chapter on Adagrad: solutions pass, usual mistakes are named."""

import math

import pytest
import torch

from descent import checks


def normal(d, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(d, d, generator=generator, dtype=torch.float64)


def rotation(d, seed):
    return torch.linalg.qr(normal(d, seed)).Q


def unit_columns(d, seed):
    A = normal(d, seed)
    return A / A.norm(dim=0)


def signs(d, seed):
    return torch.diag(normal(d, seed).diagonal().sign())


def unseeded(d, seed):
    return torch.linalg.qr(torch.randn(d, d).double()).Q


def run(rate):
    def adagrad_path(Q, x, lr, steps):
        points, squares = [x], torch.zeros_like(x)
        for t in range(1, steps + 1):
            g = Q @ points[-1]
            squares = squares + g**2
            points.append(points[-1] - lr * rate(g, squares, t) * g)
        return torch.stack(points)

    return adagrad_path


def short(Q, x, lr, steps):
    return run(lambda g, s, t: s**-0.5)(Q, x, lr, steps)[1:]


def mutating(Q, x, lr, steps):
    x -= lr
    return torch.zeros(steps + 1, len(x))


def discs(radius):
    return lambda M: torch.stack([M.diagonal(), radius(M)], 1)


def off(M):
    return M - torch.diag(M.diagonal())


def radius(M, power=0.5):
    root = M.diagonal() ** power
    return float(off(M / (root[:, None] * root)).abs().sum(1).max())


def bound(r):
    return (1 + r) / (1 - r) if r < 1 else math.inf


def power(p):
    return lambda g, lr: lr / ((g**2).cumsum(0) + 1e-6) ** p


def never_ends(g, lr):
    while True:
        pass


def raises(*arguments):
    raise ValueError("no idea")


WRONG = [
    ("random_orthogonal", normal, "not orthogonal"),
    ("random_orthogonal", unit_columns, "are not perpendicular"),
    ("random_orthogonal", signs, "takes an axis to an axis"),
    ("random_orthogonal", lambda d, seed: rotation(d, 0), "the same matrix"),
    ("random_orthogonal", unseeded, "when it is called again"),
    ("random_orthogonal", lambda d, seed: torch.eye(d + 1), "shape (2, 2)"),
    ("adagrad_path", run(lambda g, s, t: 1.0), "gradient descent"),
    ("adagrad_path", run(lambda g, s, t: 1 / s), "is the root missing?"),
    ("adagrad_path", run(lambda g, s, t: (s / t) ** -0.5), "the root of the mean"),
    ("adagrad_path", run(lambda g, s, t: s.sum() ** -0.5), "one common sum"),
    ("adagrad_path", run(lambda g, s, t: 1 / g.abs()), "only the newest square"),
    ("adagrad_path", run(lambda g, s, t: (s - g**2) ** -0.5), "not finite"),
    ("adagrad_path", short, "expected an array of shape (2, 1)"),
    ("adagrad_path", mutating, "changes its arguments"),
    ("gershgorin_discs", discs(lambda M: off(M).abs().sum(0)), "over columns"),
    ("gershgorin_discs", discs(lambda M: M.abs().sum(1)), "include the diagonal"),
    ("gershgorin_discs", discs(lambda M: off(M).sum(1)), "must not cancel"),
    ("gershgorin_discs", discs(lambda M: off(M).abs().amax(1)), "is a sum"),
    ("gershgorin_discs", discs(lambda M: off(M).norm(dim=1)), "Euclidean"),
    ("gershgorin_discs", lambda M: None, "returns None"),
    (
        "kappa_bound",
        lambda M: (1 + radius(M)) / (1 - radius(M)) if radius(M) != 1 else math.inf,
        "is not positive",
    ),
    ("kappa_bound", lambda M: bound(radius(M, 0.0)), "scale it as in (5) first"),
    ("kappa_bound", lambda M: bound(radius(M, 1.0)), "by the roots"),
    ("kappa_bound", lambda M: 1 + radius(M), "the largest eigenvalue only"),
    ("kappa_bound", lambda M: math.nan, "not finite"),
    ("kappa_bound", raises, "raises ValueError: no idea"),
    ("gentle_rates", power(0.5), "just Adagrad's decay"),
    ("gentle_rates", power(0.8), "expected more than 0.02"),
    ("gentle_rates", lambda g, lr: lr + 0 * g, "looks at the size"),
    (
        "gentle_rates",
        lambda g, lr: lr / (1 + (g != 0).cumsum(0)) ** 0.25,
        "looks at the size",
    ),
    ("gentle_rates", lambda g, lr: lr / (1 + g**2).sum() ** 0.25 + 0 * g, "already"),
    ("gentle_rates", lambda g, lr: lr / (g**2).cumsum(0) ** 0.25, "not finite"),
    ("gentle_rates", lambda g, lr: power(0.25)(g, 1.0), "twice the lr"),
    ("gentle_rates", lambda g, lr: -power(0.25)(g, lr), "expected positive rates"),
    ("gentle_rates", never_ends, "did not end"),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_wrong_answer_is_met_with_its_mistake(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence, verdict.sentence


def test_forgetting_is_right_too():
    def gentle_rates(g, lr):
        s, rates = 0.0, []
        for square in (g**2).tolist():
            s = 0.999 * s + square
            rates.append(lr / math.sqrt(s + 1e-6))
        return rates

    assert checks.check_gentle_rates.judge(gentle_rates).right
