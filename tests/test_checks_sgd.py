"""The checks of the chapter on SGD: solutions pass, usual mistakes do not."""

import math
import re

import numpy as np
import pytest
import torch

from descent.checks import sgd as checks


def judge(name, answer):
    return getattr(checks, f"check_{name}").judge(answer)


def distance(noise=1.0, way=1.0, power=2, h=(2.0, 4.0), first=0, weight=(1, 1)):
    """The solution with one thing or another changed."""

    def answer(rates):
        total = 0.0
        for curvature, mean, weigh in zip(h, (-5.0, -2.0), weight):
            variance = 0.0
            for rate in rates[first:]:
                shrink = 1 - curvature * rate
                mean, variance = shrink * mean, shrink**2 * variance + rate**power
            total += weigh * (way * mean**2 + noise * variance)
        return total

    return answer


def noise_first(rates):
    total = 0.0
    for h, mean in ((2.0, -5.0), (4.0, -2.0)):
        variance = 0.0
        for rate in rates:
            mean, variance = (1 - h * rate) * mean, variance + rate**2
            variance *= (1 - h * rate) ** 2
        total += mean**2 + variance
    return total


def endless(rates):
    while True:
        pass


def rule(scale):
    """A path whose steps multiply the gradient by scale(gradient, state)."""

    def equal_pace(gradient, start, steps):
        x, state, path = start, {}, [start]
        for _ in range(steps):
            g = gradient(x)
            x = x - scale(g, state) * g
            path.append(x)
        return torch.stack(path)

    return equal_pace


def first_size(g, state):
    return 0.1 / state.setdefault("first", g.abs())


def first_square(g, state):
    return 0.1 / state.setdefault("first", g.abs()) ** 2


def average(g, state):
    state["s"] = 0.9 * state.get("s", g**2) + 0.1 * g**2
    return 0.03 / state["s"].sqrt()


def changed(bump):
    def hidden_minimum(x, m, width, depth):
        u = (x - m) / width
        return x**2 * (1 + math.sin(x)) - depth * bump(u)

    return hidden_minimum


def smooth(u):
    return math.exp(1 - 1 / (1 - u**2)) if abs(u) < 1 else 0.0


def without_f(x, m, width, depth):
    u = (x - m) / width
    return -depth * (1 - u**2) ** 2 if abs(u) < 1 else 0.0


@pytest.mark.parametrize(
    "name, answer",
    [
        ("equal_pace", rule(first_size)),
        ("equal_pace", rule(average)),
        ("equal_pace", rule(lambda g, state: 0.05 / (g.abs() + 1e-12))),
        ("hidden_minimum", changed(smooth)),
        (
            "hidden_minimum",
            changed(lambda u: (1 + math.cos(math.pi * u)) / 2 if abs(u) < 1 else 0),
        ),
        ("noise_covariance", lambda Q: np.linalg.matrix_power(np.asarray(Q), -2)),
    ],
)
def test_other_right_answers_pass(name, answer):
    verdict = judge(name, answer)
    assert verdict.right, verdict.sentence


@pytest.mark.parametrize(
    "name, answer, words",
    [
        ("mean_square_distance", distance(noise=0), "the noise is missing"),
        ("mean_square_distance", distance(way=0), "the variance alone"),
        ("mean_square_distance", distance(power=1), "enters with rate²"),
        ("mean_square_distance", distance(h=(1.0, 2.0)), "A factor 2 is missing"),
        ("mean_square_distance", distance(h=(2.0, 2.0)), "4 x2, not 2 x2"),
        ("mean_square_distance", distance(first=1), "first rate of the list"),
        ("mean_square_distance", distance(weight=(1, 2)), "the mean of f"),
        ("mean_square_distance", noise_first, "is not shrunk by that step"),
        (
            "mean_square_distance",
            lambda rates: math.sqrt(distance()(rates)),
            "That is its root",
        ),
        ("mean_square_distance", endless, "did not end within 2 seconds"),
        ("mean_square_distance", lambda rates: rates.pop(), "changes its arguments"),
        ("noise_covariance", torch.linalg.inv, "Q stands twice"),
        ("noise_covariance", lambda Q: Q @ Q, "the other way round"),
        ("noise_covariance", lambda Q: torch.eye(len(Q)), "of the noise itself"),
        ("noise_covariance", lambda Q: (1 / Q.diag() ** 2).diag(), "Q is diagonal"),
        (
            "noise_covariance",
            lambda Q: torch.linalg.inv(torch.linalg.cholesky(Q)) @ Q,
            "expected",
        ),
        ("noise_covariance", lambda Q: 1 / Q.diag() ** 2, "of shape"),
        ("noise_covariance", lambda Q: torch.linalg.inv(Q - Q), "raises"),
        ("equal_pace", rule(lambda g, state: 0.01), "by the same number"),
        ("equal_pace", rule(lambda g, state: 2 / 101), "by the same number"),
        ("equal_pace", rule(lambda g, state: 0.1 / g.norm()), "by the same number"),
        (
            "equal_pace",
            rule(lambda g, state: torch.tensor([0.1, 0.001])),
            "belongs to a coordinate",
        ),
        ("equal_pace", rule(first_square), "by the square of the gradient's size"),
        (
            "equal_pace",
            rule(lambda g, state: 0.05 / g.abs().sqrt().clamp(min=1e-9)),
            "divide by too little|expected at most 0.1",
        ),
        ("equal_pace", rule(lambda g, state: -0.01 / g.abs()), "up the gradient"),
        ("equal_pace", rule(lambda g, state: 0.0), "does not move"),
        ("equal_pace", lambda gradient, start, steps: start, "of shape"),
        ("equal_pace", lambda gradient, start, steps: None, "`return` missing"),
        ("hidden_minimum", changed(lambda u: float(abs(u) < 1)), "jumps near"),
        ("hidden_minimum", changed(lambda u: max(0, 1 - abs(u))), "a kink"),
        ("hidden_minimum", changed(lambda u: max(0, 1 - u**2)), "a kink"),
        ("hidden_minimum", changed(lambda u: math.exp(-9 * u**2)), "leaks out"),
        ("hidden_minimum", changed(lambda u: 1), "You lower the function everywhere"),
        ("hidden_minimum", changed(lambda u: -smooth(u)), "the sign is wrong"),
        ("hidden_minimum", without_f, "original function is missing"),
        ("hidden_minimum", changed(lambda u: 0), "expected -1"),
        (
            "hidden_minimum",
            changed(lambda u: smooth(u) * (1 + 400 * u**2)),
            "nothing should be lower",
        ),
        ("hidden_minimum", lambda x, m, width, depth: math.nan, "not finite"),
        ("hidden_minimum", lambda x, m, width, depth: [x, m], "expected a number"),
    ],
)
def test_wrong_answers_get_the_sentence_that_fits(name, answer, words):
    verdict = judge(name, answer)
    assert verdict.right is False
    assert re.search(words, verdict.sentence), verdict.sentence
