"""The book's one figure style: colours by optimizer, `plot`, and stable SVG."""

import io
import re

import numpy as np
from IPython import get_ipython
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

# Colour and dash of each method, the same in every figure. Colours keep a contrast
# of at least 3 to 1 on white and on the dark theme; no two methods share both.
STYLES = {
    "gd": ("#666666", "-"),
    "sgd": ("#0A78BE", "-"),
    "minibatch sgd": ("#0E8C9B", "--"),
    "momentum": ("#D55E00", "-"),
    "nesterov": ("#D55E00", "--"),
    "newton": ("#8A6D3B", "-"),
    "adagrad": ("#009E73", "-"),
    "rmsprop": ("#B8558C", "-."),
    "adadelta": ("#7A5FD3", (0, (5, 1, 1, 1, 1, 1))),
    "adam": ("#D0342C", "-."),
    "amsgrad": ("#9B3FB5", ":"),
    "yogi": ("#A07800", (0, (1, 1))),
}
# For curves that are no optimizer's: told apart by dash as well as by colour.
CYCLE = [
    ("#0A78BE", "-"),
    ("#D55E00", "--"),
    ("#00875F", "-."),
    ("#B8558C", ":"),
    ("#757575", (0, (5, 1, 1, 1, 1, 1))),
]
REFERENCE = "#757575"  # floors, bounds, axes through zero

_RC = {
    "figure.figsize": (5.0, 3.0),
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "descent",
    "font.family": ["DejaVu Sans"],
}


def style(name):
    """Return the (colour, dash) of a method of the book.

    Args:
        name: a key of STYLES, in any case.
    Raises: ValueError listing the known methods.
    """
    if name.lower() not in STYLES:
        raise ValueError(
            f"no style for {name!r}; the methods with a colour of their own are "
            f"{', '.join(STYLES)}."
        )
    return STYLES[name.lower()]


def line_style(label, position):
    """Return (colour, dash) for a curve: its method's, or the position's in CYCLE."""
    if label.lower() in STYLES:
        return STYLES[label.lower()]
    return CYCLE[position % len(CYCLE)]


def use_svg_display():
    """Put the book's style in force and make notebooks show figures as SVG."""
    plt.rcParams.update(_RC)
    shell = get_ipython()
    if shell is not None and hasattr(shell, "kernel"):
        from matplotlib_inline import backend_inline

        backend_inline.set_matplotlib_formats("svg")
        formatters = shell.display_formatter.formatters
        formatters["image/svg+xml"].for_type(Figure, svg)
        formatters["image/png"].pop(Figure, None)


def svg(figure):
    """Return a figure as SVG text that depends on nothing but what is drawn.

    No date, no version, no random identifiers, and coordinates to 0.01 pt, which no
    eye can see and which keeps the last bits of a float out of the file. Text
    stays text: labels can be selected and searched.
    """
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata=nothing)
    text = re.sub(r"<[^>]*>", _round_coordinates, buffer.getvalue())
    # matplotlib names shapes by a hash of their exact coordinates: number them instead
    names = dict.fromkeys(re.findall(r'id="([a-z][0-9a-f]{10})"', text))
    for number, name in enumerate(names, start=1):
        text = text.replace(name, f"shape{number}")
    return text


def _round_coordinates(tag):
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag[0])


def set_figsize(figsize=(5.0, 3.0)):
    """Set the size, in inches, of the figures that follow, in the book's style."""
    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def new_axes(figsize=(5.0, 3.0), rows=1, columns=1, **options):
    """Return (figure, axes) in the book's style; `options` go to `plt.subplots`."""
    use_svg_display()
    return plt.subplots(rows, columns, figsize=figsize, layout="constrained", **options)


def plot(
    X,
    Y=None,
    xlabel=None,
    ylabel=None,
    legend=None,
    xlim=None,
    ylim=None,
    xscale="linear",
    yscale="linear",
    fmts=None,
    figsize=(5.0, 3.0),
    axes=None,
):
    """Draw curves of Y against X; with Y left out, curves of X against 0, 1, 2, …

    Args:
        X, Y: one sequence of numbers, or a list of them. One X serves many Ys.
        xlabel, ylabel: axis labels, with units where there are any.
        legend: one label a curve. A label that names a method of the book takes
            that method's colour and dash.
        xlim, ylim, xscale, yscale: limits and scales of the axes.
        fmts: matplotlib format strings, one a curve, instead of the book's styles.
        figsize: (width, height) in inches of a new figure.
        axes: axes to draw on, instead of a new figure.
    Raises: ValueError when X and Y do not pair up.
    """
    xs, ys = _as_curves(X), _as_curves(Y)
    if Y is None:
        xs, ys = [np.arange(len(curve)) for curve in xs], xs
    if len(xs) == 1:
        xs = xs * len(ys)
    if len(xs) != len(ys) or any(len(x) != len(y) for x, y in zip(xs, ys)):
        raise ValueError(
            f"X has {len(xs)} curve(s) of lengths {[len(x) for x in xs]} and Y has "
            f"{len(ys)} of lengths {[len(y) for y in ys]}; give every y its x."
        )
    if axes is None:
        axes = new_axes(figsize)[1]
    labels = list(legend or [])
    labels += [""] * (len(ys) - len(labels))
    for position, (x, y, label) in enumerate(zip(xs, ys, labels)):
        if fmts:
            axes.plot(x, y, fmts[position % len(fmts)], label=label or None)
        else:
            color, dash = line_style(label, position)
            axes.plot(x, y, color=color, linestyle=dash, label=label or None)
    axes.set(xlabel=xlabel or "", ylabel=ylabel or "", xscale=xscale, yscale=yscale)
    if xlim is not None:
        axes.set_xlim(xlim)
    if ylim is not None:
        axes.set_ylim(ylim)
    if any(labels):
        axes.legend()


def _as_curves(data):
    """Return a list of 1-D arrays from one curve or a list of curves."""
    if data is None:
        return []
    if hasattr(data, "detach"):
        data = data.detach().cpu().numpy()
    if len(data) and np.ndim(data[0]) == 0:
        return [np.asarray(data, dtype=float)]
    return [np.asarray(curve, dtype=float) for curve in data]
