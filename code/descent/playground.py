"""The playground: every optimizer of the book on surfaces of two variables, by hand.

`show` puts it into a notebook. The work is done in the reader's browser by one ES
module, playground.js beside this file, which the book's pages use as well.

Importing this file needs nothing but the standard library: the book's build loads it
by its path, without torch, for `classic_script`.
"""

import difflib
import json
import math
import os
import re
from functools import cache
from pathlib import Path

MODULE = Path(__file__).with_suffix(".js")
MIME = "application/vnd.descent.playground+json"
FIELDS = (
    "surface params expression weights start steps seed methods view".split()
)  # of a config


def __getattr__(name):
    """Make the widget's class when it is first asked for: it needs anywidget."""
    if name == "Playground":
        from descent.playground_widget import Playground

        return Playground
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# --- the module ----------------------------------------------------------------------


def source():
    """Return the text of the ES module."""
    return MODULE.read_text(encoding="utf-8")


def classic_script():
    """Return the module as a classic script, for pages that are opened from a file.

    Browsers refuse ES modules there. The script has the same text in a function of
    its own, and sets `globalThis.descentPlayground` to what the module exports.
    """
    head, export, exported = source().rpartition("\nexport default ")
    if not export or re.search(r"^(import|export)\b", head, re.MULTILINE):
        raise RuntimeError(
            f"{MODULE.name} must have no import and exactly one export, `export "
            f"default`, as its last statement; otherwise it cannot become a script."
        )
    body = f"{head}\nglobalThis.descentPlayground = {exported}"
    return f'(() => {{\n"use strict";\n{body}}})();\n'


@cache
def tables():
    """Return the module's tables: what surfaces, methods, schedules and numbers there
    are, their limits and defaults. They stand in the module as JSON."""
    found = re.search(
        r"^const TABLES = (\{.*?^\});", source(), re.MULTILINE | re.DOTALL
    )
    return json.loads(found[1])


# --- configs -------------------------------------------------------------------------


def complete(config):
    """Return a whole config from a part of one, as the module completes it.

    Args:
        config: dict with any of FIELDS. `methods` lists names, or dicts with the key
            "method" and any hyperparameters, under torch's names, and a "schedule".
    Returns: a new dict with all of FIELDS, of plain JSON values.
    Raises: ValueError, a sentence, for an unknown name or a number out of its range.
    """
    table = tables()
    _check_keys("a playground", config, FIELDS)
    surfaces, numbers = table["surfaces"], table["numbers"]
    surface = _choice("surface", config.get("surface", next(iter(surfaces))), surfaces)
    own = surfaces[surface]
    where = f"the surface {surface!r}"
    params = _numbers(where, config.get("params", {}), own.get("params", {}))
    weights = config.get("weights", surfaces["airfoil"]["weights"])
    weights = _pair("weights", weights, numbers["weights"])
    if weights[0] == weights[1]:
        raise ValueError(f"weights is {weights!r}; expected two different ones.")
    start = config.get("start", _turned(own["start"], params.get("angle", 0)))
    methods = config.get("methods", table["shown"])
    if not isinstance(methods, (list, tuple)):
        raise ValueError(f"methods is {methods!r}; expected a list of names or dicts.")
    methods = [_method(entry, own["settings"]) for entry in methods]
    names = [entry["method"] for entry in methods]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"methods lists {twice[0]!r} twice; each can run once.")
    return {
        "surface": surface,
        "params": params,
        "expression": _expression(config, surface, own),
        "weights": weights,
        "start": _pair("start", start, numbers["start"]),
        "steps": _number("steps", config.get("steps", own["steps"]), numbers["steps"]),
        "seed": _number("seed", config.get("seed", 0), numbers["seed"]),
        "methods": methods,
        "view": _view(config.get("view", {})),
    }


def _turned(start, degrees):
    """Return the start of a surface that is turned: turned with it."""
    x, y = start
    if degrees == 0:
        return start
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [x * c - y * s, x * s + y * c]


def _expression(config, surface, own):
    expression = config.get("expression", own.get("expression", ""))
    if not isinstance(expression, str):
        raise ValueError(
            f"expression is {expression!r}; expected text such as 'x^2 + 3y^2'."
        )
    if surface != "custom" and expression:
        raise ValueError(
            f"expression is {expression!r}, but the surface is {surface!r}; a function "
            f"of your own needs surface='custom'."
        )
    return expression


def _method(entry, settings):
    """Return a method's whole entry of a config."""
    table = tables()
    entry = {"method": entry} if isinstance(entry, str) else dict(entry)
    name = _choice("method", entry.pop("method", None), table["methods"])
    schedule = entry.pop("schedule", "constant")
    schedules = table["schedules"]
    own = table["methods"][name]
    like = settings.get(own.get("like"), {})
    hyper = own["hyper"] | {k: v for k, v in like.items() if k in own["hyper"]}
    hyper |= settings.get(name, {})
    hyper |= schedules[_choice("schedule", schedule, schedules)]["hyper"]
    return {"method": name, "schedule": schedule} | _numbers(repr(name), entry, hyper)


def _view(given):
    specs = tables()["view"]
    _check_keys("the view", given, specs)
    view = {}
    for key, spec in specs.items():
        value = given.get(key, spec["default"])
        if "choices" in spec:
            value = _choice(key, value, spec["choices"])
        elif not spec.get("box"):
            value = _number(key, value, spec)
        elif value is not None:
            value = [_pair(key, side, spec) for side in value]
            if len(value) != 2 or any(low >= high for low, high in value):
                raise ValueError(
                    f"{key} is {value!r}; expected [[left, right], [bottom, top]]."
                )
        view[key] = value
    return view


def _numbers(where, given, defaults):
    """Return `defaults` with what is given, each number checked against its limits."""
    _check_keys(where, given, defaults)
    limits = tables()["numbers"]
    return {key: _number(key, v, limits[key]) for key, v in (defaults | given).items()}


def _number(name, value, limits):
    low, high, whole = limits["min"], limits["max"], limits.get("integer", False)
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (plain and low <= value <= high and (not whole or value == int(value))):
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} is {value!r}; expected {kind} from {low} to {high}.")
    return value


def _pair(name, value, limits):
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(f"{name} is {value!r}; expected two numbers.")
    return [_number(name, entry, limits) for entry in value]


def _choice(what, value, options):
    if value not in list(options):
        raise ValueError(
            f"{what} is {value!r}; expected one of {', '.join(options)}."
            + _suggestion(value, options)
        )
    return value


def _check_keys(where, given, known):
    for key in given:
        if key not in known:
            expected = ", ".join(known) or "nothing"
            raise ValueError(
                f"{where} has no {key!r}; expected {expected}."
                + _suggestion(key, known)
            )


def _suggestion(value, options):
    near = difflib.get_close_matches(str(value), list(options), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


# --- data ----------------------------------------------------------------------------


def airfoil_moments():
    """Return what the airfoil's loss over two weights is computed from.

    The loss is ½ MSE of the linear model on the first 1500 rows, standardised. At
    weights w it is floor + ½ (w − optimum)ᵀ gram (w − optimum).

    Returns: dict of `names` (of the five features, and "bias"), `gram` (6 × 6),
        `optimum` (6) and `floor`; rounded to 12 decimals, the same on every machine.
    """
    import numpy as np

    from descent.data import AIRFOIL_COLUMNS, load_airfoil, standardise

    table = standardise(load_airfoil())[:1500]
    design = np.column_stack([table[:, :-1], np.ones(len(table))])
    target = table[:, -1]
    optimum = np.linalg.lstsq(design, target, rcond=None)[0]
    residual = design @ optimum - target
    names = [column.partition(" (")[0] for column in AIRFOIL_COLUMNS[:-1]]
    moments = {
        "gram": design.T @ design / len(table),
        "optimum": optimum,
        "floor": residual @ residual / (2 * len(table)),
    }
    return {"names": [*names, "bias"]} | {k: _rounded(v) for k, v in moments.items()}


def _rounded(values):
    if getattr(values, "ndim", 0):
        return [_rounded(value) for value in values]
    return round(float(values), 12) + 0.0  # no negative zero


# --- notebooks -----------------------------------------------------------------------


def show(*, compact=False, controls=None, hide=(), **config):
    """Show the playground in a notebook.

    In a live front end it is a widget. With DESCENT_PLAYGROUND=static in the
    environment, as in the book's tests, or where the package anywidget is missing, it
    is a figure of the same runs, computed with torch.

    Args:
        compact: fewer controls at first, the rest behind "More".
        controls: in compact form, names of what is shown at once: of controls, as
            "kappa", "start" or "adam.lr", and of panels, as "chart" or "state". If
            None, the learning rate of each method.
        hide: names of controls, or of panels ("surface", "methods", "chart", "state",
            "share"), to leave out.
        config: what to begin with; see `complete`.
    Raises: ValueError, a sentence, for what `complete` refuses.
    """
    from IPython.display import display

    options = {"compact": bool(compact), "hide": list(hide)}
    if controls is not None:
        options["controls"] = list(controls)
    whole = complete(config)
    if os.environ.get("DESCENT_PLAYGROUND") == "static":
        display(_static_bundle(config, whole, options), raw=True)
        return
    try:
        from descent.playground_widget import Playground
    except ModuleNotFoundError as error:
        if error.name != "anywidget":
            raise
        print(
            "This is a still picture of the playground. To play, install the package "
            "anywidget (pip install anywidget) and run the cell again."
        )
        display(_static_bundle(config, whole, options), raw=True)
    else:
        display(Playground(config=config, options=options))


def _static_bundle(config, whole, options):
    """Return the output of a cell: the figure, its description, and the config."""
    live = {"config": config, "options": options}
    if whole["surface"] == "airfoil" or not options["compact"]:
        live["moments"] = airfoil_moments()
    return {
        "image/svg+xml": static_svg(whole),
        "text/plain": description(whole),
        MIME: live,
    }


def description(whole):
    """Say in a sentence what a whole config runs."""
    table = tables()
    names = [table["methods"][entry["method"]]["name"] for entry in whole["methods"]]
    surface = table["surfaces"][whole["surface"]]["name"]
    x, y = whole["start"]
    return (
        f"Playground: {', '.join(names) or 'no method'} on the surface {surface!r} "
        f"from ({x:.4g}, {y:.4g}), {whole['steps']} steps."
    )


def static_svg(whole):
    """Return the figure of a whole config's runs: contour lines, paths and their ends.

    Everything in it is computed by `reference_runs`, with torch.
    """
    from descent import figures, reference_runs, traces

    f, runs = reference_runs.run(whole)
    names = [tables()["methods"][run["method"]]["name"] for run in runs]
    paths = {name: run["points"] for name, run in zip(names, runs) if run["points"]}
    traces.show_trace_2d(f, paths or {"start": [whole["start"]]})
    axes = figures.plt.gca()
    axes.set(title="", **dict(zip(("xlabel", "ylabel"), _axis_labels(whole))))
    ends = {name: f"{name}: {_ending(run)}" for name, run in zip(names, runs)}
    handles, labels = axes.get_legend_handles_labels()
    labels = [ends.get(label, label) for label in labels]
    axes.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    figure = axes.figure
    text = figures.svg(figure)
    figures.plt.close(figure)
    return text


def _axis_labels(whole):
    if whole["surface"] != "airfoil":
        return "x", "y"
    names = airfoil_moments()["names"]
    return tuple(f"weight of {names[i]}" for i in whole["weights"])


def _ending(run):
    """Say how a run ended, for the legend."""
    if run["status"] != "running":
        return f"{run['status']} at step {run['at']}"
    value = f"{run['losses'][-1]:.3g}".replace("-", "−")
    return f"f = {value} at step {len(run['losses']) - 1}"
