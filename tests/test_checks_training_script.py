"""The checks of the training chapter: solutions pass, wrong answers are told why."""

import io
import math

import notebooks
import pytest
import torch
from torch import nn

import descent
from descent.checks import training_script as checks
from descent.train_images import NeuralNetwork, train_loop

SPACE = {"math": math, "io": io, "torch": torch, "descent": descent}
SPACE |= {"NeuralNetwork": NeuralNetwork, "train_loop": train_loop}
SPACE |= {"train": descent.load_images()[0], "loss_fn": nn.CrossEntropyLoss()}
exec(notebooks.tagged_source("solutions/training-script", "solution"), SPACE)
solved = SPACE["advance_falling"]


def floor(classes):
    return math.log(math.e + classes - 1) - 1


def raises(*arguments):
    raise KeyError("lr")


def never_ends(classes):
    while True:
        classes += 1


def without(*lost):
    parts = ("model", "optimizer", "schedule", "random")
    return lambda epochs, checkpoint=None: solved(
        epochs, checkpoint, [part for part in parts if part not in lost]
    )


def own_loop(rate, resume_rates=True, every_update=False, seed=0):
    """Return an answer that writes rates by hand and counts epochs in the file."""

    def advance(epochs, checkpoint=None):
        torch.manual_seed(seed)
        model = NeuralNetwork(64, hidden=128)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
        done = 0
        if checkpoint is not None:
            stored = torch.load(io.BytesIO(checkpoint), weights_only=True)
            model.load_state_dict(stored["model"])
            optimizer.load_state_dict(stored["optimizer"])
            torch.set_rng_state(stored["random"])
            done = stored["done"] if resume_rates else 0
        for epoch in range(done, done + epochs):
            for n, batch in enumerate(descent.load_array(SPACE["train"], 64)):
                count = n if every_update else epoch
                optimizer.param_groups[0]["lr"] = rate(count)
                train_loop([batch], model, SPACE["loss_fn"], optimizer)
        file = io.BytesIO()
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        state |= {"random": torch.get_rng_state(), "done": done + epochs}
        torch.save(state, file)
        return file.getvalue()

    return advance


def asked(epoch):
    return 0.1 / (1 + epoch)


def infinite_weights(epochs, checkpoint=None):
    model = NeuralNetwork(64, hidden=128).state_dict()
    file = io.BytesIO()
    torch.save({"model": {k: v * math.nan for k, v in model.items()}}, file)
    return file.getvalue()


def unseeded(epochs, checkpoint=None):
    torch.seed()
    file = io.BytesIO()
    torch.save({"model": NeuralNetwork(64, hidden=128).state_dict()}, file)
    return file.getvalue()


def test_a_schedule_written_by_hand_passes():
    assert checks.check_advance_falling.judge(own_loop(asked)).right


def rate_of(factor):
    return lambda lr, b, m, c, n: lr * factor(c / b, (1 - n) / (1 - m))


WRONG = [
    ("loss_floor", lambda k: floor(k) + 1, "certain and wrong"),
    ("loss_floor", lambda k: math.log(k), "before learning"),
    ("loss_floor", lambda k: 0, "without the softmax"),
    ("loss_floor", lambda k: math.log(math.e + k) - 1, "counts the right class twice"),
    ("loss_floor", lambda k: floor(k) / math.log(2), "in bits"),
    ("loss_floor", lambda k: floor(k) / math.log(10), "base 10"),
    ("loss_floor", lambda k: math.log(1 + (k - 1) * math.e), "turned round"),
    ("loss_floor", lambda k: 1.4612, "expected 0.3133"),
    ("loss_floor", lambda k: None, "`return` missing"),
    ("loss_floor", lambda k: torch.ones(2), "shape (2,)"),
    ("loss_floor", never_ends, "did not end within 2 seconds"),
    ("matching_rate", rate_of(lambda size, rest: size), "leaves out momentum"),
    ("matching_rate", rate_of(lambda size, rest: rest), "leaves out the batch size"),
    ("matching_rate", rate_of(lambda size, rest: rest / size), "larger batch makes"),
    ("matching_rate", rate_of(lambda size, rest: size / rest), "Momentum is upside"),
    ("matching_rate", rate_of(lambda size, rest: 1 / size / rest), "its inverse"),
    ("matching_rate", rate_of(lambda size, rest: rest * size**0.5), "with the root"),
    ("matching_rate", lambda lr, b, m, c, n: lr / b / (1 - m), "ρ itself"),
    ("matching_rate", lambda *settings: math.nan, "not finite"),
    ("matching_rate", raises, "raises KeyError"),
    ("advance_falling", own_loop(lambda e: 0.1), "does not fall"),
    ("advance_falling", own_loop(lambda e: 0.1 / (2 + e)), "one epoch ahead"),
    ("advance_falling", own_loop(lambda e: 0.1 / 2**e), "is halved"),
    ("advance_falling", own_loop(lambda e: 0.1 / (1 + min(e, 1))), "only once"),
    ("advance_falling", own_loop(asked, every_update=True), "at every update"),
    ("advance_falling", own_loop(asked, seed=1), "not those asked for"),
    ("advance_falling", own_loop(asked, resume_rates=False), "starts again at 0.1"),
    ("advance_falling", without("model"), "weights are not taken"),
    ("advance_falling", without("schedule"), "counts from 0 again"),
    ("advance_falling", without("random"), "same orders again"),
    ("advance_falling", without("optimizer"), "and so does the first rate"),
    ("advance_falling", without("optimizer", "schedule"), "Schedule and momentum"),
    (
        "advance_falling",
        without("optimizer", "schedule", "random"),
        "Only the weights",
    ),
    (
        "advance_falling",
        without("model", "optimizer", "schedule", "random"),
        "checkpoint is not used",
    ),
    ("advance_falling", unseeded, "not those asked for"),
    ("advance_falling", infinite_weights, "not finite"),
    ("advance_falling", lambda epochs, checkpoint=None: None, "`return` missing"),
    ("advance_falling", lambda epochs, checkpoint=None: b"?", "cannot be read"),
    ("advance_falling", raises, "raises KeyError"),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_a_wrong_answer_is_told_why(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence, verdict.sentence
