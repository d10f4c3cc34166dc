/*
 * The playground of the book Descent: optimizers on surfaces of two variables.
 *
 * One ES module without imports and without side effects. `playground.py` serves it
 * in notebooks as an anywidget, and the book's pages mount the same text.
 * Up to the player everything is arithmetic: pure functions of plain data, in
 * float64, that know nothing of a page. `run(config)` gives a trace of every state
 * variable at every step; all that is drawn is read off that trace.
 */

// ---- tables: all that is data, in JSON, for `playground.py` reads it too ----

// numbers: what every adjustable number is called and where it may lie.
// view: what the view keeps in a config. shown: the methods until a reader chooses.
// surfaces: formula in the notation of parseExpression; settings: for each method what
// works well there, or shows something; the rest is the method's own.
// methods: colour and dash of figures.STYLES (a dash in units of the line's width), and
// the rule as rows [what it computes, how]: {v} is a quantity of this step, {v-} of the
// step before, {lr} a hyperparameter, {^t} the step number, raised.
const TABLES = {
  "numbers": {
    "start": { "label": "start", "min": -1e6, "max": 1e6 },
    "steps": { "label": "number of steps", "min": 1, "max": 5000, "integer": true },
    "seed": { "label": "seed of the noise", "min": 0, "max": 4294967295, "integer": true },
    "weights": { "label": "weights", "min": 0, "max": 5, "integer": true },
    "lr": { "label": "learning rate", "symbol": "η",
      "min": 0.00001, "max": 10, "log": true },
    "noise": { "label": "noise of the gradient", "symbol": "σ",
      "min": 0, "max": 10, "step": 0.1 },
    "momentum": { "label": "momentum", "symbol": "β",
      "min": 0, "max": 0.9999, "step": 0.001 },
    "damping": { "label": "shift of the Hessian", "symbol": "λ",
      "min": 0, "max": 100, "step": 0.1 },
    "eps": { "label": "epsilon", "symbol": "ε", "min": 1e-12, "max": 1, "log": true },
    "alpha": { "label": "decay of the second moment", "symbol": "γ",
      "min": 0, "max": 0.9999, "step": 0.001 },
    "rho": { "label": "decay of both averages", "symbol": "ρ",
      "min": 0, "max": 0.9999, "step": 0.001 },
    "beta1": { "label": "decay of the first moment", "symbol": "β₁",
      "min": 0, "max": 0.9999, "step": 0.001 },
    "beta2": { "label": "decay of the second moment", "symbol": "β₂",
      "min": 0, "max": 0.9999, "step": 0.001 },
    "every": { "label": "steps between two drops", "symbol": "every",
      "min": 1, "max": 5000, "integer": true },
    "factor": { "label": "factor of each drop", "symbol": "factor",
      "min": 0.01, "max": 1, "step": 0.01 },
    "decay": { "label": "decay", "symbol": "c", "min": 0.0001, "max": 10, "log": true },
    "power": { "label": "power", "symbol": "p", "min": 0, "max": 3, "step": 0.05 },
    "kappa": { "label": "condition number", "symbol": "κ",
      "min": 1, "max": 1000, "log": true },
    "angle": { "label": "rotation in degrees", "symbol": "angle",
      "min": -90, "max": 90, "step": 1 }
  },
  "view": {
    "domain": { "box": true, "default": null, "min": -1e6, "max": 1e6 },
    "scale": { "choices": ["log", "linear"], "default": "log" },
    "plotted": { "choices": ["loss", "distance"], "default": "loss" },
    "step": { "label": "step shown", "min": 0, "max": 5000, "integer": true,
      "default": 5000 },
    "speed": { "label": "speed", "min": 1, "max": 500, "default": 20 },
    "field": { "choices": ["off", "on"], "default": "off" },
    "arrows": { "choices": ["on", "off"], "default": "on" },
    "chosen": { "choices": ["first", "gd", "sgd", "momentum", "nesterov", "newton",
      "adagrad", "rmsprop", "adadelta", "adam", "amsgrad", "yogi"], "default": "first" }
  },
  "shown": ["gd", "momentum", "adagrad", "adam"],
  "surfaces": {
    "valley": {
      "name": "Valley",
      "words": "a quadratic, steep across and flat along",
      "params": { "kappa": 20, "angle": 0 },
      "domain": [[-6.5, 3.5], [-4, 4]], "start": [-5, -2], "steps": 100,
      "settings": {
        "gd": { "lr": 0.4 }, "sgd": { "lr": 0.1 },
        "momentum": { "lr": 0.6, "momentum": 0.5 },
        "nesterov": { "lr": 0.2, "momentum": 0.8 }, "newton": { "lr": 1 },
        "adagrad": { "lr": 2 }, "rmsprop": { "lr": 0.4 },
        "adadelta": { "eps": 0.01 }, "adam": { "lr": 0.4 },
        "amsgrad": { "lr": 0.4 }, "yogi": { "lr": 0.4 }
      }
    },
    "bowl": {
      "name": "Bowl",
      "words": "x² + 2y², the first surface of the book",
      "formula": "x² + 2 y²",
      "domain": [[-6.5, 3.5], [-4, 4]], "start": [-5, -2], "steps": 100,
      "settings": {
        "gd": { "lr": 0.1 }, "sgd": { "lr": 0.1 },
        "momentum": { "lr": 0.1, "momentum": 0.5 },
        "nesterov": { "lr": 0.1, "momentum": 0.5 }, "newton": { "lr": 1 },
        "adagrad": { "lr": 1 }, "rmsprop": { "lr": 0.2 },
        "adadelta": { "eps": 0.01 }, "adam": { "lr": 0.5 },
        "amsgrad": { "lr": 0.5 }, "yogi": { "lr": 0.5 }
      }
    },
    "rosenbrock": {
      "name": "Rosenbrock's banana",
      "words": "a curved valley: easy to find, hard to follow",
      "formula": "(1 - x)² + 100 (y - x²)²",
      "domain": [[-2, 2], [-1, 3]], "start": [-1.2, 1], "steps": 1000,
      "settings": {
        "gd": { "lr": 0.002 }, "sgd": { "lr": 0.001 }, "momentum": { "lr": 0.001 },
        "nesterov": { "lr": 0.001 }, "newton": { "lr": 1 },
        "adagrad": { "lr": 0.5 }, "rmsprop": { "lr": 0.01 },
        "adadelta": { "eps": 0.0001 }, "adam": { "lr": 0.05 },
        "amsgrad": { "lr": 0.05 }, "yogi": { "lr": 0.05 }
      }
    },
    "beale": {
      "name": "Beale",
      "words": "a flat valley between steep walls",
      "formula": "(1.5 - x + x y)² + (2.25 - x + x y²)² + (2.625 - x + x y³)²",
      "domain": [[-1, 4.5], [-2, 2.5]], "start": [1, 1.5], "steps": 1000,
      "settings": {
        "gd": { "lr": 0.01 }, "sgd": { "lr": 0.01 }, "momentum": { "lr": 0.005 },
        "nesterov": { "lr": 0.005 }, "newton": { "lr": 1, "damping": 20 },
        "adagrad": { "lr": 0.5 }, "rmsprop": { "lr": 0.02 },
        "adadelta": { "eps": 0.0001 }, "adam": { "lr": 0.05 },
        "amsgrad": { "lr": 0.05 }, "yogi": { "lr": 0.05 }
      }
    },
    "himmelblau": {
      "name": "Himmelblau",
      "words": "four minima, all equally deep",
      "formula": "(x² + y - 11)² + (x + y² - 7)²",
      "domain": [[-5.5, 5.5], [-5.5, 5.5]], "start": [0, -1], "steps": 200,
      "settings": {
        "gd": { "lr": 0.01 }, "sgd": { "lr": 0.01 }, "momentum": { "lr": 0.01 },
        "nesterov": { "lr": 0.01 }, "newton": { "lr": 1, "damping": 50 }, "adagrad": { "lr": 0.5 },
        "rmsprop": { "lr": 0.05 }, "adadelta": { "eps": 0.01 },
        "adam": { "lr": 0.1 }, "amsgrad": { "lr": 0.1 }, "yogi": { "lr": 0.1 }
      }
    },
    "saddle": {
      "name": "Saddle",
      "words": "a saddle point between two minima",
      "formula": "x² - y² + y⁴/4",
      "domain": [[-2.5, 2.5], [-2.2, 2.2]], "start": [2, 0.001], "steps": 150,
      "settings": {
        "gd": { "lr": 0.05 }, "sgd": { "lr": 0.05, "noise": 0.1 },
        "momentum": { "lr": 0.05 }, "nesterov": { "lr": 0.05 },
        "newton": { "lr": 1 }, "adagrad": { "lr": 0.5 }, "rmsprop": { "lr": 0.05 },
        "adadelta": { "eps": 0.1 }, "adam": { "lr": 0.05 },
        "amsgrad": { "lr": 0.05 }, "yogi": { "lr": 0.05 }
      }
    },
    "monkey": {
      "name": "Monkey saddle",
      "words": "three ways down from a flat saddle",
      "formula": "x³ - 3 x y² + (x² + y²)²/2",
      "domain": [[-2.2, 1.8], [-1.8, 1.8]], "start": [1, 0.001], "steps": 250,
      "settings": {
        "gd": { "lr": 0.05 }, "sgd": { "lr": 0.05, "noise": 0.1 },
        "momentum": { "lr": 0.05 }, "nesterov": { "lr": 0.05 },
        "newton": { "lr": 1 }, "adagrad": { "lr": 0.5 }, "rmsprop": { "lr": 0.05 },
        "adadelta": { "eps": 1 }, "adam": { "lr": 0.05 },
        "amsgrad": { "lr": 0.05 }, "yogi": { "lr": 0.05 }
      }
    },
    "plateau": {
      "name": "Plateau",
      "words": "almost flat, with one hole",
      "formula": "-3 exp(-(x² + y²)/2) + 0.01 (x² + y²)",
      "domain": [[-5, 5], [-5, 5]], "start": [4, 3], "steps": 300,
      "settings": {
        "gd": { "lr": 0.1 }, "sgd": { "lr": 0.1, "noise": 0.1 },
        "momentum": { "lr": 0.1 }, "nesterov": { "lr": 0.1 }, "newton": { "lr": 1 },
        "adagrad": { "lr": 0.1 }, "rmsprop": { "lr": 0.1 },
        "adadelta": { "eps": 0.001 }, "adam": { "lr": 0.1 },
        "amsgrad": { "lr": 0.1 }, "yogi": { "lr": 0.1 }
      }
    },
    "cliff": {
      "name": "Cliff",
      "words": "a gentle slope with a cliff in it",
      "formula": "5 sigmoid(10 (x - 1)) + 0.05 (x + 1)² + 0.25 y²",
      "domain": [[-5, 4], [-3, 3]], "start": [3, 2], "steps": 400,
      "settings": {
        "gd": { "lr": 0.5 }, "sgd": { "lr": 0.5, "noise": 0.1 },
        "momentum": { "lr": 0.1 }, "nesterov": { "lr": 0.1 }, "newton": { "lr": 1 },
        "adagrad": { "lr": 1 }, "rmsprop": { "lr": 0.1 },
        "adadelta": { "eps": 0.01 }, "adam": { "lr": 0.1 },
        "amsgrad": { "lr": 0.1 }, "yogi": { "lr": 0.1 }
      }
    },
    "booth": {
      "name": "Booth",
      "words": "a quadratic whose axes are turned by 45°",
      "formula": "(x + 2 y - 7)² + (2 x + y - 5)²",
      "domain": [[-10, 10], [-10, 10]], "start": [-8, -8], "steps": 150,
      "settings": {
        "gd": { "lr": 0.1 }, "sgd": { "lr": 0.05 },
        "momentum": { "lr": 0.05, "momentum": 0.5 },
        "nesterov": { "lr": 0.05, "momentum": 0.5 }, "newton": { "lr": 1 },
        "adagrad": { "lr": 10 }, "rmsprop": { "lr": 0.4 },
        "adadelta": { "eps": 0.01 }, "adam": { "lr": 1 }, "amsgrad": { "lr": 1 },
        "yogi": { "lr": 1 }
      }
    },
    "rastrigin": {
      "name": "Rastrigin",
      "words": "an egg box: runs end in a pit near their start, the lowest is far",
      "formula": "20 + x² + y² - 10 cos(2 pi x) - 10 cos(2 pi y)",
      "domain": [[-5.12, 5.12], [-5.12, 5.12]], "start": [-2, 3.5], "steps": 200,
      "settings": {
        "gd": { "lr": 0.002 }, "sgd": { "lr": 0.002 }, "momentum": { "lr": 0.002 },
        "nesterov": { "lr": 0.002 }, "newton": { "lr": 1, "damping": 10 },
        "adagrad": { "lr": 0.5 }, "rmsprop": { "lr": 0.05 },
        "adadelta": { "eps": 0.01 }, "adam": { "lr": 0.3 },
        "amsgrad": { "lr": 0.3 }, "yogi": { "lr": 0.3 }
      }
    },
    "airfoil": {
      "name": "Airfoil",
      "words": "the loss of the airfoil regression over two of its weights",
      "weights": [1, 4],
      "domain": [[-1.6, 1.6], [-1.6, 1.6]], "start": [1, 1], "steps": 100,
      "settings": {
        "gd": { "lr": 0.5 }, "sgd": { "lr": 0.1 },
        "momentum": { "lr": 0.3, "momentum": 0.5 },
        "nesterov": { "lr": 0.3, "momentum": 0.5 }, "newton": { "lr": 1 },
        "adagrad": { "lr": 0.5 }, "rmsprop": { "lr": 0.05 },
        "adadelta": { "eps": 0.01 }, "adam": { "lr": 0.1 },
        "amsgrad": { "lr": 0.1 }, "yogi": { "lr": 0.1 }
      }
    },
    "custom": {
      "name": "Your own",
      "words": "a function that you write",
      "expression": "x^2/4 + y^2 + sin(2x) cos(2y)",
      "domain": [[-4, 4], [-4, 4]], "start": [-3, 2], "steps": 300,
      "settings": {
        "gd": { "lr": 0.2 }, "nesterov": { "lr": 0.2 },
        "newton": { "lr": 1, "damping": 3 }, "adadelta": { "eps": 0.01 }
      }
    }
  },
  "schedules": {
    "constant": {
      "name": "constant", "formula": "ηₜ = η",
      "hyper": {}
    },
    "piecewise": {
      "name": "piecewise constant",
      "formula": "ηₜ = η·factorᵏ, k = ⌊t/every⌋",
      "hyper": { "every": 25, "factor": 0.5 }
    },
    "exponential": {
      "name": "exponential", "formula": "ηₜ = η·exp(−c t)",
      "hyper": { "decay": 0.1 }
    },
    "polynomial": {
      "name": "polynomial", "formula": "ηₜ = η·(1 + c t)⁻ᵖ",
      "hyper": { "decay": 0.1, "power": 0.5 }
    },
    "cosine": {
      "name": "cosine", "formula": "ηₜ = η·(1 + cos(π t/T))/2",
      "hyper": {}
    }
  },
  "methods": {
    "gd": {
      "name": "GD", "color": "#666666", "dash": "",
      "hyper": { "lr": 0.1 },
      "state": {},
      "rule": [
        ["x", "{x-} − {lr}·{g}"]
      ]
    },
    "sgd": {
      "name": "SGD", "color": "#0A78BE", "dash": "",
      "hyper": { "lr": 0.1, "noise": 1 },
      "state": {},
      "rule": [
        ["x", "{x-} − {lr}·{g}"]
      ]
    },
    "momentum": {
      "name": "momentum", "color": "#D55E00", "dash": "",
      "hyper": { "lr": 0.05, "momentum": 0.9 },
      "state": { "v": "velocity" },
      "rule": [
        ["v", "{momentum}·{v-} + {g}"],
        ["x", "{x-} − {lr}·{v}"]
      ]
    },
    "nesterov": {
      "name": "Nesterov", "color": "#D55E00", "dash": "3.7 1.6",
      "hyper": { "lr": 0.05, "momentum": 0.9 },
      "state": { "v": "velocity" },
      "rule": [
        ["v", "{momentum}·{v-} + {g}"],
        ["x", "{x-} − {lr}·({g} + {momentum}·{v})"]
      ]
    },
    "newton": {
      "name": "Newton", "color": "#8A6D3B", "dash": "",
      "hyper": { "lr": 1, "damping": 0 },
      "state": {},
      "rule": [
        ["d", "({H} + {damping}·I)⁻¹ {g}"],
        ["x", "{x-} − {lr}·{d}"]
      ]
    },
    "adagrad": {
      "name": "Adagrad", "color": "#009E73", "dash": "",
      "hyper": { "lr": 0.5, "eps": 1e-10 },
      "state": { "s": "sum of squared gradients" },
      "rule": [
        ["s", "{s-} + {g}²"],
        ["x", "{x-} − {lr}·{g} / (√{s} + {eps})"]
      ]
    },
    "rmsprop": {
      "name": "RMSProp", "color": "#B8558C", "dash": "6.4 1.6 1 1.6",
      "hyper": { "lr": 0.05, "alpha": 0.9, "eps": 1e-8 },
      "state": { "s": "second moment" },
      "rule": [
        ["s", "{alpha}·{s-} + (1 − {alpha})·{g}²"],
        ["x", "{x-} − {lr}·{g} / (√{s} + {eps})"]
      ]
    },
    "adadelta": {
      "name": "Adadelta", "color": "#7A5FD3", "dash": "5 1 1 1 1 1",
      "hyper": { "lr": 1, "rho": 0.9, "eps": 0.000001 },
      "state": { "s": "second moment", "delta": "average of squared steps" },
      "rule": [
        ["s", "{rho}·{s-} + (1 − {rho})·{g}²"],
        ["gPrime", "√({delta-} + {eps}) / √({s} + {eps})·{g}"],
        ["x", "{x-} − {lr}·{gPrime}"],
        ["delta", "{rho}·{delta-} + (1 − {rho})·{gPrime}²"]
      ]
    },
    "adam": {
      "name": "Adam", "color": "#D0342C", "dash": "6.4 1.6 1 1.6",
      "hyper": { "lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8 },
      "state": { "v": "first moment", "s": "second moment" },
      "rule": [
        ["v", "{beta1}·{v-} + (1 − {beta1})·{g}"],
        ["s", "{beta2}·{s-} + (1 − {beta2})·{g}²"],
        ["vHat", "{v} / (1 − {beta1}{^t})"],
        ["sHat", "{s} / (1 − {beta2}{^t})"],
        ["x", "{x-} − {lr}·{vHat} / (√{sHat} + {eps})"]
      ]
    },
    "amsgrad": {
      "name": "AMSGrad", "color": "#9B3FB5", "dash": "1 1.65",
      "hyper": { "lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8 },
      "state": { "v": "first moment", "s": "second moment",
        "max": "largest second moment so far" },
      "rule": [
        ["v", "{beta1}·{v-} + (1 − {beta1})·{g}"],
        ["s", "{beta2}·{s-} + (1 − {beta2})·{g}²"],
        ["max", "max({max-}, {s})"],
        ["vHat", "{v} / (1 − {beta1}{^t})"],
        ["sHat", "{max} / (1 − {beta2}{^t})"],
        ["x", "{x-} − {lr}·{vHat} / (√{sHat} + {eps})"]
      ]
    },
    "yogi": {
      "name": "Yogi", "color": "#A07800", "dash": "1 1",
      "hyper": { "lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 0.001 },
      "state": { "v": "first moment", "s": "second moment" },
      "rule": [
        ["v", "{beta1}·{v-} + (1 − {beta1})·{g}"],
        ["s", "{s-} + (1 − {beta2})·{g}²·sgn({g}² − {s-})"],
        ["vHat", "{v} / (1 − {beta1}{^t})"],
        ["sHat", "{s} / (1 − {beta2}{^t})"],
        ["x", "{x-} − {lr}·{vHat} / (√{sHat} + {eps})"]
      ]
    }
  }
};

// ---- numbers as text ----

const DIGITS = "₀₁₂₃₄₅₆₇₈₉";
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const inDigits = (digits, minus, n) =>
  String(n).replace(/-/, minus).replace(/\d/g, (digit) => digits[digit]);
const below = (n) => inDigits(DIGITS, "₋", n);
const above = (n) => inDigits(RAISED, "⁻", n);

/** Write a number to three significant digits, with a true minus sign. */
function formatNumber(value) {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? "undefined" : value > 0 ? "∞" : "−∞";
  }
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(2).split("e");
    const short = String(Number(mantissa));
    const power = `10${above(Number(exponent))}`;
    text = short === "1" ? power : short === "-1" ? `-${power}` : `${short}·${power}`;
  } else {
    text = String(Number(value.toPrecision(size >= 1000 ? 5 : 3)));
  }
  return text.replace("-", "−");
}

const formatPair = ([first, second]) =>
  `(${formatNumber(first)}, ${formatNumber(second)})`;

// ---- expressions: a reader's own function ----

const LIMITS = { characters: 300, rows: 60, depth: 30 };

// Each function of one variable: value, first and second derivative at v; `f` is the
// value there, which saves computing it again.
const sigmoid = (v) => 1 / (1 + Math.exp(-v));
const FUNCTIONS = {
  sin: [Math.sin, (v) => Math.cos(v), (v, f) => -f],
  cos: [Math.cos, (v) => -Math.sin(v), (v, f) => -f],
  tan: [Math.tan, (v, f) => 1 + f * f, (v, f) => 2 * f * (1 + f * f)],
  atan: [
    Math.atan,
    (v) => 1 / (1 + v * v),
    (v) => (-2 * v) / ((1 + v * v) * (1 + v * v)),
  ],
  sinh: [Math.sinh, (v) => Math.cosh(v), (v, f) => f],
  cosh: [Math.cosh, (v) => Math.sinh(v), (v, f) => f],
  tanh: [Math.tanh, (v, f) => 1 - f * f, (v, f) => -2 * f * (1 - f * f)],
  exp: [Math.exp, (v, f) => f, (v, f) => f],
  log: [Math.log, (v) => 1 / v, (v) => -1 / (v * v)],
  sqrt: [Math.sqrt, (v, f) => 0.5 / f, (v, f) => -0.25 / (f * v)],
  abs: [Math.abs, (v) => Math.sign(v), () => 0],
  sigmoid: [
    sigmoid,
    (v, f) => f * (1 - f),
    (v, f) => f * (1 - f) * (1 - 2 * f),
  ],
};
const CONSTANTS = { e: Math.E, pi: Math.PI, π: Math.PI };
const SPELLINGS = [
  [/\*\*/g, " ^"],
  [/[·×]/g, "*"],
  [/÷/g, "/"],
  [/[−–]/g, "-"],
  [/x₁/g, "x "],
  [/x₂/g, "y "],
];

const power = (v, c) => (c === 1 ? v : c === 2 ? v * v : c === 0 ? 1 : Math.pow(v, c));

/** A node of the syntax tree, folded into a number where its parts are numbers. */
function node(op, a, b, fail) {
  const fold = (v) => {
    if (!Number.isFinite(v)) fail("this part is no finite number for any x and y");
    return { op: "number", v };
  };
  const constant = a.op === "number" && (!b || b.op === "number");
  if (!constant) return { op, a, b };
  switch (op) {
    case "+": return fold(a.v + b.v);
    case "-": return fold(a.v - b.v);
    case "*": return fold(a.v * b.v);
    case "/": return fold(a.v / b.v);
    case "^": return fold(power(a.v, b.v));
    case "negative": return fold(-a.v);
    default: return fold(FUNCTIONS[op][0](a.v));
  }
}

/** Parse an expression into a syntax tree, or throw a sentence (see parseExpression). */
function parse(source) {
  if (source.length > LIMITS.characters) {
    throw `The function has ${source.length} characters; ` +
      `at most ${LIMITS.characters} are read. Shorten it.`;
  }
  let text = source;
  for (const [pattern, plain] of SPELLINGS) text = text.replace(pattern, plain);
  text = text.replace(/[⁰¹²³⁴-⁹]+/g, (digits) =>
    `^${[...digits].map((digit) => RAISED.indexOf(digit)).join("")}`);
  const pattern = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-zπ]+)|(\S))/y;
  let token, depth = 0, bars = 0;

  function fail(reason, at = token) {
    const where = at.end ? "At the end" : `At “${at.text.slice(0, 20)}” (character ${at.at + 1})`;
    throw `${where}: ${reason}.`;
  }
  function advance() {
    const match = pattern.exec(text);
    token = match
      ? { text: match[0].trim(), number: match[1], name: match[2], sign: match[3] }
      : { text: "", end: true };
    if (match) token.at = pattern.lastIndex - token.text.length;
  }
  function accept(sign) {
    const found = token.sign === sign;
    if (found) advance();
    return found;
  }
  function closed(open, sign) {
    const inner = sum();
    if (!accept(sign)) fail(`“${open}” is not closed; add “${sign}”`);
    return inner;
  }
  function sum() {
    if (++depth > LIMITS.depth) {
      fail(`more than ${LIMITS.depth} levels of brackets; use fewer`);
    }
    let left = product();
    while (token.sign === "+" || token.sign === "-") {
      const { sign } = token;
      advance();
      left = node(sign, left, product(), fail);
    }
    depth--;
    return left;
  }
  const startsFactor = () =>
    token.number || token.name || token.sign === "(" || (token.sign === "|" && !bars);
  function product() {
    let left = signed(), divided = false;
    for (;;) {
      const at = token;
      if (accept("*")) {
        left = node("*", left, signed(), () => fail("too large a number", at));
        divided = false;
      } else if (accept("/")) {
        left = node("/", left, signed(), () => fail("a division that gives no finite number", at));
        divided = true;
      } else if (startsFactor()) {
        if (divided) fail("1/2x can be read in two ways; write 1/(2*x) or (1/2)*x");
        if (token.number) fail("a number after a factor; put *, ^ or + before it");
        left = node("*", left, raised(), fail);
      } else {
        return left;
      }
    }
  }
  function signed() {
    let negative = false;
    while (token.sign === "-" || token.sign === "+") {
      if (token.sign === "-") negative = !negative;
      advance();
    }
    const inner = raised();
    return negative ? node("negative", inner, undefined, fail) : inner;
  }
  function raised() {
    const base = primary();
    const at = token;
    if (!accept("^")) return base;
    if (++depth > LIMITS.depth) fail("too many powers of powers");
    const exponent = signed();
    depth--;
    if (exponent.op === "number") {
      return node("^", base, exponent, () => fail("a power that is no finite number", at));
    }
    // a variable exponent: u^w = exp(w log u)
    return node("exp", node("*", exponent, node("log", base, undefined, fail), fail));
  }
  function primary() {
    const at = token;
    if (at.number) {
      if (!Number.isFinite(Number(at.number))) fail("this number is too large");
      advance();
      if (token.number) fail("two numbers in a row; put an operation between them");
      return { op: "number", v: Number(at.number) };
    }
    if (at.name) return named(at);
    if (accept("(")) return closed("(", ")");
    if (accept("|")) {
      bars++;
      const inner = sum();
      if (token.sign !== "|") fail("“|” is not closed; add “|”");
      bars--;
      advance();
      return node("abs", inner, undefined, fail);
    }
    if (at.end) fail("something is missing; add a number, x, y or a function");
    if (at.sign === ",") fail("a comma; write decimals with a point, as 0.5");
    return fail("a number, x, y or a function was expected");
  }
  function named(at) {
    const name = at.name === "ln" ? "log" : at.name;
    advance();
    if (Object.hasOwn(FUNCTIONS, name)) {
      if (!accept("(")) fail(`${at.name} needs its argument in brackets: ${at.name}(x)`, at);
      const outer = bars;
      bars = 0;
      const inner = closed(`${at.name}(`, ")");
      bars = outer;
      return node(name, inner, undefined, () => fail("not defined there", at));
    }
    if (Object.hasOwn(CONSTANTS, name)) return { op: "number", v: CONSTANTS[name] };
    if (/^[xy]+$/.test(name)) {
      if (token.number && token.at === at.at + name.length) {
        fail(`${at.name}${token.number} can be read in two ways; write x^2 for a square, ` +
          "and x and y for the two variables", at);
      }
      return [...name].map((op) => ({ op })).reduce((a, b) => ({ op: "*", a, b }));
    }
    const known = [...Object.keys(FUNCTIONS), "ln", "pi", "e"].join(", ");
    return fail(`this name is not known; known are x, y, ${known}. ` +
      "Put * between factors", at);
  }

  advance();
  if (token.end) throw "The function is empty; write one of x and y, as x^2 + 3y^2.";
  const tree = sum();
  if (!token.end) {
    fail(token.sign === ")" || token.sign === "|"
      ? `“${token.sign}” closes nothing; remove it or open it`
      : token.sign === "," ? "a comma; write decimals with a point, as 0.5"
      : "this sign is not known here");
  }
  return tree;
}

// Forward differentiation. A row holds [f, ∂x, ∂y, ∂x∂x, ∂x∂y, ∂y∂y] of its node, of
// which the first n are wanted: 1, 3 or 6. `o` is the row, `a` and `b` its operands.
function chain(o, a, n, first, second) {
  o[1] = first * a[1];
  o[2] = first * a[2];
  if (n < 6) return;
  o[3] = second * a[1] * a[1] + first * a[3];
  o[4] = second * a[1] * a[2] + first * a[4];
  o[5] = second * a[2] * a[2] + first * a[5];
}
const RULES = {
  "+": (o, a, b, n) => { for (let i = 0; i < n; i++) o[i] = a[i] + b[i]; },
  "-": (o, a, b, n) => { for (let i = 0; i < n; i++) o[i] = a[i] - b[i]; },
  negative: (o, a, b, n) => { for (let i = 0; i < n; i++) o[i] = -a[i]; },
  "*": (o, a, b, n) => {
    o[0] = a[0] * b[0];
    if (n < 3) return;
    o[1] = a[1] * b[0] + a[0] * b[1];
    o[2] = a[2] * b[0] + a[0] * b[2];
    if (n < 6) return;
    o[3] = a[3] * b[0] + 2 * a[1] * b[1] + a[0] * b[3];
    o[4] = a[4] * b[0] + a[1] * b[2] + a[2] * b[1] + a[0] * b[4];
    o[5] = a[5] * b[0] + 2 * a[2] * b[2] + a[0] * b[5];
  },
  "/": (o, a, b, n) => {
    o[0] = a[0] / b[0];
    if (n < 3) return;
    o[1] = (a[1] - o[0] * b[1]) / b[0];
    o[2] = (a[2] - o[0] * b[2]) / b[0];
    if (n < 6) return;
    o[3] = (a[3] - 2 * o[1] * b[1] - o[0] * b[3]) / b[0];
    o[4] = (a[4] - o[1] * b[2] - o[2] * b[1] - o[0] * b[4]) / b[0];
    o[5] = (a[5] - 2 * o[2] * b[2] - o[0] * b[5]) / b[0];
  },
  "^": (o, a, [c], n) => {
    o[0] = power(a[0], c);
    if (n < 3) return;
    const first = c === 0 ? 0 : c * power(a[0], c - 1);
    const second = n < 6 || c === 0 || c === 1 ? 0 : c * (c - 1) * power(a[0], c - 2);
    chain(o, a, n, first, second);
  },
};
for (const [name, [value, first, second]] of Object.entries(FUNCTIONS)) {
  RULES[name] = (o, a, b, n) => {
    const v = a[0], f = (o[0] = value(v));
    if (n > 1) chain(o, a, n, first(v, f), n < 6 ? 0 : second(v, f));
  };
}

/**
 * Return a function (x, y, n) that gives the first n of a tree's [f, ∂x, ∂y, ∂x∂x,
 * ∂x∂y, ∂y∂y], exactly, in an array that its next call overwrites.
 */
function differentiator(tree) {
  const X = Float64Array.of(0, 1, 0, 0, 0, 0), Y = Float64Array.of(0, 0, 1, 0, 0, 0);
  const rows = [];
  function place({ op, a, b, v }) {
    if (op === "x") return X;
    if (op === "y") return Y;
    if (op === "number") return Float64Array.of(v, 0, 0, 0, 0, 0);
    const row = { rule: RULES[op], a: place(a), b: b && place(b), out: new Float64Array(6) };
    if (rows.push(row) > LIMITS.rows) {
      throw `The function has more than ${LIMITS.rows} operations; shorten it.`;
    }
    return row.out;
  }
  const result = place(tree);
  let known = 0; // how many entries of the result are right at the current x and y
  return (x, y, n) => {
    if (x !== X[0] || y !== Y[0]) known = 0;
    if (n > known) {
      X[0] = x;
      Y[0] = y;
      for (let i = 0; i < rows.length; i++) {
        const { rule, out, a, b } = rows[i];
        rule(out, a, b, n);
      }
      known = n;
    }
    return result;
  };
}

/**
 * Parse a function of x and y in ordinary notation: + − * / ^, brackets, |…|, 2x for
 * 2·x, the names in FUNCTIONS, pi and e. Nothing is ever evaluated as a program.
 *
 * Returns {f, grad, hess, tree}, with exact derivatives, or {error}: a sentence that
 * says what is wrong, where, and what to write instead. Never throws.
 */
function parseExpression(text) {
  try {
    const tree = parse(String(text));
    if (!/"op":"[xy]"/.test(JSON.stringify(tree))) {
      return { error: "The function contains neither x nor y, so it is flat; add one." };
    }
    const at = differentiator(tree);
    return {
      tree,
      f: (x, y) => at(x, y, 1)[0],
      grad: (x, y) => { const d = at(x, y, 3); return [d[1], d[2]]; },
      hess: (x, y) => { const d = at(x, y, 6); return [d[3], d[4], d[5]]; },
    };
  } catch (problem) {
    if (typeof problem !== "string") throw problem;
    return { error: problem };
  }
}

// ---- surfaces ----

/** f* + ½ (p − c)ᵀ H (p − c) with H = [Hxx, Hxy, Hyy]. */
function quadratic([a, b, d], [cx, cy] = [0, 0], fmin = 0) {
  return {
    f: (x, y) => {
      const u = x - cx, v = y - cy;
      return fmin + 0.5 * (a * u * u + 2 * b * u * v + d * v * v);
    },
    grad: (x, y) => [a * (x - cx) + b * (y - cy), b * (x - cx) + d * (y - cy)],
    hess: () => [a, b, d],
    minima: [[cx, cy]],
    fmin,
  };
}

/** Solve [[a, b], [b, d]] z = [p, q] by elimination with pivoting. */
function solve([a, b, d], [p, q]) {
  if (Math.abs(b) > Math.abs(a)) {
    const ratio = a / b, second = (p - ratio * q) / (b - ratio * d);
    return [(q - d * second) / b, second];
  }
  const ratio = b / a, second = (q - ratio * p) / (d - ratio * b);
  return [(p - b * second) / a, second];
}

/** Complete a surface: its minima, found by Newton's method near `guesses`, and f*. */
function withMinima(surface, guesses) {
  const minima = guesses.map((guess) => {
    let [x, y] = guess;
    for (let i = 0; i < 8; i++) {
      const [dx, dy] = solve(surface.hess(x, y), surface.grad(x, y));
      x -= dx;
      y -= dy;
    }
    return [x, y];
  });
  return { ...surface, minima, fmin: surface.f(...minima[0]) };
}

const NOWHERE = {
  f: () => NaN, grad: () => [NaN, NaN], hess: () => [NaN, NaN, NaN], minima: [], fmin: null,
};

/** A number as a further term: with its sign and a space. */
const signed = (v) => (v < 0 ? `- ${-v}` : `+ ${v}`);

// The book's valley 0.1x² + 2y² is the one of condition number 20. Turning it turns
// the start with it, so that a method that knows no axes takes the same path, turned.
function makeValley({ params: { kappa, angle } }) {
  const turn = (angle * Math.PI) / 180, c = Math.cos(turn), s = Math.sin(turn);
  const flat = 0.1, steep = 0.1 * kappa;
  const hessian = [
    2 * (flat * c * c + steep * s * s),
    2 * (flat - steep) * c * s,
    2 * (flat * s * s + steep * c * c),
  ];
  const [a, b, d] = hessian.map((entry) => entry / 2);
  return {
    ...quadratic(hessian),
    start: [-5 * c + 2 * s, -5 * s - 2 * c],
    formula: `${a} x² ${angle === 0 ? "" : `${signed(2 * b)} x y `}${signed(d)} y²`,
  };
}

// With the other weights at the least-squares optimum, the loss ½ MSE over two of them
// is a quadratic: its curvature is that part of the Gram matrix, its minimum the floor.
function makeAirfoil({ weights: [i, j] }, data) {
  const moments = data && data.gram ? data : data && data.airfoil;
  if (!moments || !Array.isArray(moments.gram)) {
    return {
      ...NOWHERE,
      error: "The airfoil's loss needs numbers from its data, which this page lacks; " +
        "choose another surface.",
    };
  }
  const { gram, optimum, floor, names } = moments;
  const hessian = [gram[i][i], gram[i][j], gram[j][j]];
  const [a, b, d] = hessian, [cx, cy] = [optimum[i], optimum[j]];
  return {
    ...quadratic(hessian, [cx, cy], floor),
    axes: [`weight of ${names[i]}`, `weight of ${names[j]}`],
    formula: `${floor} ${signed(a / 2)} (x ${signed(-cx)})² ` +
      `${signed(b)} (x ${signed(-cx)}) (y ${signed(-cy)}) ${signed(d / 2)} (y ${signed(-cy)})²`,
  };
}

function makeCustom({ expression }) {
  const parsed = parseExpression(expression);
  const made = parsed.error ? { ...NOWHERE, error: parsed.error } : parsed;
  return { ...made, minima: [], fmin: null, formula: expression };
}

const { sin, cos, exp, PI } = Math;
// The closed forms. A second entry lists points near the minima, the lowest first.
const FORMS = {
  valley: [{ make: makeValley }],
  bowl: [quadratic([2, 0, 4])],
  rosenbrock: [{
    f: (x, y) => (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x),
    grad: (x, y) => [2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)],
    hess: (x, y) => [2 - 400 * (y - 3 * x * x), -400 * x, 200],
  }, [1, 1]],
  beale: [{
    f: (x, y) => {
      const [p, q, r] = bealeParts(x, y);
      return p * p + q * q + r * r;
    },
    grad: (x, y) => {
      const [p, q, r] = bealeParts(x, y);
      return [
        2 * (p * (y - 1) + q * (y * y - 1) + r * (y * y * y - 1)),
        2 * x * (p + 2 * q * y + 3 * r * y * y),
      ];
    },
    hess: (x, y) => {
      const [p, q, r] = bealeParts(x, y), a = y - 1, b = y * y - 1, c = y * y * y - 1;
      return [
        2 * (a * a + b * b + c * c),
        2 * (p + 2 * q * y + 3 * r * y * y) + 2 * x * (a + 2 * y * b + 3 * y * y * c),
        2 * x * (x + 4 * x * y * y + 9 * x * y * y * y * y + 2 * q + 6 * r * y),
      ];
    },
  }, [3, 0.5]],
  himmelblau: [{
    f: (x, y) => {
      const p = x * x + y - 11, q = x + y * y - 7;
      return p * p + q * q;
    },
    grad: (x, y) => {
      const p = x * x + y - 11, q = x + y * y - 7;
      return [4 * x * p + 2 * q, 2 * p + 4 * y * q];
    },
    hess: (x, y) => [
      4 * (x * x + y - 11) + 8 * x * x + 2,
      4 * (x + y),
      4 * (x + y * y - 7) + 8 * y * y + 2,
    ],
  }, [3, 2], [-2.8, 3.1], [-3.8, -3.3], [3.6, -1.8]],
  saddle: [{
    f: (x, y) => x * x - y * y + (y * y * y * y) / 4,
    grad: (x, y) => [2 * x, y * y * y - 2 * y],
    hess: (x, y) => [2, 0, 3 * y * y - 2],
  }, [0, 1.4], [0, -1.4]],
  monkey: [{
    f: (x, y) => x * x * x - 3 * x * y * y + ((x * x + y * y) * (x * x + y * y)) / 2,
    grad: (x, y) => {
      const r = x * x + y * y;
      return [3 * (x * x - y * y) + 2 * x * r, -6 * x * y + 2 * y * r];
    },
    hess: (x, y) => {
      const r = x * x + y * y;
      return [6 * x + 2 * r + 4 * x * x, 4 * x * y - 6 * y, 2 * r + 4 * y * y - 6 * x];
    },
  }, [-1.5, 0], [0.75, 1.3], [0.75, -1.3]],
  plateau: [{
    f: (x, y) => 0.01 * (x * x + y * y) - 3 * exp(-(x * x + y * y) / 2),
    grad: (x, y) => {
      const slope = 3 * exp(-(x * x + y * y) / 2) + 0.02;
      return [x * slope, y * slope];
    },
    hess: (x, y) => {
      const e = 3 * exp(-(x * x + y * y) / 2);
      return [e * (1 - x * x) + 0.02, -x * y * e, e * (1 - y * y) + 0.02];
    },
  }, [0, 0]],
  cliff: [{
    f: (x, y) => 5 * sigmoid(10 * (x - 1)) + 0.05 * (x + 1) * (x + 1) + 0.25 * y * y,
    grad: (x, y) => {
      const s = sigmoid(10 * (x - 1));
      return [50 * s * (1 - s) + 0.1 * (x + 1), 0.5 * y];
    },
    hess: (x) => {
      const s = sigmoid(10 * (x - 1));
      return [500 * s * (1 - s) * (1 - 2 * s) + 0.1, 0, 0.5];
    },
  }, [-1, 0]],
  booth: [quadratic([10, 8, 10], [1, 3])],
  rastrigin: [{
    f: (x, y) => 20 + x * x + y * y - 10 * (cos(2 * PI * x) + cos(2 * PI * y)),
    grad: (x, y) => [
      2 * x + 20 * PI * sin(2 * PI * x),
      2 * y + 20 * PI * sin(2 * PI * y),
    ],
    hess: (x, y) => [
      2 + 40 * PI * PI * cos(2 * PI * x),
      0,
      2 + 40 * PI * PI * cos(2 * PI * y),
    ],
  }, [0, 0]],
  airfoil: [{ make: makeAirfoil }],
  custom: [{ make: makeCustom }],
};

function bealeParts(x, y) {
  return [1.5 - x * (1 - y), 2.25 - x * (1 - y * y), 2.625 - x * (1 - y * y * y)];
}

/** [{key, label, symbol, min, max, default, …}] of an object of default values. */
const specsOf = (defaults = {}) => Object.entries(defaults).map(([key, value]) =>
  ({ key, default: value, ...TABLES.numbers[key] }));
const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));

const SURFACES = mapValues(TABLES.surfaces, (table, key) => {
  const [form, ...guesses] = FORMS[key];
  const surface = { key, ...table, ...form, params: specsOf(table.params) };
  return guesses.length ? withMinima(surface, guesses) : surface;
});

/**
 * Return the surface of a config with everything bound in: {key, name, words,
 * formula, f, grad, hess, domain, start, minima, fmin (null if unknown), settings};
 * `error` is a sentence where it cannot be computed, and its values are then NaN.
 */
function surfaceOf(config, data) {
  const surface = SURFACES[config.surface];
  const made = surface.make ? surface.make(config, data) : {};
  return { ...surface, ...made };
}

// ---- schedules: the rate of step t = 1, 2, … of `steps` ----

// factor: what the first rate is multiplied by at step t; python: the same as text.
const FACTORS = {
  constant: { factor: () => 1 },
  piecewise: {
    factor: ({ every, factor }, t) => Math.pow(factor, Math.floor(t / every)),
    python: ({ every, factor }) => `${factor} ** (t // ${every})`,
  },
  exponential: {
    factor: ({ decay }, t) => exp(-decay * t),
    python: ({ decay }) => `math.exp(-${decay} * t)`,
  },
  polynomial: {
    factor: ({ decay, power: p }, t) => Math.pow(1 + decay * t, -p),
    python: ({ decay, power: p }) => `(1 + ${decay} * t) ** -${p}`,
  },
  cosine: {
    factor: (_, t, steps) => 0.5 * (1 + cos((PI * t) / steps)),
    python: () => "0.5 * (1 + math.cos(math.pi * t / STEPS))",
  },
};
const SCHEDULES = mapValues(TABLES.schedules, (table, key) =>
  ({ ...table, ...FACTORS[key], hyper: specsOf(table.hyper) }));

/** Return the learning rate of step t (from 1) of a run of `steps` steps. */
const rate = (spec, t, steps) =>
  spec.lr * SCHEDULES[spec.schedule ?? "constant"].factor(spec, t, steps);

// ---- optimizers: torch's update forms ----

// A method's memory m holds its position m.x, its state variables by key, and m.rate:
// by what a coordinate's gradient, or the average in its place, is multiplied. `step`
// changes the memory, given the gradient g, the hyperparameters h, and this step's
// learning rate.

function plainStep(m, g, h, lr) {
  for (let i = 0; i < 2; i++) {
    m.rate[i] = lr;
    m.x[i] -= lr * g[i];
  }
}

function velocityStep(m, g, { momentum }, lr, nesterov) {
  for (let i = 0; i < 2; i++) {
    const v = (m.v[i] = momentum * m.v[i] + g[i]);
    m.rate[i] = lr;
    m.x[i] -= lr * (nesterov ? g[i] + momentum * v : v);
  }
}

function newtonStep(m, g, { damping }, lr, [a, b, d]) {
  const z = solve([a + damping, b, d + damping], g);
  m.rate.fill(NaN); // the step is no multiple of each coordinate's gradient
  m.x[0] -= lr * z[0];
  m.x[1] -= lr * z[1];
}

/** Divide by the root of s, where s ← keep · s + weight · g². */
function rootStep(m, g, eps, lr, keep, weight) {
  for (let i = 0; i < 2; i++) {
    m.s[i] = keep * m.s[i] + weight * g[i] * g[i];
    const root = Math.sqrt(m.s[i]) + eps;
    m.rate[i] = lr / root;
    m.x[i] -= (lr * g[i]) / root;
  }
}

function adadeltaStep(m, g, { rho, eps }, lr) {
  for (let i = 0; i < 2; i++) {
    m.s[i] = rho * m.s[i] + (1 - rho) * g[i] * g[i];
    const ratio = Math.sqrt(m.delta[i] + eps) / Math.sqrt(m.s[i] + eps);
    const d = ratio * g[i];
    m.rate[i] = lr * ratio;
    m.x[i] -= lr * d;
    m.delta[i] = rho * m.delta[i] + (1 - rho) * d * d;
  }
}

// The powers β₁ᵗ and β₂ᵗ are running products, which are the same on every machine.
function adamStep(m, g, { beta1, beta2, eps }, lr, yogi) {
  m.beta1t *= beta1;
  m.beta2t *= beta2;
  const size = lr / (1 - m.beta1t), rootWeight = Math.sqrt(1 - m.beta2t);
  for (let i = 0; i < 2; i++) {
    const square = g[i] * g[i];
    m.v[i] = beta1 * m.v[i] + (1 - beta1) * g[i];
    m.s[i] = yogi ? m.s[i] + (1 - beta2) * square * Math.sign(square - m.s[i])
      : beta2 * m.s[i] + (1 - beta2) * square;
    const s = m.max ? (m.max[i] = Math.max(m.max[i], m.s[i])) : m.s[i];
    const root = Math.sqrt(s) / rootWeight + eps;
    m.rate[i] = lr / root;
    m.x[i] -= (size * m.v[i]) / root;
  }
}

const STEPS = {
  gd: plainStep,
  sgd: plainStep,
  momentum: (m, g, h, lr) => velocityStep(m, g, h, lr, false),
  nesterov: (m, g, h, lr) => velocityStep(m, g, h, lr, true),
  newton: newtonStep,
  adagrad: (m, g, { eps }, lr) => rootStep(m, g, eps, lr, 1, 1),
  rmsprop: (m, g, { alpha, eps }, lr) => rootStep(m, g, eps, lr, alpha, 1 - alpha),
  adadelta: adadeltaStep,
  adam: (m, g, h, lr) => adamStep(m, g, h, lr, false),
  amsgrad: (m, g, h, lr) => adamStep(m, g, h, lr, false), // its memory has a `max`
  yogi: (m, g, h, lr) => adamStep(m, g, h, lr, true),
};
const SYMBOLS = {
  x: "x", g: "g", d: "d", H: "H", vHat: "v̂", sHat: "ŝ", gPrime: "g′",
  v: "v", s: "s", delta: "Δ", max: "sᵐᵃˣ", ...mapValues(TABLES.numbers, ({ symbol }) => symbol),
};
const METHODS = mapValues(TABLES.methods, (table, key) => ({
  ...table,
  hyper: specsOf(table.hyper),
  state: Object.entries(table.state).map(([name, label]) =>
    ({ key: name, label, symbol: SYMBOLS[name] })),
  step: STEPS[key],
  needsHessian: key === "newton",
}));

/** Return a method's memory before its first step: at `start`, all state zero. */
function memory(method, start) {
  const m = { x: Float64Array.from(start), rate: new Float64Array(2), beta1t: 1, beta2t: 1 };
  for (const { key } of METHODS[method].state) m[key] = new Float64Array(2);
  return m;
}

// ---- run ----

const CONVERGED = 1e-4; // above the lowest value, where that is known
const FLAT = 1e-6; // length of the gradient, where it is not

/**
 * Return a function that draws noise of mean 0 and variance 1, reproducibly: a linear
 * congruential generator of 32 bits, and the sum of twelve uniform numbers less six.
 * Whole numbers and sums only, so every machine and every language draws the same.
 */
function noiseFrom(seed) {
  let state = seed >>> 0;
  return () => {
    let total = -6;
    for (let i = 0; i < 12; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      total += state / 4294967296;
    }
    return total;
  };
}

/** Follow one method. Row k of every array belongs to the point after k steps. */
function follow(surface, config, spec) {
  const { steps } = config, { state, step, needsHessian } = METHODS[spec.method];
  const numbers = () => new Float64Array(steps + 1), pairs = () => new Float64Array(2 * steps + 2);
  const points = pairs(), grads = pairs(), effective = pairs();
  const losses = numbers(), distances = numbers(), rates = numbers();
  const kept = state.map(pairs);
  const m = memory(spec.method, config.start), remembered = state.map(({ key }) => m[key]);
  const noise = spec.method === "sgd" ? noiseFrom(config.seed) : null;
  let status = "running", at = null, k = 0, lr = NaN;
  m.rate.fill(NaN);
  for (; k <= steps; k++) {
    const [x, y] = m.x, i = 2 * k;
    const g = surface.grad(x, y), loss = surface.f(x, y);
    if (!Number.isFinite(x + y + loss + g[0] + g[1])) {
      status = "diverged";
      at = k;
      break;
    }
    if (at === null && hasArrived(surface, loss, g)) {
      status = "converged";
      at = k;
    }
    if (noise) {
      g[0] += spec.noise * noise();
      g[1] += spec.noise * noise();
    }
    for (let j = 0; j < 2; j++) {
      points[i + j] = m.x[j];
      grads[i + j] = g[j];
      effective[i + j] = m.rate[j];
      for (let n = 0; n < kept.length; n++) kept[n][i + j] = remembered[n][j];
    }
    losses[k] = loss;
    distances[k] = distance(surface.minima, x, y);
    rates[k] = lr;
    lr = rate(spec, k + 1, steps);
    step(m, g, spec, lr, needsHessian && surface.hess(x, y));
  }
  const some = (array) => array.subarray(0, k), two = (array) => array.subarray(0, 2 * k);
  return {
    method: spec.method, key: spec.method, spec, status, at,
    points: two(points), grads: two(grads), effective: two(effective),
    losses: some(losses), distances: some(distances), rates: some(rates),
    states: Object.fromEntries(state.map(({ key }, n) => [key, two(kept[n])])),
  };
}

function hasArrived({ fmin }, loss, g) {
  if (fmin !== null) return loss - fmin < CONVERGED;
  return g[0] * g[0] + g[1] * g[1] < FLAT * FLAT;
}

function distance(minima, x, y) {
  let least = Infinity;
  for (let n = 0; n < minima.length; n++) {
    const dx = x - minima[n][0], dy = y - minima[n][1];
    least = Math.min(least, dx * dx + dy * dy);
  }
  return least === Infinity ? NaN : Math.sqrt(least);
}

/**
 * Run every method of a config: {surface, traces}. In a trace, row k belongs to the
 * point after k steps, row 0 to the start:
 *   points, grads (as the next step uses it, noise included), effective (the rates
 *   per coordinate of step k), states by key: Float64Arrays of 2(n + 1);
 *   losses, distances (to the nearest minimum; NaN if none is known), rates: of n + 1;
 *   status: "running", "converged" (within 1e-4 of the lowest value, or a gradient
 *   below 1e-6 where that is not known) or "diverged" (no finite number any more; the
 *   rows end before it), and `at`, the first step of which that is true.
 */
function run(config, data) {
  const surface = surfaceOf(config, data);
  return { surface, traces: config.methods.map((spec) => follow(surface, config, spec)) };
}

// ---- what a trace says, in words and in equations ----

/** Say in one sentence what a method does at step k, for those who cannot look. */
function narrate(trace, k) {
  const last = trace.losses.length - 1, at = Math.max(0, Math.min(k, last));
  const { name } = METHODS[trace.method];
  const place = formatPair(trace.points.subarray(2 * at, 2 * at + 2));
  const loss = `loss ${formatNumber(trace.losses[at])}`;
  const ended = trace.status === "diverged" && k >= trace.at;
  if (last < 0) return `${name} cannot start: the function has no finite value there.`;
  if (at === 0 && !ended) return `${name} starts at ${place}, ${loss}.`;
  if (ended) return `${name} diverged at step ${trace.at}; before that it was at ${place}.`;
  const [dx, dy] = [0, 1].map((i) => trace.points[2 * at + i] - trace.points[2 * at - 2 + i]);
  const length = Math.sqrt(dx * dx + dy * dy);
  const rises = trace.losses[at] > trace.losses[at - 1];
  const done = trace.status === "converged" && at >= trace.at
    ? `; converged at step ${trace.at}` : "";
  return `${name}, step ${at}: at ${place} after a step of ${formatNumber(length)}, ` +
    `${loss}, ${rises ? "rising" : "falling"}${done}.`;
}

/**
 * Return the rows of a method's rule at step k: [{symbolic, numeric}], as in
 * "vₜ = β·vₜ₋₁ + gₜ" and "v₁₂ = 0.9·(−0.12, 0.40) + (−0.03, 0.11) = (−0.14, 0.47)".
 * Step k leads to row k of the trace; `numeric` is "" at the start (k = 0) and beyond
 * the end. `surface` is the run's, of which Newton's method shows the Hessian.
 */
function equationAt(trace, k, surface) {
  const method = METHODS[trace.method], { spec } = trace;
  const isHyper = (key) => method.hyper.some((entry) => entry.key === key);
  const decays = (spec.schedule ?? "constant") !== "constant";
  const known = k > 0 && k < trace.losses.length;
  const row = (array, at) => Array.from(array.subarray(2 * at, 2 * at + 2));
  const values = known ? valuesAt() : {};

  function valuesAt() {
    const v = { x: row(trace.points, k), "x-": row(trace.points, k - 1), g: row(trace.grads, k - 1) };
    for (const { key } of method.state) {
      v[key] = row(trace.states[key], k);
      v[`${key}-`] = row(trace.states[key], k - 1);
    }
    const both = (f) => [f(0), f(1)];
    if (method.needsHessian) {
      const [a, b, d] = (v.H = surface.hess(...v["x-"]));
      v.d = solve([a + spec.damping, b, d + spec.damping], v.g);
    }
    if (v.delta) {
      v.gPrime = both((i) => Math.sqrt((v["delta-"][i] + spec.eps) / (v.s[i] + spec.eps)) * v.g[i]);
    }
    if ("beta2" in spec) {
      v.vHat = both((i) => v.v[i] / (1 - Math.pow(spec.beta1, k)));
      v.sHat = both((i) => (v.max ?? v.s)[i] / (1 - Math.pow(spec.beta2, k)));
    }
    return v;
  }
  const text = (value) => value.length === 3
    ? `[${value.map(formatNumber).join(", ")}]` : formatPair(value);
  const symbol = (key) => {
    const plain = key.replace("-", "");
    if (key === "^t") return "ᵗ";
    if (key === "lr") return decays ? "ηₜ" : "η";
    return isHyper(key) ? SYMBOLS[key] : SYMBOLS[plain] + (plain === key ? "ₜ" : "ₜ₋₁");
  };
  const number = (key) => {
    if (key === "^t") return above(k);
    if (key === "lr") return formatNumber(trace.rates[k]);
    return isHyper(key) ? formatNumber(spec[key]) : text(values[key]);
  };
  const fill = (template, put) => template.replace(/\{([^}]+)\}/g, (_, key) => put(key));
  return method.rule.map(([result, template]) => ({
    symbolic: `${symbol(result)} = ${fill(template, symbol)}`,
    numeric: known
      ? `${SYMBOLS[result]}${below(k)} = ${fill(template, number)} = ${text(values[result])}`
      : "",
  }));
}

// ---- configs: defaults, validation, and the link's codec ----

const NUMBERS = TABLES.numbers, VIEW = TABLES.view;

const own = (object, key) =>
  object !== null && typeof object === "object" && Object.hasOwn(object, key)
    ? object[key] : undefined;
const quoted = (value) => {
  let text;
  try {
    text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  } catch {
    text = "something";
  }
  return `“${text.length > 30 ? `${text.slice(0, 30)}…` : text}”`;
};

/** Collects what a config asks for, and a sentence for everything that was changed. */
class Reader {
  constructor() {
    this.notes = [];
  }
  note(sentence) {
    if (this.notes.length < 10) this.notes.push(sentence);
  }
  number(value, spec, fallback = spec.default) {
    if (value === undefined) return fallback;
    const text = typeof value === "string" && value.trim() !== "" && value.length < 40;
    const given = typeof value === "number" || text ? Number(value) : NaN;
    const name = spec.label;
    if (Number.isNaN(given)) {
      this.note(`${name}: ${quoted(value)} is no number; it is ${fallback} now.`);
      return fallback;
    }
    const whole = spec.integer ? Math.round(given) : given;
    const kept = Math.min(Math.max(whole, spec.min), spec.max) || 0;
    if (kept !== given && !(kept === 0 && given === 0)) {
      this.note(`${name}: ${quoted(String(value))} is not in the range ${spec.min} to ` +
        `${spec.max}${spec.integer ? " of whole numbers" : ""}; it is ${kept} now.`);
    }
    return kept;
  }
  choice(value, options, what, fallback = options[0]) {
    if (value === undefined) return fallback;
    if (typeof value === "string" && options.includes(value)) return value;
    this.note(`${what}: ${quoted(value)} is not known; it is ${fallback} now.`);
    return fallback;
  }
  pair(value, spec, fallback) {
    if (value === undefined) return fallback;
    if (!Array.isArray(value) || value.length !== 2) {
      this.note(`${spec.label}: ${quoted(value)} is not two numbers; it is ${fallback} now.`);
      return fallback;
    }
    return value.map((entry, i) => this.number(entry, spec, fallback[i]));
  }
  unknown(object, keys, where) {
    if (object === null || typeof object !== "object") return;
    for (const key of Object.keys(object).slice(0, 50)) {
      if (!keys.includes(key)) this.note(`${where} has no ${quoted(key)}; it was left out.`);
    }
  }
}

/** Return a method's entry of a config with the settings that suit a surface. */
function methodDefaults(surface, method) {
  const good = { ...own(SURFACES[surface].settings, method) };
  const hyper = METHODS[method].hyper.map(({ key, default: usual }) => [key, good[key] ?? usual]);
  return { method, ...Object.fromEntries(hyper), schedule: "constant" };
}

function readMethod(reader, given, surface) {
  const method = own(given, "method");
  const start = methodDefaults(surface, method), { hyper, name } = METHODS[method];
  const entry = { method };
  for (const spec of hyper) {
    const label = `${name}, ${spec.label}`;
    entry[spec.key] = reader.number(own(given, spec.key), { ...spec, label }, start[spec.key]);
  }
  entry.schedule = reader.choice(
    own(given, "schedule"), Object.keys(SCHEDULES), `${name}, schedule`);
  for (const spec of SCHEDULES[entry.schedule].hyper) {
    entry[spec.key] = reader.number(own(given, spec.key), spec);
  }
  reader.unknown(given, Object.keys(entry), name);
  return entry;
}

function readMethods(reader, given, surface) {
  const names = Object.keys(METHODS), entries = [];
  if (given === undefined) return TABLES.shown.map((method) => methodDefaults(surface, method));
  if (!Array.isArray(given)) {
    reader.note(`methods: ${quoted(given)} is no list; the usual ones are shown.`);
    return readMethods(reader, undefined, surface);
  }
  for (const one of given.slice(0, 2 * names.length)) {
    const method = own(one, "method");
    if (!names.includes(method)) {
      reader.note(`methods: ${quoted(method ?? one)} is not known; it was left out.`);
    } else if (entries.some((entry) => entry.method === method)) {
      reader.note(`methods: a second ${METHODS[method].name} was left out.`);
    } else {
      entries.push(readMethod(reader, one, surface));
    }
  }
  return entries;
}

function readDomain(reader, given) {
  if (given === undefined || given === null) return null;
  const flat = Array.isArray(given) ? given.flat() : [];
  const [x0, x1, y0, y1] = flat.map((v) => reader.number(v, { ...VIEW.domain, label: "domain" }, 0));
  if (flat.length === 4 && x0 < x1 && y0 < y1) return [[x0, x1], [y0, y1]];
  reader.note(`domain: ${quoted(given)} is not [[left, right], [bottom, top]]; ` +
    "it is chosen anew.");
  return null;
}

function readView(reader, given) {
  const view = mapValues(VIEW, (spec, key) => {
    const value = own(given, key);
    if (spec.box) return readDomain(reader, value);
    return spec.choices ? reader.choice(value, spec.choices, key) : reader.number(value, spec);
  });
  reader.unknown(given, Object.keys(VIEW), "view");
  return view;
}

function readWeights(reader, given) {
  const usual = SURFACES.airfoil.weights;
  const weights = reader.pair(given, NUMBERS.weights, usual);
  if (weights[0] !== weights[1]) return weights;
  reader.note(`weights: two different ones are needed; they are ${usual} now.`);
  return usual;
}

/**
 * Turn anything into a valid config: {config, notes}. What is missing gets the
 * surface's defaults, numbers are clamped, unknown keys dropped; `notes` are sentences
 * about what was changed. Never throws.
 */
function validate(given) {
  const reader = new Reader();
  const surface = reader.choice(own(given, "surface"), Object.keys(SURFACES), "surface");
  const { params: specs, steps } = SURFACES[surface];
  const params = {};
  for (const spec of specs) {
    params[spec.key] = reader.number(own(own(given, "params"), spec.key), spec);
  }
  reader.unknown(own(given, "params"), Object.keys(params), "This surface");
  let expression = own(given, "expression") ?? SURFACES[surface].expression ?? "";
  if (typeof expression !== "string") {
    reader.note(`expression: ${quoted(expression)} is no text.`);
    expression = SURFACES[surface].expression ?? "";
  }
  const config = {
    surface, params,
    expression: surface === "custom" ? expression.slice(0, LIMITS.characters + 1) : "",
    weights: readWeights(reader, own(given, "weights")),
  };
  const { start } = surfaceOf(config);
  config.start = reader.pair(own(given, "start"), NUMBERS.start, start);
  config.steps = reader.number(own(given, "steps"), NUMBERS.steps, steps);
  config.seed = reader.number(own(given, "seed"), NUMBERS.seed, 0);
  config.methods = readMethods(reader, own(given, "methods"), surface);
  config.view = readView(reader, own(given, "view"));
  reader.unknown(given, Object.keys(config), "A playground");
  return { config, notes: reader.notes };
}

/** Return a whole, valid config from a part of one. */
const withDefaults = (partial) => validate(partial).config;
const DEFAULTS = withDefaults({});

// A link's hash is key=value joined by &: the fields of a config, a surface's numbers,
// the view's, and for each method its key with `name:value` joined by commas.
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Write what a config has that its surface's defaults have not, as a link's hash. */
function encode(config) {
  const { surface, params, view } = config;
  const usual = withDefaults({ surface, params });
  const pairs = [];
  const put = (key, value) => {
    const text = encodeURIComponent(value).replace(/%2C/g, ",").replace(/%3A/g, ":");
    pairs.push(`${key}=${text}`);
  };
  if (surface !== DEFAULTS.surface) put("surface", surface);
  for (const { key, default: standard } of SURFACES[surface].params) {
    if (params[key] !== standard) put(key, params[key]);
  }
  for (const key of ["expression", "weights", "start", "steps", "seed"]) {
    if (!same(config[key], usual[key])) put(key, config[key]);
  }
  if (!same(config.methods, usual.methods)) {
    for (const entry of config.methods) {
      const standard = methodDefaults(surface, entry.method);
      const changed = Object.keys(entry).filter((key) => entry[key] !== standard[key]);
      put(entry.method, changed.map((key) => `${key}:${entry[key]}`));
    }
    if (config.methods.length === 0) put("methods", "none");
  }
  for (const key of Object.keys(VIEW)) {
    if (!same(view[key], usual.view[key])) put(key, view[key]);
  }
  return pairs.join("&");
}

const HASH_LIMIT = 4000;
const PARAMS = new Set(Object.values(TABLES.surfaces).flatMap(({ params = {} }) =>
  Object.keys(params)));

/** Read a link's hash: {config, notes}. Whatever it holds, the config is valid. */
function decode(hash) {
  const text = typeof hash === "string" ? hash.replace(/^#/, "") : "";
  if (text.length > HASH_LIMIT) {
    const note = "The link is too long to be one of this playground; it was not read.";
    return { config: withDefaults({}), notes: [note] };
  }
  const given = { params: {}, view: {} }, notes = [];
  for (const part of text.split("&").filter(Boolean)) {
    const [key, ...rest] = part.split("=");
    let value;
    try {
      value = decodeURIComponent(rest.join("="));
    } catch {
      notes.push(`${quoted(part)} in the link cannot be read; it was left out.`);
      continue;
    }
    if (["surface", "expression", "steps", "seed"].includes(key)) given[key] = value;
    else if (["start", "weights"].includes(key)) given[key] = value.split(",");
    else if (key === "methods") given.methods = given.methods ?? [];
    else if (Object.hasOwn(METHODS, key)) (given.methods ??= []).push(methodFrom(key, value));
    else if (PARAMS.has(key)) given.params[key] = value;
    else if (key === "domain") given.view.domain = value.split(",");
    else if (Object.hasOwn(VIEW, key)) given.view[key] = value;
    else notes.push(`${quoted(key)} in the link is not known; it was left out.`);
  }
  const { config, notes: more } = validate(given);
  return { config, notes: [...notes, ...more].slice(0, 10) };
}

function methodFrom(method, text) {
  const pairs = text.split(",").filter(Boolean).slice(0, 20).map((pair) => pair.split(":"));
  return { ...Object.fromEntries(pairs), method };
}

// ---- export: the run as a Python cell ----

const LEVELS = { "+": 1, "-": 1, "*": 2, "/": 2, negative: 3, "^": 4 };

/** Write a syntax tree as Python, with brackets only where they keep the order. */
function pythonOf({ op, a, b, v }, level = 0) {
  const bracketed = (own, text) => (own < level ? `(${text})` : text);
  if (op === "number") return bracketed(v < 0 ? 3 : 5, String(v));
  if (op === "x" || op === "y") return op;
  const own = LEVELS[op];
  if (!own) return `torch.${op}(${pythonOf(a)})`;
  if (op === "negative") return bracketed(own, `-${pythonOf(a, own + 1)}`);
  if (op === "^") return bracketed(own, `${pythonOf(a, own + 1)}**${b.v}`);
  return bracketed(own, `${pythonOf(a, own)} ${op} ${pythonOf(b, own + 1)}`);
}

const adam = (h) => `p, lr=${h.lr}, betas=(${h.beta1}, ${h.beta2}), eps=${h.eps}`;
// For each method the call that makes it of the parameters p; Newton's is a function.
const CALLS = {
  gd: ({ lr }) => `torch.optim.SGD(p, lr=${lr})`,
  sgd: ({ lr }) => `torch.optim.SGD(p, lr=${lr})`,
  momentum: ({ lr, momentum }) => `torch.optim.SGD(p, lr=${lr}, momentum=${momentum})`,
  nesterov: ({ lr, momentum }) => momentum === 0 ? CALLS.gd({ lr })
    : `torch.optim.SGD(p, lr=${lr}, momentum=${momentum}, nesterov=True)`,
  newton: ({ lr, damping }) => `Newton(p, lr=${lr}, damping=${damping})`,
  adagrad: ({ lr, eps }) => `torch.optim.Adagrad(p, lr=${lr}, eps=${eps})`,
  rmsprop: ({ lr, alpha, eps }) => `torch.optim.RMSprop(p, lr=${lr}, alpha=${alpha}, eps=${eps})`,
  adadelta: ({ lr, rho, eps }) => `torch.optim.Adadelta(p, lr=${lr}, rho=${rho}, eps=${eps})`,
  adam: (h) => `torch.optim.Adam(${adam(h)})`,
  amsgrad: (h) => `torch.optim.Adam(${adam(h)}, amsgrad=True)`,
  yogi: (h) => `Yogi(${adam(h)}, initial_accumulator=0)`,
};
const NEWTON = `
class Newton(torch.optim.Optimizer):
    def __init__(self, params, lr, damping):
        super().__init__(params, dict(lr=lr, damping=damping))

    def step(self):
        group = self.param_groups[0]
        (p,) = group["params"]
        H = torch.func.hessian(lambda p: f(p[0], p[1]))(p.detach())
        H += group["damping"] * torch.eye(2)
        p.data -= group["lr"] * torch.linalg.solve_ex(H, p.grad)[0]

`;
const NOISE = `
def noise_from(seed):
    """Yield pairs of noise of mean 0 and variance 1, as the playground draws it."""
    while True:
        pair = [-6.0, -6.0]
        for i in range(2):
            for _ in range(12):
                seed = (1664525 * seed + 1013904223) % 2**32
                pair[i] += seed / 2**32
        yield torch.tensor(pair, dtype=torch.float64)

`;

/** Return a Python cell that repeats a run with torch.optim, and stands alone. */
function toPython(config, data) {
  const { formula, error, name } = surfaceOf(config, data);
  if (error) return `# ${error.replace(/\s+/g, " ")}\n`;
  const used = (method) => config.methods.some((entry) => entry.method === method);
  const decays = config.methods.filter(({ schedule }) => schedule !== "constant");
  const calls = config.methods.map((spec) => {
    const make = `lambda p: ${CALLS[spec.method](spec)}`;
    const more = [
      decays.includes(spec) && `rate=lambda t: ${spec.lr} * ${SCHEDULES[spec.schedule].python(spec)}`,
      spec.method === "sgd" && `noise=${spec.noise}`,
    ].filter(Boolean).map((option) => `\n        ${option},`).join("");
    return `    "${METHODS[spec.method].name}": follow(\n        ${make},${more}\n    ),\n`;
  });
  const noisy = used("sgd");
  return `# The playground's run on “${name}”, with torch.optim in float64.
${decays.length ? "import math\n\n" : ""}import torch
${used("yogi") ? "from descent import Yogi\n" : ""}
START, STEPS = [${config.start.join(", ")}], ${config.steps}


def f(x, y):
    return ${pythonOf(parse(formula))}

${used("newton") ? NEWTON : ""}${noisy ? NOISE : ""}
def follow(make, rate=None${noisy ? ", noise=None" : ""}):
    """Return the points that an optimizer visits, the start first."""
    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer, path = make([p]), [START]
${noisy ? `    draws = noise_from(${config.seed})\n` : ""}    for t in range(1, STEPS + 1):
        optimizer.zero_grad()
        f(p[0], p[1]).backward()
${noisy ? "        if noise is not None:\n            p.grad += noise * next(draws)\n" : ""}\
        if rate is not None:
            optimizer.param_groups[0]["lr"] = rate(t)
        optimizer.step()
        if not p.isfinite().all():
            break
        path.append(p.tolist())
    return path


paths = {
${calls.join("")}}
for name, path in paths.items():
    x, y = torch.tensor(path[-1], dtype=torch.float64)
    print(f"{name}: step {len(path) - 1}, x {x:.6f}, y {y:.6f}, f {f(x, y):.6g}")
`;
}

// ---- player ----

export default {
  SURFACES, METHODS, SCHEDULES, VIEW, LIMITS, DEFAULTS, withDefaults, validate, methodDefaults,
  surfaceOf, rate, memory, run, noiseFrom, parseExpression, encode, decode, toPython, narrate, equationAt,
  formatNumber, formatPair,
};
