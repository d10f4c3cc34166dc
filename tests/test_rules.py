"""The update rules that the chapters teach, taken from their cells, against torch.

A rule is held against torch.optim one step at a time: before each step its state is
made from torch's, so what is compared is the step and not the drift, in float64, to
1e-12 relative. MUTANTS shows that the comparison finds a wrong sign, a swapped β, or
an ε on the other side of the root.
"""

import copy
import itertools
import math

import notebooks
import pytest
import torch
from torch import optim

import descent
from descent.optimizers import Yogi

TOLERANCE = dict(rtol=1e-12, atol=1e-15)


# --- the problems: parameters, and a function that fills in their gradients ----------


def quadratic(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, generator=generator, dtype=torch.float64, requires_grad=True)
    scales = torch.tensor([0.1, 1.0, 10.0, 100.0], dtype=torch.float64)
    return [x], lambda step: (scales * x**2).sum() / 2


def rosenbrock(seed):
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(2, generator=generator, dtype=torch.float64) * 0.3
    x = (start + torch.tensor([-1.2, 1.0])).requires_grad_()
    # a hundredth of it, so that a rate of 0.01 is a stable one
    return [x], lambda step: (1 - x[0]) ** 2 / 100 + (x[1] - x[0] ** 2) ** 2


def airfoil(seed):
    generator = torch.Generator().manual_seed(seed)
    X, y = (t.double() for t in descent.get_data_ch11(1)[0].tensors)
    w = torch.randn(5, 1, generator=generator, dtype=torch.float64).requires_grad_()
    b = torch.zeros(1, dtype=torch.float64, requires_grad=True)

    def loss(step):
        batch = slice(10 * step, 10 * step + 10)
        return descent.squared_loss(descent.linreg(X[batch], w, b), y[batch]).mean()

    return [w, b], loss


PROBLEMS = (quadratic, rosenbrock, airfoil)


# --- the rules: chapter, name, torch's class, settings, and what a state becomes -----


def grid(**options):
    """All combinations of the options, as dicts."""
    values = itertools.product(*options.values())
    return [dict(zip(options, combination)) for combination in values]


# A rule's state for a parameter is described by the names of torch's tensors in its
# order, or by one of these functions of torch's state for what is no such tensor.


def started(state, p):
    return torch.full_like(p, float(state.get("momentum_buffer") is not None))


def step_tensor(state, p):
    return torch.tensor(float(state.get("step", 0)))


def step_int(state, p):
    return int(state.get("step", 0))


def step_dict(state, p):
    return {"step": step_int(state, p)}


def our_state(layout, optimizer, p, options):
    """The rule's state for p, made from torch's; before the first step, zeros."""
    if layout is None:
        return None
    state = optimizer.state[p]
    start = options.get("initial_accumulator_value", 0.0)

    def entry(part):
        if callable(part):
            return part(state, p)
        kept = state.get(part)
        return torch.full_like(p, start) if kept is None else kept.clone()

    entries = [entry(part) for part in layout]
    return entries if len(entries) > 1 else entries[0]


# The chapters put ε under the root in Adagrad and RMSProp, torch beside it. Under the
# root it is a constant in the accumulator: torch is given eps = 0 and that constant.
def adagrad_under_root(optimizer, options, sign):
    for p in optimizer.state:
        optimizer.state[p]["sum"] += sign * options["eps"]


def rmsprop_under_root(optimizer, options, sign):
    for p in optimizer.param_groups[0]["params"]:
        state = optimizer.state[p]
        if not state:
            state.update(step=torch.tensor(0.0), square_avg=torch.zeros_like(p))
        scale = 1.0 if sign < 0 else options["alpha"]  # it decays within the step
        state["square_avg"] += sign * options["eps"] / scale


ADADELTA = ["square_avg", "acc_delta"]
MOMENTS = ["exp_avg", "exp_avg_sq"]
BETAS = [(0.9, 0.999), (0.5, 0.8), (0.0, 0.9)]
SGD_OPTIONS = [
    options
    for options in grid(
        lr=[0.01],
        momentum=[0.0, 0.5, 0.9],
        dampening=[0.0, 0.3],
        weight_decay=[0.0, 0.1],
        nesterov=[False, True],
        maximize=[False, True],
    )
    if not options["nesterov"] or (options["momentum"] and not options["dampening"])
]
RULES = {
    ("gradient-descent", "gd"): (optim.SGD, grid(lr=[0.01, 0.001]), None),
    ("sgd", "sgd"): (optim.SGD, grid(lr=[0.01, 0.001]), None),
    ("minibatch-sgd", "sgd"): (optim.SGD, grid(lr=[0.01, 0.001]), None),
    ("momentum", "momentum"): (
        optim.SGD, grid(lr=[0.01, 0.001], momentum=[0.5, 0.9]), ["momentum_buffer"],
    ),
    ("momentum", "nesterov"): (
        optim.SGD,
        grid(lr=[0.01, 0.001], momentum=[0.5, 0.9], nesterov=[True]),
        ["momentum_buffer"],
    ),
    ("momentum", "torch_sgd"): (optim.SGD, SGD_OPTIONS, ["momentum_buffer", started]),
    ("adagrad", "adagrad"): (
        optim.Adagrad, grid(lr=[0.1, 2.0], eps=[1e-6, 0.1]), ["sum"],
    ),
    ("adagrad", "torch_adagrad"): (
        optim.Adagrad,
        grid(
            lr=[0.1],
            lr_decay=[0.0, 0.1],
            eps=[1e-10, 0.1],
            weight_decay=[0.0, 0.1],
            initial_accumulator_value=[0.0, 0.5],
            maximize=[False, True],
        ),
        [step_tensor, "sum"],
    ),
    ("rmsprop", "rmsprop"): (
        optim.RMSprop,
        grid(lr=[0.01, 0.1], alpha=[0.9, 0.7], eps=[1e-6, 0.1]),
        ["square_avg"],
    ),
    ("rmsprop", "torch_rmsprop"): (
        optim.RMSprop,
        grid(
            lr=[0.01],
            alpha=[0.9],
            eps=[1e-8, 0.1],
            weight_decay=[0.0, 0.1],
            momentum=[0.0, 0.5],
            centered=[False, True],
            maximize=[False, True],
        ),
        ["square_avg", "grad_avg", "momentum_buffer"],
    ),
    ("adadelta", "adadelta"): (
        optim.Adadelta, grid(rho=[0.9, 0.5], eps=[1e-5, 1e-2]), ADADELTA,
    ),
    ("adadelta", "torch_adadelta"): (
        optim.Adadelta,
        grid(
            lr=[1.0, 0.1],
            rho=[0.9, 0.5],
            eps=[1e-6, 1e-2],
            weight_decay=[0.0, 0.1],
            maximize=[False, True],
        ),
        ADADELTA,
    ),
    ("adam", "adam"): (
        optim.Adam,
        grid(lr=[0.01], betas=BETAS, eps=[1e-8, 0.1]),
        [*MOMENTS, step_dict],
    ),
    ("adam", "torch_adam"): (
        optim.Adam,
        grid(
            lr=[0.01],
            betas=BETAS[:2],
            eps=[1e-8, 0.1],
            weight_decay=[0.0, 0.1],
            amsgrad=[False, True],
            maximize=[False, True],
            decoupled_weight_decay=[False, True],
        ),
        [*MOMENTS, "max_exp_avg_sq", step_dict],
    ),
    ("yogi", "yogi"): (
        Yogi,
        grid(lr=[0.01], betas=BETAS, eps=[1e-3, 0.1], initial_accumulator=[0.0]),
        [*MOMENTS, step_int],
    ),
}  # fmt: skip
UNDER_ROOT = {
    ("adagrad", "adagrad"): adagrad_under_root,
    ("rmsprop", "rmsprop"): rmsprop_under_root,
}


def namespace_of(source):
    namespace = {"math": math, "torch": torch}
    exec(source, namespace)
    return namespace


def assert_same(ours, theirs, what):
    torch.testing.assert_close(ours, theirs, **TOLERANCE, msg=lambda m: f"{what}: {m}")


def compare(rule, key, options, problem, seed, steps=8):
    """Hold `rule` against torch's class for some steps of a problem."""
    torch_class, _, layout = RULES[key]
    shift = UNDER_ROOT.get(key)
    params, loss = problem(seed)
    optimizer = torch_class(params, **({**options, "eps": 0.0} if shift else options))
    for step in range(steps):
        optimizer.zero_grad()
        loss(step).backward()
        copies = [p.detach().clone().requires_grad_() for p in params]
        for p, ours in zip(params, copies):
            ours.grad = p.grad.clone()
        states = [our_state(layout, optimizer, p, options) for p in params]
        given = copy.deepcopy(options)
        rule(copies, states, options)
        assert options == given, "the rule changed the caller's hyperparams"
        if shift:
            shift(optimizer, options, +1)
        optimizer.step()
        if shift:
            shift(optimizer, options, -1)
        where = f"{key} {options} step {step}"
        for p, ours, state in zip(params, copies, states):
            assert not ours.grad.any(), f"{where} leaves gradients behind"
            assert_same(ours.detach(), p.detach(), where)
            after = our_state(layout, optimizer, p, options)
            compare_states(layout, state, after, optimizer.state[p], where)


def compare_states(layout, ours, theirs, torch_state, where):
    """Hold our state against torch's, but for tensors that torch does not keep."""
    if layout is None:
        return
    if len(layout) == 1:
        ours, theirs = [ours], [theirs]
    for part, our, their in zip(layout, ours, theirs):
        if not isinstance(our, torch.Tensor):
            assert our == their, where
        elif callable(part) or torch_state.get(part) is not None:
            # the shift of ε leaves its own rounding in the accumulator
            close = dict(rtol=1e-11, atol=1e-14, check_dtype=False)
            torch.testing.assert_close(our, their, **close, msg=f"{where}: {part}")


@pytest.mark.parametrize("key", RULES, ids="-".join)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_rule_takes_torch_s_steps(key, problem):
    chapter, name = key
    rule = namespace_of(notebooks.tagged_source(chapter, f"rule:{name}"))[name]
    for options in RULES[key][1]:
        for seed in (0, 1):
            compare(rule, key, options, problem, seed)


MUTANTS = [
    ("sgd", "sgd", "sub_(", "add_("),
    ("momentum", "momentum", ".mul_(hyperparams", ".div_(hyperparams"),
    ("momentum", "nesterov", "(p.grad + hyper", "(p.grad - hyper"),
    ("momentum", "torch_sgd", "v.copy_(g)", "v.add_(0.5 * g)"),
    ("momentum", "torch_sgd", "(1 - hyper", "(1 + hyper"),
    ("adagrad", "adagrad", "torch.sqrt(s + eps)", "(torch.sqrt(s) + eps)"),
    ("adagrad", "adagrad", "s.add_(", "s.sub_(-0.99 * "),
    ("adagrad", "torch_adagrad", "s.sqrt() + hyper", "s + hyper"),
    ("rmsprop", "rmsprop", "torch.sqrt(s + eps)", "(torch.sqrt(s) + eps)"),
    ("rmsprop", "rmsprop", "(1 - alpha) * p.grad", "alpha * p.grad"),
    ("rmsprop", "torch_rmsprop", "s - mean**2", "s + mean**2"),
    ("adadelta", "adadelta", "delta + eps", "delta"),
    ("adadelta", "adadelta", "(s + eps).sqrt()", "(s.sqrt() + eps)"),
    ("adadelta", "torch_adadelta", "p.sub_(lr * delta)", "p.sub_(delta)"),
    ("adam", "adam", "beta1, beta2 = hyper", "beta2, beta1 = hyper"),
    ("adam", "adam", "(s_hat.sqrt() + eps)", "(s_hat + eps).sqrt()"),
    ("adam", "adam", "v / (1 - beta1**t)", "v / (1 - beta1**(t + 1))"),
    ("adam", "torch_adam", "s_hat = largest", "s_hat = s"),
    ("adam", "torch_adam", "p.data.mul_(1 - lr", "p.data.mul_(1 + lr"),
    ("yogi", "yogi", "torch.sign(square - s)", "torch.sign(s - square)"),
    ("yogi", "yogi", "beta1, beta2 = hyper", "beta2, beta1 = hyper"),
    ("yogi", "yogi", "(torch.sqrt(s_hat) + eps)", "torch.sqrt(s_hat + eps)"),
]  # fmt: skip


@pytest.mark.parametrize("chapter, name, right, wrong", MUTANTS)
def test_a_mutant_is_found(chapter, name, right, wrong):
    key = chapter, name
    source = notebooks.tagged_source(chapter, f"rule:{name}")
    assert right in source, f"{right!r} is not in the rule {name}: update MUTANTS"
    rule = namespace_of(source.replace(right, wrong))[name]
    with pytest.raises(AssertionError):
        for options in RULES[key][1]:
            for problem in PROBLEMS:
                compare(rule, key, options, problem, seed=0)


# --- states and two-dimensional rules ------------------------------------------------

STATELESS = {"gd", "sgd"}


@pytest.mark.parametrize("key", [k for k in RULES if k[1] not in STATELESS], ids=str)
def test_initial_states_suit_the_airfoil_loop(key):
    chapter, name = key
    namespace = namespace_of(notebooks.tagged_source(chapter, f"rule:{name}"))
    rule, init_states = namespace[name], namespace[f"init_{name}_states"]
    options = {k: v for k, v in RULES[key][1][0].items() if k != "maximize"}
    data_iter, feature_dim = descent.get_data_ch11(100)
    torch.manual_seed(0)
    run = descent.fit_ch11(rule, init_states(feature_dim), options, data_iter, 5, 1)
    assert run.losses[-1] < run.losses[0]


def bowl_gradient(x1, x2):
    return 0.2 * x1, 4 * x2


# 2-D rule, the tensor rule it has to agree with, and the names of its hyperparameters
TWO_DIMENSIONAL = [
    ("gradient-descent", "gd_2d", "gd", {"lr": "eta"}),
    ("sgd", "sgd_2d", "sgd", {"lr": "eta"}),
    ("minibatch-sgd", "minibatch_sgd_2d", "sgd", {"lr": "eta"}),
    ("momentum", "momentum_2d", "momentum", {"lr": "eta", "momentum": "beta"}),
    ("momentum", "nesterov_2d", "nesterov", {"lr": "eta", "momentum": "beta"}),
    ("momentum", "polyak_2d", "momentum", {"lr": "eta", "momentum": "beta"}),
    ("adagrad", "adagrad_2d", "adagrad", {"lr": "eta", "eps": "eps"}),
    ("rmsprop", "rmsprop_2d", "rmsprop", {"lr": "eta", "alpha": "gamma"}),
    ("adadelta", "adadelta_2d", "adadelta", {"rho": "rho", "eps": "eps"}),
    ("adam", "adam_2d", "adam", {"lr": "eta", "eps": "eps"}),
    ("yogi", "yogi_2d", "yogi", {"lr": "eta", "eps": "eps"}),
]


@pytest.mark.parametrize("chapter, name, tensor_name, names", TWO_DIMENSIONAL)
def test_two_dimensional_rule_is_the_tensor_rule(chapter, name, tensor_name, names):
    flat = namespace_of(notebooks.tagged_source(chapter, f"rule:{name}"))
    flat.setdefault("eta", 0.1)  # set in the cell that draws, in the SGD chapters
    full = namespace_of(notebooks.tagged_source(chapter, f"rule:{tensor_name}"))
    hyperparams = {ours: flat[theirs] for ours, theirs in names.items()}
    if "beta1" in flat:
        hyperparams["betas"] = flat["beta1"], flat["beta2"]
    x = torch.tensor([[-5.0], [-2.0]], dtype=torch.float64, requires_grad=True)
    states = None
    if tensor_name not in STATELESS:
        states = full[f"init_{tensor_name}_states"](2)[:1]
        states = [in_double(states[0])]
    takes_gradient = flat[name].__code__.co_argcount == 5
    arguments = (bowl_gradient,) if takes_gradient else ()
    point = (-5.0, -2.0, 0, 0)
    for _ in range(15):
        x.grad = torch.stack(bowl_gradient(*x.detach()))
        full[tensor_name]([x], states, hyperparams)
        point = flat[name](*point, *arguments)
        assert_same(
            torch.tensor([float(point[0]), float(point[1])], dtype=torch.float64),
            x.detach().flatten(),
            name,
        )


def in_double(state):
    if isinstance(state, torch.Tensor):
        return state.double()
    if isinstance(state, (tuple, list)):
        return type(state)(in_double(entry) for entry in state)
    return state


# --- Newton --------------------------------------------------------------------------


def newton_rules():
    source = notebooks.tagged_source("newton", "rule:newton")
    return namespace_of(source)["newton_step"]


def test_newton_solves_a_quadratic_in_one_step():
    torch.manual_seed(0)
    A = torch.randn(5, 5, dtype=torch.float64)
    Q, c = A @ A.T + torch.eye(5), torch.randn(5, dtype=torch.float64)
    x = newton_rules()(lambda x: x @ Q @ x / 2 + c @ x, torch.randn(5).double())
    torch.testing.assert_close(x, -torch.linalg.solve(Q, c), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("lr", [1.0, 0.5])
def test_newton_step_on_rosenbrock(lr):
    def f(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    for a, b in ((-1.2, 1.0), (0.3, -0.7), (2.0, 4.0)):
        gradient = torch.tensor(
            [-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)],
            dtype=torch.float64,
        )
        hessian = torch.tensor(
            [[2 - 400 * b + 1200 * a * a, -400 * a], [-400 * a, 200]],
            dtype=torch.float64,
        )
        start = torch.tensor([a, b], dtype=torch.float64)
        expected = start - lr * torch.linalg.inv(hessian) @ gradient
        ours = newton_rules()(f, start, lr)
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)


def test_newton_2d_is_the_newton_step():
    source = notebooks.tagged_source("newton", "rule:newton_2d")
    newton_2d = namespace_of(source)["newton_2d"]

    def f(x):
        return x[0] ** 4 + x[0] * x[1] + torch.cosh(x[1])

    gradient = torch.func.grad(f)
    point = (1.3, -0.4)

    def f_grad(x1, x2):
        return tuple(gradient(torch.stack([x1, x2])))

    ours = newton_2d(*point, 0, 0, f_grad)
    expected = newton_rules()(f, torch.tensor(point, dtype=torch.float64))
    assert ours[:2] == pytest.approx(expected.tolist(), rel=1e-12)
