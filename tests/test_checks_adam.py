"""The checks of the Adam chapter: solutions pass, wrong answers are told why."""

import math

import pytest
import torch

from descent.checks import adam as checks


def exact_rate(beta, t):
    return beta * (1 - beta ** (t - 1)) / (1 - beta**t)


def variance(lr, beta1):
    return lr * (1 + beta1) / (2 + 2 * beta1 - (1 - beta1) * lr)


def never_ends(lr, beta1):
    while True:
        lr += beta1


def raises(*arguments):
    raise KeyError("lr")


def problem(cycle, beta2):
    return lambda: (cycle, beta2)


WRONG = [
    ("decay_rate", lambda beta, t: beta, "constant rate"),
    ("decay_rate", lambda beta, t: beta if t > 1 else 0, "from the first gradient"),
    ("decay_rate", lambda beta, t: 1 - exact_rate(beta, t), "weight of the new"),
    ("decay_rate", lambda beta, t: exact_rate(beta, t + 1), "one step ahead"),
    ("decay_rate", lambda b, t: exact_rate(b, max(t - 1, 1)), "one step behind"),
    ("decay_rate", lambda b, t: min(b, (t - 1) / t), "all gradients alike"),
    ("decay_rate", lambda beta, t: beta / (1 - beta**t), "undo its correction"),
    ("decay_rate", lambda b, t: b * (1 - b ** (t - 1)), "division is missing"),
    ("decay_rate", lambda beta, t: 1 - beta**t, "divisor of (4)"),
    ("decay_rate", lambda beta, t: math.nan, "not finite"),
    ("decay_rate", lambda beta, t: None, "`return` missing"),
    ("decay_rate", raises, "raises KeyError"),
    ("decay_rate", lambda b, t: exact_rate(b, t) + 1e-6, "expected 0."),
    ("hover_variance", lambda lr, b: variance(lr, b) ** 0.5, "square it"),
    ("hover_variance", lambda lr, b: variance(lr, b) / 2, "mean of f"),
    ("hover_variance", lambda lr, b: lr / 2, "only for small rates"),
    ("hover_variance", lambda lr, b: variance(lr / (1 - b), b), "velocity is a sum"),
    ("hover_variance", lambda lr, b: lr / (2 - 2 * b), "effective rate is η"),
    ("hover_variance", lambda lr, b: lr / (2 - lr), "plain SGD"),
    ("hover_variance", lambda lr, b: lr**2 * (1 - b) / (1 + b), "one step"),
    ("hover_variance", lambda lr, b: torch.ones(2), "shape (2,)"),
    ("hover_variance", never_ends, "did not end within 2 seconds"),
    ("adam_loses", problem([3.0, -1.0, -1.0], 0.9), "Both succeed"),
    ("adam_loses", problem([2.2, -1.0, -1.0], 0.1), "Both fail"),
    ("adam_loses", problem([2.0, -1.0, -1.0], 0.1), "add up to 0"),
    ("adam_loses", problem([2.01, -1.0, -1.0], 0.9925), "has not arrived"),
    ("adam_loses", problem([3.0, -1.0, -1.0], 1.0), "less than 1"),
    ("adam_loses", problem([3.0], 0.1), "2 to 20"),
    ("adam_loses", problem([3.0, 0.0, -1.0], 0.1), "the gradient 0"),
    ("adam_loses", problem([math.nan, -1.0], 0.1), "between 1e-6 and 1e6"),
    ("adam_loses", problem(0.1, [3.0, -1.0, -1.0]), "expected (cycle, beta2)"),
    ("adam_loses", lambda: None, "returns None"),
    ("adam_loses", raises, "raises KeyError"),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_a_wrong_answer_is_told_why(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence


def test_the_smallest_counterexample_is_shown():
    def rate(beta, t):
        return beta

    sentence = checks.check_decay_rate.judge(rate).sentence
    assert sentence.startswith("Not right yet: rate(0.5, 1) returns 0.5; expected 0.")


@pytest.mark.parametrize(
    "cycle, beta2",
    [([4.0, -1.0, -1.0], 0.2), ([-3.0, 1.0, 1.0], 0.1), ([-1.0, 5.0, -1.0], 0.02)],
)
def test_other_right_problems_pass(cycle, beta2):
    tensor = torch.tensor(cycle)
    for given in (cycle, tensor):
        assert checks.check_adam_loses.judge(problem(given, beta2)).right
