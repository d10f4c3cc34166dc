"""Checks of the exercises of the chapter on the training script."""

import copy
import functools
import io
import math
import time

import torch
from torch import nn

from descent.checks.core import SECONDS, Wrong, ask, check, compare, right, show
from descent.data import load_array, load_images
from descent.train_images import NeuralNetwork

ASKED = [1 / 3, 1 / 4]  # rates of the third and the fourth epoch, over the first


@check
def check_loss_floor(loss_floor):
    """Exercise 1: what the loss cannot reach if it is given probabilities.

    Args:
        loss_floor: function of the number of classes, from 2; returns the bound, to
            one part in 10⁹.
    Oracle: torch's cross entropy of the probabilities of a certain, right answer.
    """

    def oracle(classes):
        certain = torch.zeros(1, classes, dtype=torch.float64)
        certain[0, 0] = 1.0
        return nn.functional.cross_entropy(certain, torch.tensor([0])).item()

    mistakes = [
        (
            lambda k: oracle(k) + 1,
            "That is the loss of an answer that is certain and wrong.",
        ),
        (
            lambda k: math.log(k),
            "That is the loss before learning, with all classes equally likely.",
        ),
        (lambda k: 0.0, "That is the bound without the softmax in the network."),
        (
            lambda k: math.log(math.e + k) - 1,
            "That counts the right class twice: it is one of the classes.",
        ),
        (
            lambda k: oracle(k) / math.log(2),
            "That is in bits; the loss takes natural logarithms.",
        ),
        (
            lambda k: oracle(k) / math.log(10),
            "That takes logarithms to base 10; the loss takes natural ones.",
        ),
        (
            lambda k: math.log(1 + (k - 1) * math.e),
            "That is the loss with the sign of a difference turned round: the right "
            "class has the larger number.",
        ),
    ]
    cases = [(k,) for k in (2, 3, 10, 100, 1000)]
    count = compare(loss_floor, oracle, cases, mistakes, rtol=1e-9, atol=1e-12)
    return right(f"agrees with torch's cross entropy for {count} numbers of classes.")


@check
def check_matching_rate(matching_rate):
    """Exercise 2: the rate that keeps the rate per image.

    Args:
        matching_rate: function (lr, batch_size, momentum, new_batch_size,
            new_momentum), to one part in 10⁹.
    Oracle: torch.optim.SGD takes one gradient of 1/batch size and then zeros, in the
        old setting and in the new one with rate 1; the way gone is compared.
    """

    @functools.cache
    def moved(lr, batch_size, momentum):
        w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=lr, momentum=momentum)
        steps = 2 + int(math.log(1e-13, momentum)) if momentum else 1
        for step in range(steps):
            w.grad = torch.full_like(w, 0.0 if step else 1 / batch_size)
            optimizer.step()
        return -w.item()

    def oracle(lr, batch_size, momentum, new_batch_size, new_momentum):
        return moved(lr, batch_size, momentum) / moved(
            1.0, new_batch_size, new_momentum
        )

    mistakes = [
        (
            lambda lr, b, m, c, n: lr * c / b,
            "That leaves out momentum: the velocity counts a gradient 1/(1 − β) times.",
        ),
        (
            lambda lr, b, m, c, n: lr * (1 - n) / (1 - m),
            "That leaves out the batch size.",
        ),
        (
            lambda lr, b, m, c, n: lr * b / c * (1 - n) / (1 - m),
            "The batch size is upside down: a larger batch makes fewer updates.",
        ),
        (
            lambda lr, b, m, c, n: lr * c / b * (1 - m) / (1 - n),
            "Momentum is upside down: more of it needs a smaller rate.",
        ),
        (
            lambda lr, b, m, c, n: lr * b / c * (1 - m) / (1 - n),
            "The factor is upside down: that is its inverse.",
        ),
        (
            lambda lr, b, m, c, n: lr * math.sqrt(c / b) * (1 - n) / (1 - m),
            "That grows with the root of the batch size; (2) asks for proportion.",
        ),
        (
            lambda lr, b, m, c, n: lr / (b * (1 - m)),
            "That is ρ itself; solve (2) for the new rate.",
        ),
    ]
    cases = [(1.0, 1, 0.0, 2, 0.0), (1.0, 1, 0.0, 1, 0.5), (0.1, 64, 0.5, 64, 0.9)]
    cases += [(0.1, 64, 0.5, 32, 0.9), (0.2, 16, 0.9, 256, 0.3), (3.0, 8, 0.7, 5, 0.0)]
    count = compare(matching_rate, oracle, cases, mistakes, rtol=1e-9, atol=1e-12)
    return right(f"moves the weights as far per image, on {count} pairs of settings.")


@check
def check_advance_falling(advance_falling):
    """Exercise 4: a run at a falling rate that survives being killed.

    Args:
        advance_falling: function (epochs, checkpoint=None), as the starter cell says.
    Asked for: two epochs and two more from their checkpoint give exactly the weights
        of four in one piece, and these agree with the oracle's to 1e-5.
    Oracle: a loop that writes the rate into the optimizer before every epoch.
    """
    deadline = time.monotonic() + SECONDS
    name = getattr(advance_falling, "__name__", "your function")

    def call(text, *arguments):
        called = f"{name}({text})"
        value = ask(advance_falling, *arguments, deadline=deadline, called=called)
        return value, _weights(value, called)

    half, two = call("2", 2)
    expected_two, expected = _asked(2), _asked(4)
    if not _near(two, expected_two):
        usual = [
            (lambda e, n: 0.1, "The rate does not fall."),
            (lambda e, n: 0.1 / (2 + e), "Your rate is one epoch ahead."),
            (lambda e, n: 0.1 / (1 + n), "Your rate falls at every update."),
            (lambda e, n: 0.1 / 2**e, "Your rate is halved."),
        ]
        reason = "Seed, network, batches or rate are not those asked for."
        for rate, sentence in usual:
            if _near(two, _train([range(2)], rate=rate)):
                reason = sentence
        raise Wrong(f"{_apart(f'{name}(2)', two, expected_two)} {reason}")
    whole = call("4", 4)[1]
    if not _near(whole, expected):
        for rate, sentence in (
            (lambda e, n: 0.1 / 2**e, "Your rate is halved in every epoch."),
            (lambda e, n: 0.1 / (1 + min(e, 1)), "Your rate falls only once."),
        ):
            if _near(whole, _train([range(4)], rate=rate)):
                raise Wrong(f"{_apart(f'{name}(4)', whole, expected)} {sentence}")
        raise Wrong(_apart(f"{name}(4)", whole, expected))
    torch.rand(7)  # what else the process draws must not matter
    _, resumed = call("2, checkpoint", 2, half)
    if torch.equal(resumed, whole):
        return right("two epochs and two more give exactly the weights of four.")
    reason = ""
    for rates, lost, sentence in (
        (ASKED, {"model"}, "The weights are not taken from the checkpoint."),
        ([1, 1 / 2], {"random", "optimizer", "model"}, "The checkpoint is not used."),
        ([1, 1 / 2], {"random", "optimizer"}, "Only the weights are resumed."),
        ([1, 1 / 2], {"random"}, "Schedule and random generator start again."),
        ([1, 1 / 2], {"optimizer"}, "Schedule and momentum start again."),
        ([1, 1 / 2], (), "On resuming, the rate starts again at 0.1."),
        (
            [1 / 3, 1 / 2],
            (),
            "On resuming, the rate is 1/30 and then 1/20: the optimizer's state "
            "brings the first, but the schedule counts from 0 again.",
        ),
        ([1 / 3, 1 / 3], (), "On resuming, the rate does not fall any more."),
        (ASKED, {"optimizer"}, "On resuming, momentum starts again from zero."),
        (
            [1, 1 / 4],
            {"optimizer"},
            "On resuming, momentum starts again from zero, and so does the first "
            "rate, which is kept in the optimizer's state.",
        ),
        (ASKED, {"random"}, "On resuming, the images come in the same orders again."),
    ):
        rates = [1, 1 / 2, *rates]
        pieces = [range(2), range(2, 4)]
        if _near(resumed, _train(pieces, lambda e, n: 0.1 * rates[e], lost)):  # noqa: B023
            reason = sentence
            break
    if not reason and _near(resumed, whole):
        reason = "That is close, but asked for is the last bit: keep the same rates."
    found = f"{name}(2, checkpoint), after {name}(2),"
    raise Wrong(f"{_apart(found, resumed, whole)} {reason}".rstrip())


@functools.cache
def _asked(epochs):
    return _train([range(epochs)])


def _train(pieces, rate=lambda epoch, number: 0.1 / (1 + epoch), lost=(), whole=False):
    """Return the weights after some pieces, between which things may be lost."""
    train, _ = load_images()
    loss_fn = nn.CrossEntropyLoss()
    model = optimizer = None
    for epochs in pieces:
        if len(pieces) == 2 and model is None:  # the first piece is always the same
            model, optimizer, state = copy.deepcopy(_half())
            continue
        torch.manual_seed(0)
        fresh = NeuralNetwork(64, hidden=128)
        if model is not None and "model" not in lost:
            fresh.load_state_dict(model.state_dict())
        fresh_optimizer = torch.optim.SGD(fresh.parameters(), lr=0.1, momentum=0.5)
        if optimizer is not None and "optimizer" not in lost:
            fresh_optimizer.load_state_dict(optimizer.state_dict())
        if model is not None and "random" not in lost:
            torch.random.set_rng_state(state)
        model, optimizer = fresh, fresh_optimizer
        for epoch in epochs:
            for number, (images, labels) in enumerate(load_array(train, 64)):
                optimizer.param_groups[0]["lr"] = rate(epoch, number)
                optimizer.zero_grad()
                loss_fn(model(images), labels).backward()
                optimizer.step()
    weights = torch.cat([value.flatten() for value in model.state_dict().values()])
    return (model, optimizer, torch.random.get_rng_state()) if whole else weights


@functools.cache
def _half():
    return _train([range(2)], whole=True)


def _weights(value, called):
    """Return the weights in a reader's checkpoint, or say why there are none."""
    if not isinstance(value, bytes):
        missing = " Is a `return` missing?" if value is None else ""
        raise Wrong(f"{called} returns {show(value)}; expected bytes.{missing}")
    model = NeuralNetwork(64, hidden=128)
    try:
        model.load_state_dict(torch.load(io.BytesIO(value), weights_only=True)["model"])
    except Exception as error:  # whatever torch.load makes of a reader's bytes
        raise Wrong(
            f"the bytes that {called} returns cannot be read: expected what torch.save "
            f'writes for a dict with an entry "model", a state_dict of '
            f"NeuralNetwork(64, hidden=128)."
        ) from error
    weights = torch.cat([value.flatten() for value in model.state_dict().values()])
    if not weights.isfinite().all():
        raise Wrong(f"the weights that {called} returns are not finite.")
    return weights


def _near(one, other):
    return bool((one - other).abs().max() < 1e-5)


def _apart(called, value, expected):
    largest = (value - expected).abs().max().item()
    return (
        f"{called} has weights that differ from those expected by up to {largest:.2g}."
    )
