"""Run an update rule on a function of two variables and draw its path."""

import math

import numpy as np
import torch

from descent import figures
from descent.data import whole_number


def train_2d(trainer, steps=20, f_grad=None, *, start=(-5, -2)):
    """Apply an update rule to two variables and return the path it takes.

    Args:
        trainer: called as trainer(x1, x2, s1, s2) or, with `f_grad`, as
            trainer(x1, x2, s1, s2, f_grad); returns the new (x1, x2, s1, s2). s1
            and s2 are the rule's own state and start at 0.
        steps: number of updates, 1 or more.
        f_grad: function (x1, x2) -> (df/dx1, df/dx2), handed to `trainer`.
        start: the first (x1, x2).
    Returns: list of (x1, x2), `start` first: steps + 1 points, or fewer when the
        path stops being finite, which is said.
    Raises: ValueError when the trainer does not return four values.
    """
    steps = whole_number("steps", steps)
    state = (*start, 0, 0)
    path = [tuple(start)]
    for step in range(1, steps + 1):
        state = trainer(*state, f_grad) if f_grad else trainer(*state)
        if not isinstance(state, (tuple, list)) or len(state) != 4:
            raise ValueError(
                f"the trainer returned {state!r} at step {step}; expected four values, "
                f"(x1, x2, s1, s2). End it with `return x1, x2, s1, s2`."
            )
        x1, x2 = float(state[0]), float(state[1])
        if not (math.isfinite(x1) and math.isfinite(x2)):
            print(f"diverged at step {step}")
            return path
        path.append((state[0], state[1]))
    print(f"step {steps}, x1: {x1:zf}, x2: {x2:zf}")
    return path


def show_trace_2d(f, results):
    """Draw one path, or several, over the contour lines of a function.

    The window is chosen from the paths and from the minimum near them. A path that
    runs away is followed for a while; where it leaves the picture is marked.
    Contour lines are spaced logarithmically above the lowest value in the window.

    Args:
        f: function (x1, x2) -> value that works elementwise on tensors.
        results: list of (x1, x2), as `train_2d` returns it, or a dict from label to
            such a list. A label that names a method takes that method's colour.
    Raises: ValueError when a path is empty or a point is not a pair of numbers.
    """
    paths = results if isinstance(results, dict) else {"": results}
    paths = {label: _as_path(path) for label, path in paths.items()}
    (left, right), (bottom, top) = window = _window(f, list(paths.values()))
    axes = figures.new_axes((5.0, 3.4))[1]
    x1, x2, height = _heights(f, window, 161)
    lowest, highest = height.min(), np.percentile(height, 98)
    if highest > lowest:
        levels = lowest + (highest - lowest) * np.geomspace(3e-4, 1.0, 11)
        levels = levels.astype(np.float32)
        axes.contour(
            x1,
            x2,
            height,
            levels,
            colors=figures.REFERENCE,
            linewidths=0.7,
            alpha=0.7,
        )
    for position, (label, path) in enumerate(paths.items()):
        color, dash = figures.line_style(label or "gd", position)
        if not label:
            color, dash = figures.CYCLE[1][0], "-"
        outside = ~_inside(path, window)
        path = _thinned(path, window)
        points = dict(color=color, linestyle=dash, marker="o", markersize=3)
        axes.plot(*path.T, linewidth=1.2, label=label or None, **points)
        if outside.any():
            step = int(np.argmax(outside))
            name = f"{label}: " if label else ""
            axes.set_title(f"{name}leaves the picture at step {step}", fontsize=10)
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="x₁", ylabel="x₂")
    axes.grid(False)
    if any(paths):
        axes.legend()


def _as_path(points):
    try:
        path = np.array([[float(x1), float(x2)] for x1, x2 in points])
    except (TypeError, ValueError):
        path = np.empty((0, 2))
    if len(path) == 0:
        raise ValueError(
            f"a path is a list of (x1, x2) pairs with at least one point, as train_2d "
            f"returns it; got {points!r:.80}."
        )
    return path


def _window(f, paths):
    """Return ((left, right), (bottom, top)): the paths, and the minimum near them.

    Points further from where they began than three times the way to the minimum
    (a run that diverges) do not widen the window.
    """
    starts = np.array([path[0] for path in paths])
    reach = max(2.0, 1.5 * np.abs(starts).max())
    x1, x2, height = _heights(f, [(c - reach, c + reach) for c in starts.mean(0)], 81)
    row, column = np.unravel_index(np.argmin(height), height.shape)
    kept = [starts]
    reach_kept = 3 * reach
    if 0 < row < height.shape[0] - 1 and 0 < column < height.shape[1] - 1:
        lowest = np.array([[x1[row, column], x2[row, column]]])
        kept.append(lowest)
        reach_kept = 3 * np.abs(starts - lowest).max()
    for path in paths:
        kept.append(path[np.abs(path - path[0]).max(1) <= reach_kept])
    points = np.concatenate(kept)
    low, high = points.min(0), points.max(0)
    margin = 0.08 * np.maximum(high - low, 0.25 * (high - low).max() + 1e-9)
    return list(zip(low - margin, high + margin))


def _inside(path, window):
    (left, right), (bottom, top) = window
    x1, x2 = path.T
    return (left <= x1) & (x1 <= right) & (bottom <= x2) & (x2 <= top)


def _thinned(path, window):
    """Drop the points that would be drawn on top of the one before, not the last."""
    small = 0.004 * np.ptp(np.array(window), axis=1)
    kept = [0]
    for step in range(1, len(path)):
        if (np.abs(path[step] - path[kept[-1]]) > small).any():
            kept.append(step)
    return path[sorted({*kept, len(path) - 1})]


def _heights(f, window, points):
    """Return grids (x1, x2, f(x1, x2)) of points × points over a window."""
    edges = (np.linspace(low, high, points) for low, high in window)
    x1, x2 = np.meshgrid(*edges, indexing="ij")
    height = torch.as_tensor(f(torch.from_numpy(x1), torch.from_numpy(x2)))
    height = height.expand(x1.shape).numpy()
    # In float32, so that a last bit that differs between processors is not drawn.
    return x1, x2, np.nan_to_num(height.astype(np.float32))
