"""The airfoil regression: train it from scratch or with torch.optim, time it, draw it.

The model is linear, the loss of an example is ½(ŷ − y)², and the loss that is
recorded is its mean over all N examples.
"""

import math
import statistics
import time
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
import torch
from torch import nn

from descent import figures
from descent.data import Batches, get_data_ch11, whole_number

RECORDS_PER_EPOCH = 15  # with N = 1500: one record every 100 examples


class Timer:
    """A stopwatch that keeps every lap. It runs from the moment it is made."""

    def __init__(self):
        self.times = []
        self.start()

    def start(self):
        """Start a lap."""
        self._started = time.perf_counter()

    def stop(self):
        """End the lap, keep it in `times`, and return its length in seconds."""
        self.times.append(time.perf_counter() - self._started)
        return self.times[-1]

    def avg(self):
        """Return the mean lap in seconds."""
        return sum(self.times) / len(self.times)

    def sum(self):
        """Return the sum of the laps in seconds."""
        return sum(self.times)

    def cumsum(self):
        """Return the list of elapsed seconds after each lap."""
        return list(accumulate(self.times))


def median_ms(function, repeats=15):
    """Return the median time of a call in milliseconds, after one call to warm up.

    Args:
        function: what to time, called without arguments.
        repeats: number of timed calls, 1 or more.
    """
    function()
    timer = Timer()
    for _ in range(whole_number("repeats", repeats)):
        timer.start()
        function()
        timer.stop()
    return 1000 * statistics.median(timer.times)


@dataclass
class History:
    """What a training run recorded, starting before the first update.

    Attributes: `num_epochs`, how many epochs were asked for; `floor`, the least loss
    a linear model can have on these data; then three lists of one length: `epochs`
    (examples seen / N), `times` (seconds spent on updates so far) and `losses` (mean
    of ½(ŷ − y)² over all N examples); `diverged_at`, the number of the update at
    which the loss stopped being finite, or None.
    """

    num_epochs: int
    floor: float
    epochs: list = field(default_factory=list)
    times: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    diverged_at: int | None = None

    def record(self, epoch, seconds, loss):
        """Append one measurement."""
        self.epochs.append(epoch)
        self.times.append(seconds)
        self.losses.append(loss)

    def __str__(self):
        seconds = self.times[-1] / self.epochs[-1] if self.epochs[-1] else 0.0
        line = f"loss: {self.losses[-1]:.3f}, {seconds:.3f} sec/epoch"
        if self.diverged_at is not None:
            line = f"diverged at step {self.diverged_at}, {line}"
        return line


def linreg(X, w, b):
    """Return the linear model's predictions Xw + b.

    Args:
        X: (n, d); w: (d, 1); b: (1,).
    Returns: (n, 1).
    """
    return X @ w + b


def squared_loss(y_hat, y):
    """Return ½(ŷ − y)², elementwise, in the shape of `y_hat`."""
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def evaluate_loss(net, data_iter, loss):
    """Return the mean of `loss` over all examples, in one pass without gradients.

    Args:
        net: function from features to predictions.
        data_iter: minibatches (X, y).
        loss: function (predictions, y) -> one loss an example, unreduced.
    Returns: float.
    """
    X, y = whole(data_iter)
    with torch.no_grad():
        prediction = net(X)
        return loss(prediction, y.reshape(prediction.shape)).mean().item()


def whole(data_iter):
    """Return all examples behind `data_iter` as tensors (X, y), in a fixed order.

    Takes the tensors from `Batches`, or from a DataLoader over a TensorDataset, and
    otherwise collects one pass.
    Raises: ValueError for an iterator, and when there is no batch.
    """
    if isinstance(data_iter, Batches):
        return data_iter.tensors
    tensors = getattr(getattr(data_iter, "dataset", None), "tensors", None)
    if tensors is not None:
        return tensors
    if iter(data_iter) is data_iter:
        raise ValueError(
            f"data_iter is a {type(data_iter).__name__}, which can be gone through "
            f"only once; pass something that every epoch can go through again, such "
            f"as load_array makes."
        )
    batches = list(data_iter)
    if not batches:
        raise ValueError(
            "data_iter has no batches; make it with get_data_ch11 or load_array."
        )
    return tuple(torch.cat(parts) for parts in zip(*batches))


def least_squares_floor(X, y):
    """Return the smallest loss that any linear model has on (X, y).

    Solves the normal equations in float64; the floor of every airfoil figure.

    Args:
        X: (n, d); y: (n,).
    Returns: float, min over w and b of the mean of ½(Xw + b − y)².
    """
    design = np.column_stack([X, np.ones(len(X))]).astype(float)
    target = y.numpy().astype(float).reshape(-1)
    residual = design @ np.linalg.lstsq(design, target, rcond=None)[0] - target
    return float(residual @ residual) / (2 * len(target))


def _fit(step, evaluate, data_iter, num_epochs):
    """Make one update per batch, record RECORDS_PER_EPOCH times an epoch.

    Args:
        step: function (X, y) that makes one update and returns the loss of the batch
            before it, a float.
        evaluate: function () -> loss over all examples, a float.
    Returns: History. Updates and the serving of batches are timed, all of them;
        evaluation is not. Ends early when a loss is no longer finite.
    """
    num_epochs = whole_number("num_epochs", num_epochs)
    X, y = whole(data_iter)
    size = len(X)
    history = History(num_epochs, least_squares_floor(X, y))
    history.record(0.0, 0.0, evaluate())
    steps = seen = 0
    timer = Timer()
    for _ in range(num_epochs):
        for X, y in data_iter:
            batch_loss = step(X, y)
            steps += 1
            before, seen = seen, seen + len(X)
            due = seen * RECORDS_PER_EPOCH // size > before * RECORDS_PER_EPOCH // size
            if due or not math.isfinite(batch_loss):
                timer.stop()
                history.record(seen / size, timer.sum(), evaluate())
                if not math.isfinite(history.losses[-1] + batch_loss):
                    history.diverged_at = steps
                    return history
                timer.start()
    if history.epochs[-1] < seen / size:  # the loader dropped the last batch
        timer.stop()
        history.record(seen / size, timer.sum(), evaluate())
    return history


@torch.no_grad()
def _write_gradients(w, b, X, y):
    """Set w.grad and b.grad for the mean of ½(Xw + b − y)²; return that loss."""
    residual = linreg(X, w, b) - y.reshape(-1, 1)
    w.grad = X.T @ residual / len(X)
    b.grad = residual.mean(0)
    return residual.square_().mean().item() / 2


def fit_ch11(trainer_fn, states, hyperparams, data_iter, feature_dim, num_epochs=2):
    """Train the airfoil regression with an update rule written from scratch.

    The weights start as N(0, 0.01²) from torch's global generator, the bias at 0.
    The gradient of the squared loss is written out, so that a run takes
    milliseconds; tests hold it against autograd.

    Args:
        trainer_fn: called as trainer_fn([w, b], states, hyperparams) after every
            batch, with gradients in w.grad (feature_dim, 1) and b.grad (1,). Must
            update w and b in place and zero the gradients.
        states: what the rule keeps between steps, or None: one entry for w and one
            for b, each a tensor of the parameter's shape or a tuple of such tensors.
        hyperparams: dict, handed to the trainer.
        data_iter: minibatches (X, y) of shapes (b, feature_dim) and (b,).
        feature_dim: number of features.
        num_epochs: passes over the data.
    Returns: History.
    Raises: ValueError, in a sentence, for input that does not fit.
    """
    X, _ = whole(data_iter)
    if X.shape[1] != feature_dim:
        raise ValueError(
            f"feature_dim is {feature_dim!r}, but the examples have {X.shape[1]} "
            f"features; pass both values that get_data_ch11 returns."
        )
    w = torch.normal(0.0, 0.01, size=(feature_dim, 1), requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    _check_states(states, [w, b])
    first = [p.detach().clone() for p in (w, b)]
    steps = 0

    def step(X, y):
        nonlocal steps
        loss = _write_gradients(w, b, X, y)
        try:
            trainer_fn([w, b], states, hyperparams)
        except KeyError as error:
            _explain_missing(error, hyperparams)
            raise
        steps += 1
        if steps == 1:
            _check_zeroed([w, b])
        return loss

    def evaluate():
        return evaluate_loss(lambda X: linreg(X, w, b), data_iter, squared_loss)

    history = _fit(step, evaluate, data_iter, num_epochs)
    if hyperparams.get("lr") != 0:
        _check_moved(first, [w, b])
    return history


def fit_concise_ch11(trainer_fn, hyperparams, data_iter, num_epochs=4):
    """Train the airfoil regression with an optimizer of torch.optim and autograd.

    The loss is half of nn.MSELoss, and weights and bias start as in `fit_ch11`, so
    the same rate means the same update as there.

    Args:
        trainer_fn: an optimizer class, called as trainer_fn(parameters, **hyperparams).
        hyperparams: dict of its keyword arguments.
        data_iter, num_epochs: as in `fit_ch11`.
    Returns: History.
    Raises: ValueError, in a sentence, for arguments that the optimizer refuses.
    """
    X, _ = whole(data_iter)
    net = nn.Linear(X.shape[1], 1)
    nn.init.normal_(net.weight, std=0.01)
    nn.init.zeros_(net.bias)
    mse = nn.MSELoss()
    try:
        optimizer = trainer_fn(net.parameters(), **hyperparams)
    except TypeError as error:
        name = getattr(trainer_fn, "__name__", repr(trainer_fn))
        raise ValueError(
            f"{name} does not take hyperparams {hyperparams!r}: {error}. Name them as "
            f"in {name}'s own documentation."
        ) from error

    def step(X, y):
        optimizer.zero_grad()
        loss = mse(net(X), y.reshape(-1, 1)) / 2
        loss.backward()
        optimizer.step()
        return loss.item()

    def evaluate():
        return evaluate_loss(net, data_iter, squared_loss)

    return _fit(step, evaluate, data_iter, num_epochs)


def train_ch11(trainer_fn, states, hyperparams, data_iter, feature_dim, num_epochs=2):
    """Train with a rule written from scratch, print the result, draw the loss.

    Arguments and errors are those of `fit_ch11`.
    Returns: (times, losses), two lists: the seconds spent on updates so far and the
        loss over all examples, at the start, RECORDS_PER_EPOCH times an epoch and at
        the end.
    """
    return _report(
        fit_ch11(trainer_fn, states, hyperparams, data_iter, feature_dim, num_epochs)
    )


def train_concise_ch11(trainer_fn, hyperparams, data_iter, num_epochs=4):
    """Train with an optimizer of torch.optim, print the result, draw the loss.

    Arguments and errors are those of `fit_concise_ch11`; returns as `train_ch11`.
    """
    return _report(fit_concise_ch11(trainer_fn, hyperparams, data_iter, num_epochs))


def _report(history):
    print(history)
    show_losses({"": history})
    return history.times, history.losses


def fit_seeds(
    trainer_fn,
    init_states,
    hyperparams,
    batch_size=10,
    num_epochs=2,
    seeds=range(10),
):
    """Repeat a from-scratch run on the airfoil data from other starts and orders.

    Args:
        trainer_fn, hyperparams, num_epochs: as in `fit_ch11`.
        init_states: function feature_dim -> fresh states, or None for a rule that
            keeps none.
        batch_size: examples a batch.
        seeds: seeds of torch's generator, one run each: they fix the initial weights
            and the order of the examples.
    Returns: list of History, one a seed.
    """

    def fit(data_iter, feature_dim):
        states = init_states(feature_dim) if init_states else None
        arguments = (states, hyperparams, data_iter, feature_dim, num_epochs)
        return fit_ch11(trainer_fn, *arguments)

    return _over_seeds(fit, batch_size, seeds)


def fit_concise_seeds(
    trainer_fn, hyperparams, batch_size=10, num_epochs=2, seeds=range(10)
):
    """Repeat a torch.optim run on the airfoil data; as `fit_seeds`, without states."""

    def fit(data_iter, feature_dim):
        return fit_concise_ch11(trainer_fn, hyperparams, data_iter, num_epochs)

    return _over_seeds(fit, batch_size, seeds)


def _over_seeds(fit, batch_size, seeds):
    histories = []
    for seed in seeds:
        data_iter, feature_dim = get_data_ch11(batch_size)
        torch.manual_seed(seed)
        histories.append(fit(data_iter, feature_dim))
    return histories


def show_losses(runs, ylim=None, axes=None):
    """Draw loss against epochs, with the least-squares floor.

    Args:
        runs: dict from label to a History or to a list of them, one a seed. Of a
            list the first is drawn as a line, with a band from the lowest to the
            highest of all. A label that names a method takes its colour.
        ylim: (lowest, highest) loss shown; chosen from the runs if None.
        axes: axes to draw on, instead of a new figure.
    """
    if axes is None:
        axes = figures.new_axes()[1]
    runs = {k: v if isinstance(v, list) else [v] for k, v in runs.items()}
    for position, (label, histories) in enumerate(runs.items()):
        color, dash = figures.line_style(label or "sgd", position)
        curve, rest = histories[0], histories[1:]
        look = dict(color=color, linestyle=dash, label=label or None)
        axes.plot(curve.epochs, curve.losses, **look)
        if rest:
            shortest = min(len(history.losses) for history in histories)
            losses = np.array([history.losses[:shortest] for history in histories])
            band = losses.min(0), losses.max(0)
            axes.fill_between(curve.epochs[:shortest], *band, color=color, alpha=0.2)
    every = [history for histories in runs.values() for history in histories]
    floor = every[0].floor
    axes.axhline(floor, color=figures.REFERENCE, linewidth=1, linestyle=(0, (1, 2)))
    axes.annotate(
        "least-squares floor", (1, floor), (0, -3), va="top", ha="right", fontsize=8,
        xycoords=("axes fraction", "data"), textcoords="offset points",
        color=figures.REFERENCE,
    )  # fmt: skip
    _set_loss_limits(axes, every, floor, ylim)
    axes.set(xlabel="epochs", ylabel="loss ½(ŷ − y)²")
    axes.set_xlim(0, max(history.num_epochs for history in every))
    if any(runs):
        axes.legend()


def _set_loss_limits(axes, histories, floor, ylim):
    """Show 0.22 to 0.35, where trained runs end, or more when a run ends above."""
    if ylim is not None:
        axes.set_ylim(ylim)
        return
    losses = np.concatenate([history.losses for history in histories])
    highest = losses[np.isfinite(losses)].max()
    ends = max(history.losses[-1] for history in histories)
    if any(history.diverged_at for history in histories) or ends > 1.5:
        axes.set_yscale("log")
        axes.set_ylim(floor / 1.5, highest * 2)
    elif ends > 0.34:
        axes.set_ylim(floor - 0.02, highest * 1.05)
    else:
        axes.set_ylim(0.22, 0.35)


def _check_states(states, params):
    """Raise a sentence when a state tensor has not the shape of its parameter."""
    if states is None or not len(states):
        return
    names = ("w", "b")
    if len(states) != len(params):
        raise ValueError(
            f"states has {len(states)} entries; expected 2, the first for w of shape "
            f"{tuple(params[0].shape)} and the second for b of shape (1,), or None."
        )
    for name, param, entry in zip(names, params, states):
        for tensor in entry if isinstance(entry, (tuple, list)) else (entry,):
            if not isinstance(tensor, torch.Tensor) or not tensor.dim():
                continue  # a step counter, say
            if tensor.shape != param.shape:
                raise ValueError(
                    f"the state for {name} has shape {tuple(tensor.shape)}; expected "
                    f"{tuple(param.shape)}, the shape of {name}. Make it with "
                    f"torch.zeros{tuple(param.shape)}."
                )


def _explain_missing(error, hyperparams):
    """Raise a sentence when the trainer asked for a hyperparameter not given."""
    name = error.args[0] if error.args else None
    if name not in hyperparams:
        raise ValueError(
            f"the trainer asked for hyperparameter {name!r}, and hyperparams has only "
            f"{sorted(hyperparams)}; pass hyperparams={{{name!r}: ..., ...}}."
        ) from error


def _check_zeroed(params):
    """Raise a sentence when the trainer left gradients behind."""
    for name, param in zip(("w", "b"), params):
        if param.grad is not None and param.grad.any():
            raise ValueError(
                f"after the first step {name}.grad is still {param.grad.tolist()}; "
                f"autograd would add the next gradient to it. End the trainer's loop "
                f"with p.grad.zero_() for every parameter p."
            )


def _check_moved(before, params):
    """Raise a sentence when no update changed anything."""
    if all(torch.equal(old, new) for old, new in zip(before, params)):
        raise ValueError(
            "the trainer has not changed w or b in any step: it has to update "
            "them in place, for example with p.data.sub_(hyperparams['lr'] * p.grad); "
            "`p = p - ...` only names a new tensor."
        )
