"""The checks of the chapter on minibatch SGD: solutions pass, usual mistakes do not."""

import math
import re

import numpy as np
import pytest
import torch

from descent.checks import minibatch_sgd as checks


def judge(name, answer):
    return getattr(checks, f"check_{name}").judge(answer)


def within(N, b):
    """Each batch without replacement, batches independent."""
    return torch.stack([torch.randperm(N)[:b] for _ in range(N // b)])


def one_batch(N, b):
    return torch.randint(N, (1, b)).repeat(N // b, 1)


def same(N, b):
    torch.manual_seed(0)
    return torch.randint(N, (N // b, b))


def skewed(N, b):
    return (N * torch.rand(N // b, b) ** 1.5).long()


def sticky(N, b):
    """Every batch holds its first index twice."""
    drawn = torch.randint(N, (N // b, b))
    drawn[:, -1] = drawn[:, 0]
    return drawn


def doubled(g, b, correction=0):
    size = 2 * len(g)
    return g.var(correction=correction) / b * (size - b) / (size - 1)


def original(g, b):
    return g.var(correction=0) / b * (len(g) - b) / (len(g) - 1)


def mutating(g, b):
    g -= g.mean()
    return doubled(g, b)


@pytest.mark.parametrize(
    "name, answer, words",
    [
        ("falling_rate", lambda lr, k, n: lr / 10 ** (k // n), "one step too early"),
        ("falling_rate", lambda lr, k, n: lr / 10 ** ((k - 1) / n), "a little in"),
        ("falling_rate", lambda lr, k, n: lr / 10 ** (k - 1), "after every step, not"),
        ("falling_rate", lambda lr, k, n: lr / 2 ** ((k - 1) // n), "You halve"),
        ("falling_rate", lambda lr, k, n: lr, "never falls"),
        ("falling_rate", lambda lr, k, n: lr / 10 ** ((k - 1) // n + 1), "a tenth of"),
        (
            "falling_rate",
            lambda lr, k, n: lr / 10 ** max(0, (k - 2) // n),
            "one step too late",
        ),
        (
            "falling_rate",
            lambda lr, k, n: lr / max(1, 10 * ((k - 1) // n)),
            "20 in place of 100",
        ),
        ("falling_rate", lambda lr, k, n: [lr, lr], "expected a number"),
        (
            "draw_batches",
            lambda N, b: torch.randperm(N)[: N // b * b].reshape(-1, b),
            "without replacement, a shuffled pass",
        ),
        ("draw_batches", within, "each batch is drawn without replacement"),
        ("draw_batches", one_batch, "all batches of"),
        ("draw_batches", same, "the same indices at every call"),
        (
            "draw_batches",
            lambda N, b: torch.randint(max(1, N - 1), (N // b, b)),
            "index 29 was never drawn",
        ),
        (
            "draw_batches",
            lambda N, b: 1 + torch.randint(N, (N // b, b)),
            "the indices of 1 examples run from 0 to 0",
        ),
        ("draw_batches", skewed, "holds? an index twice|uniform draws"),
        ("draw_batches", sticky, "hold an index twice; independent"),
        ("draw_batches", lambda N, b: torch.randint(N, (b,)), "expected an array"),
        ("draw_batches", lambda N, b: torch.rand(N // b, b), "no index"),
        ("draw_batches", lambda N, b: None, "Is a `return` missing?"),
        ("doubled_variance", original, "for the original data"),
        ("doubled_variance", lambda g, b: g.var(correction=0) / b, "with replacement"),
        ("doubled_variance", lambda g, b: doubled(g, b, 1), "needs correction=0"),
        ("doubled_variance", lambda g, b: doubled(g, b).sqrt(), "standard deviation"),
        ("doubled_variance", lambda g, b: 2 * doubled(g, b), "twice too much"),
        ("doubled_variance", lambda g, b: g.sum() * math.nan, "not finite"),
        ("doubled_variance", mutating, "changes its arguments"),
    ],
)
def test_wrong_answers_get_the_sentence_that_fits(name, answer, words):
    verdict = judge(name, answer)
    assert verdict.right is False
    assert re.search(words, verdict.sentence), verdict.sentence


def test_draws_of_other_right_answers_pass():
    """Whatever the source of randomness is."""
    rng = np.random.default_rng()
    for answer in (
        lambda N, b: rng.integers(N, size=(N // b, b)),
        lambda N, b: (N * torch.rand(N // b, b)).long(),
        lambda N, b: torch.multinomial(
            torch.ones(N), N // b * b, replacement=True
        ).reshape(-1, b),
    ):
        verdict = judge("draw_batches", answer)
        assert verdict.right, verdict.sentence
