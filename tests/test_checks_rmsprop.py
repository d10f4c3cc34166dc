"""The checks of the exercises on RMSProp: solutions pass, usual mistakes are named."""

import math

import notebooks
import pytest
import torch

from descent.checks import rmsprop as checks


def solution(name):
    source = notebooks.tagged_source("solutions/rmsprop", "solution")
    namespace = {"math": math, "torch": torch}
    exec(source, namespace)
    return namespace[name]


def judge(name, answer):
    return getattr(checks, f"check_{name}").judge(answer)


def adagrad(x, curvature, eta, eps, steps):
    s = 0.0
    for _ in range(steps):
        s += (curvature * x) ** 2
        x -= eta * curvature * x / math.sqrt(s + eps)
    return x


def rotated(scale=1.0, gamma=0.9, new=0.1, outside=False, stale=False, sign=1):
    def step(x1, x2, s1, s2):
        after = []
        for x, s, side in ((x1, s1, 1), (x2, s2, -1)):
            g = scale * (0.1 * (x1 + x2) + side * 2 * (x1 - x2))
            before, s = s, gamma * s + new * g * g
            q = before if stale else s
            root = math.sqrt(q) + 1e-6 if outside else math.sqrt(q + 1e-6)
            after.append((x - sign * 0.4 * g / root, s))
        (x1, s1), (x2, s2) = after
        return x1, x2, s1, s2

    return step


def slope(first=1, last=1, power=-0.5):
    return lambda lr, alpha, n: sum(
        lr * (1 - alpha**t) ** power for t in range(first, n + last)
    )


WRONG = [
    (
        "without_forgetting",
        lambda x, k, eta, eps, t: x * (1 - eta * k / eps) ** t,
        "under the root",
    ),
    ("without_forgetting", adagrad, "Adagrad"),
    (
        "without_forgetting",
        lambda x, k, eta, eps, t: x * (1 - eta * k / math.sqrt(eps)) ** (t + 1),
        "one step too many",
    ),
    (
        "without_forgetting",
        lambda x, k, eta, eps, t: x * (1 - eta / math.sqrt(eps)) ** t,
        "curvature is missing",
    ),
    (
        "without_forgetting",
        lambda x, k, eta, eps, t: x * (1 - eta * k) ** t,
        "ε is missing",
    ),
    ("rmsprop_rotated", rotated(scale=2.0), "twice the function"),
    ("rmsprop_rotated", rotated(scale=0.5), "factor of 2"),
    ("rmsprop_rotated", rotated(outside=True), "outside the root"),
    ("rmsprop_rotated", rotated(gamma=1.0, new=1.0), "Adagrad"),
    ("rmsprop_rotated", rotated(new=1.0), "1 − γ of the new square"),
    ("rmsprop_rotated", rotated(sign=-1), "uphill"),
    ("rmsprop_rotated", rotated(gamma=0.1, new=0.9), "changed places"),
    ("rmsprop_rotated", rotated(stale=True), "raises ZeroDivisionError|old s"),
    ("slope_distance", lambda lr, alpha, n: lr * n, "η long"),
    (
        "slope_distance",
        lambda lr, alpha, n: lr * n / math.sqrt(1 - alpha),
        "as long as the first",
    ),
    ("slope_distance", slope(power=-1), "root in (5) is missing"),
    ("slope_distance", slope(power=0.5), "divides by it"),
    ("slope_distance", slope(last=0), "last step is missing"),
    ("slope_distance", slope(first=2, last=2), "first step is missing"),
    (
        "weights",
        lambda g: (1 - g) * g.flip(0).cumprod(0).flip(0),
        "not faded by the γ of its own step",
    ),
    ("weights", lambda g: solution("weights")(g).flip(0), "order is reversed"),
    (
        "weights",
        lambda g: (1 - g) * g ** torch.arange(len(g) - 1, -1, -1),
        "gradient's own γ",
    ),
    (
        "weights",
        lambda g: solution("weights")(g) / solution("weights")(g).sum(),
        "sum to 1",
    ),
    (
        "weights",
        lambda g: (1 - g[-1]) * g[-1] ** torch.arange(len(g) - 1, -1, -1),
        "the last, for all steps",
    ),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_usual_mistake_is_named(name, answer, words):
    verdict = judge(name, answer)
    assert verdict.right is False
    assert verdict.sentence.startswith("Not right yet: ")
    assert any(word in verdict.sentence for word in words.split("|")), verdict.sentence


def never_ends(*arguments):
    while True:
        pass


def shifts_its_argument(gammas):
    gammas += 0.1
    return gammas


HOSTILE = [
    ("without_forgetting", never_ends, "did not end"),
    ("without_forgetting", lambda *a: math.nan, "not finite"),
    ("rmsprop_rotated", lambda *a: a[:2], "shape (2,)"),
    ("rmsprop_rotated", lambda *a: None, "returns None"),
    ("slope_distance", lambda *a: 1 / 0, "raises ZeroDivisionError"),
    ("slope_distance", lambda *a: "far", "expected a number"),
    ("weights", shifts_its_argument, "changes its arguments"),
    ("weights", lambda g: g[1:], "shape (0,)"),
]


@pytest.mark.parametrize("name, answer, words", HOSTILE)
def test_hostile_answer_gets_a_sentence(name, answer, words):
    verdict = judge(name, answer)
    assert verdict.right is False
    assert words in verdict.sentence, verdict.sentence
