"""The playground's Python side: tables, configs, the widget, the figure, the script."""

import gzip
import json
import re
import subprocess
import sys
import zipfile

import matplotlib
import nbformat
import notebooks
import numpy as np
import pytest
import torch
import traitlets

import browser
import browsers
import descent
from descent import figures, playground, reference_runs

TABLES = playground.tables()
ARITHMETIC, _, VIEW = playground.source().partition("// ---- player ----")


# --- the module's text ---------------------------------------------------------------


def test_size():
    assert len(gzip.compress(playground.source().encode())) < 40_000


def test_arithmetic_knows_no_page():
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", ARITHMETIC, flags=re.DOTALL)
    names = set(re.findall(r"[A-Za-z_$][\w$]*", code))
    page = "document window navigator location history localStorage element fetch"
    clock = "performance setTimeout requestAnimationFrame Date Promise random"
    programs = "eval Function globalThis require"
    assert not names & set(f"{page} {clock} {programs}".split())
    assert VIEW and len(ARITHMETIC) > 10_000


def test_no_import_and_one_export_at_the_end():
    source = playground.source()
    assert not re.search(r"^\s*import\b|\bimport\(", source, re.MULTILINE)
    assert source.count("\nexport ") == 1
    assert re.search(r"\nexport default \{[^{}]*\};\n$", source)
    assert not re.search(r"https?://(?!www\.w3\.org/)", source), "asks another host"


def test_script_is_the_module_in_a_function(module_page):
    """The classic script, run where modules are refused, gives the same names."""
    names = module_page.evaluate("Object.keys(playground)")
    before = module_page.evaluate("Object.keys(globalThis)")
    module_page.add_script_tag(content=playground.classic_script())
    after = module_page.evaluate("Object.keys(globalThis)")
    assert set(after) - set(before) == {"descentPlayground"}
    assert module_page.evaluate("Object.keys(descentPlayground)") == names


def test_a_module_that_is_no_script_is_refused(monkeypatch):
    for text in ("const a = 1;\n", "import x from 'x';\n\nexport default { x };\n"):
        monkeypatch.setattr(playground, "source", lambda text=text: text)
        with pytest.raises(RuntimeError, match="no import and exactly one export"):
            playground.classic_script()


def test_script_needs_nothing_but_the_standard_library():
    """As the book's build loads it: by its path, with nothing installed."""
    program = (
        "import sys, importlib.util\n"
        "before = set(sys.modules)\n"
        f"spec = importlib.util.spec_from_file_location('p', {playground.__file__!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "assert 'globalThis.descentPlayground' in module.classic_script()\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(new - set(sys.stdlib_module_names) - {'p'})\n"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    assert subprocess.check_output(command, text=True).strip() == "set()"


def test_the_package_carries_the_module(tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(notebooks.ROOT)).build(
        directory=str(tmp_path), versions=["standard"]
    )
    assert "descent/playground.js" in zipfile.ZipFile(wheel).namelist()


# --- tables --------------------------------------------------------------------------


def test_methods_look_as_in_the_book():
    scale = {"--": "lines.dashed_pattern", "-.": "lines.dashdot_pattern"}
    scale[":"] = "lines.dotted_pattern"
    for key, method in TABLES["methods"].items():
        color, dash = figures.STYLES[key]
        assert method["name"].lower() == key
        assert method["color"] == color
        pattern = [] if dash == "-" else matplotlib.rcParamsDefault.get(scale.get(dash))
        if isinstance(dash, tuple):
            pattern = dash[1]
        assert [float(part) for part in method["dash"].split()] == list(pattern), key


def test_everything_of_the_issue_is_there():
    methods = (
        "gd sgd momentum nesterov newton adagrad rmsprop adadelta adam amsgrad yogi"
    )
    assert list(TABLES["methods"]) == list(reference_runs.METHODS) == methods.split()
    schedules = "constant piecewise exponential polynomial cosine".split()
    assert list(TABLES["schedules"]) == list(reference_runs.SCHEDULES) == schedules
    others = {"valley", "airfoil", "custom"}
    assert set(TABLES["surfaces"]) == set(reference_runs.FIXED) | others


def test_defaults_lie_within_their_limits():
    for kind in ("methods", "schedules"):
        for entry in TABLES[kind].values():
            for key, value in entry["hyper"].items():
                limits = TABLES["numbers"][key]
                assert limits["min"] <= value <= limits["max"], key
    for name, surface in TABLES["surfaces"].items():
        whole = playground.complete(
            {"surface": name, "methods": list(TABLES["methods"])}
        )
        (left, right), (bottom, top) = surface["domain"]
        x, y = whole["start"]
        assert left < x < right and bottom < y < top, name


# --- configs -------------------------------------------------------------------------


def test_a_config_is_completed():
    whole = playground.complete({"methods": ["gd", {"method": "adam", "lr": 0.1}]})
    assert set(whole) == set(playground.FIELDS)
    assert whole["surface"] == "valley" and whole["params"] == {"kappa": 20, "angle": 0}
    assert whole["methods"] == [
        {"method": "gd", "schedule": "constant", "lr": 0.4},
        {
            "method": "adam",
            "schedule": "constant",
            "lr": 0.1,
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 1e-8,
        },
    ]
    turned = playground.complete({"params": {"angle": 90}})["start"]
    assert turned == pytest.approx([2, -5])


REFUSED = {
    "surface is 'vally'; expected one of valley, .* Did you mean 'valley'?": {
        "surface": "vally"
    },
    "method is 'adamm'; expected one of gd, .* Did you mean 'adam'?": {
        "methods": ["adamm"]
    },
    "'adam' has no 'learning_rate'; expected lr, beta1, beta2, eps": {
        "methods": [{"method": "adam", "learning_rate": 1}]
    },
    "'adam' has no 'beta'; expected .* Did you mean 'beta2'?": {
        "methods": [{"method": "adam", "beta": 1}]
    },
    "methods lists 'gd' twice": {"methods": ["gd", "gd"]},
    "methods is 'gd'; expected a list": {"methods": "gd"},
    "lr is -1; expected a number from": {"methods": [{"method": "gd", "lr": -1}]},
    "lr is 'fast'; expected a number": {"methods": [{"method": "gd", "lr": "fast"}]},
    "schedule is 'cos'; .* Did you mean 'cosine'?": {
        "methods": [{"method": "gd", "schedule": "cos"}]
    },
    "'gd' has no 'decay'; expected lr": {"methods": [{"method": "gd", "decay": 1}]},
    "steps is 0; expected a whole number from 1 to 5000": {"steps": 0},
    "steps is 2.5; expected a whole number": {"steps": 2.5},
    "steps is True; expected a whole number": {"steps": True},
    "steps is nan; expected a whole number": {"steps": float("nan")},
    "start is .1.; expected two numbers": {"start": [1]},
    "weights is .2, 2.; expected two different": {"weights": [2, 2]},
    "surface 'valley' has no 'k'; expected kappa, angle": {"params": {"k": 1}},
    "surface 'booth' has no 'kappa'; expected nothing": {
        "surface": "booth",
        "params": {"kappa": 2},
    },
    "a playground has no 'surfaces'; .* Did you mean 'surface'?": {
        "surfaces": "valley"
    },
    "the view has no 'scal'; .* Did you mean 'scale'?": {"view": {"scal": "log"}},
    "scale is 'ln'; expected one of log, linear": {"view": {"scale": "ln"}},
    "domain is .*; expected .*left, right.*bottom, top": {
        "view": {"domain": [[1, 0], [0, 1]]}
    },
    "needs surface='custom'": {"expression": "x"},
    "expression is 3; expected text": {"surface": "custom", "expression": 3},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_config_gets_a_sentence(sentence):
    with pytest.raises(ValueError, match=sentence):
        playground.complete(REFUSED[sentence])


# --- the airfoil ---------------------------------------------------------------------


def test_airfoil_moments_are_the_datas():
    """The quadratic is the loss of the linear model, and its floor the book's floor."""
    data_iter, _ = descent.get_data_ch11(1500)
    floor = descent.least_squares_floor(*data_iter.tensors)
    moments = playground.airfoil_moments()
    assert moments["floor"] == pytest.approx(floor, rel=1e-6)
    table = descent.standardise(descent.load_airfoil())[:1500]
    design = np.column_stack([table[:, :-1], np.ones(1500)])
    generator = np.random.default_rng(0)
    for i, j in ((0, 1), (1, 4), (5, 2)):
        f, lowest = reference_runs.surface(
            playground.complete({"surface": "airfoil", "weights": [i, j]})
        )
        assert lowest == moments["floor"]
        for _ in range(5):
            weights = np.array(moments["optimum"])
            weights[[i, j]] = generator.normal(size=2)
            loss = np.mean((design @ weights - table[:, -1]) ** 2) / 2
            assert f(*map(torch.tensor, weights[[i, j]])).item() == pytest.approx(
                loss, rel=1e-9
            )
    assert json.dumps(moments) == json.dumps(playground.airfoil_moments())


# --- the reference -------------------------------------------------------------------


def rule(chapter, name):
    """The function of a chapter's cell."""
    namespace = {"torch": torch, "math": __import__("math")}
    exec(notebooks.tagged_source(chapter, f"rule:{name}"), namespace)
    return namespace


def test_newtons_steps_are_the_chapters():
    newton_step = rule("newton", "newton")["newton_step"]
    entry = {"method": "newton", "lr": 0.7}
    config = {"surface": "rosenbrock", "steps": 6, "methods": [entry]}
    f, (trace,) = reference_runs.run(playground.complete(config))
    for before, after in zip(trace["points"], trace["points"][1:]):
        x = torch.tensor(before, dtype=torch.float64)
        ours = newton_step(lambda x: f(x[0], x[1]), x, 0.7)
        assert after == pytest.approx(ours.tolist(), rel=1e-12)


def test_yogis_steps_are_the_chapters():
    yogi = rule("yogi", "yogi")["yogi"]
    config = playground.complete({"steps": 40, "methods": ["yogi"]})
    (trace,) = reference_runs.run(config)[1]
    x = torch.tensor(config["start"], dtype=torch.float64, requires_grad=True)
    states = [[torch.zeros(2).double(), torch.zeros(2).double(), 0]]
    for g, after in zip(trace["grads"], trace["points"][1:]):
        x.grad = torch.tensor(g, dtype=torch.float64)
        yogi([x], states, {"lr": config["methods"][0]["lr"]})
        assert after == pytest.approx(x.tolist(), rel=1e-9)


def test_bad_expression_of_an_author_gets_a_sentence():
    config = playground.complete({"surface": "custom", "expression": "sin("})
    with pytest.raises(ValueError, match="expression is 'sin.'.*write a function of x"):
        reference_runs.run(config)


# --- in a notebook -------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch, capsys):
    """A function that calls `show` and gives what it displays, and what it prints."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda o, **_: displayed.append(o))

    def call(**config):
        displayed.clear()
        playground.show(**config)
        (one,) = displayed
        return one, capsys.readouterr().out

    return call


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("DESCENT_PLAYGROUND", "static")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("DESCENT_PLAYGROUND", raising=False)


SHORT = {"surface": "booth", "steps": 15, "methods": ["gd", "adam"]}


def test_stored_output_is_one_figure_with_its_config(shown, static):
    bundle, printed = shown(**SHORT, compact=True, hide=["seed"])
    assert printed == ""
    assert set(bundle) == {"image/svg+xml", "text/plain", playground.MIME}
    assert bundle[playground.MIME] == {
        "config": SHORT,
        "options": {"compact": True, "hide": ["seed"]},
    }
    assert bundle["text/plain"] == (
        "Playground: GD, Adam on the surface 'Booth' from (-8, -8), 15 steps."
    )
    svg = bundle["image/svg+xml"]
    assert svg.startswith("<?xml") and ">GD: f = " in svg and "at step 15</text>" in svg
    assert len(svg) < 100_000
    assert shown(**SHORT, compact=True, hide=["seed"])[0] == bundle


def test_stored_output_changes_with_the_config(shown, static):
    first = shown(**SHORT)[0]
    for change in ({"steps": 16}, {"start": [-8, -7.9]}, {"methods": ["gd"]}):
        other = shown(**(SHORT | change))[0]
        for kind in first:
            assert first[kind] != other[kind] or kind == "text/plain", change


def test_stored_output_says_what_converged(shown, static):
    svg = shown(steps=20, methods=["momentum"])[0]["image/svg+xml"]
    assert ">momentum: converged at step 17</text>" in svg
    grown = {"method": "gd", "lr": 3}
    svg = shown(surface="beale", methods=[grown])[0]["image/svg+xml"]
    assert re.search(r">GD: diverged at step \d+</text>", svg)


def test_airfoil_and_full_size_carry_the_moments(shown, static):
    airfoil = {"surface": "airfoil", "steps": 5, "methods": ["gd"]}
    bundle = shown(**airfoil, compact=True)[0]
    assert bundle[playground.MIME]["moments"] == playground.airfoil_moments()
    assert "weight of angle of attack" in bundle["image/svg+xml"]
    assert "moments" in shown(**SHORT)[0][playground.MIME]


def test_live_output_is_the_widget(shown, live):
    widget, printed = shown(**SHORT, compact=True)
    assert isinstance(widget, playground.Playground) and printed == ""
    assert widget.config == SHORT
    assert widget.options == {"compact": True, "hide": []}
    assert "application/vnd.jupyter.widget-view+json" in widget._repr_mimebundle_()[0]


def test_without_anywidget_there_is_the_figure_and_a_sentence(shown, live, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "descent.playground_widget", raising=False)
    monkeypatch.delattr(descent, "playground_widget", raising=False)
    bundle, printed = shown(**SHORT)
    assert "image/svg+xml" in bundle and "pip install anywidget" in printed


def test_show_refuses_what_is_wrong(shown, static):
    with pytest.raises(ValueError, match="Did you mean 'adam'"):
        playground.show(methods=["adamm"])


def test_widget_carries_the_module_and_checks_its_config(live):
    widget = playground.Playground(config=SHORT)
    assert widget.get_state()["_esm"] == playground.source()
    assert widget.data == {"airfoil": playground.airfoil_moments()}
    widget.config = {"surface": "beale"}
    with pytest.raises(traitlets.TraitError, match="surface is 'moon'"):
        widget.config = {"surface": "moon"}
    with pytest.raises(AttributeError, match="has no attribute 'Playgrounds'"):
        _ = playground.Playgrounds


def test_nbval_compares_the_config(tmp_path, shown, static):
    """Of two cells with the same figure, the one with another stored config fails."""
    bundle = shown(**SHORT)[0]
    notebook = nbformat.v4.new_notebook()
    for steps in (15, 16):
        data = json.loads(json.dumps(bundle))
        data[playground.MIME]["config"]["steps"] = steps
        source = f"import descent\ndescent.playground.show(**{SHORT})"
        output = nbformat.v4.new_output("display_data", data)
        cell = nbformat.v4.new_code_cell(
            source, outputs=[output], execution_count=steps
        )
        notebook.cells.append(cell)
    nbformat.write(notebook, tmp_path / "stored.ipynb")
    (tmp_path / "none.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:xdist"]
    command += ["-c", "none.ini", "--rootdir=.", "--nbval-current-env", "stored.ipynb"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "1 failed, 1 passed" in result.stdout, result.stdout
    assert f"mismatch '{playground.MIME}'" in result.stdout


# --- the browser of the tests --------------------------------------------------------


def test_without_a_browser_tests_skip_and_in_ci_they_fail(monkeypatch):
    monkeypatch.setattr(browsers, "find", lambda: None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium was found"):
        browser.require()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        browser.require()
