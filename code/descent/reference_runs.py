"""The playground's runs computed with torch: what its module is held against.

Surfaces are plain functions of tensors, gradients and Hessians come from autograd, and
steps from torch.optim, or from the chapter's rule where torch has none. Everything is
float64. Nothing of this runs in a browser.
"""

import math
import re

import torch

from descent import playground
from descent.optimizers import Yogi

CONVERGED = 1e-4  # above the lowest value, where that is known
FLAT = 1e-6  # length of the gradient, where it is not

# --- surfaces ------------------------------------------------------------------------


def _beale(x, y):
    return (
        (1.5 - x + x * y) ** 2
        + (2.25 - x + x * y**2) ** 2
        + (2.625 - x + x * y**3) ** 2
    )


def _rastrigin(x, y):
    waves = torch.cos(2 * math.pi * x) + torch.cos(2 * math.pi * y)
    return 20 + x**2 + y**2 - 10 * waves


def _plateau(x, y):
    square = x**2 + y**2
    return -3 * torch.exp(-square / 2) + 0.01 * square


def _cliff(x, y):
    return 5 * torch.sigmoid(10 * (x - 1)) + 0.05 * (x + 1) ** 2 + 0.25 * y**2


# surface: (f, its lowest value)
FIXED = {
    "bowl": (lambda x, y: x**2 + 2 * y**2, 0.0),
    "rosenbrock": (lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2, 0.0),
    "beale": (_beale, 0.0),
    "himmelblau": (lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2, 0.0),
    "saddle": (lambda x, y: x**2 - y**2 + y**4 / 4, -1.0),
    "monkey": (lambda x, y: x**3 - 3 * x * y**2 + (x**2 + y**2) ** 2 / 2, -27 / 32),
    "plateau": (_plateau, -3.0),
    # at (−1, 0), where the cliff's far end tilts the bowl by less than 1e-13
    "cliff": (_cliff, 5 / (1 + math.exp(20))),
    "booth": (lambda x, y: (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2, 0.0),
    "rastrigin": (_rastrigin, 0.0),
}


def surface(config):
    """Return (f, lowest): a whole config's function of tensors x, y, and its lowest
    value, None if it is not known."""
    name = config["surface"]
    if name == "valley":
        return _valley(**config["params"]), 0.0
    if name == "airfoil":
        return _airfoil(*config["weights"])
    if name == "custom":
        return _custom(config["expression"]), None
    return FIXED[name]


def _valley(kappa, angle):
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return lambda x, y: 0.1 * (c * x + s * y) ** 2 + 0.1 * kappa * (c * y - s * x) ** 2


def _airfoil(i, j):
    moments = playground.airfoil_moments()
    gram, optimum, floor = moments["gram"], moments["optimum"], moments["floor"]

    def f(x, y):
        u, v = x - optimum[i], y - optimum[j]
        square = gram[i][i] * u**2 + 2 * gram[i][j] * u * v + gram[j][j] * v**2
        return floor + square / 2

    return f, floor


# How the playground lets one write what sympy reads in plain letters only.
SPELLINGS = str.maketrans("−–·×÷", "--**/") | {ord("π"): "pi"}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def _custom(expression):
    """Turn text in the playground's notation, but for |x|, into a function, by sympy.

    sympy evaluates the text as Python: it is the author's own, never a link's.
    """
    import sympy
    from sympy.parsing import sympy_parser as parser

    rules = parser.standard_transformations
    rules += (parser.split_symbols, parser.implicit_multiplication, parser.convert_xor)
    x, y = sympy.symbols("x y")
    names = {"x": x, "y": y, "e": sympy.E, "abs": sympy.Abs, "pi": sympy.pi}
    names["sigmoid"] = lambda v: 1 / (1 + sympy.exp(-v))
    plain = expression.replace("x₁", "x").replace("x₂", "y").translate(SPELLINGS)
    plain = re.sub("[⁰¹²³⁴-⁹]+", lambda m: f"^{m[0].translate(SUPERSCRIPTS)}", plain)
    try:
        tree = parser.parse_expr(plain, names, transformations=rules)
        f = sympy.lambdify((x, y), tree, [torch, {"Abs": torch.abs}])
        float(f(torch.tensor(0.1), torch.tensor(0.2)))
    except Exception as error:
        raise ValueError(
            f"expression is {expression!r}, which cannot be read ({error}); write a "
            f"function of x and y such as 'x^2 + 3y^2', and abs(x) for |x|."
        ) from error
    return f


# --- methods -------------------------------------------------------------------------


class Newton(torch.optim.Optimizer):
    """Newton's method with a step length and Levenberg's shift, as in its chapter."""

    def __init__(self, params, f, lr, damping):
        super().__init__(params, dict(lr=lr, damping=damping))
        self.f = f

    def step(self):
        """Make one update from the gradients that the parameters hold."""
        group = self.param_groups[0]
        (p,) = group["params"]
        hessian = torch.func.hessian(lambda p: self.f(p[0], p[1]))(p.detach())
        hessian = hessian + group["damping"] * torch.eye(2, dtype=p.dtype)
        p.data -= group["lr"] * torch.linalg.solve_ex(hessian, p.grad).result


def _betas(h):
    return {"betas": (h["beta1"], h["beta2"]), "eps": h["eps"]}


# method: (function of the parameters, f, lr and the entry to an optimizer; torch's
# names of the state variables)
METHODS = {
    "gd": (lambda p, f, lr, h: torch.optim.SGD(p, lr), {}),
    "sgd": (lambda p, f, lr, h: torch.optim.SGD(p, lr), {}),
    "momentum": (
        lambda p, f, lr, h: torch.optim.SGD(p, lr, momentum=h["momentum"]),
        {"v": "momentum_buffer"},
    ),
    "nesterov": (
        lambda p, f, lr, h: torch.optim.SGD(
            p, lr, momentum=h["momentum"], nesterov=h["momentum"] > 0
        ),
        {"v": "momentum_buffer"},
    ),
    "newton": (lambda p, f, lr, h: Newton(p, f, lr, h["damping"]), {}),
    "adagrad": (
        lambda p, f, lr, h: torch.optim.Adagrad(p, lr, eps=h["eps"]),
        {"s": "sum"},
    ),
    "rmsprop": (
        lambda p, f, lr, h: torch.optim.RMSprop(p, lr, h["alpha"], h["eps"]),
        {"s": "square_avg"},
    ),
    "adadelta": (
        lambda p, f, lr, h: torch.optim.Adadelta(p, lr, h["rho"], h["eps"]),
        {"s": "square_avg", "delta": "acc_delta"},
    ),
    "adam": (
        lambda p, f, lr, h: torch.optim.Adam(p, lr, **_betas(h)),
        {"v": "exp_avg", "s": "exp_avg_sq"},
    ),
    "amsgrad": (
        lambda p, f, lr, h: torch.optim.Adam(p, lr, **_betas(h), amsgrad=True),
        {"v": "exp_avg", "s": "exp_avg_sq", "max": "max_exp_avg_sq"},
    ),
    "yogi": (
        lambda p, f, lr, h: Yogi(p, lr, **_betas(h), initial_accumulator=0),
        {"v": "exp_avg", "s": "exp_avg_sq"},
    ),
}

# schedule: what the rate is multiplied by at step t = 1, 2, … of `steps`
SCHEDULES = {
    "constant": lambda h, t, steps: 1.0,
    "piecewise": lambda h, t, steps: h["factor"] ** (t // h["every"]),
    "exponential": lambda h, t, steps: math.exp(-h["decay"] * t),
    "polynomial": lambda h, t, steps: (1 + h["decay"] * t) ** -h["power"],
    "cosine": lambda h, t, steps: (1 + math.cos(math.pi * t / steps)) / 2,
}


def noise_from(seed):
    """Yield noise of mean 0 and variance 1 as the module draws it: sums of twelve
    uniform numbers from a linear congruential generator, less six."""
    while True:
        total = -6.0
        for _ in range(12):
            seed = (1664525 * seed + 1013904223) % 2**32
            total += seed / 2**32
        yield total


# --- runs ----------------------------------------------------------------------------


def run(config):
    """Run every method of a whole config.

    Returns: (f, traces), with `f` the surface. A trace is a dict of lists with a row
        for the start and for each step, as the module's `run` gives them: `points`,
        `grads`, `losses`, `rates` and `states`; `status` and `at` as there.
    """
    f, lowest = surface(config)
    return f, [follow(f, lowest, config, entry) for entry in config["methods"]]


def follow(f, lowest, config, entry):
    """Run one method, given by its entry of a whole config."""
    make, names = METHODS[entry["method"]]
    x = torch.tensor(config["start"], dtype=torch.float64, requires_grad=True)
    optimizer = make([x], f, float(entry["lr"]), entry)
    noise = noise_from(config["seed"]) if entry["method"] == "sgd" else None
    trace = {"method": entry["method"], "status": "running", "at": None}
    trace |= {"points": [], "grads": [], "losses": [], "rates": []}
    trace["states"] = {name: [] for name in names}
    rate = math.nan
    for t in range(config["steps"] + 1):
        optimizer.zero_grad()
        loss = f(x[0], x[1])
        loss.backward()
        if not all(part.isfinite().all() for part in (x, loss, x.grad)):
            return trace | {"status": "diverged", "at": t}
        if trace["at"] is None and _arrived(loss.item(), x.grad, lowest):
            trace |= {"status": "converged", "at": t}
        if noise:
            drawn = torch.tensor([next(noise), next(noise)], dtype=torch.float64)
            x.grad += entry["noise"] * drawn
        for name, kept in trace["states"].items():
            value = optimizer.state[x].get(names[name])
            kept.append([0.0, 0.0] if value is None else value.tolist())
        trace["points"].append(x.tolist())
        trace["grads"].append(x.grad.tolist())
        trace["losses"].append(loss.item())
        trace["rates"].append(rate)
        schedule = SCHEDULES[entry["schedule"]]
        rate = entry["lr"] * schedule(entry, t + 1, config["steps"])
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    return trace


def _arrived(loss, gradient, lowest):
    if lowest is None:
        return bool(gradient.norm() < FLAT)
    return loss - lowest < CONVERGED
