"""Checks of the exercises of the chapter on empirical risk."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from descent.checks.core import (
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
def check_huber(huber):
    """Exercise 1: the Huber loss.

    Args:
        huber: function (prediction, target, delta, reduction) of two tensors of one
            shape; returns the losses, their mean or their sum, to one part in 10⁶.
    Oracle: torch's huber_loss.
    """

    def oracle(prediction, target, delta, reduction):
        return F.huber_loss(prediction, target, reduction=reduction, delta=delta)

    def usual(inside, beyond):
        def mistaken(prediction, target, delta, reduction):
            e = (prediction - target).abs()
            losses = torch.where(e <= delta, inside(e, delta), beyond(e, delta))
            kinds = {"none": losses, "mean": losses.mean(), "sum": losses.sum()}
            return kinds[reduction]

        return mistaken

    def inner(e, d):
        return e**2 / 2

    def outer(e, d):
        return d * (e - d / 2)

    mistakes = [
        (
            usual(lambda e, d: e**2, outer),
            "A ½ is missing in front of the square: the two pieces do not meet at δ.",
        ),
        (
            usual(lambda e, d: e**2, lambda e, d: d * (2 * e - d)),
            "That is twice the Huber loss.",
        ),
        (
            usual(inner, lambda e, d: d * e),
            "Beyond δ the ½δ is missing: the two pieces do not meet at δ.",
        ),
        (
            usual(inner, lambda e, d: d * (e - d)),
            "Beyond δ it is ½δ that is subtracted, not δ.",
        ),
        (
            usual(inner, lambda e, d: e - d / 2),
            "Beyond δ the factor δ is missing: the slope jumps there.",
        ),
        (
            usual(lambda e, d: e**2 / 2 / d, lambda e, d: e - d / 2),
            "That is SmoothL1Loss, the Huber loss divided by δ.",
        ),
        (usual(inner, inner), "That is half the squared error, whatever δ is."),
        (
            lambda p, t, d, reduction: oracle(
                p, t, d, "none" if reduction == "none" else "mean"
            ),
            "Your sum is a mean.",
        ),
    ]
    generator = torch.Generator().manual_seed(0)

    def case(shape, delta, reduction):
        pair = torch.randn(2, *shape, dtype=torch.float64, generator=generator)
        return *(3 * pair), delta, reduction

    one, none = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    cases = [(one, none, 2.0, "none"), (3 * one, none, 2.0, "none")]
    cases += [(none, 3 * one, 1.0, "none"), (one, none, 1.0, "mean")]
    for shape in ((3,), (5, 4), (40,)):
        for kind in ("none", "mean", "sum"):
            cases += [case(shape, delta, kind) for delta in (0.5, 2.0)]
    count = compare(huber, oracle, cases, mistakes)
    return right(f"agrees with nn.HuberLoss on {count} cases.")


FREQUENCIES = [
    [0.5, 0.5],
    [0.75, 0.25],
    [0.9, 0.05, 0.05],
    [0.1, 0.2, 0.3, 0.4],
    [0.55] + 9 * [0.05],
]


@check
def check_first_losses(first_losses):
    """Exercise 2: the loss with equal logits, and the least loss of a constant.

    Args:
        first_losses: function of a list of frequencies; returns the pair of losses, to
            one part in 10⁶.
    Oracle: torch's cross entropy with the frequencies as target, of zeros and of
        log-frequencies.
    """

    def oracle(frequencies):
        q = torch.tensor([frequencies], dtype=torch.float64)
        logits = torch.zeros_like(q), q.log()
        return [F.cross_entropy(z, q).item() for z in logits]

    def with_least(least):
        return lambda q: [math.log(len(q)), least(q)]

    mistakes = [
        (lambda q: oracle(q)[::-1], "The two are in the wrong order."),
        (lambda q: [x / math.log(2) for x in oracle(q)], "Take natural logarithms."),
        (lambda q: [-x for x in oracle(q)], "A minus is missing."),
        (
            with_least(lambda q: -math.log(max(q))),
            "Your second value pays only for the commonest class.",
        ),
        (
            with_least(lambda q: 0.0),
            "No constant predicts all examples perfectly: see (9).",
        ),
        (
            with_least(lambda q: -sum(map(math.log, q)) / len(q)),
            "Your mean takes the classes alike; weigh them by their frequencies.",
        ),
    ]
    cases = [(frequencies,) for frequencies in FREQUENCIES]
    count = compare(first_losses, oracle, cases, mistakes)
    return right(f"agrees with torch's cross entropy on {count} lists of frequencies.")


@check
def check_starting_bias(starting_bias):
    """Exercise 2: the bias with which training starts at the least constant loss.

    Args:
        starting_bias: function of a list of frequencies; returns a bias for each
            class. Any constant may be added to all of them.
    Oracle: the softmax of the biases is compared with the frequencies, to 10⁻⁶.
    """
    mistakes = [
        (lambda q: q, "Those are the frequencies; softmax takes exponentials."),
        (lambda q: -np.log(q), "The sign is wrong: rare classes become the common."),
        (
            lambda q: np.log(q / (1 - q)),
            "That is for a sigmoid, not for softmax.",
        ),
        (lambda q: 0 * q, "Equal biases start at equal probabilities."),
        (lambda q: 1 / q, "That is a weight for rare classes, not a bias."),
    ]

    def softmax(bias):
        values = np.exp(bias - np.max(bias))
        return values / values.sum()

    failure, found = None, []
    for frequencies in FREQUENCIES:
        called = describe(starting_bias, (frequencies,))
        bias = numbers(ask(starting_bias, frequencies), (len(frequencies),), called)
        p, q = softmax(bias), np.array(frequencies)
        found.append((p, q))
        if failure is None and not np.allclose(p, q, rtol=0, atol=1e-6):
            failure = (
                f"{called} returns {show(bias)}, whose softmax is {show(p)}; "
                f"expected {show(q)}."
            )
    if failure is None:
        return right(f"softmax returns the frequencies, for {len(found)} lists.")
    for mistaken, sentence in mistakes:
        if all(np.allclose(p, softmax(mistaken(q)), atol=1e-6) for p, q in found):
            raise Wrong(f"{failure} {sentence}")
    raise Wrong(failure)


@check
def check_squared_gradient(squared_gradient):
    """Exercise 3: the derivative of (p − q)² with respect to the logit.

    Args:
        squared_gradient: function (z, q) of the logit and the target 0 or 1; returns
            a number, to one part in 10⁶.
    Oracle: autograd.
    """

    def oracle(z, q):
        z = torch.tensor(z, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad((z.sigmoid() - q) ** 2, z)[0].item()

    def p(z):
        return 1 / (1 + math.exp(-z))

    mistakes = [
        (
            lambda z, q: 2 * (p(z) - q),
            "That is the derivative with respect to p; the chain rule has a factor "
            "more.",
        ),
        (
            lambda z, q: p(z) - q,
            "That is (7), the gradient of the cross entropy.",
        ),
        (lambda z, q: oracle(z, q) / 2, "A factor 2 is missing: no ½ in this loss."),
        (lambda z, q: -oracle(z, q), "The sign is wrong: that is the descent."),
        (
            lambda z, q: 2 * (p(z) - q) * p(z),
            "dp/dz has two factors; the 1 − p is missing.",
        ),
        (lambda z, q: 2 * (z - q), "The loss is of p, not of z."),
    ]
    cases = [(0.0, 1), (0.0, 0), (1.0, 1), (1.0, 0), (-2.0, 1), (3.0, 0)]
    cases += [(-8.0, 1), (8.0, 0), (0.3, 0), (-12.0, 1)]
    count = compare(squared_gradient, oracle, cases, mistakes, atol=1e-12)
    return right(f"agrees with autograd on {count} cases.")


class _Stream:
    """Batches that can be run through only once."""

    def __init__(self, batches):
        self.batches, self.used = batches, False

    def __iter__(self):
        if self.used:
            raise RuntimeError("the batches can be run through only once")
        self.used = True
        yield from self.batches

    def __eq__(self, other):
        pairs = zip(self.batches, other.batches)
        return all(torch.equal(a, b) for x, y in pairs for a, b in zip(x, y))

    def __repr__(self):
        ignored = sum(int((target == -100).sum()) for _, target in self.batches)
        sizes = [len(target) for _, target in self.batches]
        return f"batches of {sizes} examples, {ignored} ignored"


@check
def check_loss_of_batches(loss_of_batches):
    """Exercise 4: the weighted cross entropy of all data, batch by batch.

    Args:
        loss_of_batches: function (batches, weight); returns the mean over all batches
            together, to one part in 10⁶.
    Oracle: torch's cross entropy of the batches joined.
    """

    def oracle(batches, weight):
        logits, target = map(torch.cat, zip(*batches))
        return F.cross_entropy(logits, target, weight)

    def parts(batches, weight):
        """Weighted sum, sum of weights, counted, size and number of each batch."""
        for z, y in batches:
            total = F.cross_entropy(z, y, weight, reduction="sum")
            weights, counted = weight[y[y != -100]].sum(), (y != -100).sum()
            yield torch.stack([total, weights, counted.to(z), z.new_tensor(len(y))])

    def quotient(above, below):
        def mistaken(batches, weight):
            rows = torch.stack(list(parts(batches, weight)))
            return above(rows) / below(rows)

        return mistaken

    def plain(batches, weight):
        return oracle(batches, torch.ones_like(weight))

    def ignored_at_0(batches, weight):
        logits, target = map(torch.cat, zip(*batches))
        return F.cross_entropy(logits, target.clamp(min=0), weight)

    def means(rows):
        return (rows[:, 0] / rows[:, 1]).nan_to_num()

    every = "Add the weighted sums and the sums of the weights, and divide once."
    mistakes = [
        (quotient(lambda r: means(r).sum(), len), f"That is a mean of means. {every}"),
        (
            quotient(lambda r: means(r).sum(), lambda r: (r[:, 1] > 0).sum()),
            f"That is a mean of means. {every}",
        ),
        (
            quotient(lambda r: (means(r) * r[:, 2]).sum(), lambda r: r[:, 2].sum()),
            f"You weigh the batches by their numbers of examples. {every}",
        ),
        (
            quotient(lambda r: (means(r) * r[:, 3]).sum(), lambda r: r[:, 3].sum()),
            f"You weigh the batches by their numbers of examples. {every}",
        ),
        (
            quotient(lambda r: r[:, 0].sum(), lambda r: r[:, 2].sum()),
            "You divide by the number of examples; (4) divides by their weights.",
        ),
        (
            quotient(lambda r: r[:, 0].sum(), lambda r: r[:, 3].sum()),
            "You divide by the number of examples, ignored ones included; (4) divides "
            "by the weights of the others.",
        ),
        (
            quotient(lambda r: r[:, 0].sum(), lambda r: 1.0),
            "That is the sum; divide it by the sum of the weights.",
        ),
        (plain, "The weights are not used."),
        (ignored_at_0, "Ignored targets count as class 0."),
    ]
    generator = torch.Generator().manual_seed(0)

    def case(sizes, C, ignored=0.0):
        batches = []
        for n in sizes:
            z = torch.randn(n, C, dtype=torch.float64, generator=generator)
            y = torch.randint(C, (n,), generator=generator)
            y[torch.rand(n, generator=generator) < ignored] = -100
            batches.append((z, y))
        batches[0][1][0] = 0
        weight = torch.rand(C, dtype=torch.float64, generator=generator) + 0.1
        return _Stream(batches), weight

    cases = [case([2], 2), case([2, 1], 2), case([4, 4, 2], 3)]
    cases += [case([8, 8, 8, 5], 5, 0.4), case([16] * 6 + [3], 4, 0.3)]
    nothing = case([4, 4, 3], 3, 0.2)
    nothing[0].batches[1][1].fill_(-100)
    count = compare(loss_of_batches, oracle, [*cases, nothing], mistakes)
    return right(f"agrees with CrossEntropyLoss on {count} sets of batches.")


@check
def check_best_accuracy(best_accuracy):
    """Exercise 5: the mean accuracy of the best of many models that guess.

    Args:
        best_accuracy: function (models, examples) of two numbers; returns the mean of
            the largest of so many accuracies on so many examples, to 0.005. It may be
            simulated.
    Oracle: the exact distribution of the largest of independent binomial counts.
    """

    def oracle(models, examples):
        mass = np.ones(1)
        for _ in range(examples):
            mass = np.convolve(mass, [0.5, 0.5])
        at_most = np.minimum(1.0, mass.cumsum()) ** models
        largest = np.diff(at_most, prepend=0.0)
        return largest @ np.arange(examples + 1) / examples

    def deviation(models, examples):
        return math.sqrt(2 * math.log(models)) * 0.5 / math.sqrt(examples)

    mistakes = [
        (
            lambda m, n: 0.5,
            "That is the accuracy of a model chosen in advance, or of the winner on "
            "new examples.",
        ),
        (lambda m, n: oracle(m, n) * n, "That is a number of examples; divide by it."),
        (lambda m, n: 1 - oracle(m, n), "That is the worst model, or an error rate."),
        (
            lambda m, n: 0.5 + deviation(m, n),
            "√(2 log K) standard deviations are a bound for K models; for these "
            "numbers it is too much.",
        ),
        (
            lambda m, n: 0.5 + (0.5 / math.sqrt(n) if m > 1 else 0.0),
            "One standard deviation is not enough: it does not grow with the models.",
        ),
        (lambda m, n: oracle(m * n, n), "There are too many models in your maximum."),
        (
            lambda m, n: oracle(n, m),
            "The models and the examples are exchanged.",
        ),
    ]
    cases = [(1, 1), (2, 1), (2, 2), (5, 10), (1, 100), (10, 100), (1000, 100)]
    count = compare(best_accuracy, oracle, cases, mistakes, rtol=0, atol=0.005)
    return right(f"agrees with the exact distribution on {count} cases.")
