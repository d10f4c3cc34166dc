"""Checks of the exercises of the chapter on gradient descent."""

import math

import numpy as np
import torch

from descent.checks.core import check, compare, right


@check
def check_border(border):
    """Exercise 1: from where gradient descent on x⁴ converges.

    Args:
        border: function of the rate; returns the b > 0 such that gradient descent
            converges to 0 from |x₀| < b and diverges from |x₀| > b, to one part in
            10⁶.
    Oracle: bisection on whether runs of 200 steps come closer or move away.
    """

    def diverges(x, lr):
        start = abs(x)
        for _ in range(200):
            x -= lr * 4 * x**3
            if abs(x) > 2 * start:
                return True
        return False

    def oracle(lr):
        low, high = 0.0, 1e4
        for _ in range(70):
            middle = (low + high) / 2
            low, high = (low, middle) if diverges(middle, lr) else (middle, high)
        return low

    mistakes = [
        (
            lambda lr: 1 / math.sqrt(4 * lr),
            "From there the first step lands on 0. Starts further out jump across 0, "
            "and may still come closer.",
        ),
        (
            lambda lr: 1 / math.sqrt(6 * lr),
            "That is rate < 2/L with L = f″(x₀): enough for the descent lemma, but not "
            "necessary.",
        ),
        (
            lambda lr: 1 / math.sqrt(12 * lr),
            "That is rate < 1/L with L = f″(x₀): enough, but not necessary.",
        ),
        (lambda lr: 1 / (2 * lr), "That is the square of the border."),
        (
            lambda lr: 1 / math.sqrt(lr),
            "The factor there is 1 − 4 = −3; where is it −1?",
        ),
        (lambda lr: math.sqrt(2 * lr), "That is its reciprocal."),
        (
            lambda lr: 1 / math.sqrt(8 * lr),
            "The factor there is 1 − ½ = ½; where is it −1?",
        ),
    ]
    cases = [(0.5,), (2.0,), (0.02,), (0.1,), (3.7,), (1e-4,)]
    count = compare(border, oracle, cases, mistakes)
    return right(f"runs on either side of it confirm it for {count} rates.")


@check
def check_difference(difference):
    """Exercise 2: the difference quotient of order h⁴ from four values.

    Args:
        difference: function (f, x, h); f takes and returns a float. Returns the
            combination of f(x ± h) and f(x ± 2h) whose error is of order h⁴, to one
            part in 10⁶.
    Oracle: numpy solves for the four weights that are exact on 1, x, x² and x³.
    """
    offsets = np.array([-2.0, -1.0, 1.0, 2.0])
    powers = np.vander(offsets, 4, increasing=True).T
    weights = np.linalg.solve(powers, np.array([0.0, 1.0, 0.0, 0.0]))

    def oracle(f, x, h):
        return sum(w * f(x + k * h) for w, k in zip(weights, offsets)) / h

    def central(f, x, h):
        return (f(x + h) - f(x - h)) / (2 * h)

    def mix(near, far):
        return lambda f, x, h: near * central(f, x, h) + far * central(f, x, 2 * h)

    mistakes = [
        (central, "That is the central difference, with an error of order h²."),
        (
            mix(0, 1),
            "That is the central difference with 2h, with an error of order h².",
        ),
        (
            mix(2, -1),
            "These weights cancel an error that grows like h; that of the central "
            "difference grows like h².",
        ),
        (
            mix(4 / 5, 1 / 5),
            "The h² terms do not cancel, they have the same sign: the difference with "
            "2h must be subtracted.",
        ),
        (
            mix(4 / 3, 1 / 3),
            "The sign of the part with 2h is wrong; the weights should add up to 1.",
        ),
        (mix(0.5, 0.5), "An average does not cancel the h² terms: one is four times."),
        (
            mix(8 / 3, -2 / 3),
            "That is twice the right value: divide by 12h, not by 6h.",
        ),
        (
            mix(4, -1),
            "The weights should add up to 1; a division by 3 is missing.",
        ),
        (
            mix(-1 / 3, 4 / 3),
            "The weights are exchanged: the error with 2h is the larger one.",
        ),
        (
            lambda f, x, h: (f(x + h) - f(x)) / h,
            "That is the forward difference, with an error of order h.",
        ),
        (
            lambda f, x, h: central(f, x, 1e-5),
            "That is the derivative itself; the quotient is to use the step h.",
        ),
    ]

    def identity(x):
        return x

    def square(x):
        return x * x

    def cube(x):
        return x * x * x

    def fifth(x):
        return x**5

    cases = [(identity, 1.0, 0.5), (square, 1.0, 0.5), (cube, 1.0, 0.5)]
    cases += [(fifth, 1.0, 0.5), (np.sin, 1.3, 0.5), (np.exp, 0.0, 0.25)]
    cases += [(np.sin, 1.3, 0.01), (fifth, -2.0, 0.125)]
    count = compare(difference, oracle, cases, mistakes)
    return right(f"exact on cubes, and of order h⁴ beyond, on {count} cases.")


@check
def check_largest_eigenvalue(largest_eigenvalue):
    """Exercise 4: the largest eigenvalue from the losses of a diverging run.

    Args:
        largest_eigenvalue: function (losses, lr): losses at steps 0, 1, … of gradient
            descent on a linear model, a list of floats, and the rate, above 2/λmax.
            Returns λmax, to one part in 1000.
    Oracle: the eigenvalues of the data that the losses were computed from.
    """
    known = {}

    def run(A, y, excess, steps):
        """Losses at the rate `excess` times 2/λmax, whose λmax is kept."""
        Q = A.T @ A / len(A)
        largest = float(np.linalg.eigvalsh(Q)[-1])
        lr = round(2 * excess / largest, 6)
        x, losses = np.zeros(A.shape[1]), []
        for _ in range(steps + 1):
            error = A @ x - y
            losses.append(float(error @ error) / (2 * len(A)))
            x = x - lr * A.T @ error / len(A)
        known[tuple(losses), lr] = largest
        return losses, lr

    def oracle(losses, lr):
        return known[tuple(losses), lr]

    def growth(losses):
        return losses[-1] / losses[-2]

    def root(losses):
        return math.sqrt(growth(losses))

    mistakes = [
        (
            lambda losses, lr: (1 + growth(losses)) / lr,
            "The root is missing: the loss grows by the square of the factor.",
        ),
        (
            lambda losses, lr: (1 - root(losses)) / lr,
            "Beyond the limit the factor 1 − ηλ is negative: it is minus the root.",
        ),
        (
            lambda losses, lr: (root(losses) - 1) / lr,
            "Solve 1 − ηλ = −root again: it is the sum that counts.",
        ),
        (lambda losses, lr: root(losses) / lr, "The 1 of the factor 1 − ηλ is lost."),
        (
            lambda losses, lr: 2 * lr / (1 + root(losses)),
            "That is the stability limit 2/λmax.",
        ),
        (lambda losses, lr: 1 + root(losses), "That is ηλmax; divide by the rate."),
        (
            lambda losses, lr: 2 / lr,
            "That would be λmax at the limit of stability; this run is beyond it.",
        ),
        (
            lambda losses, lr: (1 + math.sqrt(losses[1] / losses[0])) / lr,
            "You used the first losses, to which all eigenvalues contribute; late ones "
            "show the largest alone.",
        ),
    ]
    rng = np.random.default_rng(0)
    one = np.array([[2.0]])
    cases = [run(one, np.array([2.0]), 1.25, 3)]
    two = np.array([[2.0, 0.0], [0.0, 1.0]])
    cases += [run(two, np.array([2.0, 1.0]), 1.25, 60)]
    for d, excess, steps in ((3, 1.1, 200), (6, 1.05, 400), (6, 1.5, 80)):
        A = rng.normal(size=(40, d)) * np.arange(1, d + 1)
        cases.append(run(A, rng.normal(size=40) + A[:, 0], excess, steps))
    count = compare(largest_eigenvalue, oracle, cases, mistakes, rtol=1e-3, atol=0.0)
    return right(f"agrees with the eigenvalues on {count} diverging runs.")


@check
def check_accepted_rates(accepted_rates):
    """Exercise 5: backtracking that begins at twice the last accepted rate.

    Args:
        accepted_rates: function (f, gradient, x, steps, c); f and gradient take a
            float64 tensor (d,) and return a scalar tensor and a tensor (d,). Returns
            the accepted rate of each step, shape (steps,), to one part in 10⁶: the
            first search begins at 1, each later one at twice the last rate, and a rate
            is halved until f(x − η g) ≤ f(x) − c η ‖g‖².
    Oracle: the exponent of the rate, counted down on numpy arrays.
    """

    def search(f, gradient, x, steps, c, grow=1, first=0, promise=2, moves=True):
        """Rates as powers of 2; `grow` None starts every search at `first`."""
        exponent, rates = first - (grow or 0), []
        for _ in range(steps):
            g = gradient(x)
            exponent = first if grow is None else exponent + grow
            slope = c * float(g.norm()) ** promise
            for _ in range(100):
                rate = 2.0**exponent
                if float(f(x - rate * g)) <= float(f(x)) - rate * slope:
                    break
                exponent -= 1
            rates.append(rate)
            x = x - rate * g if moves else x
        return np.array(rates)

    def variant(**options):
        return lambda *arguments: search(*arguments, **options)

    def any_decrease(f, gradient, x, steps, c):
        return search(f, gradient, x, steps, 0.0)

    mistakes = [
        (
            variant(grow=None),
            "Every search begins at 1; from the second on it should begin at twice the "
            "last rate.",
        ),
        (
            variant(grow=0),
            "The search begins at the last rate itself, so that the rate can never "
            "grow again.",
        ),
        (variant(first=1), "The first search begins at 2; it should begin at 1."),
        (
            variant(promise=1),
            "The promise of (19) has the square of the gradient's length.",
        ),
        (
            any_decrease,
            "You accept any decrease; (19) asks for the fraction c of the promise.",
        ),
        (variant(grow=2), "The search begins at four times the last rate."),
        (variant(moves=False), "x does not move between the searches."),
    ]
    cases = []
    for curvatures, start, steps, c in (
        ([3.0], [1.0], 1, 0.5),
        ([3.0], [1.0], 3, 0.5),
        ([0.3], [1.0], 4, 0.5),
        ([1.0, 10.0], [3.0, -1.0], 8, 0.3),
        ([1.0, 7.0, 90.0], [1.0, 2.0, -1.5], 30, 0.7),
    ):
        cases.append((*_bowl(curvatures), torch.tensor(start).double(), steps, c))

    def quartic(x):
        return (x**4).sum()

    def quartic_gradient(x):
        return 4 * x**3

    start = torch.tensor([1.9, -0.7]).double()
    cases.append((quartic, quartic_gradient, start, 15, 0.4))
    count = compare(accepted_rates, search, cases, mistakes)
    return right(f"the same rates as a search of our own, on {count} runs.")


def _bowl(curvatures):
    """Return f(x) = ½ Σ hᵢ xᵢ² and its gradient."""
    h = torch.tensor(curvatures).double()

    def f(x):
        return (h * x * x).sum() / 2

    def gradient(x):
        return h * x

    return f, gradient
