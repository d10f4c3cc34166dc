"""The checks of Newton's method: solutions pass, usual mistakes are met by name."""

import notebooks
import pytest
import torch

from descent import checks

CHAPTER = "solutions/newton"


def test_every_exercise_has_a_solution():
    def titles(name, mark):
        cells = notebooks.read(notebooks.ROOT / "chapters" / f"{name}.ipynb").cells
        lines = [line for cell in cells for line in cell.source.splitlines()]
        return [li.strip("# ") for li in lines if li.startswith(f"{mark} Exercise ")]

    assert titles("newton", "###") == titles(CHAPTER, "##")
    assert len(titles("newton", "###")) == 6


def conjugate(beta, products=1):
    def conjugate_gradients(product, b, steps):
        x, r, p = torch.zeros_like(b), b, b
        for _ in range(steps):
            for _ in range(products):
                Hp = product(p)
            rate = (p @ r) / (p @ Hp)
            x, new = x + rate * p, r - rate * Hp
            p, r = new + beta(r, new, p, Hp) * p, new
        return x

    return conjugate_gradients


def fletcher(r, new, p, Hp):
    return (new @ new) / (r @ r)


def shifted(guard=True, fall=True, down=3.0, up=3.0, shape=lambda H: torch.eye(len(H))):
    def levenberg(f, x, shift, steps):
        points = [x]
        for _ in range(steps):
            x = points[-1]
            H, g = torch.func.hessian(f)(x), torch.func.grad(f)(x)
            for _ in range(60):
                M = H + shift * shape(H)
                new = x - torch.linalg.solve(M, g)
                positive = torch.linalg.eigvalsh(M)[0] > 0
                if (positive or not guard) and (f(new) < f(x) or not fall):
                    x, shift = new, shift / down
                    break
                shift = up * shift
            points.append(x)
        return torch.stack(points)

    return levenberg


def stale(renew, old_gradient=False):
    def old_hessian(f, x, k, steps):
        points = [x]
        for t in range(steps):
            x = points[-1]
            if t == 0 or renew(t, k):
                H, g = torch.func.hessian(f)(x), torch.func.grad(f)(x)
            if not old_gradient:
                g = torch.func.grad(f)(x)
            points.append(x - torch.linalg.solve(H, g))
        return torch.stack(points)

    return old_hessian


def correlation(Q):
    return Q[0, 1] / (Q[0, 0] * Q[1, 1]).sqrt()


def scaled(power):
    def best_condition(Q):
        S = torch.diag(Q.diagonal() ** power)
        return torch.linalg.cond(S @ Q @ S)

    return best_condition


WRONG = [
    ("newton_factor", lambda p, lr: (p - 2) / (p - 1), "rate lr is missing"),
    ("newton_factor", lambda p, lr: 1 - lr / p, "roots of f"),
    ("newton_factor", lambda p, lr: 1 - lr * (p - 1), "not f''/f'"),
    ("newton_factor", lambda p, lr: 1 + lr / (p - 1), "The sign"),
    ("newton_factor", lambda p, lr: abs(1 - lr / (p - 1)), "has a sign"),
    ("newton_iterate", lambda x, t: x ** (3**t), "jumps to the other side"),
    ("newton_iterate", lambda x, t: (-1) ** t * x ** (3 * t) if t else x, "multiply"),
    ("newton_iterate", lambda x, t: (-1) ** t * x ** (2**t), "you square it"),
    ("newton_iterate", lambda x, t: -(x ** (3**t)), "alternates"),
    ("newton_iterate", lambda x, t: -(x**3), "one step"),
    ("conjugate_gradients", conjugate(lambda *_: 0.0), "steepest descent"),
    (
        "conjugate_gradients",
        conjugate(lambda r, new, p, Hp: new @ Hp / (p @ Hp)),
        "wrong sign",
    ),
    (
        "conjugate_gradients",
        conjugate(lambda r, new, p, Hp: ((new @ new) / (r @ r)).sqrt()),
        "ratio of the squares",
    ),
    (
        "conjugate_gradients",
        lambda product, b, k: -conjugate(fletcher)(product, b, k),
        "Hδ = −b",
    ),
    ("conjugate_gradients", conjugate(fletcher, products=3), "One product a step"),
    ("levenberg", shifted(guard=False), "not positive definite"),
    ("levenberg", shifted(fall=False), "f has not fallen"),
    ("levenberg", shifted(down=1.0), "yours never falls"),
    ("levenberg", shifted(down=2.0, up=2.0), "3, not 2"),
    ("levenberg", shifted(shape=lambda H: H), "multiply the Hessian by 1 + λ"),
    ("best_condition", torch.linalg.cond, "before any scaling"),
    (
        "best_condition",
        lambda Q: (1 + correlation(Q)) / (1 - correlation(Q)),
        "negative",
    ),
    ("best_condition", scaled(0.5), "yours multiplies"),
    ("best_condition", scaled(-1.0), "S = D⁻¹"),
    ("best_condition", lambda Q: 4 / (1 - correlation(Q) ** 2), "κ + 1/κ + 2"),
    ("old_hessian", stale(lambda t, k: True), "new at every step"),
    ("old_hessian", stale(lambda t, k: False), "the start throughout"),
    ("old_hessian", stale(lambda t, k: t % k == 0, old_gradient=True), "is old, too"),
    ("old_hessian", stale(lambda t, k: t % (k + 1) == 0), "k + 1 steps"),
]


@pytest.mark.parametrize(
    "name, answer, words", WRONG, ids=[f"{name}-{words}" for name, _, words in WRONG]
)
def test_usual_mistake_is_named(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence


def test_a_closed_form_by_iteration_is_right():
    def newton_iterate(x, steps):
        for _ in range(steps):
            x = -(x**3)
        return x

    assert checks.check_newton_iterate.judge(newton_iterate).right


def test_another_beta_is_right():
    polak = conjugate(lambda r, new, p, Hp: new @ (new - r) / (r @ r))
    assert checks.check_conjugate_gradients.judge(polak).right


def fail(p, lr):
    raise ZeroDivisionError("no p")


def change(product, b, steps):
    b.zero_()
    return b


def endless(Q):
    while True:
        pass


HOSTILE = [
    ("newton_factor", fail, "raises ZeroDivisionError"),
    ("newton_iterate", lambda x, steps: None, "returns None"),
    ("conjugate_gradients", change, "changes its arguments"),
    ("levenberg", lambda f, x, shift, steps: x, "shape"),
    ("best_condition", endless, "did not end"),
    ("old_hessian", lambda f, x, k, n: torch.full((n + 1, len(x)), torch.nan), "nan"),
]


@pytest.mark.parametrize(
    "name, answer, words", HOSTILE, ids=[name for name, *_ in HOSTILE]
)
def test_hostile_answer_is_survived(name, answer, words):
    verdict = getattr(checks, f"check_{name}").judge(answer)
    assert verdict.right is False
    assert words in verdict.sentence
