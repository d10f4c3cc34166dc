"""Checks of the exercises of the chapter on stochastic gradient descent."""

import math

import numpy as np
import torch

from descent.checks.core import Wrong, ask, check, compare, describe, numbers, right

START, CURVATURES = (-5.0, -2.0), (2.0, 4.0)  # of x1² + 2 x2², traced from (−5, −2)


@check
def check_mean_square_distance(mean_square_distance):
    """Exercise 1: the mean squared distance from the minimum after some noisy steps.

    Args:
        mean_square_distance: function of a list of rates, one a step, on the noisy
            bowl x1² + 2 x2² from (−5, −2), with independent N(0, 1) noise on both
            partial derivatives. Returns E[x1² + x2²] after the last step, to one part
            in 10⁶.
    Oracle: mean and variance as sums over the steps, in place of a recursion.
    """

    def moments(rates, curvature, start):
        left = np.cumprod([1 - curvature * rate for rate in rates[::-1]])[::-1]
        weights = np.append(left[1:], 1.0) * rates  # of each step's noise, at the end
        return start * left[0], float(weights @ weights)

    def both(rates, curvatures=CURVATURES):
        return [moments(rates, h, x) for h, x in zip(curvatures, START)]

    def oracle(rates):
        return sum(mean**2 + variance for mean, variance in both(rates))

    def early(rates):
        """Noise that is shrunk together with x, as if it came before the step."""
        total = 0.0
        for h, x in zip(CURVATURES, START):
            mean, V = x, 0.0
            for rate in rates:
                mean, V = (1 - h * rate) * mean, (1 - h * rate) ** 2 * (V + rate**2)
            total += mean**2 + V
        return total

    def linear(rates):
        """Noise of variance η in place of η²."""
        total = 0.0
        for h, x in zip(CURVATURES, START):
            mean, V = x, 0.0
            for rate in rates:
                mean, V = (1 - h * rate) * mean, (1 - h * rate) ** 2 * V + rate
            total += mean**2 + V
        return total

    def risk(rates):
        (m1, v1), (m2, v2) = both(rates)
        return m1**2 + v1 + 2 * (m2**2 + v2)

    def halved(rates):
        return sum(m**2 + v for m, v in both(rates, (1.0, 2.0)))

    def late(rates):
        if len(rates) == 1:
            return sum(x**2 for x in START)
        return oracle(rates[1:])

    mistakes = [
        (
            lambda rates: sum(mean**2 for mean, _ in both(rates)),
            "That is the squared distance of the mean: the noise is missing.",
        ),
        (
            lambda rates: sum(variance for _, variance in both(rates)),
            "That is the variance alone: the way that is still to go is missing.",
        ),
        (lambda rates: math.sqrt(oracle(rates)), "That is its root; square it."),
        (risk, "That is the mean of f; the distance weighs both coordinates alike."),
        (linear, "The noise enters with rate²: the step multiplies it by the rate."),
        (
            early,
            "The noise of a step is not shrunk by that step, only by later ones.",
        ),
        (
            halved,
            "A factor 2 is missing: the partial derivatives are 2 x1 and 4 x2.",
        ),
        (
            lambda rates: sum(m**2 + v for m, v in both(rates, (2.0, 2.0))),
            "The second coordinate has the partial derivative 4 x2, not 2 x2.",
        ),
        (late, "The first rate of the list is not used."),
    ]
    rng = np.random.default_rng(0)
    cases = [([0.1],), ([0.1, 0.1],), ([0.2, 0.05],), ([0.5, 0.25, 0.1],)]
    cases += [(rng.uniform(0, 0.4, size).tolist(),) for size in (5, 20)]
    cases += [([0.1] * 50,), ([0.1 / math.sqrt(t) for t in range(1, 201)],)]
    count = compare(mean_square_distance, oracle, cases, mistakes, atol=1e-12)
    return right(f"agrees with the closed sums on {count} lists of rates.")


@check
def check_noise_covariance(noise_covariance):
    """Exercise 2: which random centres give standard normal gradient noise.

    Args:
        noise_covariance: function of Q, a symmetric positive definite float64 tensor
            (d, d). Returns the covariance matrix (d, d) of the random point c for
            which Q(x − c) is Q(x − E[c]) plus noise of covariance I, to one part in
            10⁶.
    Oracle: numpy, from the eigenvalues of Q.
    """

    def power(Q, exponent):
        values, vectors = np.linalg.eigh(Q.numpy())
        return torch.from_numpy(vectors * values**exponent @ vectors.T)

    mistakes = [
        (
            lambda Q: power(Q, -1.0),
            "Test it: for the covariance C of c, the noise Q(c − E[c]) has covariance "
            "Q C Qᵀ, where Q stands twice.",
        ),
        (
            lambda Q: power(Q, 2.0),
            "That is the covariance of Q z for standard normal z; you need the c for "
            "which Q c is standard normal, the other way round.",
        ),
        (
            lambda Q: power(Q, -0.5),
            "Its product with Q on both sides is Q^(3/2), not the identity.",
        ),
        (
            lambda Q: torch.eye(len(Q)),
            "That is the covariance of the noise itself; what is it for c?",
        ),
        (
            lambda Q: torch.diag(1 / Q.diag() ** 2),
            "That is right only while Q is diagonal.",
        ),
    ]
    rng = np.random.default_rng(0)
    cases = [
        (torch.tensor([[2.0]]).double(),),
        (torch.tensor([2.0, 4.0]).double().diag(),),
    ]
    for d in (2, 3, 5):
        root = rng.normal(size=(d, d))
        cases.append((torch.from_numpy(root @ root.T / d + 0.5 * np.eye(d)),))
    count = compare(
        noise_covariance, lambda Q: power(Q, -2.0), cases, mistakes, atol=1e-9
    )
    return right(f"the noise has covariance I for {count} matrices Q.")


@check
def check_equal_pace(equal_pace):
    """Exercise 4: both coordinates shrink in step, whichever of them is steep.

    Args:
        equal_pace: function (gradient, start, steps); gradient maps a float64 tensor
            (2,) to the gradient there, start is a float64 tensor (2,). Returns the
            path, (steps + 1, 2), start first.
    Asked for: on ½(h1 x1² + h2 x2²) from (±1, ±1), in 300 steps, each coordinate gets
        below a tenth of its start, ends there, and neither takes more than twice as
        many steps as the other.
    Oracle: none is needed; the two counts are compared with each other.
    """
    steps, counts = 300, []
    cases = [((1, 1), (1, 1)), ((1, 100), (1, 1)), ((100, 1), (1, 1))]
    cases += [((1, 1e4), (-1, 1)), ((0.03, 2), (1, -1))]
    paths = []
    for part in (cases[:3], cases[3:]):  # three paths tell how a rule scales
        hint = _unequal(paths) if paths else ""
        paths = [_path(equal_pace, *case, steps, hint) for case in part] + paths
        for (h, path), (_, start) in zip(paths, part):
            where = f"on ½({h[0]:g} x1² + {h[1]:g} x2²) from ({start[0]}, {start[1]})"
            hint = _unequal(paths[-3:])
            counts.append(_pace(path, where, hint))
    counts = ", ".join(f"{n1} and {n2}" for n1, n2 in counts)
    return right(
        f"x1 and x2 become ten times smaller in {counts} steps, whichever is steep."
    )


def _path(equal_pace, curvatures, start, steps, hint):
    """Return the curvatures and the reader's path for them."""
    h, x = torch.tensor(curvatures).double(), torch.tensor(start).double()

    def gradient(x):
        return h * x

    called = describe(equal_pace, (gradient, x, steps))
    path = ask(equal_pace, gradient, x, steps, called=called)
    try:
        path = numbers(path, (steps + 1, 2), called)
    except Wrong as wrong:
        where = f"on ½({h[0]:g} x1² + {h[1]:g} x2²), "
        raise Wrong(f"{where}{wrong}{hint}") from wrong
    if not np.allclose(path[0], start):
        raise Wrong(f"{called} begins with {path[0]}; expected the start, {start}.")
    return h.numpy(), path


def _pace(path, where, hint):
    """Return how many steps each coordinate needs to become ten times smaller."""
    small = np.abs(path) <= 0.1
    for i in (0, 1):
        if not small[-1, i]:
            raise Wrong(
                f"{where}, x{i + 1} is at {path[-1, i]:.3g} after {len(path) - 1} "
                f"steps; expected at most 0.1 in size.{hint}"
            )
    n1, n2 = int(small[:, 0].argmax()), int(small[:, 1].argmax())
    if max(n1, n2) > 2 * min(n1, n2):
        raise Wrong(
            f"{where}, x1 needs {n1} steps to become ten times smaller and x2 "
            f"{n2}.{hint}"
        )
    return n1, n2


def _unequal(paths):
    """Say how the first steps of the paths scale the gradient, if it is a known way."""
    scales = []
    for h, path in paths:  # the first step divided by the gradient
        scales.append((path[0] - path[1]) / (h * path[0]))
    equal, steep, swapped = scales[:3]
    if np.allclose(steep, 0):
        return " The path does not move."
    if (steep < 0).any():
        return " The first step goes up the gradient: check the sign."
    if np.isclose(steep[0], steep[1], rtol=1e-3):
        return (
            " You scale both coordinates by the same number; give each coordinate a "
            "number of its own."
        )
    if np.allclose(steep, swapped, rtol=1e-3):
        return (
            " Your scale belongs to a coordinate, whatever its gradient is; derive it "
            "from the gradients you see."
        )
    ratio = math.log(abs(steep[0] / steep[1])) / math.log(100)
    if ratio > 1.5:
        return (
            " You divide by the square of the gradient's size, which makes the steep "
            "coordinate the slow one; what has the gradient's own size?"
        )
    if ratio < 0:
        return " You lengthen the steep coordinate's step in place of shortening it."
    if ratio < 0.75:
        return " You divide by too little: the steep coordinate still runs ahead."
    return ""


@check
def check_hidden_minimum(hidden_minimum):
    """Exercise 5: lower one minimum of x²(1 + sin x), and nothing beside it.

    Args:
        hidden_minimum: function (x, m, width, depth) of four floats; returns the
            changed function at x. It equals x²(1 + sin x) for |x − m| ≥ width, is
            −depth at the minimum m and nowhere lower, and has no jump and no kink.
    Oracle: x²(1 + sin x) itself; 1e-9 for values outside and at m, differences of
        the change over width/500 for jumps and kinks.
    """
    minima = [math.pi * (2 * k - 0.5) for k in range(-2, 4)]
    for m, width, depth in (
        (minima[2], 1.0, 1.0),
        (minima[5], 0.5, 2.0),
        (0.0, 0.4, 0.5),
    ):
        tail = f"{m:.4g}, {width:g}, {depth:g})"
        name = getattr(hidden_minimum, "__name__", "your function")

        def values(points, m=m, width=width, depth=depth, name=name, tail=tail):
            def many(points):
                return [float(hidden_minimum(x, m, width, depth)) for x in points]

            called = f"{name}(x, {tail}"
            result = ask(many, points, called=called)
            return numbers(result, (len(points),), called)

        first = ask(hidden_minimum, m, m, width, depth)
        low = float(numbers(first, (), f"{name}({m:.4g}, {tail}"))
        if math.isclose(low, depth, abs_tol=1e-9):
            raise Wrong(
                f"{name}({m:.4g}, {tail} returns {low:.4g}; expected {-depth:.4g}: the "
                f"sign is wrong, the minimum is to be lowered."
            )
        if abs(low + depth) > 1e-9:
            raise Wrong(
                f"{name}({m:.4g}, {tail} returns {low:.4g}; expected {-depth:.4g}."
            )
        outside = [m + s * width * k for k in (1.0, 1.2, 2.0, 4.0) for s in (-1, 1)]
        outside += np.linspace(-20, 20, 81).tolist()
        outside = [x for x in outside if abs(x - m) >= width]
        for x, value in zip(outside, values(outside)):
            if abs(value - _bowl(x)) > 1e-9 * (1 + _bowl(x)):
                raise Wrong(
                    f"{name}({x:.4g}, {tail} returns {value:.4g}; expected "
                    f"{_bowl(x):.4g}, as before the change: {x:.4g} is not within "
                    f"{width:g} of {m:.4g}. {_leak(value - _bowl(x), x, depth)}"
                )
        step = width / 500
        grid = m + step * np.arange(-520, 521)
        values_on = values(grid.tolist())
        change = values_on - _bowl(grid)
        if values_on.min() < -depth - 1e-9 * (1 + depth):
            x = grid[values_on.argmin()]
            raise Wrong(
                f"{name}({x:.4g}, {tail} returns {values_on.min():.4g}; nothing should "
                f"be lower than {-depth:.4g}, at {m:.4g}."
            )
        _smooth(change / depth, grid, m, name, tail)
    return right(
        "away from the chosen minimum nothing has changed, there it is the lowest, and "
        "there is no jump or kink."
    )


def _bowl(x):
    return x**2 * (1 + np.sin(x))


def _leak(change, x, depth):
    if math.isclose(change, -_bowl(x), rel_tol=1e-6):
        return "The original function is missing there."
    if math.isclose(change, -depth, rel_tol=1e-6):
        return "You lower the function everywhere."
    return "The change leaks out; it has to be 0 there, not just small."


def _smooth(change, grid, m, name, tail):
    """Find a jump or a kink of the change, given on a fine grid, in units of depth."""
    differences = np.abs(np.diff(change))
    if differences.max() > 0.1:  # a slope of 50 depth / width
        x = grid[differences.argmax()]
        raise Wrong(f"{name}(x, {tail} jumps near x = {x:.4g}; make it continuous.")
    bends = np.abs(np.diff(change, 2)) * 500  # change of slope, in depth / width
    if bends.max() > 0.3:
        x = grid[bends.argmax() + 1]
        raise Wrong(
            f"{name}(x, {tail} has a kink or a small jump near x = {x:.4g}; let the "
            f"change set in and end with slope 0."
        )
