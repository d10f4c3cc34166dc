"""The checks of the chapter on empirical risk: answers, right and wrong."""

import math

import notebooks
import pytest
import torch
from torch.nn import functional as F

import descent
from descent.checks import empirical_risk as checks

SPACE = {"math": math, "torch": torch, "F": F, "descent": descent}
exec(notebooks.tagged_source("solutions/empirical-risk", "solution"), SPACE)


def raises(*arguments):
    raise KeyError("lr")


def never_ends(z, q):
    while True:
        z += q


def pieces(inside, beyond):
    """A Huber loss of other pieces."""

    def answer(prediction, target, delta, reduction):
        e = (prediction - target).abs()
        losses = torch.where(e <= delta, inside(e), beyond(e, delta))
        return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]

    return answer


def half(e):
    return e**2 / 2


def always_mean(prediction, target, delta, reduction):
    kind = "none" if reduction == "none" else "mean"
    return SPACE["huber"](prediction, target, delta, kind)


def mutating(prediction, target, delta, reduction):
    prediction -= target
    return SPACE["huber"](prediction, 0 * target, delta, reduction)


def smooth(prediction, target, delta, reduction):
    return F.smooth_l1_loss(prediction, target, reduction=reduction, beta=delta)


def entropy(q):
    return -sum(p * math.log(p) for p in q)


def logs(transform):
    return lambda q: [transform(p) for p in q]


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def mean_of_means(batches, weight):
    losses = [F.cross_entropy(*batch, weight) for batch in batches]
    return torch.stack(losses).nanmean()


def weighed_by_numbers(batches, weight):
    total = count = 0.0
    for logits, target in batches:
        n = (target != -100).sum()
        if n:
            total += n * F.cross_entropy(logits, target, weight)
            count += n
    return total / count


def divided(count):
    """Sum of the weighted losses over another number."""

    def answer(batches, weight):
        total = number = 0.0
        for logits, target in batches:
            total += F.cross_entropy(logits, target, weight, reduction="sum")
            number += count(target)
        return total / number

    return answer


def unweighted(batches, weight):
    return SPACE["loss_of_batches"](batches, torch.ones_like(weight))


def twice_through(batches, weight):
    list(batches)
    return SPACE["loss_of_batches"](batches, weight)


def best(models, examples):
    return SPACE["best_accuracy"](models, examples)


def bound(models, examples):
    return 0.5 + math.sqrt(math.log(models) / 2 / examples)


WRONG = [
    ("huber", pieces(torch.square, lambda e, d: d * (e - d / 2)), "½ is missing"),
    ("huber", pieces(half, lambda e, d: d * e), "½δ is missing"),
    ("huber", pieces(half, lambda e, d: d * (e - d)), "½δ that is subtracted"),
    ("huber", pieces(half, lambda e, d: e - d / 2), "slope jumps"),
    ("huber", pieces(half, lambda e, d: half(e)), "half the squared error"),
    ("huber", pieces(torch.square, lambda e, d: d * (2 * e - d)), "twice the Huber"),
    ("huber", smooth, "SmoothL1Loss"),
    ("huber", always_mean, "sum is a mean"),
    ("huber", mutating, "changes its arguments"),
    ("first_losses", lambda q: (entropy(q), math.log(len(q))), "wrong order"),
    ("first_losses", lambda q: (math.log(len(q)), 0.0), "No constant"),
    ("first_losses", lambda q: (math.log(len(q)), -math.log(max(q))), "commonest"),
    (
        "first_losses",
        lambda q: (math.log2(len(q)), entropy(q) / math.log(2)),
        "natural logarithms",
    ),
    (
        "first_losses",
        lambda q: (math.log(len(q)), -sum(map(math.log, q)) / len(q)),
        "by their frequencies",
    ),
    ("first_losses", lambda q: math.log(len(q)), "shape (2,)"),
    ("starting_bias", lambda q: q, "exponentials"),
    ("starting_bias", logs(lambda p: -math.log(p)), "sign is wrong"),
    ("starting_bias", logs(lambda p: math.log(p / (1 - p))), "for a sigmoid"),
    ("starting_bias", logs(lambda p: 0.0), "equal probabilities"),
    ("starting_bias", logs(lambda p: 1 / p), "weight for rare classes"),
    ("starting_bias", lambda q: [math.nan] * len(q), "not finite"),
    ("squared_gradient", lambda z, q: 2 * (sigmoid(z) - q), "chain rule"),
    ("squared_gradient", lambda z, q: sigmoid(z) - q, "cross entropy"),
    (
        "squared_gradient",
        lambda z, q: SPACE["squared_gradient"](z, q) / 2,
        "factor 2 is missing",
    ),
    (
        "squared_gradient",
        lambda z, q: -SPACE["squared_gradient"](z, q),
        "sign is wrong",
    ),
    ("squared_gradient", lambda z, q: 2 * (z - q), "not of z"),
    ("squared_gradient", never_ends, "did not end within 2 seconds"),
    ("loss_of_batches", mean_of_means, "mean of means"),
    ("loss_of_batches", weighed_by_numbers, "numbers of examples"),
    ("loss_of_batches", divided(lambda y: (y != -100).sum()), "by their weights"),
    ("loss_of_batches", divided(len), "ignored ones included"),
    ("loss_of_batches", unweighted, "weights are not used"),
    ("loss_of_batches", twice_through, "only once"),
    ("loss_of_batches", lambda batches, weight: None, "`return` missing"),
    ("best_accuracy", lambda m, n: 0.5, "chosen in advance"),
    ("best_accuracy", lambda m, n: n * best(m, n), "number of examples"),
    ("best_accuracy", bound, "too much"),
    ("best_accuracy", lambda m, n: best(n, m), "exchanged"),
    ("best_accuracy", lambda m, n: 1 - best(m, n), "worst model"),
    ("best_accuracy", raises, "raises KeyError"),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_a_wrong_answer_is_told_why(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence, verdict.sentence


def test_a_simulated_best_accuracy_passes():
    def simulated(models, examples):
        torch.manual_seed(1)
        guesses = torch.distributions.Binomial(examples, torch.tensor(0.5))
        shape = (max(300, 20_000 // models), models)
        return (guesses.sample(shape).amax(1) / examples).mean()

    assert checks.check_best_accuracy.judge(simulated).right


def test_a_constant_may_be_added_to_the_bias():
    def shifted(frequencies):
        return torch.tensor(frequencies).log() + 7

    assert checks.check_starting_bias.judge(shifted).right
