"""The checks of the chapter on momentum: solutions pass, usual mistakes are named."""

import math

import notebooks
import pytest
import torch

from descent import checks


def read_solutions():
    names = {}
    exec(notebooks.tagged_source("solutions/momentum", "solution"), names)
    return names


SOLUTIONS = read_solutions()


def real_parts(lr, beta, curvatures):
    half = (1 + beta - lr * curvatures) / 2
    return (half.abs() + (half**2 - beta).clamp(min=0).sqrt()).max()


def each(pick):
    def worst_radius(lr, beta, curvatures):
        one = SOLUTIONS["worst_radius"]
        return pick(torch.stack([one(lr, beta, c[None]) for c in curvatures]))

    return worst_radius


def run(update):
    def coordinates_after(eigenvalues, lr, beta, steps):
        z, v = torch.ones_like(eigenvalues), torch.zeros_like(eigenvalues)
        for _ in range(steps):
            z, v = update(z, v, eigenvalues, lr, beta)
        return z

    return coordinates_after


def plain(z, v, e, lr, beta):
    return z - lr * e * z, v


def average(z, v, e, lr, beta):
    v = beta * v + (1 - beta) * e * z
    return z - lr * v, v


def late(z, v, e, lr, beta):
    return z - lr * v, beta * v + e * z


def nesterov(z, v, e, lr, beta):
    v = beta * v + e * z
    return z - lr * (e * z + beta * v), v


def one_more(eigenvalues, lr, beta, steps):
    return SOLUTIONS["coordinates_after"](eigenvalues, lr, beta, steps + 1)


def mutating(eigenvalues, lr, beta, steps):
    eigenvalues *= lr
    return eigenvalues


def pseudo(Q, c):
    return -torch.linalg.pinv(Q) @ c


def only_invertible(Q, c):
    regular = torch.linalg.matrix_rank(Q) == len(Q)
    return -torch.linalg.solve(Q, c) if regular else None


def never_ends(g1, lr, beta, steps):
    while True:
        pass


def cycle(beta, constant=24 / 9):
    a = beta - 16 / 9
    k = constant / (1 - a**3 + 3 * a * beta + beta**3)
    return (1 + a * beta) * k, (a + beta**2) * k, (a**2 - beta) * k


def turned_round(beta):
    c = SOLUTIONS["three_cycle"](beta)
    return c and (c[2], c[0], c[1])


def upside_down(beta):
    return cycle(beta, -24 / 9) if SOLUTIONS["three_cycle"](beta) else None


def fixed(beta):
    return cycle(4 / 9) if SOLUTIONS["three_cycle"](beta) else None


def unattended_first(beta):
    c = cycle(beta)
    return c if c[2] >= 2 else None


WRONG = [
    ("worst_radius", lambda lr, beta, c: (1 - lr * c).abs().max(), "without β"),
    ("worst_radius", lambda lr, beta, c: math.sqrt(beta), "roots are complex"),
    ("worst_radius", real_parts, "not its real part"),
    ("worst_radius", each(torch.min), "not the fastest"),
    ("worst_radius", each(torch.mean), "not the mean"),
    ("worst_radius", lambda lr, beta, c: 1 - lr * c, "expected a number"),
    ("worst_radius", lambda lr, beta, c: None, "returns None"),
    ("coordinates_after", run(plain), "without a velocity"),
    ("coordinates_after", run(average), "no factor 1 − β"),
    ("coordinates_after", run(late), "update the velocity first"),
    ("coordinates_after", run(nesterov), "Nesterov"),
    ("coordinates_after", one_more, "one step too many"),
    ("coordinates_after", mutating, "changes its arguments"),
    ("minimiser", lambda Q, c: torch.linalg.pinv(Q) @ c, "The sign is wrong"),
    ("minimiser", lambda Q, c: pseudo(Q, c) / 2, "With the ½ in front"),
    ("minimiser", lambda Q, c: Q @ -c, "has to be inverted"),
    ("minimiser", pseudo, "falls without limit"),
    ("minimiser", only_invertible, "though Q is singular"),
    ("minimiser", lambda Q, c: -torch.linalg.solve(Q, c), "raises"),
    ("minimiser", lambda Q, c: c * math.nan, "not finite"),
    (
        "positions_apart",
        lambda g, lr, b, t: lr * g * b * (1 - b**t) / (1 - b),
        "The sign is wrong",
    ),
    ("positions_apart", lambda g, lr, b, t: -lr * g * b / (1 - b), "for ever"),
    ("positions_apart", lambda g, lr, b, t: -lr * g * b**t, "the last updates"),
    (
        "positions_apart",
        lambda g, lr, b, t: -lr * g * (1 - b**t) / (1 - b),
        "A factor β is missing",
    ),
    (
        "positions_apart",
        lambda g, lr, b, t: -lr * g * b * (1 - b ** (t - 1)) / (1 - b),
        "one step too few",
    ),
    ("positions_apart", never_ends, "did not end"),
    ("three_cycle", cycle, "not on its piece"),
    ("three_cycle", unattended_first, "not on its piece"),
    ("three_cycle", turned_round, "The order is another one"),
    ("three_cycle", upside_down, "The sign of the constant 24"),
    ("three_cycle", fixed, "the cycle of β = 4/9"),
    ("three_cycle", lambda beta: None, "returns None"),
    ("three_cycle", lambda beta: (1.0, 2.0), "expected an array of shape (3,)"),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_wrong_answer_is_met_with_its_mistake(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence, verdict.sentence
