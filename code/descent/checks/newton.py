"""Checks of the exercises of the chapter on Newton's method."""

from decimal import Decimal, localcontext

import numpy as np
import torch
from torch.autograd.functional import hessian, jacobian

from descent.checks.core import Wrong, check, compare, right


@check
def check_newton_factor(newton_factor):
    """Exercise 1: the factor by which Newton's method shrinks x on x^p.

    Args:
        newton_factor: function (p, lr) of an even p ≥ 2 and a rate; returns
            x_{t+1} / x_t, to one part in 10⁹.
    Oracle: one step from x = 1, its derivatives by autograd.
    """

    def oracle(p, lr):
        x = torch.ones((), dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(x**p, x, create_graph=True)
        (second,) = torch.autograd.grad(slope, x)
        return 1 - lr * slope.item() / second.item()

    mistakes = [
        (lambda p, lr: 1 - 1 / (p - 1), "The rate lr is missing."),
        (
            lambda p, lr: lr * (1 - 1 / (p - 1)),
            "The rate multiplies the step, not the new point.",
        ),
        (
            lambda p, lr: 1 + lr / (p - 1),
            "The sign: the step goes against f'/f''.",
        ),
        (lambda p, lr: lr / (p - 1), "That is the step over x; where does it end?"),
        (
            lambda p, lr: 1 - lr / p,
            "That is f/f' in the step, the method for roots of f; you need a root of "
            "f', so f'/f''.",
        ),
        (
            lambda p, lr: 1 - lr * (p - 1),
            "The step is f'/f'', not f''/f'.",
        ),
        (
            lambda p, lr: 1 - lr * p,
            "That is a gradient step from x = 1; Newton's divides by f''.",
        ),
        (
            lambda p, lr: abs(1 - lr / (p - 1)),
            "That is the factor of the error's size; x_{t+1}/x_t has a sign.",
        ),
    ]
    cases = [(2, 1.0), (4, 1.0), (4, 3.0), (2, 0.5), (4, 0.5), (6, 1.0), (4, 4.0)]
    cases += [(p, lr) for p in (6, 8, 10) for lr in (0.3, 2.0, 7.5, 12.0)]
    count = compare(newton_factor, oracle, cases, mistakes, rtol=1e-9, atol=1e-12)
    return right(f"agrees with a step computed by autograd on {count} pairs (p, lr).")


@check
def check_newton_iterate(newton_iterate):
    """Exercise 2: x_t in closed form on √(1 + x²).

    Args:
        newton_iterate: function (x, steps) of the start and the number of steps;
            returns the point reached, to one part in 10⁶.
    Oracle: Newton's method on the derivatives, with 200 digits.
    """

    def oracle(x, steps):
        with localcontext() as context:
            context.prec = 200
            x = Decimal(x)
            for _ in range(steps):
                root = (1 + x * x).sqrt()
                slope, second = x / root, 1 / root - x * x / root**3
                x -= slope / second
            return float(x)

    mistakes = [
        (
            lambda x, steps: abs(x) ** 3**steps * (1 if x > 0 else -1),
            "The sign: every step jumps to the other side of the minimum.",
        ),
        (
            lambda x, steps: (-1) ** steps * x ** (3 * steps) if steps else x,
            "Each step cubes, so the exponents multiply: 3·3·3, not 3 + 3 + 3.",
        ),
        (
            lambda x, steps: -(x ** (3**steps)),
            "The sign alternates: (−1)^t, not −1.",
        ),
        (
            lambda x, steps: (-1) ** steps * x ** (2**steps),
            "Each step cubes x; you square it.",
        ),
        (
            lambda x, steps: -(x**3),
            "That is one step; the function takes their number.",
        ),
        (
            lambda x, steps: oracle(x, steps + 1),
            "That is one step too many: after no steps you are at the start.",
        ),
    ]
    cases = [(0.5, 0), (0.5, 1), (0.5, 2), (1.0, 1), (1.0, 2), (-0.5, 1), (-0.5, 2)]
    cases += [(x, t) for x in (0.0, 0.9, -0.95, -1.0, 1.1, -1.3) for t in (1, 2, 3, 4)]
    count = compare(newton_iterate, oracle, cases, mistakes, rtol=1e-6, atol=1e-12)
    return right(f"agrees with Newton's method in 200 digits on {count} cases.")


@check
def check_conjugate_gradients(conjugate_gradients):
    """Exercise 3: conjugate gradients, from products only.

    Args:
        conjugate_gradients: function (product, b, steps); product(v) is H v for a
            float64 tensor v (d,), b is a float64 tensor (d,), steps is 1 to d.
            Returns the approximate solution (d,), to one part in 10⁵ and 10⁻⁷.
    Oracle: after k steps, the minimum of the quadratic over the span of b, Hb, …,
        H^(k−1) b, found with a basis of that space. At most k + 1 products may be
        used, the one more for the first residual.
    """
    rng = np.random.default_rng(0)
    used, matrices = [], {}

    def make(name, H):
        H = torch.tensor(H, dtype=torch.float64)

        def product(v):
            used.append(name)
            return H @ v

        product.__name__ = name
        matrices[name] = H
        return product

    def oracle(product, b, steps):
        H, basis = matrices[product.__name__], [b]
        for _ in range(steps - 1):
            basis.append(H @ basis[-1])
        basis = torch.linalg.qr(torch.stack(basis, 1))[0]
        return basis @ torch.linalg.solve(basis.T @ H @ basis, basis.T @ b)

    def descending(product, b, steps, first_only=False):
        H = matrices[product.__name__]
        x, r = torch.zeros_like(b), b
        rate = r @ r / (r @ H @ r)
        for _ in range(steps):
            if not first_only:
                rate = r @ r / (r @ H @ r)
            x = x + rate * r
            r = b - H @ x
        return x

    def without_memory(beta):
        def run(product, b, steps):
            H = matrices[product.__name__]
            x, r, p = torch.zeros_like(b), b, b
            for _ in range(steps):
                rate = p @ r / (p @ H @ p)
                x, new = x + rate * p, r - rate * (H @ p)
                p = new + beta(H, r, new, p) * p
                r = new
            return x

        return run

    mistakes = [
        (
            descending,
            "Your directions are the residuals themselves: that is steepest descent. "
            "Make each direction H-orthogonal to the last.",
        ),
        (
            lambda P, b, k: descending(P, b, k, first_only=True),
            "The step length is that of the first step, and the directions are the "
            "residuals; both change from step to step.",
        ),
        (lambda P, b, k: -oracle(P, b, k), "The sign: that solves Hδ = −b."),
        (
            lambda P, b, k: torch.linalg.solve(matrices[P.__name__], b),
            "That is the exact solution, not the point after this number of steps.",
        ),
        (
            without_memory(lambda H, r, new, p: -(new @ H @ p) / (p @ p)),
            "The directions are not H-orthogonal: divide by pᵀHp, not by pᵀp.",
        ),
        (
            without_memory(lambda H, r, new, p: -(new @ p) / (p @ p)),
            "The directions are orthogonal to each other, but not H-orthogonal.",
        ),
        (
            without_memory(lambda H, r, new, p: new @ H @ p / (p @ H @ p)),
            "The multiple of the last direction has the wrong sign: pᵀH(r + βp) = 0.",
        ),
        (
            without_memory(lambda H, r, new, p: (r @ r) / (new @ new)),
            "β is upside down: the new residual's square goes over the old one's.",
        ),
        (
            without_memory(lambda H, r, new, p: ((new @ new) / (r @ r)).sqrt()),
            "β is the ratio of the squares of the residuals' norms.",
        ),
    ]
    cases = [(make("one", [[2.0]]), torch.tensor([3.0]).double(), 1)]
    diagonal = make("diagonal", [[1.0, 0.0], [0.0, 4.0]])
    cases += [(diagonal, torch.ones(2).double(), steps) for steps in (1, 2)]
    for d in (2, 3, 6):
        root = rng.normal(size=(d, d))
        product = make(f"random_{d}", root @ root.T / d + 0.3 * np.eye(d))
        b = torch.from_numpy(rng.normal(size=d))
        cases += [(product, b, steps) for steps in range(1, d + 1)]
    count = compare(conjugate_gradients, oracle, cases, mistakes, rtol=1e-5, atol=1e-7)
    allowed = sum(steps + 1 for _, _, steps in cases)
    if len(used) > allowed:
        raise Wrong(
            f"the points are right, but {len(used)} products were used for "
            f"{allowed - len(cases)} steps. One product a step is enough: keep H p, "
            f"and take the new residual from the old one."
        )
    return right(
        f"after every number of steps the minimum over the Krylov space, on {count} "
        f"cases, with {len(used)} products for {allowed - len(cases)} steps."
    )


def square(x):
    return x @ x


def bowl(x):
    return x[0] ** 2 + 2 * x[1] ** 2 + x[0]


def valley(x):
    return (x[0] - 1) ** 2 / 10 + 2 * (x[1] - x[0] ** 2 / 10) ** 2


def saddle(x):
    return x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4


def overshooting(x):
    return torch.logaddexp(x[0], -2 * x[0] - 3)


def at(*coordinates):
    return torch.tensor(coordinates, dtype=torch.float64)


def _shifted(f, x, shift, steps, down=3.0, up=3.0, guard=True, bend=None, any_f=False):
    """Levenberg's points, from eigenvalues; the options are usual mistakes."""
    points = [x]
    for _ in range(steps):
        x = points[-1]
        h, U = torch.linalg.eigh(hessian(f, x))
        slopes = U.T @ jacobian(f, x)
        for _ in range(60):
            phi = bend(h, shift) if bend else h + shift
            new = x - U @ (slopes / phi)
            if (phi.min() > 0 or not guard) and (any_f or f(new) < f(x)):
                x, shift = new, shift / down
                break
            shift = shift * up
        points.append(x)
    return torch.stack(points)


@check
def check_levenberg(levenberg):
    """Exercise 4: points of Levenberg's method with a shift that learns.

    Args:
        levenberg: function (f, x, shift, steps) of a function, a start (d,), the
            first shift and a number of steps; returns the points, (steps + 1, d), to
            one part in 10⁵ and 10⁻⁷.
    Oracle: eigenvalues of the Hessian, derivatives by torch.autograd.functional.
    """
    torch.func.hessian(square)(at(0.0))  # its first use loads modules for a second
    mistakes = [
        (
            lambda f, x, s, k: _shifted(f, x, 0.0 * s, k, guard=False, any_f=True),
            "Those are plain Newton steps: the shift is missing.",
        ),
        (
            lambda f, x, s, k: _shifted(f, x, s, k, any_f=True),
            "You accept steps after which f has not fallen.",
        ),
        (
            lambda f, x, s, k: _shifted(f, x, s, k, guard=False),
            "You accept steps whose matrix is not positive definite; f may fall there "
            "by luck.",
        ),
        (
            lambda f, x, s, k: _shifted(f, x, s, k, down=1.0),
            "An accepted step divides the shift by 3; yours never falls.",
        ),
        (
            lambda f, x, s, k: _shifted(f, x, s / 3, k),
            "The first try uses the shift as given; divide only after it is accepted.",
        ),
        (
            lambda f, x, s, k: _shifted(f, x, s, k, down=2.0, up=2.0),
            "The factor is 3, not 2.",
        ),
        (
            lambda f, x, s, k: _shifted(f, x, s, k, down=10.0, up=10.0),
            "The factor is 3, not 10.",
        ),
        (
            lambda f, x, s, k: _shifted(
                f, x, s, k, bend=lambda h, shift: h * (1 + shift)
            ),
            "You multiply the Hessian by 1 + λ; the task adds λ to the diagonal.",
        ),
        (
            lambda f, x, s, k: _shifted(f, x, s, k, bend=lambda h, _: h.abs()),
            "Those are absolute values of the eigenvalues, not shifted ones.",
        ),
    ]
    cases = [
        (square, at(3.0), 1.0, 1),
        (square, at(3.0), 1.0, 3),
        (square, at(0.0), 1.0, 2),
        (overshooting, at(1.0), 0.01, 3),
        (bowl, at(1.0, -2.0), 5.0, 3),
        (saddle, at(1.0, 0.3), 1.0, 1),
        (saddle, at(1.0, 0.3), 1.0, 5),
        (saddle, at(0.5, -0.2), 0.1, 4),
        (valley, at(-5.0, -2.0), 1.0, 2),
        (valley, at(-5.0, -2.0), 1.0, 6),
        (valley, at(3.0, 2.0), 0.01, 4),
    ]
    count = compare(
        levenberg,
        lambda f, x, shift, steps: _shifted(f, x, shift, steps),
        cases,
        mistakes,
        rtol=1e-5,
        atol=1e-7,
    )
    return right(f"all points agree on {count} runs on five functions.")


@check
def check_best_condition(best_condition):
    """Exercise 5: the least condition number of S Q S over diagonal S.

    Args:
        best_condition: function of a symmetric positive definite float64 tensor
            (2, 2); returns the least κ, to one part in 10⁵.
    Oracle: a search over the ratio of the two entries of S, with eigvalsh.
    """

    def scaled(Q, s):
        """Condition numbers for S = diag(1, s), for an array s."""
        S = np.stack([np.ones_like(s), s], -1)
        h = np.linalg.eigvalsh(S[:, :, None] * Q * S[:, None, :])
        return h[:, 1] / h[:, 0]

    def oracle(Q):
        Q, low, high = np.asarray(Q), -6.0, 6.0
        for _ in range(4):
            s = np.linspace(low, high, 201)
            kappa = scaled(Q, 10**s)
            i = int(kappa.argmin())
            low, high = s[max(i - 2, 0)], s[min(i + 2, 200)]
        return kappa.min()

    def correlation(Q):
        return Q[0, 1] / (Q[0, 0] * Q[1, 1]).sqrt()

    def widened(Q):
        s = Q.diagonal().sqrt()
        return torch.linalg.cond(s[:, None] * Q * s)

    mistakes = [
        (
            torch.linalg.cond,
            "That is κ of Q itself, before any scaling. (In two dimensions S = D⁻¹, "
            "with D the diagonal of Q, gives the same; Jacobi's is S = D^(−1/2).)",
        ),
        (
            lambda Q: (1 + correlation(Q)) / (1 - correlation(Q)),
            "A condition number is at least 1; what if the entry off the diagonal is "
            "negative?",
        ),
        (
            widened,
            "Jacobi's scaling divides by the root of the diagonal; yours multiplies.",
        ),
        (
            lambda Q: torch.linalg.cond(Q / Q.diagonal()[:, None]),
            "You have scaled the rows only; its singular values are not the "
            "eigenvalues of S Q S.",
        ),
        (
            lambda Q: 4 / (1 - correlation(Q) ** 2),
            "That is the least of (trace)²/det, which is κ + 1/κ + 2.",
        ),
        (
            lambda Q: ((1 + correlation(Q).abs()) / (1 - correlation(Q).abs())) ** 0.5,
            "That is the root of the least κ.",
        ),
        (lambda Q: 1.0, "κ = 1 is reached only if Q is diagonal."),
    ]
    rng = np.random.default_rng(0)
    cases = [(torch.eye(2).double(),), (at(1.0, 9.0).diag(),)]
    cases += [(torch.tensor([[2.1, q], [q, 2.1]]).double(),) for q in (1.0, -1.9)]
    for size in (1.0, 3.0, 30.0):
        for sign in (1, -1):
            a, r = 1 + size * rng.random(), sign * (0.1 + 0.8 * rng.random())
            cases.append((at(a, r * a**0.5, r * a**0.5, 1.0).reshape(2, 2),))
    count = compare(best_condition, oracle, cases, mistakes, rtol=1e-5)
    return right(
        f"no scaling that a search found has a smaller κ, on {count} matrices."
    )


@check
def check_old_hessian(old_hessian):
    """Exercise 6: Newton's method whose Hessian is renewed at every k-th step.

    Args:
        old_hessian: function (f, x, k, steps) of a function, a start (d,), the
            period and a number of steps; returns the points, (steps + 1, d), to one
            part in 10⁵ and 10⁻⁷.
    Oracle: inverse Hessians, derivatives by torch.autograd.functional.
    """

    def run(f, x, k, steps, renew=lambda t, k: t % k == 0, old_gradient=False):
        points = [x]
        for t in range(steps):
            x = points[-1]
            if t == 0 or renew(t, k):
                inverse, kept = torch.linalg.inv(hessian(f, x)), jacobian(f, x)
            points.append(x - inverse @ (kept if old_gradient else jacobian(f, x)))
        return torch.stack(points)

    torch.func.hessian(square)(at(0.0))  # its first use loads modules for a second
    mistakes = [
        (
            lambda f, x, k, steps: run(f, x, 1, steps),
            "That is k = 1: the Hessian is new at every step.",
        ),
        (
            lambda f, x, k, steps: run(f, x, steps + 1, steps),
            "The Hessian is that of the start throughout; renew it at steps k, 2k, ….",
        ),
        (
            lambda f, x, k, steps: run(f, x, k, steps, old_gradient=True),
            "The gradient is old, too; only the Hessian may be.",
        ),
        (
            lambda f, x, k, steps: run(f, x, k + 1, steps),
            "The Hessian is used for k + 1 steps; renew it at steps 0, k, 2k, ….",
        ),
        (
            lambda f, x, k, steps: run(
                f, x, k, steps, lambda t, k: t % k == k - 1 or k == 1
            ),
            "The Hessian is renewed one step too early: at steps 0, k, 2k, ….",
        ),
        (
            lambda f, x, k, steps: run(f, x, k, steps, lambda t, k: t % k == 1 % k),
            "The Hessian is renewed one step too late: at steps 0, k, 2k, ….",
        ),
    ]
    cases = [
        (overshooting, at(-0.5), 1, 1),
        (overshooting, at(-0.5), 2, 2),
        (overshooting, at(-0.5), 2, 3),
        (bowl, at(1.0, -2.0), 2, 2),
        (overshooting, at(-0.4), 3, 5),
    ]
    cases += [(valley, at(2.0, 0.0), k, 5) for k in (1, 2, 3, 4)]
    count = compare(old_hessian, run, cases, mistakes, rtol=1e-5, atol=1e-7)
    return right(f"all points agree on {count} runs, with k from 1 to 4.")
