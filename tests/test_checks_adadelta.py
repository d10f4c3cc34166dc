"""The checks of the exercises on Adadelta: solutions pass, usual mistakes are named."""

import math

import notebooks
import pytest
import torch

from descent.checks import adadelta as checks


def solution(name):
    source = notebooks.tagged_source("solutions/adadelta", "solution")
    namespace = {"math": math, "torch": torch}
    exec(source, namespace)
    return namespace[name]


def judge(name, answer):
    return getattr(checks, f"check_{name}").judge(answer)


def exact(u, g, rho):
    return (1 - rho) * (g * u) ** 2 / (g**2 - u**2)


def rule(kind=None):
    """The chapter's rule with a mistake, or with too much scratch."""

    def adadelta(params, states, hyperparams):
        rho = hyperparams["rho"]
        eps = hyperparams.get("eps", 1e-6 if kind == "eps" else 1e-5)
        for i, (p, (s, delta)) in enumerate(zip(params, states)):
            with torch.no_grad():
                g = p.grad
                s.mul_(rho).add_((1 - rho) * g**2)
                r = (delta + eps) / (s + eps)
                if kind == "outside":
                    r = ((delta.sqrt() + eps) / (s.sqrt() + eps)) ** 2
                step = r.sqrt() * g
                square = g**2 if kind == "square" else step**2
                square = r.sqrt() * g**2 if kind == "root" else square
                delta.mul_(rho).add_((1 - rho) * square)
                if kind == "order":
                    step = ((delta + eps) / (s + eps)).sqrt() * g
                if kind == "rebind":
                    params[i] = p - step
                elif kind == "negative":
                    p.add_(-step)
                else:
                    p.sub_(step)
            if kind != "kept":
                p.grad.zero_()

    return adadelta


def two_scratches(params, states, hyperparams):
    rho, eps = hyperparams["rho"], hyperparams.get("eps", 1e-5)
    for p, (s, delta) in zip(params, states):
        with torch.no_grad():
            s.mul_(rho).addcmul_(p.grad, p.grad, value=1 - rho)
            lower, upper = s + eps, delta + eps
            r = upper.div_(lower)
            p.addcmul_(p.grad, lower.copy_(r).sqrt_(), value=-1)
            r.mul_(p.grad).mul_(p.grad)
            delta.mul_(rho).add_(r, alpha=1 - rho)
            p.grad.zero_()


def one_scratch(params, states, hyperparams):
    rho, eps = hyperparams["rho"], hyperparams.get("eps", 1e-5)
    for p, (s, delta) in zip(params, states):
        with torch.no_grad():
            g = p.grad
            s.mul_(rho).addcmul_(g, g, value=1 - rho)
            r = s + eps
            r.reciprocal_().mul_(delta.add_(eps)).sqrt_()
            delta.sub_(eps).mul_(rho)
            p.addcmul_(g, r, value=-1)
            delta.addcmul_(r.square_().mul_(g), g, value=1 - rho)
            g.zero_()


def problem(gradient, start=-2.0):
    return lambda: (gradient, start)


def by(score):
    return lambda losses: int(score(losses.nan_to_num(math.inf, math.inf)).argmin())


WRONG = [
    ("eps_for_step", lambda u, g, rho: (1 - rho) * u**2, "large gradients only"),
    ("eps_for_step", lambda u, g, rho: exact(u, g, rho) ** 0.5, "That is √ε"),
    ("eps_for_step", lambda u, g, rho: exact(u, g, rho) / (1 - rho), "1 − ρ"),
    (
        "eps_for_step",
        lambda u, g, rho: (1 - rho) * (g * u) ** 2 / (g**2 + u**2),
        "A sign is wrong",
    ),
    ("eps_for_step", lambda u, g, rho: (1 - rho) * u**2 / (1 - u**2), "g = 1 only"),
    ("adadelta_in_place", rule(), "has g′ in a tensor"),
    ("adadelta_in_place", rule("negative"), "has g′ in a tensor"),
    ("adadelta_in_place", rule("order"), "update Δ before x"),
    ("adadelta_in_place", rule("square"), "averages squared gradients"),
    ("adadelta_in_place", rule("root"), "averages √r g²"),
    ("adadelta_in_place", rule("outside"), "outside the roots"),
    ("adadelta_in_place", rule("eps"), "1e-6"),
    ("adadelta_in_place", rule("kept"), "p.grad is not zero"),
    ("adadelta_in_place", two_scratches, "holds 2 tensors"),
    ("leaving_problem", problem(lambda x: 1.9 * x), "never further than"),
    ("leaving_problem", problem(lambda x: 2 * x * x), "the derivative falls"),
    (
        "leaving_problem",
        problem(lambda x: x / math.sqrt(1 + x * x), -1e6),
        "never comes within",
    ),
    ("leaving_problem", problem(lambda x: 4 * (x - 1)), "gradient(0) is -4"),
    ("leaving_problem", problem(lambda x: 4 * x, 1e-7), "nearer to 0 than 1"),
    (
        "leaving_problem",
        problem(lambda x: float((x > 0) - (x < 0))),
        "jumps at 0",
    ),
    ("tuned", by(lambda v: v.min(1).values), "luckiest single run"),
    ("tuned", by(lambda v: v.mean(1)), "compare means"),
    ("tuned", by(lambda v: v.max(1).values), "worst run"),
    ("tuned", by(lambda v: v[:, 0]), "first seed only"),
    ("tuned", lambda v: int(v.nanmedian(1).values.argmin()), "leave out"),
    ("tuned", lambda v: solution("tuned")(v) + 1, "count from 1"),
]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_usual_mistake_is_named(name, answer, words):
    verdict = judge(name, answer)
    assert verdict.right is False
    assert verdict.sentence.startswith("Not right yet: ")
    assert words in verdict.sentence, verdict.sentence


def test_one_scratch_tensor_is_allowed():
    verdict = judge("adadelta_in_place", one_scratch)
    assert verdict.right and "one further tensor" in verdict.sentence


def test_steeper_and_quartic_problems_are_right_too():
    for gradient in (lambda x: 100 * x, lambda x: 4 * x + x**3):
        verdict = judge("leaving_problem", problem(gradient))
        assert verdict.right, verdict.sentence


def never_ends(x):
    while True:
        pass


def changes_hyperparams(params, states, hyperparams):
    hyperparams["t"] = 1


def spoils(losses):
    losses[losses.isnan()] = math.inf
    losses += 1
    return 0


HOSTILE = [
    ("eps_for_step", lambda *a: None, "returns None"),
    ("eps_for_step", lambda *a: math.nan, "not finite"),
    ("adadelta_in_place", lambda *a: None, "have not moved"),
    ("adadelta_in_place", changes_hyperparams, "changed the caller's hyperparams"),
    ("adadelta_in_place", rule("rebind"), "not moved"),
    ("leaving_problem", problem(never_ends), "did not end"),
    ("leaving_problem", lambda: None, "expected (gradient, start)"),
    ("leaving_problem", problem(lambda x: None), "returns None"),
    ("tuned", spoils, "changes its arguments"),
    ("tuned", lambda losses: losses.median(1).values, "expected a number"),
]


@pytest.mark.parametrize("name, answer, words", HOSTILE)
def test_hostile_answer_gets_a_sentence(name, answer, words):
    verdict = judge(name, answer)
    assert verdict.right is False
    assert words in verdict.sentence, verdict.sentence
