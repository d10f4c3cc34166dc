"""The checks of the chapter on Yogi: solutions pass, wrong answers are told why."""

import math

import notebooks
import pytest
import torch

import descent
from descent.checks import yogi as checks

SPACE = {"math": math, "torch": torch, "descent": descent}
exec(notebooks.tagged_source("solutions/yogi", "solution"), SPACE)


def raises(*arguments):
    raise KeyError("lr")


def never_ends(beta2, t):
    while True:
        t += beta2


def mean(C, p):
    return p * C**2 + 1 - p


def with_yogi(target):
    return lambda C, p: (mean(C, p), target(C, p))


def own(beta2, t):
    return min(1.0, t * (1 - beta2))


def moves(optimizer_class, gradients, betas=(0.5, 0.75), eps=0.5):
    """Positions after each step of a rate of 1 from 0."""
    x = torch.zeros(1, dtype=torch.float64)
    optimizer, path = optimizer_class([x], lr=1.0, betas=betas, eps=eps), []
    for g in gradients:
        x.grad = torch.full_like(x, g)
        optimizer.step()
        path.append(x.item())
    return path


class ZeroStart(descent.Yogi):
    def __init__(self, params, **options):
        super().__init__(params, initial_accumulator=0, **options)


def same_moves(gradients, **options):
    """A test of optimizer classes by these gradients."""

    def answer(optimizer_class):
        ours = moves(ZeroStart, gradients, **options)
        theirs = moves(optimizer_class, gradients, **options)
        return all(abs(a - b) < 1e-9 for a, b in zip(ours, theirs))

    return answer


def nan_passes(optimizer_class):
    pairs = zip(moves(ZeroStart, [4, 3, 1]), moves(optimizer_class, [4, 3, 1]))
    return not any(abs(a - b) > 1e-9 for a, b in pairs)


WRONG = [
    ("at_least_adams", lambda u, s: u > s, "Small gradients are missing"),
    ("at_least_adams", lambda u, s: u >= s, "Small gradients are missing"),
    ("at_least_adams", lambda u, s: u <= s / 2, "Large gradients are missing"),
    ("at_least_adams", lambda u, s: True, "Adam's is larger"),
    ("at_least_adams", lambda u, s: s / 2 < u < s, "opposite"),
    ("at_least_adams", lambda u, s: u < s / 2 or u > s, "ends of the range"),
    ("at_least_adams", lambda u, s: None, "`return` missing"),
    ("settles", with_yogi(lambda C, p: C**2 if p > 0.5 else 1), "plain median"),
    ("settles", with_yogi(lambda C, p: C**2 if p * C > 1 - p else 1), "weight |g|"),
    ("settles", with_yogi(mean), "Only Adam's"),
    ("settles", with_yogi(lambda C, p: C**2), "not always C²"),
    ("settles", lambda C, p: SPACE["settles"](C, p)[::-1], "wrong order"),
    (
        "settles",
        lambda C, p: [math.sqrt(s) for s in SPACE["settles"](C, p)],
        "Those are the roots",
    ),
    ("settles", mean, "shape (2,)"),
    ("settles", lambda C, p: (math.nan, 1.0), "not finite"),
    ("own_correction", lambda b, t: 1 - b**t, "Adam's correction"),
    ("own_correction", lambda b, t: t * (1 - b), "until s reaches"),
    ("own_correction", lambda b, t: 1 / own(b, t), "inverse"),
    ("own_correction", lambda b, t: own(b, t) / (1 - b**t), "corrected twice"),
    ("own_correction", lambda b, t: own(b, t - 1), "one step behind"),
    ("own_correction", lambda b, t: own(b, t + 1), "one step ahead"),
    ("own_correction", never_ends, "did not end within 2 seconds"),
    ("is_yogi", lambda c: True, "accepts every class"),
    ("is_yogi", lambda c: False, "refuses every class"),
    ("is_yogi", same_moves([4.0]), "accepts Adam"),
    ("is_yogi", same_moves([4.0, 3.0, 1.0], betas=(0.5, 0.5)), "exchanged"),
    ("is_yogi", same_moves([4.0, 3.0, 1.0], eps=0.0), "inside the root"),
    ("is_yogi", nan_passes, "sign reversed"),
    ("is_yogi", lambda c: 7, "expected True or False"),
    ("is_yogi", raises, "raises KeyError"),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_a_wrong_answer_is_told_why(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence, verdict.sentence
