"""The checks of the gradient descent chapter: right answers pass, others learn why."""

import math

import notebooks
import numpy as np
import pytest
import torch

import descent
from descent.checks import gradient_descent as checks

SPACE = {"math": math, "torch": torch, "descent": descent}
exec(notebooks.tagged_source("solutions/gradient-descent", "solution"), SPACE)


def raises(*arguments):
    raise ZeroDivisionError("division by zero")


def never_ends(lr):
    while True:
        lr += 1.0


def central(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def mix(near, far):
    return lambda f, x, h: near * central(f, x, h) + far * central(f, x, 2 * h)


def rho(losses):
    return math.sqrt(losses[-1] / losses[-2])


def early(losses, lr):
    return (1 + math.sqrt(losses[1] / losses[0])) / lr


def clears(losses, lr):
    losses.clear()
    return 4.0


def search(first=1.0, grow=2.0, promise=2, fraction=None, restart=False, move=True):
    """A backtracking with one thing wrong."""

    def answer(f, gradient, x, steps, c):
        lr, rates = first / grow, []
        for _ in range(steps):
            g, lr = gradient(x), first if restart else lr * grow
            share = c if fraction is None else fraction
            slope = share * g.norm() ** promise
            halvings = 0
            while f(x - lr * g) > f(x) - lr * slope and halvings < 99:
                lr, halvings = lr / 2, halvings + 1
            rates.append(lr)
            x = x - lr * g if move else x
        return rates

    return answer


def in_place(f, gradient, x, steps, c):
    for _ in range(steps):
        x -= 0.1 * gradient(x)
    return [0.1] * steps


def one_rate(f, gradient, x, steps, c):
    return 1.0


WRONG = [
    ("border", lambda lr: 1 / math.sqrt(4 * lr), "lands on 0"),
    ("border", lambda lr: 1 / math.sqrt(6 * lr), "not necessary"),
    ("border", lambda lr: 1 / math.sqrt(12 * lr), "not necessary"),
    ("border", lambda lr: 1 / (2 * lr), "square of the border"),
    ("border", lambda lr: 1 / math.sqrt(lr), "1 − 4 = −3"),
    ("border", lambda lr: math.sqrt(2 * lr), "reciprocal"),
    ("border", lambda lr: -1 / math.sqrt(2 * lr), "expected 1"),
    ("border", lambda lr: math.inf, "not finite"),
    ("border", never_ends, "did not end within 2 seconds"),
    ("difference", central, "order h²"),
    ("difference", mix(0, 1), "with 2h, with an error"),
    ("difference", mix(2, -1), "grow"),
    ("difference", mix(4 / 5, 1 / 5), "must be subtracted"),
    ("difference", mix(4 / 3, 1 / 3), "sign of the part with 2h"),
    ("difference", mix(8 / 3, -2 / 3), "divide by 12h"),
    ("difference", mix(4, -1), "division by 3"),
    ("difference", lambda f, x, h: (f(x + h) - f(x)) / h, "forward"),
    ("difference", lambda f, x, h: central(f, x, 1e-6), "derivative itself"),
    ("difference", lambda f, x, h: np.full(3, 1.0), "shape (3,)"),
    ("difference", raises, "raises ZeroDivisionError"),
    ("largest_eigenvalue", lambda f, lr: (1 + rho(f) ** 2) / lr, "root is missing"),
    ("largest_eigenvalue", lambda f, lr: (1 - rho(f)) / lr, "is negative"),
    ("largest_eigenvalue", lambda f, lr: (rho(f) - 1) / lr, "sum that counts"),
    ("largest_eigenvalue", lambda f, lr: rho(f) / lr, "is lost"),
    ("largest_eigenvalue", lambda f, lr: 2 * lr / (1 + rho(f)), "stability limit"),
    ("largest_eigenvalue", lambda f, lr: 1 + rho(f), "divide by the rate"),
    ("largest_eigenvalue", lambda f, lr: 2 / lr, "beyond it"),
    ("largest_eigenvalue", early, "first losses"),
    ("largest_eigenvalue", clears, "changes its arguments"),
    ("largest_eigenvalue", lambda f, lr: None, "`return` missing"),
    ("accepted_rates", search(restart=True), "begins at 1; from the second"),
    ("accepted_rates", search(grow=1.0), "never grow again"),
    ("accepted_rates", search(first=2.0), "begins at 2"),
    ("accepted_rates", search(promise=1), "square of the gradient"),
    ("accepted_rates", search(fraction=0.0), "any decrease"),
    ("accepted_rates", search(grow=4.0), "four times"),
    ("accepted_rates", search(move=False), "does not move"),
    ("accepted_rates", in_place, "changes its arguments"),
    ("accepted_rates", one_rate, "expected an array of shape (3,)"),
    ("accepted_rates", lambda *arguments: [], "shape (0,)"),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_a_wrong_answer_is_told_why(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence


def test_two_late_losses_are_enough():
    def from_two(losses, lr):
        return (1 + rho(losses)) / lr

    assert checks.check_largest_eigenvalue.judge(from_two).right


def test_tensors_pass_too():
    def rates(*arguments):
        return torch.tensor(SPACE["accepted_rates"](*arguments))

    assert checks.check_accepted_rates.judge(rates).right
    assert checks.check_border.judge(lambda lr: torch.tensor(0.5 / lr) ** 0.5).right
