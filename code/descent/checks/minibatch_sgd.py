"""Checks of the exercises of the chapter on minibatch stochastic gradient descent."""

import math
from itertools import combinations

import torch

from descent.checks.core import Wrong, ask, check, compare, describe, numbers, right


@check
def check_falling_rate(falling_rate):
    """Exercise 2: the rate of a step when it is divided by 10 after every epoch.

    Args:
        falling_rate: function (lr, step, batches) of the first epoch's rate, the
            number of the step (1 for the first) and the steps in an epoch; returns
            the rate of that step, to one part in 10⁹.
    Oracle: the list of all rates, written out epoch by epoch.
    """

    def oracle(lr, step, batches):
        rates = [lr / 10.0**epoch for epoch in range(5) for _ in range(batches)]
        return rates[step - 1]

    late = "The rate changes one step {}: the first step of all is number 1, not 0."
    mistakes = [
        (lambda lr, k, n: lr / 10 ** (k // n), late.format("too early")),
        (
            lambda lr, k, n: lr / 10 ** max(0, (k - 2) // n),
            late.format("too late"),
        ),
        (
            lambda lr, k, n: lr / 10 ** ((k - 1) // n + 1),
            "Every rate is a tenth of the right one: the first epoch has lr itself.",
        ),
        (
            lambda lr, k, n: lr / 10 ** (k - 1),
            "You divide after every step, not after every epoch.",
        ),
        (
            lambda lr, k, n: lr / 10 ** ((k - 1) / n),
            "The rate falls a little in every step; it should be constant within an "
            "epoch and drop at its end.",
        ),
        (
            lambda lr, k, n: lr / (10 * ((k - 1) // n) or 1),
            "The third epoch divides by 20 in place of 100: every epoch divides again.",
        ),
        (
            lambda lr, k, n: lr / 2 ** ((k - 1) // n),
            "You halve the rate; the task divides it by 10.",
        ),
        (lambda lr, k, n: lr, "The rate never falls."),
    ]
    cases = [(1.0, 1, 1), (1.0, 2, 1), (1.0, 3, 1), (1.0, 1, 3), (1.0, 2, 3)]
    cases += [(0.05, step, 3) for step in range(3, 13)]
    cases += [(0.05, step, 50) for step in (1, 2, 49, 50, 51, 100, 101, 200)]
    count = compare(falling_rate, oracle, cases, mistakes, rtol=1e-9, atol=0.0)
    return right(f"the rate falls after the last step of an epoch, on {count} cases.")


@check
def check_draw_batches(draw_batches):
    """Exercise 3: the batches of one epoch, drawn with replacement.

    Args:
        draw_batches: function (N, batch_size) that returns indices from 0 to N − 1
            in a tensor of shape (N // batch_size, batch_size), each drawn uniformly,
            independently of all others, anew at each call.
    Oracle: the laws of independent uniform draws. 300 epochs are drawn; a right
        answer fails by chance less than once in a million times.
    """
    for arguments in ((1, 1), (4, 2), (10, 3)):
        _epoch(draw_batches, *arguments)
    N, b, epochs = 30, 3, 300
    called = describe(draw_batches, (N, b))

    def many():
        return [draw_batches(N, b) for _ in range(epochs)]

    drawn = [_indices(e, N, b, called) for e in ask(many, called=called)]
    batches = torch.stack(drawn)  # (epochs, N // b, b)
    if bool((batches == batches[0]).all()):
        raise Wrong(f"{called} returns the same indices at every call.")
    counts = batches.flatten().bincount(minlength=N)
    if (counts == 0).any():
        missing = int((counts == 0).nonzero()[0])
        raise Wrong(
            f"in {epochs} calls of {called}, index {missing} was never drawn; every "
            f"index from 0 to {N - 1} must be possible."
        )
    if bool((batches == batches[:, :1]).all()):
        raise Wrong(f"all batches of {called} are the same; draw anew for every batch.")
    inside = _repeats(batches.reshape(-1, b))
    across = _repeats(batches.reshape(epochs, -1))
    if across == 0:
        raise Wrong(
            f"in {epochs} calls of {called} no index came twice in one epoch: that is "
            f"sampling without replacement, a shuffled pass."
        )
    if inside == 0:
        raise Wrong(
            f"in {epochs} calls of {called} no batch held an index twice: each batch "
            f"is drawn without replacement, only the epoch as a whole is not."
        )
    rows = len(batches) * (N // b)
    share = 1 - math.perm(N, b) / N**b
    if abs(inside / rows - share) > 5 * math.sqrt(share * (1 - share) / rows):
        raise Wrong(
            f"{inside} of {rows} batches of {called} hold an index twice; independent "
            f"draws give about {rows * share:.0f}."
        )
    expected = counts.sum().item() / N
    if (counts - expected).abs().max() > 6 * math.sqrt(expected):
        index = int((counts - expected).abs().argmax())
        raise Wrong(
            f"in {epochs} calls of {called}, index {index} was drawn {counts[index]} "
            f"times; uniform draws give about {expected:.0f}."
        )
    return right(
        f"in {epochs} epochs every index is drawn about equally often, and {inside} of "
        f"{rows} batches hold an index twice (expected {rows * share:.0f})."
    )


def _epoch(draw_batches, N, b):
    called = describe(draw_batches, (N, b))
    return _indices(ask(draw_batches, N, b), N, b, called)


def _indices(value, N, b, called):
    """Return a reader's epoch as int64 (N // b, b), or say why it is none."""
    array = torch.from_numpy(numbers(value, (N // b, b), called))
    if (array != array.round()).any():
        raise Wrong(
            f"{called} returns {array[array != array.round()][0]:.4g}, no index."
        )
    if array.min() < 0 or array.max() > N - 1:
        outside = array.max() if array.max() > N - 1 else array.min()
        raise Wrong(
            f"{called} returns the index {outside:.0f}; the indices of {N} examples "
            f"run from 0 to {N - 1}."
        )
    return array.long()


def _repeats(rows):
    """Count the rows that hold an entry twice."""
    ordered = rows.sort(1).values
    return int((ordered[:, 1:] == ordered[:, :-1]).any(1).sum())


@check
def check_doubled_variance(doubled_variance):
    """Exercise 4: variance of a batch's gradient when every example is there twice.

    Args:
        doubled_variance: function (gradients, batch_size); gradients is a float64
            tensor (N,), one coordinate of each original example's gradient. Returns
            the variance of the mean of batch_size entries drawn without replacement
            from the doubled data, to one part in 10⁶.
    Oracle: every one of the possible batches, listed.
    """

    def oracle(gradients, batch_size):
        doubled = gradients.tolist() * 2
        means = [math.fsum(c) / batch_size for c in combinations(doubled, batch_size)]
        center = math.fsum(means) / len(means)
        return math.fsum((mean - center) ** 2 for mean in means) / len(means)

    def single(gradients):
        return gradients.var(correction=0)

    def formula(gradients, b, size):
        return single(gradients) / b * (size - b) / (size - 1)

    def doubled(gradients, b):
        return formula(gradients, b, 2 * len(gradients))

    mistakes = [
        (
            lambda g, b: formula(g, b, len(g)),
            "That is the variance for the original data: how many examples are there "
            "to draw from now?",
        ),
        (
            lambda g, b: single(g) / b,
            "That is the variance with replacement; the batch is drawn without.",
        ),
        (
            lambda g, b: doubled(g, b) * len(g) / (len(g) - 1),
            "σ² divides by the number of examples, not by one less: the data are all "
            "there is, not a sample (torch's var needs correction=0).",
        ),
        (
            lambda g, b: doubled(g, b) * 2 * len(g) / (2 * len(g) - 1),
            "σ² divides by the number of examples, not by one less: the data are all "
            "there is, not a sample (torch's var needs correction=0).",
        ),
        (
            lambda g, b: doubled(g, b).sqrt(),
            "That is the standard deviation; square it.",
        ),
        (
            lambda g, b: 2 * doubled(g, b),
            "That is twice too much: doubling the data does not change σ².",
        ),
        (
            lambda g, b: doubled(g, b) / 2,
            "That is half of it: doubling the data does not change σ².",
        ),
    ]
    rng = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([-1.0, 1.0]).double(), b) for b in (1, 2, 3, 4)]
    cases += [(torch.tensor([0.0, 1.0, 5.0]).double(), b) for b in (1, 2, 4)]
    for N in (4, 5, 6):
        gradients = torch.randn(N, generator=rng, dtype=torch.float64) * N
        cases += [(gradients, b) for b in (1, 3, 5)]
    count = compare(doubled_variance, oracle, cases, mistakes, atol=1e-12)
    return right(f"agrees with all possible batches, listed, on {count} cases.")
