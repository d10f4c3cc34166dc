"""Train a small network on images: the complete script of the training chapter.

    python -m descent.train_images --optimizer sgd --lr 0.1 --epochs 20

A run writes three files named after its settings: a table of what it measured, a
figure of it, and a checkpoint. A run that was killed goes on with --resume, and ends
with the same numbers as one that was not.
"""

import argparse
import csv
import functools
import io
import math
import os
import pickle
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from descent import figures
from descent.data import IMAGE_DATASETS, load_array, load_images, whole_number
from descent.optimizers import Yogi

OPTIMIZERS = {  # name: (class, learning rate if none is given)
    "sgd": (torch.optim.SGD, 0.1),
    "adagrad": (torch.optim.Adagrad, 0.01),
    "rmsprop": (torch.optim.RMSprop, 0.001),
    "adadelta": (torch.optim.Adadelta, 1.0),
    "adam": (torch.optim.Adam, 0.001),
    "adamw": (torch.optim.AdamW, 0.001),
    "yogi": (Yogi, 0.01),
}
LOG_EVERY = {"digits": 10, "fashion-mnist": 100}  # batches


@dataclass(frozen=True)
class Settings:
    """All that the numbers of a run depend on; raises ValueError for a bad value."""

    dataset: str = "digits"
    optimizer: str = "sgd"
    lr: float | None = None
    momentum: float = 0.0
    batch_size: int = 16
    epochs: int = 10
    hidden: int = 512
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self):
        for name, known in (("dataset", IMAGE_DATASETS), ("optimizer", OPTIMIZERS)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"{name} is {value!r}; expected {', '.join(known)}.")
        if self.lr is None:
            object.__setattr__(self, "lr", OPTIMIZERS[self.optimizer][1])
        for name in ("batch_size", "epochs", "hidden"):
            whole_number(name, getattr(self, name))
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr is {self.lr!r}; expected a number above 0.")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is {self.momentum!r}; expected 0 to below 1.")
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(
                f"momentum is {self.momentum!r}, but {self.optimizer} takes none here; "
                f"leave it out, or choose the optimizer sgd."
            )
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed!r}; expected a whole number from 0.")

    def __str__(self):
        """Return a name for files: digits-sgd-lr0.1-momentum0.5-batch16-…"""
        momentum = f"-momentum{self.momentum}" if self.optimizer == "sgd" else ""
        return (
            f"{self.dataset}-{self.optimizer}-lr{self.lr}{momentum}"
            f"-batch{self.batch_size}-epochs{self.epochs}-hidden{self.hidden}"
            f"-seed{self.seed}-{self.device.replace(':', '')}"
        )


class NeuralNetwork(nn.Module):
    """Ten scores for an image, from its pixels, through two hidden layers."""

    def __init__(self, pixels, hidden=512, classes=10):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, classes),
        )

    def forward(self, images):
        return self.layers(images)


def train_loop(batches, model, loss_fn, optimizer, log_every=100):
    """Go through the data once, with one update a batch.

    Returns: list of (images seen before the batch, loss of the batch), for one
        in `log_every` batches. Ends early when such a loss is not finite.
    """
    model.train()
    log, seen = [], 0
    for number, (images, labels) in enumerate(batches):
        loss = loss_fn(model(images), labels)
        if number % log_every == 0:
            log.append((seen, loss.item()))
            if not math.isfinite(log[-1][1]):
                break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += len(images)
    return log


@torch.no_grad()
def test_loop(batches, model, loss_fn):
    """Return (accuracy, mean loss) over all images, without a gradient."""
    model.eval()
    correct = total = size = 0
    for images, labels in batches:
        scores = model(images)
        correct += (scores.argmax(1) == labels).sum().item()
        total += loss_fn(scores, labels).item() * len(labels)
        size += len(labels)
    return correct / size, total / size


def fit(settings, checkpoint=None, resume=False, progress=False):
    """Train a network from its start, or go on from a checkpoint.

    Seeds torch's global generator, which draws the weights and the order of images.

    Args:
        settings: Settings.
        checkpoint: path of the file to write at the start and after every epoch, or
            None to write none.
        resume: go on from what `checkpoint` holds.
        progress: show a progress bar on stderr.
    Returns: (losses, tests): lists of (images seen, loss of the next batch) and, one
        an epoch, of (images seen, accuracy, mean loss) on the test images. They end
        early if a loss is not finite.
    Raises: ValueError for a device or a batch size that is not possible, or a
        checkpoint that does not fit; DataError for missing data.
    """
    device = find_device(settings.device)
    pairs = load_images(settings.dataset)
    train, test = ([tensor.to(device) for tensor in pair] for pair in pairs)
    batches = load_array(train, settings.batch_size)
    test_batches = load_array(test, min(1000, len(test[0])), is_train=False)

    torch.manual_seed(settings.seed)
    model = NeuralNetwork(train[0][0].numel(), settings.hidden).to(device)
    loss_fn = nn.CrossEntropyLoss()
    options = {"momentum": settings.momentum} if settings.optimizer == "sgd" else {}
    optimizer_class, _ = OPTIMIZERS[settings.optimizer]
    optimizer = optimizer_class(model.parameters(), lr=settings.lr, **options)

    losses, tests, size = [], [], len(train[0])
    if resume:
        losses, tests = load_checkpoint(checkpoint, settings, model, optimizer)
    elif checkpoint:
        save_checkpoint(checkpoint, settings, model, optimizer, losses, tests)
    total, done = settings.epochs * len(batches), len(tests) * len(batches)
    with tqdm(total=total, initial=done, unit="batch", disable=not progress) as bar:
        for epoch in range(len(tests), settings.epochs):
            shown = _moving(bar, batches)
            every = LOG_EVERY[settings.dataset]
            log = train_loop(shown, model, loss_fn, optimizer, every)
            losses += [(epoch * size + seen, loss) for seen, loss in log]
            accuracy, loss = test_loop(test_batches, model, loss_fn)
            tests.append(((epoch + 1) * size, accuracy, loss))
            bar.set_postfix_str(f"test accuracy {accuracy:.0%}")
            if not math.isfinite(losses[-1][1] + loss):
                break
            if checkpoint:
                save_checkpoint(checkpoint, settings, model, optimizer, losses, tests)
    return losses, tests


def find_device(name):
    """Return the torch.device of that name; ValueError if it cannot be used here."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(
            f"device is {name!r}, which cannot be used here ({reason}); choose cpu, or "
            f"a device that this machine has."
        ) from error
    return device


def _moving(bar, batches):
    """Yield the batches, and move the progress bar."""
    for batch in batches:
        yield batch
        bar.update()


def save_checkpoint(path, settings, model, optimizer, losses, tests):
    """Store all that the rest of a run depends on, between two epochs."""
    state = {
        "settings": asdict(settings),
        "losses": losses,
        "tests": tests,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write(path, buffer.getvalue())


def load_checkpoint(path, settings, model, optimizer):
    """Put a stored state into model, optimizer and torch's generator.

    Returns: (losses, tests) up to then.
    Raises: ValueError where there is none, it is damaged, or has other settings.
    """
    again = "leave --resume out to start from the beginning."
    if path is None or not Path(path).is_file():
        raise ValueError(f"There is no checkpoint {path} to resume; {again}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        stored, losses, tests = (state[key] for key in ("settings", "losses", "tests"))
    except (RuntimeError, EOFError, KeyError, TypeError, ValueError,
            pickle.UnpicklingError) as error:  # fmt: skip
        raise ValueError(f"{path} is no readable checkpoint; {again}") from error
    for name, value in asdict(settings).items():
        if stored.get(name) != value:
            raise ValueError(
                f"{path} was written with {name} {stored.get(name)!r}, and this run "
                f"has {value!r}; give it the settings of that run, or {again}"
            )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    return losses, tests


def write(path, content):
    """Write bytes to a file beside `path` and rename it: no half-written file."""
    aside = Path(f"{path}.{os.getpid()}.new")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def as_csv(losses, tests):
    """Return what a run measured as CSV text, in the order of images seen."""
    rows = [(seen, loss, "", "") for seen, loss in losses]
    rows += [(seen, "", accuracy, loss) for seen, accuracy, loss in tests]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["images seen", "batch loss", "test accuracy", "test loss"])
    writer.writerows(sorted(rows, key=lambda row: row[0]))
    return text.getvalue()


def as_figure(losses, tests, title):
    """Return SVG text: training and test loss, and accuracy, against images seen."""
    figure, (left, right) = figures.new_axes((7.5, 3.2), columns=2)
    figure.suptitle(title, fontsize=8)
    (seen, batch_losses), (after, accuracies, test_losses) = zip(*losses), zip(*tests)
    pairs, labels = [batch_losses, test_losses], ["a training batch", "test images"]
    axes = {"xlabel": "images seen"}
    figures.plot([seen, after], pairs, ylabel="loss", legend=labels, axes=left, **axes)
    percent = [100 * accuracy for accuracy in accuracies]
    figures.plot(after, percent, ylabel="test accuracy (%)", axes=right, **axes)
    right.set(xlim=(0, None), ylim=(0, 100))
    text = figures.svg(figure)
    figures.plt.close(figure)
    return text


def make_parser():
    """Return the parser of the command line."""
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m descent.train_images",
        usage="%(prog)s [options]",
        description="Train a network with two hidden layers on images.",
        formatter_class=functools.partial(argparse.HelpFormatter, width=80),
    )

    def option(name, kind, text):
        value = getattr(default, name.replace("-", "_"), None)
        text += "" if value is None or name == "lr" else f" (default {value})"
        parser.add_argument(
            f"--{name}", type=kind, default=argparse.SUPPRESS, metavar="…", help=text
        )

    rates = ", ".join(f"{rate} for {name}" for name, (_, rate) in OPTIMIZERS.items())
    option("dataset", str, f"{' or '.join(IMAGE_DATASETS)}, a download of 30 MB")
    option("optimizer", str, f"one of {', '.join(OPTIMIZERS)}")
    option("lr", float, f"learning rate (default {rates})")
    option("momentum", float, "momentum, for sgd only")
    option("batch-size", int, "images in a batch")
    option("epochs", int, "passes over the training images")
    option("hidden", int, "units in each of the two hidden layers")
    option("seed", int, "what the weights and the order of images are drawn from")
    option("device", str, "where to compute, such as cpu, cuda, cuda:1 or mps")
    option("out", Path, "folder for the three files (default results)")
    option("checkpoint", Path, "another place for the checkpoint")
    for name, text in (
        ("resume", "go on from the checkpoint, after the last epoch that was finished"),
        ("quiet", "show no progress bar"),
    ):
        parser.add_argument(f"--{name}", action="store_true", help=text)
    return parser


def main(arguments=None):
    """Run the command line; return what to exit with."""
    options = vars(make_parser().parse_args(arguments))
    out, checkpoint = (
        options.pop("out", Path("results")),
        options.pop("checkpoint", None),
    )
    resume, quiet = options.pop("resume"), options.pop("quiet")
    figures.plt.switch_backend("agg")  # draws into files, needs no screen
    try:
        settings = Settings(**options)
        out.mkdir(parents=True, exist_ok=True)
        checkpoint = checkpoint or out / f"{settings}.pt"
        losses, tests = fit(settings, checkpoint, resume, progress=not quiet)
        for kind, text in (
            ("csv", as_csv(losses, tests)),
            ("svg", as_figure(losses, tests, str(settings))),
        ):
            write(out / f"{settings}.{kind}", text.encode())
            print("wrote", out / f"{settings}.{kind}")
    except (ValueError, OSError) as error:
        return f"train_images: {error}"
    except KeyboardInterrupt:
        return "stopped; the same command with --resume goes on from the last epoch"
    seen, accuracy, loss = tests[-1]
    print(f"test accuracy {accuracy:.0%}, test loss {loss:.3f} after {seen} images")
    if not math.isfinite(losses[-1][1] + loss):
        print(f"It diverged: try a learning rate smaller than {settings.lr}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
