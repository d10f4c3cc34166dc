"""The playground's arithmetic, in a real browser, against torch in float64.

`reference_runs` computes runs with torch; the module repeats every step of them from
the same state, so that what is compared is the step and not the drift.
"""

import itertools
import math
import random
import re

import numpy as np
import pytest
import torch

from descent import playground, reference_runs

TABLES = playground.tables()
METHODS, SURFACES = list(TABLES["methods"]), list(TABLES["surfaces"])
EPS = 1e-12  # the relative difference that is allowed
# surfaces in all their forms: key, and what else of a config
FORMS = {name: {"surface": name} for name in SURFACES} | {
    "valley, κ = 2": {"surface": "valley", "params": {"kappa": 2}},
    "valley, turned": {"surface": "valley", "params": {"angle": 45}},
    "valley, steep": {"surface": "valley", "params": {"kappa": 400, "angle": -20}},
    "airfoil, bias": {"surface": "airfoil", "weights": [5, 2]},
    "custom, own": {"surface": "custom", "expression": "exp(-x y/4) + x^2 + y^4/9"},
}
each_form = pytest.mark.parametrize("form", FORMS)


@pytest.fixture(scope="module")
def moments():
    return {"airfoil": playground.airfoil_moments()}


def by_key(trace, key):
    return np.array(trace["states"][key])


# --- steps ---------------------------------------------------------------------------

# For each hyperparameter other values than the usual one.
OTHERS = {
    "momentum": [0.0, 0.5],
    "damping": [0.5, 20],
    "alpha": [0.5, 0.99],
    "rho": [0.5, 0.99],
    "beta1": [0.0, 0.5],
    "beta2": [0.9, 0.5],
    "eps": [0.1, 1e-12],
    "noise": [0.0, 0.3],
}
SCHEDULES = [
    {"schedule": "piecewise", "every": 2, "factor": 0.3},
    {"schedule": "exponential", "decay": 0.2},
    {"schedule": "polynomial", "decay": 0.5, "power": 0.75},
    {"schedule": "cosine"},
]


def settings(method):
    """Some settings of a method: the surface's, and each number's others."""
    keys = [key for key in TABLES["methods"][method]["hyper"] if key in OTHERS]
    others = [
        dict(zip(keys, values), lr=0.01)
        for values in zip(*(OTHERS[key] for key in keys))
    ]
    return [{}, {"lr": 0.001} | random.Random(method).choice(SCHEDULES), *others]


# Repeats every step of traces from the state before it. The gradient of a step is the
# trace's; f, gradient and Hessian at its points are the module's own.
REPLAY = """([config, data, traces]) => {
    const { METHODS, SCHEDULES, surfaceOf, memory } = playground;
    const surface = surfaceOf(config, data);
    return traces.map((trace, n) => {
        const spec = config.methods[n], { step } = METHODS[spec.method];
        const m = memory(spec.method, config.start);
        const replayed = { points: [], states: {}, losses: [], grads: [], rates: [] };
        for (const key of Object.keys(trace.states)) replayed.states[key] = [];
        for (let k = 0; k + 1 < trace.points.length; k++) {
            const [x, y] = trace.points[k];
            m.x.set([x, y]);
            for (const key of Object.keys(trace.states)) {
                m[key].set(trace.states[key][k]);
            }
            const { factor } = SCHEDULES[spec.schedule];
            const lr = spec.lr * factor(spec, k + 1, config.steps);
            step(m, trace.grads[k], spec, lr, surface.hess(x, y));
            replayed.points.push([...m.x]);
            replayed.losses.push(surface.f(x, y));
            replayed.grads.push(surface.grad(x, y));
            replayed.rates.push(lr);
            for (const key of Object.keys(trace.states)) {
                replayed.states[key].push([...m[key]]);
            }
        }
        return replayed;
    });
}"""


def assert_step(ours, torchs, name, whole):
    """Compare values after each step; `torchs` also has the row before the first.

    A difference is relative to the value before or after the step, coordinate by
    coordinate, or, where the coordinates mix (`whole`), to the larger coordinate.
    """
    ours, torchs = np.array(ours, dtype=float), np.array(torchs, dtype=float)
    assert len(ours) == len(torchs) - 1 and np.isfinite(ours).all()
    size = np.maximum(abs(torchs[:-1]), abs(torchs[1:]))
    if whole:
        size = size.max(1, keepdims=True)
    wrong = abs(ours - torchs[1:]) > EPS * size + 1e-300
    assert not wrong.any(), f"{name}: {ours[wrong]} against {torchs[1:][wrong]}"


@each_form
@pytest.mark.parametrize("method", METHODS)
def test_every_step_is_torchs(module_page, moments, form, method):
    for chosen in settings(method):
        entry = {"method": method} | chosen
        config = FORMS[form] | {"steps": 8, "seed": 3, "methods": [entry]}
        config = playground.complete(config)
        (trace,) = reference_runs.run(config)[1]
        if entry.get("momentum") == 0:
            trace["states"] = {}  # torch then keeps no velocity
        (ours,) = module_page.evaluate(REPLAY, [config, moments, [trace]])
        assert_step(ours["points"], trace["points"], f"x, {entry}", method == "newton")
        for key, values in ours["states"].items():
            assert_step(values, trace["states"][key], f"{key}, {entry}", False)
        np.testing.assert_allclose(ours["rates"], trace["rates"][1:], rtol=EPS)


def test_a_wrong_step_would_be_found(module_page):
    config = playground.complete({"steps": 8, "methods": ["adam"]})
    (trace,) = reference_runs.run(config)[1]
    config["methods"][0]["beta2"] = 0.999000000001
    (ours,) = module_page.evaluate(REPLAY, [config, {}, [trace]])
    with pytest.raises(AssertionError, match="s: "):
        assert_step(ours["states"]["s"], trace["states"]["s"], "s", False)


# --- gradients and Hessians ----------------------------------------------------------

DERIVATIVES = """([config, data, points]) => {
    const { f, grad, hess, error } = playground.surfaceOf(config, data);
    if (error) throw error;
    return points.map(([x, y]) => [f(x, y), grad(x, y), hess(x, y)]);
}"""


def derivatives(f, point):
    """Return f, gradient and (∂x∂x, ∂x∂y, ∂y∂y) at a point by autograd."""
    x = torch.tensor(point, dtype=torch.float64)

    def of_vector(x):
        return torch.as_tensor(f(x[0], x[1]), dtype=torch.float64)

    gradient = torch.autograd.functional.jacobian(of_vector, x)
    (xx, xy), (_, yy) = torch.autograd.functional.hessian(of_vector, x).tolist()
    return float(of_vector(x)), gradient.tolist(), [xx, xy, yy]


def assert_derivatives(ours, f, points):
    """Compare with autograd, as exactly as the numbers allow.

    A gradient in which large terms cancel is known only as well as x is: to the
    change that a relative change of x by EPS would make.
    """
    for (value, gradient, hessian), point in zip(ours, points):
        right, right_gradient, right_hessian = derivatives(f, point)
        curvature, slope = np.abs(right_hessian).max(), np.abs(right_gradient).max()
        reach = max(1.0, *map(abs, point))
        assert value == pytest.approx(right, rel=EPS, abs=EPS * slope * reach)
        assert gradient == pytest.approx(
            right_gradient, rel=EPS, abs=EPS * curvature * reach
        )
        assert hessian == pytest.approx(
            right_hessian, rel=EPS, abs=EPS * max(curvature, 1e-3)
        )


@each_form
def test_gradient_and_hessian_are_autograds(module_page, moments, form):
    config = playground.complete(FORMS[form])
    (left, right), (bottom, top) = TABLES["surfaces"][config["surface"]]["domain"]
    draw = random.Random(0).uniform
    points = [[draw(left, right), draw(bottom, top)] for _ in range(40)]
    points += [[0.0, 0.0], [1.0, 1.0], [-2.0, 0.5], config["start"]]
    ours = module_page.evaluate(DERIVATIVES, [config, moments, points])
    assert_derivatives(ours, reference_runs.surface(config)[0], points)


@each_form
def test_formula_says_what_is_computed(module_page, moments, form):
    """The text that is shown, parsed, is the surface."""
    config = playground.complete(FORMS[form])
    points = [[0.3, -0.7], [-1.1, 0.4], [1.9, 1.3]]
    values = module_page.evaluate(
        """([config, data, points]) => {
            const surface = playground.surfaceOf(config, data);
            const parsed = playground.parseExpression(surface.formula);
            return points.map((p) => [surface.f(...p), parsed.f(...p)]);
        }""",
        [config, moments, points],
    )
    for computed, parsed in values:
        assert parsed == pytest.approx(computed, rel=1e-11, abs=1e-11)


# what a reader may write, and the same in Python
EXPRESSIONS = {
    "x^2 + 3y^2": "x**2 + 3*y**2",
    "x² − 2x y + y⁴/4": "x**2 - 2*x*y + y**4/4",
    "-x^2": "-(x**2)",
    "2^-x + y": "2**(-x) + y",
    "(x+1)(y−1)": "(x+1)*(y-1)",
    "2(x+1) y": "2*(x+1)*y",
    "xy": "x*y",
    "3xy^2 + yx²": "3*x*y**2 + y*x**2",
    "x²y + x^2y": "2*x**2*y",
    "xxy³/2": "x*x*y**3/2",
    "x y^2 x": "x*y**2*x",
    "x/y/2": "(x/y)/2",
    "x/(2y)": "x/(2*y)",
    "x - y - 1": "(x-y)-1",
    "x - (y - 1)": "x-(y-1)",
    "x^2^3/100 + y": "x**8/100 + y",
    "sin(2x) cos(y) + tan(x/3)": "sin(2*x)*cos(y) + tan(x/3)",
    "tanh(x - y) + sigmoid(3x)": "tanh(x-y) + sigmoid(3*x)",
    "exp(-(x²+y²)/2)": "exp(-(x**2+y**2)/2)",
    "e^(x/2) + pi y": "exp(x/2) + pi*y",
    "ln(1 + x^2) + log(3 + y^2)": "log(1+x**2) + log(3+y**2)",
    "sqrt(x^2 + y^2 + 1)": "sqrt(x**2 + y**2 + 1)",
    "abs(x) + |y - |x||": "abs(x) + abs(y - abs(x))",
    "2|x| y": "2*abs(x)*y",
    "(x² + 1)^y": "(x**2 + 1)**y",
    "(x^2 + 1)^(-1.5) + y": "(x**2+1)**(-1.5) + y",
    "x**3 - 3·x·y²": "x**3 - 3*x*y**2",
    "x₁² + 2 x₂²": "x**2 + 2*y**2",
    "1e-3 x + 2.5E1 y + .5": "0.001*x + 25*y + 0.5",
    "3": None,
    "x^0 + y": "1 + 0*x + y",
    "x^1 + y": "x + y",
    "--x + +y": "x + y",
    "x ÷ 4 × y": "x/4*y",
    "sin(1) x + y": "sin(torch.tensor(1.0, dtype=x.dtype))*x + y",
}


@pytest.mark.parametrize("text", [t for t, python in EXPRESSIONS.items() if python])
def test_expression_and_its_derivatives(module_page, text):
    names = vars(torch) | {"torch": torch, "pi": math.pi}
    f = eval(f"lambda x, y: {EXPRESSIONS[text]}", names)
    draw = random.Random(text).uniform
    points = [[draw(-1.4, 1.4), draw(-1.4, 1.4)] for _ in range(12)]
    config = playground.complete({"surface": "custom", "expression": text})
    ours = module_page.evaluate(DERIVATIVES, [config, {}, points])
    assert_derivatives(ours, f, points)


def test_python_reads_an_authors_expression_alike():
    """For the figure in a stored notebook; |x| and sin(1) get a sentence there."""
    x, y = torch.tensor([0.37, 0.81], dtype=torch.float64)
    for text, python in EXPRESSIONS.items():
        if python is None or "|" in text or "sin(1)" in text:
            continue
        config = playground.complete({"surface": "custom", "expression": text})
        f, lowest = reference_runs.surface(config)
        right = eval(python, vars(torch) | {"x": x, "y": y, "pi": math.pi})
        assert float(f(x, y)) == pytest.approx(float(right), rel=1e-14), text
        assert lowest is None


def test_a_wrong_derivative_would_be_found(module_page):
    config = playground.complete({"surface": "custom", "expression": "x^2 y"})
    points = [[0.3, 0.7]]
    ours = module_page.evaluate(DERIVATIVES, [config, {}, points])
    assert_derivatives(ours, lambda x, y: x**2 * y, points)
    with pytest.raises(AssertionError):
        assert_derivatives(ours, lambda x, y: x**2 * y + 1e-10 * x * y, points)


SENTENCES = {
    "": "The function is empty",
    "3": "contains neither x nor y",
    "x +": "At the end: something is missing",
    "((x": "“(” is not closed; add “)”",
    "x)": "“)” closes nothing",
    "|x": "“|” is not closed",
    "sin x": "sin needs its argument in brackets: sin(x)",
    "foo(x)": "this name is not known; known are x, y, sin",
    "x2 + y": "a number after a factor; put *, ^ or + before it",
    "x² + y² + @": "At “@” (character 11): this sign is not known here",
    "² + x": "a number, x, y or a function was expected",
    "1/2x": "can be read in two ways; write 1/(2*x)",
    "x 2": "a number after a factor",
    "2 3x": "two numbers in a row",
    "x, y": "write decimals with a point",
    "0,5x": "write decimals with a point",
    "1/0 + x": "this gives no finite number",
    "log(-1) + x": "this gives no finite number",
    "x + 1e309": "this number is too large",
    "x = 3": "this sign is not known here",
    "x + y" + " + x" * 200: "at most 300 are read",
    "x" * 90: "more than 60 operations",
    "(" * 60 + "x" + ")" * 60: "more than 30 levels of brackets",
    "constructor(x)": "this name is not known",
    "x.constructor": "this sign is not known here",
}


@pytest.mark.parametrize("text", SENTENCES)
def test_bad_expression_gets_a_sentence(module_page, text):
    program = "(text) => playground.parseExpression(text).error ?? null"
    error = module_page.evaluate(program, text)
    assert error and SENTENCES[text] in error and error.endswith(".")


# --- whole runs ----------------------------------------------------------------------

RUN = """([config, data]) => {
    const rows = (array) => Array.from({ length: array.length / 2 },
        (_, k) => [array[2 * k], array[2 * k + 1]]);
    return playground.run(playground.withDefaults(config), data).traces.map((t) => ({
        method: t.method, status: t.status, at: t.at, points: rows(t.points),
        grads: rows(t.grads), losses: [...t.losses], distances: [...t.distances],
        rates: [...t.rates],
    }));
}"""


def assert_close(one, other, name):
    one, other = np.array(one, dtype=float), np.array(other, dtype=float)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9, err_msg=name)


@each_form
def test_traces_of_500_steps(module_page, moments, form):
    methods = ["gd", "momentum", "adam"]
    config = playground.complete(FORMS[form] | {"steps": 500, "methods": methods})
    ours = module_page.evaluate(RUN, [config, moments])
    for one, right in zip(ours, reference_runs.run(config)[1]):
        for key in ("status", "at"):
            assert one[key] == right[key], one["method"]
        for key in ("points", "losses", "grads"):
            assert_close(one[key], right[key], one["method"])


# (surface and what else of a config, method, its hyperparameters, what is reached, at
# which step; None: not within 5000 steps)
COUNTS = [
    ({}, "gd", {"lr": 0.4}, 61),
    ({}, "gd", {"lr": 0.49}, 139),
    ({}, "momentum", {"lr": 0.6, "momentum": 0.5}, 17),
    ({}, "adagrad", {"lr": 2}, 13),
    ({}, "adam", {"lr": 0.4}, 76),
    ({}, "rmsprop", {"lr": 0.4, "alpha": 0.9}, 18),
    ({}, "adadelta", {"eps": 1e-2}, 49),
    ({"params": {"angle": 45}}, "gd", {"lr": 0.4}, 61),
    ({"params": {"angle": 45}}, "momentum", {"lr": 0.6, "momentum": 0.5}, 17),
    ({"params": {"angle": 45}}, "adagrad", {"lr": 2}, 81),
    ({"params": {"angle": 45}}, "adam", {"lr": 0.4}, 96),
    ({"surface": "rosenbrock"}, "gd", {"lr": 0.002}, 4630),
    ({"surface": "rosenbrock"}, "momentum", {"lr": 0.001, "momentum": 0.9}, 836),
    ({"surface": "rosenbrock"}, "adam", {"lr": 0.05}, 1317),
    ({"surface": "rosenbrock"}, "newton", {"lr": 1}, 5),
    ({"surface": "beale"}, "gd", {"lr": 0.01}, 901),
    ({"surface": "beale"}, "adam", {"lr": 0.05}, 696),
    ({"surface": "booth"}, "gd", {"lr": 0.1}, 38),
]


def one_run(module_page, setting, method, hyper, steps=5000):
    config = {"steps": steps, "methods": [{"method": method} | hyper]} | setting
    (trace,) = module_page.evaluate(RUN, [config, {}])
    return trace


@pytest.mark.parametrize("setting, method, hyper, step", COUNTS)
def test_step_counts(module_page, setting, method, hyper, step):
    trace = one_run(module_page, setting, method, hyper)
    assert (trace["status"], trace["at"]) == ("converged", step)
    assert min(trace["losses"][:step]) >= 1e-4 > trace["losses"][step]


def first_below(trace, value):
    return next(k for k, loss in enumerate(trace["losses"]) if loss < value)


def test_plateau_counts(module_page):
    """To f < −2.95, deep in the hole."""
    rates = {"rmsprop": 21, "adam": 36, "momentum": 41, "adagrad": 186, "gd": 257}
    for method, step in rates.items():
        trace = one_run(module_page, {"surface": "plateau"}, method, {"lr": 0.1}, 400)
        assert first_below(trace, -2.95) == step, method


def test_saddle_counts(module_page):
    """To f < −0.95; on the ridge itself nothing leaves the saddle point."""
    methods = {"nesterov": 25, "momentum": 34, "rmsprop": 39, "adam": 45, "gd": 82}
    for method, step in methods.items():
        trace = one_run(module_page, {"surface": "saddle"}, method, {"lr": 0.05}, 100)
        assert first_below(trace, -0.95) == step, method
    for method, rate in (("gd", 0.05), ("adam", 0.05), ("newton", 1)):
        ridge = {"surface": "saddle", "start": [2, 0]}
        trace = one_run(module_page, ridge, method, {"lr": rate}, 500)
        assert trace["points"][-1] == pytest.approx([0, 0], abs=1e-6), method
    trace = one_run(module_page, {"surface": "saddle"}, "newton", {"lr": 1}, 20)
    assert trace["points"][-1] == pytest.approx([0, 0], abs=1e-12)


def test_monkey_saddle_counts(module_page):
    """To f < −0.8."""
    for method, step in (("momentum", 8), ("gd", 201)):
        trace = one_run(module_page, {"surface": "monkey"}, method, {"lr": 0.05}, 300)
        assert first_below(trace, -0.8) == step, method


def test_himmelblau_minima(module_page):
    for method, rate, minimum, within in (
        ("gd", 0.01, (3.584, -1.848), 5e-4),
        ("momentum", 0.01, (3.584, -1.848), 5e-4),
        ("rmsprop", 0.05, (3, 2), 0.05),  # cycles around it
        ("adagrad", 0.5, (3, 2), 1e-6),
        ("adam", 0.1, (3, 2), 1e-6),
    ):
        setting = {"surface": "himmelblau"}
        trace = one_run(module_page, setting, method, {"lr": rate}, 1000)
        assert trace["points"][-1] == pytest.approx(minimum, abs=within), method


def test_runs_that_grow(module_page):
    """GD past its limits, 0.5 and 1/9; momentum on Beale, which overflows."""
    for setting, rate in (({}, 0.51), ({"surface": "booth"}, 0.112)):
        losses = one_run(module_page, setting, "gd", {"lr": rate}, 1000)["losses"]
        assert losses[-1] > 1e6 * losses[0]
    trace = one_run(module_page, {"surface": "beale"}, "momentum", {"lr": 0.01})
    assert (trace["status"], trace["at"]) == ("diverged", 10)
    assert len(trace["losses"]) == 10 and 1e87 < trace["losses"][9] < 1e88
    assert all(math.isfinite(v) for v in sum(trace["points"], []))


def test_rmsprop_cycles_and_adadelta_crawls(module_page):
    trace = one_run(module_page, {}, "rmsprop", {"lr": 0.4, "alpha": 0.9}, 2000)
    assert np.abs(trace["points"][-2:]) == pytest.approx(0.2 * np.ones((2, 2)), 1e-6)
    crawling = one_run(module_page, {}, "adadelta", {"eps": 1e-6}, 100)
    assert crawling["points"][-1][0] < -4.5


def test_steps_at_the_cliff(module_page):
    """GD leaps once; a coordinate of Adam's step is never much over its rate."""
    gd = one_run(module_page, {"surface": "cliff"}, "gd", {"lr": 0.5}, 400)
    steps = np.linalg.norm(np.diff(gd["points"], axis=0), axis=1)
    assert sorted(steps)[-1] == pytest.approx(4.52, abs=0.01)
    assert sorted(steps)[-2] < 0.6
    adam = one_run(module_page, {"surface": "cliff"}, "adam", {"lr": 0.1}, 400)
    assert np.abs(np.diff(adam["points"], axis=0)).max() < 0.103


def test_no_usual_setting_reaches_rastrigins_minimum(module_page):
    config = {"surface": "rastrigin", "methods": METHODS, "steps": 2000}
    traces = module_page.evaluate(RUN, [playground.complete(config), {}])
    assert len(traces) == len(METHODS)
    assert all(t["status"] == "running" and min(t["losses"]) > 0.3 for t in traces)


def test_a_run_says_where_the_minimum_is(module_page, moments):
    """At a listed minimum the gradient vanishes, and f is the lowest of a fine grid."""
    for name, form in FORMS.items():
        config = playground.complete(form)
        minima, lowest, slopes, seen = module_page.evaluate(
            """([config, data]) => {
                const s = playground.surfaceOf(config, data);
                const [[left, right], [bottom, top]] = s.domain, seen = [];
                for (let i = 0; i <= 300; i++) for (let j = 0; j <= 300; j++) {
                    const x = left + (right - left) * i / 300;
                    seen.push(s.f(x, bottom + (top - bottom) * j / 300));
                }
                const slopes = s.minima.map(([x, y]) => Math.hypot(...s.grad(x, y)));
                return [s.minima, s.fmin, slopes, Math.min(...seen)];
            }""",
            [config, moments],
        )
        if config["surface"] == "custom":
            assert minima == [] and lowest is None
            continue
        assert max(slopes) < 1e-12, name
        assert seen >= lowest - 1e-12 and seen - lowest < 0.15, name
        right = reference_runs.surface(config)[1]
        assert lowest == pytest.approx(right, abs=1e-12), name


# --- noise ---------------------------------------------------------------------------


def test_noise_is_the_same_in_both_languages(module_page):
    program = "(seed) => { const draw = playground.noiseFrom(seed);"
    program += " return Array.from({ length: 200 }, () => draw()); }"
    for seed in (0, 1, 12345, 2**32 - 1):
        right = list(itertools.islice(reference_runs.noise_from(seed), 200))
        assert module_page.evaluate(program, seed) == right


def test_noise_has_mean_0_variance_1_and_no_memory():
    for seed in (0, 1, 7):
        drawn = itertools.islice(reference_runs.noise_from(seed), 40_000)
        pairs = np.array(list(drawn)).reshape(-1, 2)
        assert abs(pairs.mean(0)).max() < 0.03
        assert np.cov(pairs.T) == pytest.approx(np.eye(2), abs=0.03)
        assert abs(np.mean(pairs[1:] * pairs[:-1], axis=0)).max() < 0.03
        beyond = np.mean(abs(pairs) > 1.96)
        assert beyond == pytest.approx(0.05, abs=0.01)
    one, two = (
        np.array(list(itertools.islice(reference_runs.noise_from(seed), 20_000)))
        for seed in (0, 1)
    )
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03


def test_sgd_wanders_as_its_seed_says(module_page):
    def ends(seed):
        return one_run(module_page, {"seed": seed}, "sgd", {"lr": 0.1}, 50)["points"]

    assert ends(1) == ends(1) != ends(2)


# --- schedules -----------------------------------------------------------------------


def test_rates_of_schedules(module_page):
    """The chapter's formulas, with t = 1 at the first step."""
    entries = [
        {"method": m} | s for m, s in zip(("gd", "adam", "sgd", "yogi"), SCHEDULES)
    ]
    config = playground.complete({"steps": 20, "methods": entries})
    drops, exponential, polynomial, cosine = (
        np.array(trace["rates"][1:]) / entry["lr"]
        for trace, entry in zip(
            module_page.evaluate(RUN, [config, {}]), config["methods"]
        )
    )
    t = np.arange(1, 21)
    np.testing.assert_allclose(drops, 0.3 ** (t // 2), rtol=EPS)
    np.testing.assert_allclose(exponential, np.exp(-0.2 * t), rtol=EPS)
    np.testing.assert_allclose(polynomial, (1 + 0.5 * t) ** -0.75, rtol=EPS)
    np.testing.assert_allclose(cosine, (1 + np.cos(np.pi * t / 20)) / 2, atol=EPS)


# --- the Python cell -----------------------------------------------------------------


@each_form
def test_python_cell_repeats_the_run(module_page, moments, form, capsys):
    """Every method and schedule, over 50 steps, to 1e-9."""
    schedules = itertools.cycle([{}, *SCHEDULES])
    methods = [{"method": m} | s for m, s in zip(METHODS, schedules)]
    config = playground.complete(
        FORMS[form] | {"steps": 50, "seed": 11, "methods": methods}
    )
    cell = module_page.evaluate(
        "([c, d]) => playground.toPython(c, d)", [config, moments]
    )
    namespace = {}
    exec(cell, namespace)
    assert len(capsys.readouterr().out.splitlines()) == len(METHODS)
    traces = module_page.evaluate(RUN, [config, moments])
    names = [TABLES["methods"][method]["name"] for method in METHODS]
    assert list(namespace["paths"]) == names
    for name, trace in zip(names, traces):
        ours = trace["points"]
        path = namespace["paths"][name][: len(ours)]
        assert len(path) == len(ours)
        assert_close(path, ours, name)


def test_python_cell_of_a_plain_run_is_short(module_page):
    """It imports and defines nothing that the run does not need, in ruff's style."""
    config = playground.complete({"methods": ["gd", "adam"]})
    cell = module_page.evaluate("(c) => playground.toPython(c)", config)
    for absent in ("import math", "descent", "Newton", "noise", "rate"):
        assert absent not in cell
    assert len(cell.splitlines()) < 40


# --- words and equations -------------------------------------------------------------


def in_python(equation):
    """Turn the right-hand sides of a printed equation into values."""
    superscripts = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    sides = equation.split(" = ")[1:]
    values = []
    for side in sides:
        side = side.replace("−", "-").replace("·", "*").replace("I", "eye(2)")
        side = re.sub(r"\[(\S+), (\S+), (\S+)\]", r"matrix(\1, \2, \3)", side)
        side = re.sub(
            r"\(([-+*.\d⁰-⁹¹²³⁻]+), ([-+*.\d⁰-⁹¹²³⁻]+)\)", r"pair(\1, \2)", side
        )
        side = re.sub(r"\((matrix.*?eye\(2\))\)⁻¹ (.*)", r"solve(\1, \2)", side)
        side = re.sub(r"√(pair\([^)]*\))", r"sqrt(\1)", side).replace("√", "sqrt")
        side = re.sub(
            r"[⁰¹²³⁴-⁹⁻]+", lambda m: f"**{m[0].translate(superscripts)}", side
        )
        names = {
            "pair": lambda a, b: np.array([a, b], dtype=float),
            "matrix": lambda a, b, d: np.array([[a, b], [b, d]], dtype=float),
            "eye": np.eye, "solve": np.linalg.solve, "sqrt": np.sqrt,
            "max": np.maximum, "sgn": np.sign,
        }  # fmt: skip
        values.append(eval(side, names))
    return values


@pytest.mark.parametrize("method", METHODS)
def test_printed_equations_are_true(module_page, method):
    """Every row at every early step: both sides, as printed, agree to 2 per cent."""
    config = playground.complete({"steps": 12, "methods": [method]})
    rows = module_page.evaluate(
        """(config) => {
            const { surface, traces: [trace] } = playground.run(config);
            return Array.from({ length: 14 }, (_, k) =>
                playground.equationAt(trace, k, surface));
        }""",
        config,
    )
    results = [result for result, _ in TABLES["methods"][method]["rule"]]
    for k, step in enumerate(rows):
        assert len(step) == len(results)
        for row in step:
            assert "{" not in row["symbolic"] + row["numeric"]
            assert "undefined" not in row["symbolic"] + row["numeric"]
            if k in (0, 13):
                assert row["numeric"] == ""
                continue
            left, right = in_python(row["numeric"])
            size = max(abs(float(n)) for n in re.findall(r"[.\d]+", row["numeric"]))
            np.testing.assert_allclose(
                left, right, rtol=0.02, atol=0.012 * size, err_msg=row["numeric"]
            )
