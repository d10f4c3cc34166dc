"""Draw the picture on the book's first page, and the card that stands for the book
where somebody shares a link: `python benchmarks/cover.py`.

Four methods of torch.optim descend the same valley from the same point. `make
refresh` runs this, and a test holds the committed picture against a fresh one. A PNG
is not the same bytes on every machine: the card carries the checksum of the picture
that it was drawn with.
"""

import hashlib
import os
from pathlib import Path

import torch

from descent import figures, traces

PICTURE = Path(__file__).resolve().parent.parent / "images" / "cover.svg"
CARD = PICTURE.with_name("card.png")
CARD_SIZE = (1200, 630)  # pixels, as the sites that show such cards ask for
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


def draw():
    """Draw the four paths, and return the figure."""
    traces.show_trace_2d(valley, {name: path(*how) for name, how in METHODS.items()})
    return figures.plt.gcf()


def cover():
    """Return the picture as SVG text."""
    figure = draw()
    text = figures.svg(figure)
    figures.plt.close(figure)
    return text


def checksum(text):
    """Return the SHA-256 of the picture, by which its card is known."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_card(picture, path):
    """Write the card that belongs to a picture as a PNG of CARD_SIZE."""
    figure = draw()
    width, height = (pixels / 100 for pixels in CARD_SIZE)
    figure.set_layout_engine("constrained", rect=(0.03, 0.03, 0.94, 0.76))
    figure.set_size_inches(width, height)
    figure.text(0.04, 0.9, "Descent", fontsize=40, fontweight="bold", va="center")
    words = "Stochastic optimisation for deep learning: read it, run it, measure it"
    figure.text(0.96, 0.895, words, fontsize=15, ha="right", va="center")
    (axes,) = figure.axes
    for line in axes.lines:
        line.set(linewidth=2.5, markersize=5)
    axes.tick_params(labelsize=13)
    axes.legend(fontsize=15)
    metadata = {"Source": checksum(picture), "Software": None}
    figure.savefig(path, format="png", dpi=100, metadata=metadata)
    figures.plt.close(figure)


def main():
    picture = cover()
    aside = PICTURE.with_suffix(".new")
    aside.write_text(picture, encoding="utf-8")
    os.replace(aside, PICTURE)
    aside = CARD.with_suffix(".new")
    write_card(picture, aside)
    os.replace(aside, CARD)


if __name__ == "__main__":
    main()
