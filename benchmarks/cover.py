"""Draw the picture on the book's first page: `python benchmarks/cover.py`.

Four methods of torch.optim descend the same valley from the same point. `make
refresh` runs this, and a test holds the committed picture against a fresh one.
"""

import os
from pathlib import Path

import torch

from descent import figures, traces

PICTURE = Path(__file__).resolve().parent.parent / "images" / "cover.svg"
METHODS = {
    "gd": (torch.optim.SGD, {"lr": 0.4}),
    "momentum": (torch.optim.SGD, {"lr": 0.6, "momentum": 0.5}),
    "adagrad": (torch.optim.Adagrad, {"lr": 2.0}),
    "adam": (torch.optim.Adam, {"lr": 0.4}),
}


def valley(x1, x2):
    """0.1 x1² + 2 x2²: twenty times steeper in one direction than in the other."""
    return 0.1 * x1**2 + 2 * x2**2


def path(optimizer_class, hyperparams, steps=60):
    """Return the points (x1, x2) that a torch.optim class visits from (−5, −2)."""
    x = torch.tensor([-5.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_class([x], **hyperparams)
    points = [tuple(x.tolist())]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(x[0], x[1]).backward()
        optimizer.step()
        points.append(tuple(x.tolist()))
    return points


def cover():
    """Return the picture as SVG text."""
    traces.show_trace_2d(valley, {name: path(*how) for name, how in METHODS.items()})
    figure = figures.plt.gcf()
    text = figures.svg(figure)
    figures.plt.close(figure)
    return text


if __name__ == "__main__":
    aside = PICTURE.with_suffix(".new")
    aside.write_text(cover(), encoding="utf-8")
    os.replace(aside, PICTURE)
