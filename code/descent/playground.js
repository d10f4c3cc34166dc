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
// works well there, or shows something; else what works for the method that it is
// "like", else the method's own.
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
        "nesterov": { "lr": 0.2, "momentum": 0.8 }, "adagrad": { "lr": 2 },
        "rmsprop": { "lr": 0.4 }, "adadelta": { "eps": 0.01 },
        "adam": { "lr": 0.4 }
      }
    },
    "bowl": {
      "name": "Bowl",
      "words": "x² + 2y², the first surface of the book",
      "formula": "x² + 2 y²",
      "domain": [[-6.5, 3.5], [-4, 4]], "start": [-5, -2], "steps": 100,
      "settings": {
        "momentum": { "lr": 0.1, "momentum": 0.5 }, "adagrad": { "lr": 1 },
        "rmsprop": { "lr": 0.2 }, "adadelta": { "eps": 0.01 },
        "adam": { "lr": 0.5 }
      }
    },
    "rosenbrock": {
      "name": "Rosenbrock's banana",
      "words": "a curved valley: easy to find, hard to follow",
      "formula": "(1 - x)² + 100 (y - x²)²",
      "domain": [[-2, 2], [-1, 3]], "start": [-1.2, 1], "steps": 1000,
      "settings": {
        "gd": { "lr": 0.002 }, "sgd": { "lr": 0.001 }, "momentum": { "lr": 0.001 },
        "rmsprop": { "lr": 0.01 }, "adadelta": { "eps": 0.0001 },
        "adam": { "lr": 0.05 }
      }
    },
    "beale": {
      "name": "Beale",
      "words": "a flat valley between steep walls",
      "formula": "(1.5 - x + x y)² + (2.25 - x + x y²)² + (2.625 - x + x y³)²",
      "domain": [[-1, 4.5], [-2, 2.5]], "start": [1, 1.5], "steps": 1000,
      "settings": {
        "gd": { "lr": 0.01 }, "momentum": { "lr": 0.005 },
        "newton": { "damping": 20 }, "rmsprop": { "lr": 0.02 },
        "adadelta": { "eps": 0.0001 }, "adam": { "lr": 0.05 }
      }
    },
    "himmelblau": {
      "name": "Himmelblau",
      "words": "four minima, all equally deep",
      "formula": "(x² + y - 11)² + (x + y² - 7)²",
      "domain": [[-5.5, 5.5], [-5.5, 5.5]], "start": [0, -1], "steps": 200,
      "settings": {
        "gd": { "lr": 0.01 }, "momentum": { "lr": 0.01 },
        "newton": { "damping": 50 }, "adadelta": { "eps": 0.01 }
      }
    },
    "saddle": {
      "name": "Saddle",
      "words": "a saddle point between two minima",
      "formula": "x² - y² + y⁴/4",
      "domain": [[-2.5, 2.5], [-2.2, 2.2]], "start": [2, 0.001], "steps": 150,
      "settings": {
        "gd": { "lr": 0.05 }, "sgd": { "noise": 0.1 }, "adadelta": { "eps": 0.1 },
        "adam": { "lr": 0.05 }
      }
    },
    "monkey": {
      "name": "Monkey saddle",
      "words": "three ways down from a flat saddle",
      "formula": "x³ - 3 x y² + (x² + y²)²/2",
      "domain": [[-2.2, 1.8], [-1.8, 1.8]], "start": [1, 0.001], "steps": 250,
      "settings": {
        "gd": { "lr": 0.05 }, "sgd": { "noise": 0.1 }, "adadelta": { "eps": 1 },
        "adam": { "lr": 0.05 }
      }
    },
    "plateau": {
      "name": "Plateau",
      "words": "almost flat, with one hole",
      "formula": "-3 exp(-(x² + y²)/2) + 0.01 (x² + y²)",
      "domain": [[-5, 5], [-5, 5]], "start": [4, 3], "steps": 300,
      "settings": {
        "sgd": { "noise": 0.1 }, "momentum": { "lr": 0.1 },
        "adagrad": { "lr": 0.1 }, "rmsprop": { "lr": 0.1 },
        "adadelta": { "eps": 0.001 }
      }
    },
    "cliff": {
      "name": "Cliff",
      "words": "a gentle slope with a cliff in it",
      "formula": "5 sigmoid(10 (x - 1)) + 0.05 (x + 1)² + 0.25 y²",
      "domain": [[-5, 4], [-3, 3]], "start": [3, 2], "steps": 400,
      "settings": {
        "gd": { "lr": 0.5 }, "sgd": { "noise": 0.1 }, "momentum": { "lr": 0.1 },
        "adagrad": { "lr": 1 }, "rmsprop": { "lr": 0.1 },
        "adadelta": { "eps": 0.01 }
      }
    },
    "booth": {
      "name": "Booth",
      "words": "a quadratic whose axes are turned by 45°",
      "formula": "(x + 2 y - 7)² + (2 x + y - 5)²",
      "domain": [[-10, 10], [-10, 10]], "start": [-8, -8], "steps": 150,
      "settings": {
        "sgd": { "lr": 0.05 }, "momentum": { "momentum": 0.5 },
        "adagrad": { "lr": 10 }, "rmsprop": { "lr": 0.4 },
        "adadelta": { "eps": 0.01 }, "adam": { "lr": 1 }
      }
    },
    "rastrigin": {
      "name": "Rastrigin",
      "words": "an egg box: runs end in a pit near their start, the lowest is far",
      "formula": "20 + x² + y² - 10 cos(2 pi x) - 10 cos(2 pi y)",
      "domain": [[-5.12, 5.12], [-5.12, 5.12]], "start": [-2, 3.5], "steps": 200,
      "settings": {
        "gd": { "lr": 0.002 }, "momentum": { "lr": 0.002 },
        "newton": { "damping": 10 }, "adadelta": { "eps": 0.01 },
        "adam": { "lr": 0.3 }
      }
    },
    "airfoil": {
      "name": "Airfoil",
      "words": "the loss of the airfoil regression over two of its weights",
      "weights": [1, 4],
      "domain": [[-1.6, 1.6], [-1.6, 1.6]], "start": [1, 1], "steps": 100,
      "settings": {
        "gd": { "lr": 0.5 }, "sgd": { "lr": 0.1 },
        "momentum": { "lr": 0.3, "momentum": 0.5 }, "adadelta": { "eps": 0.01 }
      }
    },
    "custom": {
      "name": "Your own",
      "words": "a function that you write",
      "expression": "x^2/4 + y^2 + sin(2x) cos(2y)",
      "domain": [[-4, 4], [-4, 4]], "start": [-3, 2], "steps": 300,
      "settings": {
        "gd": { "lr": 0.2 }, "sgd": { "lr": 0.1 }, "nesterov": { "lr": 0.2 },
        "newton": { "damping": 3 }, "adadelta": { "eps": 0.01 }
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
      "like": "gd",
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
      "like": "momentum",
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
      "like": "adam",
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
      "like": "adam",
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

const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));

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

const { abs, cos, exp, log, PI, sign, sin, sqrt } = Math;
const LIMITS = { characters: 300, rows: 60, depth: 30 };

// Each function of one variable: its value at v, and with f, that value, its first and
// second derivative.
const sigmoid = (v) => 1 / (1 + exp(-v));
const FUNCTIONS = {
  sin: [sin, cos, (v, f) => -f],
  cos: [cos, (v) => -sin(v), (v, f) => -f],
  tan: [Math.tan, (v, f) => 1 + f * f, (v, f) => 2 * f * (1 + f * f)],
  atan: [
    Math.atan,
    (v) => 1 / (1 + v * v),
    (v) => (-2 * v) / ((1 + v * v) * (1 + v * v)),
  ],
  sinh: [Math.sinh, Math.cosh, (v, f) => f],
  cosh: [Math.cosh, Math.sinh, (v, f) => f],
  tanh: [Math.tanh, (v, f) => 1 - f * f, (v, f) => -2 * f * (1 - f * f)],
  exp: [exp, (v, f) => f, (v, f) => f],
  log: [log, (v) => 1 / v, (v) => -1 / (v * v)],
  sqrt: [sqrt, (v, f) => 0.5 / f, (v, f) => -0.25 / (f * v)],
  abs: [abs, sign, () => 0],
  sigmoid: [sigmoid, (v, f) => f * (1 - f), (v, f) => f * (1 - f) * (1 - 2 * f)],
};
const CONSTANTS = { e: Math.E, pi: PI, π: PI };
const SPELLINGS = [
  [/\*\*/g, " ^"], [/[·×]/g, "*"], [/÷/g, "/"], [/[−–]/g, "-"],
  [/x₁/g, "x "], [/x₂/g, "y "],
  [/[⁰¹²³⁴-⁹]+/g, (digits) => `^${[...digits].map((d) => RAISED.indexOf(d)).join("")}`],
];

// Forward differentiation. A row is [f, ∂x, ∂y, ∂x∂x, ∂x∂y, ∂y∂y] of a node, of which
// the first n are wanted: 1, 3 or 6. `o` is the node's row, a and b its operands'.
function chain(o, a, n, first, second) {
  o[1] = first * a[1];
  o[2] = first * a[2];
  if (n < 6) return;
  o[3] = second * a[1] * a[1] + first * a[3];
  o[4] = second * a[1] * a[2] + first * a[4];
  o[5] = second * a[2] * a[2] + first * a[5];
}
const power = (v, c) => (c === 1 ? v : c === 2 ? v * v : c === 0 ? 1 : Math.pow(v, c));
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
  ...mapValues(FUNCTIONS, ([value, first, second]) => (o, a, b, n) => {
    const v = a[0], f = (o[0] = value(v));
    if (n > 1) chain(o, a, n, first(v, f), n < 6 ? 0 : second(v, f));
  }),
};

/**
 * Parse a function's text into a tree of {op, a, b} and {op: "number", v}, or throw a
 * sentence (see parseExpression). Parts without x and y are folded into numbers.
 */
function parse(source) {
  if (source.length > LIMITS.characters) {
    throw `The function has ${source.length} characters; ` +
      `at most ${LIMITS.characters} are read. Shorten it.`;
  }
  let text = source;
  for (const [pattern, plain] of SPELLINGS) text = text.replace(pattern, plain);
  const pattern = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-zπ]+)|(\S))/y;
  let token, depth = 0, bars = 0;

  function fail(reason, { end, text: at, place } = token) {
    const where = end ? "At the end" : `At “${at.slice(0, 20)}” (character ${place + 1})`;
    throw `${where}: ${reason}.`;
  }
  function advance() {
    const match = pattern.exec(text);
    if (!match) return (token = { end: true });
    const [all, number, name, sign] = match, found = all.trim();
    const place = pattern.lastIndex - found.length;
    return (token = { text: found, number, name, sign, place });
  }
  function accept(sign) {
    const found = token.sign === sign;
    if (found) advance();
    return found;
  }
  function deeper(read) {
    if (++depth > LIMITS.depth) fail(`more than ${LIMITS.depth} levels of brackets; use fewer`);
    const inner = read();
    depth--;
    return inner;
  }
  function node(op, a, b, at = token) {
    if (a.op !== "number" || (b && b.op !== "number")) return { op, a, b };
    const row = new Float64Array(1);
    RULES[op](row, Float64Array.of(a.v), b && Float64Array.of(b.v), 1);
    return Number.isFinite(row[0]) ? { op: "number", v: row[0] }
      : fail("this gives no finite number", at);
  }
  function sum() {
    let left = product();
    for (let at = token; accept("+") || accept("-"); at = token) {
      left = node(at.sign, left, product(), at);
    }
    return left;
  }
  function product() {
    let left = signed(), divided = false;
    for (;;) {
      const at = token;
      if (accept("*") || accept("/")) {
        left = node(at.sign, left, signed(), at);
        divided = at.sign === "/";
      } else if (at.number) {
        fail("a number after a factor; put *, ^ or + before it");
      } else if (at.name || at.sign === "(" || (at.sign === "|" && !bars)) {
        if (divided) fail("1/2x can be read in two ways; write 1/(2*x) or (1/2)*x");
        left = node("*", left, raised(), at);
      } else {
        return left;
      }
    }
  }
  function signed() {
    let negative = false;
    for (let at = token; accept("-") || accept("+"); at = token) {
      negative = negative !== (at.sign === "-");
    }
    const inner = raised();
    return negative ? node("negative", inner) : inner;
  }
  function raised() {
    const base = primary(), at = token;
    if (!accept("^")) return base;
    const exponent = deeper(signed);
    if (exponent.op === "number") return node("^", base, exponent, at);
    return node("exp", node("*", exponent, node("log", base, undefined, at)), undefined, at);
  }
  function enclosed(open, close) {
    const outer = bars;
    bars = close === "|" ? 1 : 0;
    const inner = deeper(sum);
    bars = outer;
    if (!accept(close)) fail(`“${open}” is not closed; add “${close}”`);
    return inner;
  }
  function primary() {
    const at = token;
    if (accept("(")) return enclosed("(", ")");
    if (accept("|")) return node("abs", enclosed("|", "|"));
    if (at.end) fail("something is missing; add a number, x, y or a function");
    if (at.sign) fail(`${unknown(at)}; a number, x, y or a function was expected`);
    advance();
    if (at.name) return named(at);
    if (token.number) fail("two numbers in a row; put an operation between them");
    const v = Number(at.number);
    return Number.isFinite(v) ? { op: "number", v } : fail("this number is too large", at);
  }
  const unknown = ({ sign }) => sign === "," ? "a comma; write decimals with a point, as 0.5"
    : ")|".includes(sign) ? `“${sign}” closes nothing` : "this sign is not known here";
  function named(at) {
    const name = at.name === "ln" ? "log" : at.name;
    if (Object.hasOwn(FUNCTIONS, name)) {
      if (!accept("(")) fail(`${at.name} needs its argument in brackets: ${at.name}(x)`, at);
      return node(name, enclosed(`${at.name}(`, ")"), undefined, at);
    }
    if (Object.hasOwn(CONSTANTS, name)) return { op: "number", v: CONSTANTS[name] };
    if (/^[xy]+$/.test(name)) {
      if (token.number && token.place === at.place + name.length) {
        fail(`${name}${token.number} can be read in two ways; write x^2 for a square`, at);
      }
      return [...name].map((op) => ({ op })).reduce((a, b) => ({ op: "*", a, b }));
    }
    return fail("this name is not known; known are x, y, " +
      `${Object.keys(FUNCTIONS).join(", ")}, ln, pi, e. Put * between factors`, at);
  }

  if (advance().end) throw "The function is empty; write one of x and y, as x^2 + 3y^2.";
  const tree = sum();
  return token.end ? tree : fail(unknown(token));
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
      for (let i = 0; i < rows.length; i++) rows[i].rule(rows[i].out, rows[i].a, rows[i].b, n);
      known = n;
    }
    return result;
  };
}

/**
 * Parse a function of x and y in ordinary notation: + − * / ^, brackets, |…|, 2x for
 * 2·x, the names in FUNCTIONS, pi and e. Nothing is ever evaluated as a program.
 *
 * Returns {f, grad, hess, tree}, with exact derivatives, or {error}: a sentence
 * that says what is wrong, where, and what to write instead. Never throws.
 */
function parseExpression(text) {
  try {
    const tree = parse(String(text));
    if (tree.op === "number") {
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
const term = (v) => (v < 0 ? `- ${-v}` : `+ ${v}`);

/** The usual start; the valley turns it, so that who knows no axes sees no change. */
function startOf({ start: [x, y] }, { angle = 0 }) {
  const turn = (angle * PI) / 180;
  return angle ? [x * cos(turn) - y * sin(turn), x * sin(turn) + y * cos(turn)] : [x, y];
}

// The book's valley 0.1x² + 2y² is the one of condition number 20.
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
    formula: `${a} x² ${angle === 0 ? "" : `${term(2 * b)} x y `}${term(d)} y²`,
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
    formula: `${floor} ${term(a / 2)} (x ${term(-cx)})² ` +
      `${term(b)} (x ${term(-cx)}) (y ${term(-cy)}) ${term(d / 2)} (y ${term(-cy)})²`,
  };
}

function makeCustom({ expression }) {
  const parsed = parseExpression(expression);
  const made = parsed.error ? { ...NOWHERE, error: parsed.error } : parsed;
  return { ...made, minima: [], fmin: null, formula: expression };
}

// The closed forms; Hessians come from the formulas. Then points near the minima.
const FORMS = {
  valley: [{ make: makeValley }],
  bowl: [quadratic([2, 0, 4])],
  rosenbrock: [{
    f: (x, y) => (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x),
    grad: (x, y) => [2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)],
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
  }, [3, 2], [-2.8, 3.1], [-3.8, -3.3], [3.6, -1.8]],
  saddle: [{
    f: (x, y) => x * x - y * y + (y * y * y * y) / 4,
    grad: (x, y) => [2 * x, y * y * y - 2 * y],
  }, [0, 1.4], [0, -1.4]],
  monkey: [{
    f: (x, y) => x * x * x - 3 * x * y * y + ((x * x + y * y) * (x * x + y * y)) / 2,
    grad: (x, y) => {
      const r = x * x + y * y;
      return [3 * (x * x - y * y) + 2 * x * r, -6 * x * y + 2 * y * r];
    },
  }, [-1.5, 0], [0.75, 1.3], [0.75, -1.3]],
  plateau: [{
    f: (x, y) => 0.01 * (x * x + y * y) - 3 * exp(-(x * x + y * y) / 2),
    grad: (x, y) => {
      const slope = 3 * exp(-(x * x + y * y) / 2) + 0.02;
      return [x * slope, y * slope];
    },
  }, [0, 0]],
  cliff: [{
    f: (x, y) => 5 * sigmoid(10 * (x - 1)) + 0.05 * (x + 1) * (x + 1) + 0.25 * y * y,
    grad: (x, y) => {
      const s = sigmoid(10 * (x - 1));
      return [50 * s * (1 - s) + 0.1 * (x + 1), 0.5 * y];
    },
  }, [-1, 0]],
  booth: [quadratic([10, 8, 10], [1, 3])],
  rastrigin: [{
    f: (x, y) => 20 + x * x + y * y - 10 * (cos(2 * PI * x) + cos(2 * PI * y)),
    grad: (x, y) => [
      2 * x + 20 * PI * sin(2 * PI * x),
      2 * y + 20 * PI * sin(2 * PI * y),
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

const SURFACES = mapValues(TABLES.surfaces, (table, key) => {
  const [form, ...guesses] = FORMS[key];
  const { hess } = table.formula ? parseExpression(table.formula) : form;
  const surface = { key, ...table, hess, ...form, params: specsOf(table.params) };
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
  return { ...surface, start: startOf(surface, config.params ?? {}), ...made };
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
const rate = (spec, t, steps) => spec.lr * SCHEDULES[spec.schedule].factor(spec, t, steps);

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
  const { factor } = SCHEDULES[spec.schedule];
  let status = "running", at = null, k = 0, lr = NaN;
  m.rate.fill(NaN);
  for (; k <= steps; k++) {
    const x = m.x[0], y = m.x[1], i = 2 * k;
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
    lr = spec.lr * factor(spec, k + 1, steps);
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
  const decays = spec.schedule !== "constant";
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
function quoted(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "nothing";
  return `“${text.length > 30 ? `${text.slice(0, 30)}…` : text}”`;
}

/** Return a method's entry of a config with the settings that suit a surface. */
function methodDefaults(surface, method) {
  const { settings } = SURFACES[surface];
  const good = { ...settings[METHODS[method].like], ...settings[method] };
  const hyper = METHODS[method].hyper.map(({ key, default: usual }) => [key, good[key] ?? usual]);
  return { method, ...Object.fromEntries(hyper), schedule: "constant" };
}

/**
 * Turn any JSON into a valid config: {config, notes}. What is missing gets the
 * surface's defaults, numbers are clamped, unknown keys dropped; `notes` are sentences
 * about what was changed. Never throws.
 */
function validate(given) {
  const notes = [];
  const note = (sentence) => { if (notes.length < 10) notes.push(sentence); };
  function changed(what, value, problem, kept) {
    note(`${what}: ${quoted(value)} is ${problem}; it is ${kept} now.`);
    return kept;
  }
  function dropUnknown(object, known, where) {
    const keys = object !== null && typeof object === "object" ? Object.keys(object) : [];
    for (const key of keys.slice(0, 50)) {
      if (!(key in known)) note(`${where} has no ${quoted(key)}; it was left out.`);
    }
  }
  function choice(value, options, what) {
    if (value === undefined) return options[0];
    return options.includes(value) ? value : changed(what, value, "not known", options[0]);
  }
  function number(value, { label, min, max, integer }, fallback, what = label) {
    if (value === undefined) return fallback;
    const text = typeof value === "string" && value.length < 40 && value.trim();
    const wanted = text || typeof value === "number" ? Number(value) : NaN;
    if (Number.isNaN(wanted)) return changed(what, value, "no number", fallback);
    const kept = Math.min(Math.max(integer ? Math.round(wanted) : wanted, min), max) + 0;
    const kind = integer ? "whole number" : "number";
    return kept === wanted ? kept
      : changed(what, String(value), `no ${kind} from ${min} to ${max}`, kept);
  }
  function pair(value, spec, fallback) {
    if (value === undefined) return fallback;
    if (Array.isArray(value) && value.length === 2) {
      return value.map((entry, i) => number(entry, spec, fallback[i]));
    }
    return changed(spec.label, value, "not two numbers", fallback);
  }
  const all = (specs, from, usual, name = "") => Object.fromEntries(specs.map((spec) =>
    [spec.key, number(own(from, spec.key), spec, usual[spec.key] ?? spec.default, name + spec.label)]));

  function readMethod(entry, method) {
    const { hyper, name } = METHODS[method], what = `${name}, `;
    const schedule = choice(own(entry, "schedule"), Object.keys(SCHEDULES), `${what}schedule`);
    const read = {
      method,
      ...all(hyper, entry, methodDefaults(surface, method), what),
      schedule,
      ...all(SCHEDULES[schedule].hyper, entry, {}, what),
    };
    dropUnknown(entry, read, name);
    return read;
  }
  function readMethods(entries) {
    const read = {};
    for (const entry of entries.slice(0, 30)) {
      const method = own(entry, "method");
      if (typeof method !== "string" || !Object.hasOwn(METHODS, method)) {
        note(`methods: ${quoted(method ?? entry)} is not known; it was left out.`);
      } else if (read[method]) {
        note(`methods: a second ${METHODS[method].name} was left out.`);
      } else {
        read[method] = readMethod(entry, method);
      }
    }
    return Object.values(read);
  }
  function readBox(box) {
    const sides = Array.isArray(box) ? box.flat() : [];
    if (box === undefined || box === null) return null;
    const [x0, x1, y0, y1] = sides.map((side) => number(side, VIEW.domain, NaN, "domain"));
    if (sides.length === 4 && x0 < x1 && y0 < y1) return [[x0, x1], [y0, y1]];
    note(`domain: ${quoted(box)} is not [[left, right], [bottom, top]]; it is chosen anew.`);
    return null;
  }
  function readView(view) {
    dropUnknown(view, VIEW, "view");
    return mapValues(VIEW, (spec, key) => {
      const value = own(view, key);
      return spec.box ? readBox(value)
        : spec.choices ? choice(value, spec.choices, key) : number(value, spec, spec.default);
    });
  }

  const surface = choice(own(given, "surface"), Object.keys(SURFACES), "surface");
  const usual = SURFACES[surface], methods = own(given, "methods");
  const params = all(usual.params, own(given, "params"), {});
  dropUnknown(own(given, "params"), params, usual.name);
  let expression = own(given, "expression") ?? usual.expression;
  if (typeof expression !== "string") expression = usual.expression ?? "";
  let weights = pair(own(given, "weights"), NUMBERS.weights, SURFACES.airfoil.weights);
  if (weights[0] === weights[1]) {
    weights = changed("weights", weights, "no two different ones", SURFACES.airfoil.weights);
  }
  const config = {
    surface, params, weights,
    expression: surface === "custom" ? expression.slice(0, LIMITS.characters + 1) : "",
    start: pair(own(given, "start"), NUMBERS.start, startOf(usual, params)),
    steps: number(own(given, "steps"), NUMBERS.steps, usual.steps),
    seed: number(own(given, "seed"), NUMBERS.seed, 0),
    methods: Array.isArray(methods) ? readMethods(methods)
      : TABLES.shown.map((method) => methodDefaults(surface, method)),
    view: readView(own(given, "view")),
  };
  dropUnknown(given, config, "A playground");
  return { config, notes };
}

/** Return a whole, valid config from a part of one. */
const withDefaults = (partial) => validate(partial).config;
const DEFAULTS = withDefaults({});

// A link's hash is key=value joined by &: the fields of a config, a surface's numbers,
// the view's, and for each method its key with `name:value` joined by commas.
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const FIELDS = ["surface", "expression", "weights", "start", "steps", "seed"];
const PARAMS = TABLES.surfaces.valley.params;
const HASH_LIMIT = 4000;

/** Write what a config has that its surface's defaults have not, as a link's hash. */
function encode(config) {
  const { surface, params, view, methods } = config, pairs = [];
  const usual = { ...withDefaults({ surface, params }), surface: DEFAULTS.surface };
  const put = (key, value, standard) => {
    if (same(value, standard)) return;
    const text = encodeURIComponent(value).replace(/%2C/g, ",").replace(/%3A/g, ":");
    pairs.push(`${key}=${text}`);
  };
  for (const key of FIELDS) put(key, config[key], usual[key]);
  for (const spec of SURFACES[surface].params) put(spec.key, params[spec.key], spec.default);
  if (!same(methods, usual.methods)) {
    if (methods.length === 0) put("methods", "none");
    for (const entry of methods) {
      const standard = methodDefaults(surface, entry.method);
      const changed = Object.keys(entry).filter((key) => entry[key] !== standard[key]);
      put(entry.method, changed.map((key) => `${key}:${entry[key]}`));
    }
  }
  for (const key of Object.keys(VIEW)) put(key, view[key], usual.view[key]);
  return pairs.join("&");
}

/** Read a link's hash: {config, notes}. Whatever it holds, the config is valid. */
function decode(hash) {
  const text = typeof hash === "string" ? hash.replace(/^#/, "") : "";
  const given = { params: {}, view: {} }, notes = [];
  if (text.length > HASH_LIMIT) {
    notes.push("The link is too long to be one of this playground; it was not read.");
    return { config: DEFAULTS, notes };
  }
  for (const part of text.split("&").filter(Boolean)) {
    const [, key, raw] = /^([^=]*)=?(.*)$/s.exec(part);
    const place = Object.hasOwn(VIEW, key) ? given.view
      : Object.hasOwn(PARAMS, key) ? given.params : given;
    try {
      const value = decodeURIComponent(raw);
      if (Object.hasOwn(METHODS, key)) {
        (given.methods ??= []).push({ ...methodFrom(value), method: key });
      } else if (key === "methods") {
        given.methods ??= [];
      } else if (place !== given || FIELDS.includes(key)) {
        place[key] = /^(start|weights|domain)$/.test(key) ? value.split(",") : value;
      } else {
        notes.push(`${quoted(key)} in the link is not known; it was left out.`);
      }
    } catch {
      notes.push(`${quoted(part)} in the link cannot be read; it was left out.`);
    }
  }
  const { config, notes: more } = validate(given);
  return { config, notes: [...notes, ...more].slice(0, 10) };
}

const methodFrom = (text) => Object.fromEntries(
  text.split(",").filter(Boolean).slice(0, 20).map((pair) => pair.split(":")));

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
  const noisy = used("sgd"), decaying = decays.length > 0;
  const options = ["make", decaying && "rate=None", noisy && "noise=None"].filter(Boolean);
  return `# The playground's run on “${name}”, with torch.optim in float64.
${decaying ? "import math\n\n" : ""}import torch
${used("yogi") ? "from descent import Yogi\n" : ""}
START, STEPS = [${config.start.join(", ")}], ${config.steps}


def f(x, y):
    return ${pythonOf(parse(formula))}

${used("newton") ? NEWTON : ""}${noisy ? NOISE : ""}
def follow(${options.join(", ")}):
    """Return the points that an optimizer visits, the start first."""
    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer, path = make([p]), [START]
${noisy ? `    draws = noise_from(${config.seed})\n` : ""}    for t in range(1, STEPS + 1):
        optimizer.zero_grad()
        f(p[0], p[1]).backward()
${noisy ? "        if noise is not None:\n            p.grad += noise * next(draws)\n" : ""}\
${decaying ? '        if rate is not None:\n            optimizer.param_groups[0]["lr"] = rate(t)\n' : ""}\
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

// What is shown is a config and a cursor k, the number of steps taken. Playing,
// stepping and scrubbing move the cursor and nothing else.

const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500]; // steps per second
const CALM = { pause: 800, parts: 12 }; // reduced motion: jumps, with rest between

/**
 * Return a player that calls `advance(steps)` while it plays, until that returns
 * false. `speed()` is in steps per second; where `calm()` is true it advances in
 * `length()` / 12 steps at a time, with a rest after each. It sleeps while told to.
 */
function makePlayer({ advance, speed, calm, length }) {
  let playing = false, asleep = false, frame = 0, timer = 0, last = 0, carry = 0;

  function halt() {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  }
  function pause() {
    playing = false;
    halt();
  }
  function go() {
    halt();
    if (!playing || asleep) return;
    if (calm()) {
      timer = setTimeout(() => {
        move(Math.ceil(length() / CALM.parts));
        go();
      }, CALM.pause);
    } else {
      last = performance.now();
      frame = requestAnimationFrame(turn);
    }
  }
  function turn(now) {
    carry += (Math.min(Math.max(now - last, 0), 250) / 1000) * speed();
    last = now;
    const whole = Math.floor(carry);
    carry -= whole;
    if (whole > 0) move(whole);
    if (playing) frame = requestAnimationFrame(turn);
  }
  function move(steps) {
    if (!advance(steps)) pause();
  }
  return {
    get playing() { return playing; },
    get asleep() { return asleep; },
    play() {
      playing = true;
      carry = 0;
      go();
    },
    pause,
    sleep(now) {
      if (asleep === now) return;
      asleep = now;
      go();
    },
  };
}

// ---- geometry: from numbers to path text ----

const FINE = 10; // coordinates in path text are whole tenths of a pixel
const FAR = 1e6; // pixels; what lies further away is drawn there
const fine = (pixels) => Math.round(pixels * FINE);
const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** Fit a domain into width × height pixels, both axes to the same scale. */
function makeFrame([[x0, x1], [y0, y1]], width, height) {
  const scale = Math.min(width / (x1 - x0), height / (y1 - y0));
  const left = (x0 + x1) / 2 - width / scale / 2;
  const bottom = (y0 + y1) / 2 - height / scale / 2;
  return {
    width, height, scale,
    domain: [[left, left + width / scale], [bottom, bottom + height / scale]],
    x: (x) => within((x - left) * scale, -FAR, FAR),
    y: (y) => within(height - (y - bottom) * scale, -FAR, FAR),
    at: (px, py) => [left + px / scale, bottom + (height - py) / scale],
    holds: (px, py) => px >= 0 && px <= width && py >= 0 && py <= height,
  };
}

/** Return the part of a line that lies in the frame and a margin, or null. */
function clipped(x0, y0, x1, y1, frame, margin = 30) {
  if (frame.holds(x0, y0) && frame.holds(x1, y1)) return [x0, y0, x1, y1];
  const { width, height } = frame;
  const dx = x1 - x0, dy = y1 - y0;
  let from = 0, to = 1;
  const sides = [
    [-dx, x0 + margin], [dx, width + margin - x0], [-dy, y0 + margin], [dy, height + margin - y0],
  ];
  for (const [step, room] of sides) {
    if (step === 0) {
      if (room < 0) return null;
    } else if (step < 0) {
      from = Math.max(from, room / step);
    } else {
      to = Math.min(to, room / step);
    }
  }
  if (from > to) return null;
  return [x0 + from * dx, y0 + from * dy, x0 + to * dx, y0 + to * dy];
}

const GRAIN = 2; // pixels: how fine it is kept what a line has covered

/**
 * Return a function that says whether a piece of line shows anything that the pieces
 * before it do not: a path that circles, or that noise shakes, is drawn once.
 */
function makeCover({ width, height }) {
  const columns = Math.ceil(width / GRAIN), rows = Math.ceil(height / GRAIN);
  const covered = new Uint8Array(columns * rows);
  return (x0, y0, x1, y1) => {
    const count = Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0)) / GRAIN) || 1;
    let fresh = false;
    for (let i = 0; i <= count; i++) {
      const column = Math.floor((x0 + ((x1 - x0) * i) / count) / GRAIN);
      const row = Math.floor((y0 + ((y1 - y0) * i) / count) / GRAIN);
      if (column < 0 || row < 0 || column >= columns || row >= rows) continue;
      const at = row * columns + column;
      if (covered[at]) continue;
      covered[at] = 1;
      fresh = true;
    }
    return fresh;
  };
}

/**
 * Turn a trace's points into the text of a line and of dots, one a step. What would
 * fall on pixels that are drawn already is left out. `steps` are those kept, and
 * `lines` and `dots` say how much of either text belongs to each, so that a path up
 * to any step is a piece of the text.
 */
function makeTrail(points, frame) {
  const trail = { steps: [], lines: [], dots: [], line: "", dot: "" };
  const last = points.length / 2 - 1, isNew = makeCover(frame);
  let px = 0, py = 0, penX = NaN, penY = NaN, dotX = NaN, dotY = NaN;
  for (let k = 0; k <= last; k++) {
    const x = frame.x(points[2 * k]), y = frame.y(points[2 * k + 1]);
    if (k > 0) {
      if (k < last && Math.abs(x - px) + Math.abs(y - py) < 0.7) continue;
      const part = clipped(px, py, x, y, frame);
      if (part && isNew(...part)) {
        const [ax, ay, bx, by] = part.map(fine);
        if (ax !== penX || ay !== penY) trail.line += `M${ax} ${ay}`;
        trail.line += `L${bx} ${by}`;
        [penX, penY] = [bx, by];
      }
    }
    if (frame.holds(x, y) && !(Math.abs(x - dotX) + Math.abs(y - dotY) < 7)) {
      trail.dot += `M${fine(x)} ${fine(y)}h0`;
      [dotX, dotY] = [x, y];
    }
    [px, py] = [x, y];
    trail.steps.push(k);
    trail.lines.push(trail.line.length);
    trail.dots.push(trail.dot.length);
  }
  return trail;
}

/** Return [line, dots] of a trail up to step k. */
function trailUpTo(trail, k) {
  let low = 0, high = trail.steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (trail.steps[middle] <= k) low = middle;
    else high = middle - 1;
  }
  return [trail.line.slice(0, trail.lines[low]), trail.dot.slice(0, trail.dots[low])];
}

/** Return about `count` round numbers in [low, high], and their number of decimals. */
function roundTicks(low, high, count) {
  const rough = (high - low) / count, size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((factor) => size * factor >= rough);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(i * step);
  const decimals = within(-Math.floor(Math.log10(step) + 1e-9), 0, 12);
  return ticks.map((tick) => [tick, tick.toFixed(decimals).replace("-", "−")]);
}

const CELL = 5; // pixels between two samples of a surface
const SAMPLING = 15; // milliseconds that sampling may take, or it is done more coarsely

/** Sample f over a frame: {heights, columns, rows, cell}; outside counts as high. */
function sample(f, frame) {
  for (let cell = CELL; ; cell *= 2) {
    const grid = sampleBy(cell, f, frame, cell < 4 * CELL ? SAMPLING : Infinity);
    if (grid) return grid;
  }
}
function sampleBy(cell, f, frame, most) {
  // one ring of samples beyond the frame closes every line around what is low
  const columns = Math.ceil(frame.width / cell) + 4, rows = Math.ceil(frame.height / cell) + 4;
  const heights = new Float64Array(columns * rows).fill(Infinity), begun = performance.now();
  for (let j = 1; j < rows - 1; j++) {
    if (performance.now() - begun > most) return null;
    for (let i = 1; i < columns - 1; i++) {
      const value = f(...frame.at((i - 1.5) * cell, (j - 1.5) * cell));
      if (value < Infinity) heights[j * columns + i] = value;
    }
  }
  return { heights, columns, rows, cell };
}

/**
 * Choose the levels of contour lines: a ladder that is geometric above `base` and
 * fixed to it, so that lines stay where they are while the view moves.
 */
function chooseLevels(heights, base) {
  const known = heights.filter(Number.isFinite).sort();
  if (known.length === 0) return [];
  const bottom = base === null ? known[0] : Math.min(base, known[0]);
  const top = known[Math.floor(known.length * 0.98)] - bottom;
  const low = Math.max(known[Math.floor(known.length * 0.01)] - bottom, top * 1e-4);
  if (!(top > low)) return [];
  let density = 1;
  while (Math.log10(top / low) * density < 13 && density < 1e4) density *= 2;
  const levels = [];
  for (let i = Math.ceil(Math.log10(low) * density); levels.length < 30; i++) {
    const height = 10 ** (i / density);
    if (height > top) break;
    levels.push(bottom + height);
  }
  return levels;
}

// Marching squares. Corners of a cell count 1, 2, 4, 8 clockwise from the top left
// where they are low; its sides are 0 top, 1 right, 2 bottom, 3 left. Each pair is a
// piece of line, from side to side, with what is low on its left.
const PIECES = [
  [], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2],
  [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], [],
];

/** Return path text, in closed loops, around all that is below a level. */
function contour({ heights, columns, rows, cell }, level) {
  const next = new Int32Array(2 * columns * rows).fill(-1);
  const side = (at, number) =>
    number === 0 ? 2 * at : number === 1 ? 2 * (at + 1) + 1
      : number === 2 ? 2 * (at + columns) : 2 * at + 1;
  for (let j = 0; j < rows - 1; j++) {
    for (let i = 0; i < columns - 1; i++) {
      const at = j * columns + i, under = at + columns;
      const pieces = PIECES[(heights[at] < level) + 2 * (heights[at + 1] < level) +
        4 * (heights[under + 1] < level) + 8 * (heights[under] < level)];
      for (let p = 0; p < pieces.length; p += 2) {
        next[side(at, pieces[p])] = side(at, pieces[p + 1]);
      }
    }
  }
  const point = (edge) => {
    const at = edge >> 1, other = at + (edge & 1 ? columns : 1);
    const ratio = (level - heights[at]) / (heights[other] - heights[at]);
    const part = ratio > 0 && ratio < 1 ? ratio : 0.5;
    const i = (at % columns) + (edge & 1 ? 0 : part);
    const j = Math.floor(at / columns) + (edge & 1 ? part : 0);
    return `${fine((i - 1.5) * cell)} ${fine((j - 1.5) * cell)}`;
  };
  let text = "";
  for (let edge = 0; edge < next.length; edge++) {
    if (next[edge] < 0) continue;
    let pen = "M", at = edge;
    while (next[at] >= 0) {
      const following = next[at];
      text += pen + point(at);
      next[at] = -1;
      at = following;
      pen = "L";
    }
    text += "Z";
  }
  return text;
}

/** Return path text of an arrow between two points in pixels. */
function arrowText(x0, y0, x1, y1, most = 9) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length < 2) return "";
  const size = Math.min(most, length * 0.45) / length;
  const backX = (x1 - x0) * size, backY = (y1 - y0) * size;
  const corner = (turn) =>
    `${fine(x1 - backX - turn * backY * 0.45)} ${fine(y1 - backY + turn * backX * 0.45)}`;
  const tip = `${fine(x1)} ${fine(y1)}`;
  return `M${fine(x0)} ${fine(y0)}L${tip}M${corner(1)}L${tip}L${corner(-1)}`;
}

/** Return path text of arrows that point downhill, longer where it is steeper. */
function fieldText(grad, frame, spacing = 32) {
  const arrows = [];
  for (let py = spacing / 2; py < frame.height; py += spacing) {
    for (let px = spacing / 2; px < frame.width; px += spacing) {
      const [gx, gy] = grad(...frame.at(px, py)), size = Math.hypot(gx, gy);
      if (size > 0 && size < Infinity) arrows.push([px, py, -gx / size, gy / size, Math.log(size)]);
    }
  }
  const sizes = arrows.map((arrow) => arrow[4]);
  const high = Math.max(...sizes), low = Math.max(Math.min(...sizes), high - 7);
  return arrows.map(([px, py, ux, uy, size]) => {
    const half = 4 + 9 * within((size - low) / (high - low || 1), 0, 1);
    return arrowText(px - ux * half, py - uy * half, px + ux * half, py + uy * half, 5);
  }).join("");
}

/** Return path text of values against steps, a low and a high for every two pixels. */
function curveText(values, toX, toY) {
  let text = "", x = NaN, column = NaN, low, high, rising;
  const put = (y) => { text += `${text ? "L" : "M"}${fine(x)} ${fine(y)}`; };
  function flush() {
    if (Number.isNaN(x)) return;
    put(rising ? low : high);
    if (low !== high) put(rising ? high : low);
  }
  for (let k = 0; k < values.length; k++) {
    const y = toY(values[k]);
    if (Number.isNaN(y)) continue;
    if (Math.floor(toX(k) / 2) !== column) {
      flush();
      x = toX(k);
      column = Math.floor(x / 2);
      low = high = y;
    }
    if (y < low) [low, rising] = [y, false];
    if (y > high) [high, rising] = [y, true];
  }
  flush();
  return text;
}

// ---- elements ----

const SVG = "http://www.w3.org/2000/svg";

function equip(target, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") target.addEventListener(key, value);
    else if (target.namespaceURI !== SVG && key in target) target[key] = value;
    else if (value !== null && value !== undefined) target.setAttribute(key, value);
  }
  target.append(...children.filter((child) => child !== null && child !== undefined));
  return target;
}
/** Make an element: properties, attributes, listeners (by event name), children. */
const element = (name, properties = {}, ...children) =>
  equip(document.createElement(name), properties, children);
const shape = (name, attributes = {}, ...children) =>
  equip(document.createElementNS(SVG, name), attributes, children);

function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
function mark(target, name, value) {
  if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value);
}
/** Have `sync(target)` called now and whenever what is shown has changed. */
function synced(target, sync) {
  target.classList.add("sync");
  target.sync = sync;
  sync(target);
  return target;
}
/** An element whose children are built anew whenever `key()` has changed. */
function rebuilt(target, key, build) {
  return synced(target, () => {
    const now = key();
    if (now === target.builtFor) return;
    target.builtFor = now;
    target.replaceChildren(...build());
  });
}

const ICONS = {
  play: "M7 4L20 12L7 20Z",
  pause: "M6 4h4v16h-4ZM14 4h4v16h-4Z",
  back: "M18 4L8 12L18 20ZM5 4h2v16h-2Z",
  forward: "M6 4L16 12L6 20ZM17 4h2v16h-2Z",
  start: "M20 4L12 12L20 20ZM12 4L4 12L12 20ZM2 4h2v16h-2Z",
  nearer: "M11 5h2v6h6v2h-6v6h-2v-6h-6v-2h6Z",
  farther: "M5 11h14v2h-14Z",
  whole: "M4 4h6v2h-4v4h-2ZM14 4h6v6h-2v-4h-4ZM4 14h2v4h4v2h-6ZM18 14h2v6h-6v-2h4Z",
  pan: "M12 1L16 6H13V11H18V8L23 12L18 16V13H13V18H16L12 23L8 18H11V13H6V16L1 12L6 8V11H11V6H8Z",
  open: "M8 5L16 12L8 19L6.5 17.3L12.8 12L6.5 6.7Z",
};
const icon = (name) =>
  shape("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" },
    shape("path", { d: ICONS[name] }));
const button = (name, label, click, more = {}) =>
  element("button", { type: "button", class: "round", "aria-label": label, title: label, click, ...more },
    icon(name));

/** The line that stands for a method: its colour and dash. */
const swatch = (key) =>
  shape("svg", { viewBox: "0 0 30 10", "aria-hidden": "true", class: "swatch" },
    shape("path", { d: "M1 5H29", ...stroke(key, 2.6) }));
const stroke = (key, width) => {
  const { color, dash } = METHODS[key];
  const scaled = dash.split(" ").filter(Boolean).map((part) => Number(part) * width).join(" ");
  return { fill: "none", stroke: color, "stroke-width": width, "stroke-dasharray": scaled || "none" };
};

// ---- looks ----

const LIGHT = {
  back: "#ffffff", text: "#1c2127", dim: "#59626d", line: "#d0d6dd", edge: "#858e99",
  soft: "#f2f4f7", accent: "#0b62a8", plot: "#ffffff", low: "#3d93e6", contour: "#7189a4",
  warn: "#a3341f",
};
const DARK = {
  back: "#131416", text: "#e4e7eb", dim: "#a3acb7", line: "#363b42", edge: "#737c88",
  soft: "#1e2125", accent: "#6cb2ee", plot: "#131416", low: "#000000", contour: "#6b7f95",
  warn: "#ff9c85",
};
const variables = (palette) =>
  Object.entries(palette).map(([name, color]) => `--${name}:${color}`).join(";");

// What is drawn, on the page and in an exported file.
const DRAWING = `
text{font:12px system-ui,sans-serif;fill:var(--text);stroke:none}
.halo{stroke:var(--plot);stroke-width:3px;paint-order:stroke;stroke-linejoin:round}
.faintly{fill:var(--dim);font-size:11px}
g path:not(.outside){fill:none;stroke-linejoin:round}
.tint.tint{fill:var(--low)}
.band{stroke:var(--contour);stroke-width:6;stroke-opacity:.6}
.field{stroke:var(--edge);stroke-width:8;stroke-opacity:.8}
.ahead{stroke-opacity:.42}
.dots{stroke-linecap:round}
.grid{stroke:var(--line);stroke-width:1}
.least{stroke:var(--text);stroke-width:1.5}
.ring{fill:var(--plot);fill-opacity:.6;stroke:var(--text);stroke-width:2}
.now{stroke:var(--plot);stroke-width:1.5}
.arrow{stroke-width:16;stroke-linecap:round}
.arrow:not(.step){stroke:var(--text)}
.arrow.v{stroke-dasharray:50 30}
.arrow.s{stroke-width:12;stroke-dasharray:15 25}
.reference{stroke:var(--dim);stroke-dasharray:2 3}
.cursor{stroke:var(--text);stroke-width:1}
`;

const LOOKS = `
:host{display:block}
.all[data-theme=light]{${variables(LIGHT)};color-scheme:light}
.all[data-theme=dark]{${variables(DARK)};color-scheme:dark}
.all{container-type:inline-size;background:var(--back);color:var(--text);
  font:max(14px,.875rem)/1.4 system-ui,sans-serif;text-align:left;
  display:flex;flex-direction:column;min-height:inherit}
.all *{box-sizing:border-box}
.body{display:flex;flex-direction:column;gap:10px;flex:1 1 auto;min-width:0}
.left,.right,.below{display:flex;flex-direction:column;gap:10px;min-width:0}
p{margin:0}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
[hidden]{display:none!important}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
button,select,input[type=number],input[type=text],textarea{font:inherit;color:inherit;
  background:var(--back);border:1px solid var(--edge);border-radius:5px;min-height:30px;margin:0}
button,select{cursor:pointer}
button:hover,select:hover{border-color:var(--text)}
button{padding:2px 10px}
select{padding:2px 4px;max-width:100%}
input[type=number],input[type=text]{padding:2px 6px;min-width:0}
input[type=number]{width:5em;font-variant-numeric:tabular-nums;appearance:textfield;-moz-appearance:textfield}
input[type=number]::-webkit-inner-spin-button{display:none}
input[type=range]{width:100%;min-width:0;height:24px;margin:0;accent-color:var(--accent)}
input[type=checkbox]{width:16px;height:16px;margin:0;accent-color:var(--accent);flex:none}
[aria-invalid=true]{border-color:var(--warn);outline-color:var(--warn)}
.round{width:32px;min-height:32px;padding:0;display:inline-grid;place-items:center;flex:none}
.round.main{width:44px;background:var(--accent);border-color:var(--accent);color:var(--back)}
[aria-pressed=true]{background:var(--accent);color:var(--back);border-color:var(--accent)}
.icon{width:16px;height:16px;fill:currentColor;display:block}
.swatch{width:30px;height:10px;flex:none}
.swatch path{fill:none}

.caption{display:flex;gap:10px;align-items:center}
.caption p{flex:1 1 auto;min-width:0;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.caption b{font-weight:600}
.caption span{color:var(--dim)}
.stage{position:relative;height:clamp(270px,66cqi,520px);border:1px solid var(--line);border-radius:6px;
  overflow:hidden;background:var(--plot);user-select:none;-webkit-user-select:none}
.stage.panning{touch-action:none;cursor:grab}
.stage>svg{position:absolute;inset:0;width:100%;height:100%;display:block}
.ground{will-change:transform}
.handle{position:absolute;left:-22px;top:-22px;width:44px;height:44px;border-radius:50%;
  touch-action:none;cursor:grab}
.handle:focus-visible{outline-offset:-8px;outline-width:3px}
.tools{display:flex;gap:4px}
.message{position:absolute;inset:auto 12px 12px;background:var(--back);border:1px solid var(--warn);
  border-radius:5px;padding:6px 10px}
.transport{display:flex;align-items:center;gap:6px}
.transport .range{flex:1 1 8em;min-width:5em}
.transport output{font-variant-numeric:tabular-nums;white-space:nowrap;min-width:5.6em;text-align:right}
.say{min-height:2.8em;color:var(--dim);overflow-wrap:anywhere}

details>summary{cursor:pointer;padding:5px 0;min-height:30px}
.panel{border-top:1px solid var(--line);padding-top:2px}
.panel>summary{font-weight:600}
.panel>.inside{display:flex;flex-direction:column;gap:6px;padding:2px 0 8px}
.row{display:flex;flex-wrap:wrap;align-items:center;gap:6px 12px}
.field-of{display:grid;grid-template-columns:minmax(5em,9.5em) minmax(3em,1fr) auto;align-items:center;gap:0 8px;min-height:32px}
.field-of>span{line-height:1.15}
.field-of i{color:var(--dim)}
.choice{display:inline-flex;align-items:center;gap:6px}
.choice>span{color:var(--dim)}
.wide{grid-column:2/-1;width:100%}
.error{color:var(--warn);overflow-wrap:anywhere}
.note{color:var(--dim);font-size:.93em}

.method{border-radius:5px}
.method.chosen{background:var(--soft)}
.method>.head{display:flex;align-items:center;gap:8px;min-height:30px;padding:0 2px 0 6px}
.method label{display:flex;align-items:center;gap:8px;flex:1 1 auto;min-height:30px;cursor:pointer}
.method .status{white-space:nowrap;color:var(--dim);font-variant-numeric:tabular-nums;text-align:right}
.method .round{border-color:transparent;background:none;width:28px;min-height:28px}
.method .round[aria-expanded=true] .icon{transform:rotate(90deg)}
.method .settings{padding:2px 8px 8px;display:flex;flex-direction:column;gap:4px}

.chart{position:relative;height:clamp(150px,30cqi,230px)}
.chart>svg{position:absolute;inset:0;width:100%;height:100%;touch-action:pan-y;cursor:col-resize}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:1px 10px 1px 0;text-align:right;font-weight:400;white-space:nowrap}
th:first-child{text-align:left}
thead th{color:var(--dim)}
.state{display:flex;flex-wrap:wrap;gap:10px 28px;align-items:flex-start}
.rule{margin:0;flex:1 1 22em;min-width:0}
.rule dt{margin-top:2px}
.rule dd{margin:0 0 4px;color:var(--dim);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.scroll{overflow-x:auto;max-width:100%}
textarea{width:100%;min-height:16em;font:13px/1.4 ui-monospace,monospace;padding:8px;resize:vertical;white-space:pre}
a{color:var(--accent)}

.compact .stage{flex:1 1 auto;height:clamp(250px,52cqi,400px)}
.compact .left{flex:1 1 auto}
.few{display:flex;flex-direction:column;gap:4px}
.one{display:grid;gap:0 16px;border-top:1px solid var(--line);padding-top:4px}
.few .method{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 8px;align-items:center}
.few .method label{flex:none}
.more>summary{color:var(--accent)}

@container (min-width:860px){
  .full .body{display:grid;grid-template-columns:minmax(0,1fr) 330px;gap:10px 24px;align-items:start;align-content:start}
  .full .below{grid-column:1/-1}
  .full .stage{height:clamp(300px,44cqi,560px)}
  .full .chart{height:200px}
}
@container (min-width:560px){
  .one{grid-template-columns:13em 1fr}
  .few .method{flex-direction:column;align-items:flex-start;justify-content:flex-start}
}
@container (max-width:480px){
  .transport{flex-wrap:wrap}
  .transport .range{order:-1;flex-basis:100%}
  .transport output{margin-left:auto}
  .say{min-height:4.2em}
  .caption span{display:none}
  .round{width:40px;min-height:40px}
  .field-of{grid-template-columns:7.5em minmax(3em,1fr) auto}
}
@media (pointer:coarse){
  .round{width:44px;min-height:44px}
  .method .round{width:44px;min-height:40px}
  .method>.head,.method label,summary,select,button,input[type=number],input[type=text]{min-height:40px}
  input[type=range]{height:40px}
}
@media (forced-colors:active){
  [aria-pressed=true],.round.main{outline:2px solid Highlight}
  .method.chosen{outline:1px solid Highlight}
}
@media print{
  .transport,.tools,.handle,.panel:not([open]),.share,.method button{display:none}
}
`;

let sheet; // made at the first mount, shared by all
function looks() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(LOOKS + DRAWING);
  }
  return sheet;
}

/** Whether the page is dark, by its own switch or else by the reader's system. */
function isDark() {
  const { body, documentElement: root } = document;
  const said = [body.dataset.theme, root.dataset.theme, root.dataset.mode, root.getAttribute("theme")]
    .find((theme) => theme === "dark" || theme === "light");
  if (said) return said === "dark";
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (/vscode-(light|dark|high-contrast)/.test(body.className)) {
    return !/vscode-(light|high-contrast-light)/.test(body.className);
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Call `changed` whenever the theme may have changed; returns how to stop it. */
function watchTheme(changed) {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(changed);
  for (const target of [document.body, document.documentElement]) {
    observer.observe(target, { attributes: true });
  }
  query.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    query.removeEventListener("change", changed);
  };
}

// ---- view: what is shown, and how it changes ----

const MOST_STEPS = NUMBERS.steps.max;
const SLICE = 20; // milliseconds of computing before the next frame is drawn
const DEPTH = 0.16, TINTS = 8; // of the tint where a surface is lowest: lines keep contrast
const CROWDED = 18; // pixels between points that get a label each
const SETTLED = 0.3; // pixels from where a path ends: nothing more is seen to move

const chosenMethod = ({ config }) => {
  const keys = config.methods.map(({ method }) => method);
  return keys.includes(config.view.chosen) ? config.view.chosen : keys[0];
};
const chosenTrace = (app) => app.traces.find((trace) => trace.method === chosenMethod(app));
const cursor = ({ config }) => Math.min(config.view.step, config.steps);
const lastRow = (trace) => trace.losses.length - 1;
const rowAt = (trace, k) => Math.min(k, lastRow(trace));
const pointOf = (trace, k) => [trace.points[2 * k], trace.points[2 * k + 1]];

/** Change some of the config, as a reader does; what follows is drawn with the next frame. */
function change(app, patch) {
  app.config = withDefaults({ ...app.config, ...patch });
  app.touched = true;
  request(app);
}
const changeView = (app, patch) => change(app, { view: { ...app.config.view, ...patch } });
const changeMethod = (app, key, patch) => change(app, {
  methods: app.config.methods.map((spec) => (spec.method === key ? { ...spec, ...patch } : spec)),
});
/** Move the cursor; at the end it stays at the end, also of a longer run. */
const moveTo = (app, k) =>
  changeView(app, { step: k >= app.config.steps ? MOST_STEPS : Math.max(0, k) });

function chooseSurface(app, surface) {
  const { domain, step, ...view } = app.config.view;
  const methods = app.config.methods.map((spec) => methodDefaults(surface, spec.method));
  app.memory.clear();
  app.config = { methods, seed: app.config.seed };
  change(app, { surface, view });
}

/** Change a number of the surface; a turn of it turns the start with it. */
function changeParam(app, key, value) {
  const { surface, params, start } = app.config;
  const usual = withDefaults({ surface, params }).start;
  const turn = key === "angle" ? ((value - params.angle) * Math.PI) / 180 : 0;
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  const turned = [c * start[0] - s * start[1], s * start[0] + c * start[1]];
  change(app, {
    params: { ...params, [key]: value },
    start: same(start, usual) ? undefined : turn ? turned.map((v) => Number(v.toFixed(6))) : start,
  });
}

/** Switch a method on or off; its settings are remembered. */
function switchMethod(app, key, on) {
  const { methods, surface, view } = app.config;
  for (const spec of methods) app.memory.set(spec.method, spec);
  const added = app.memory.get(key) ?? methodDefaults(surface, key);
  const all = on ? [...methods, added] : methods.filter(({ method }) => method !== key);
  const order = Object.keys(METHODS);
  all.sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method));
  change(app, { methods: all, view: on ? { ...view, chosen: key } : view });
}

function request(app) {
  app.waiting ||= requestAnimationFrame(() => draw(app));
}

/** Run the methods of a changed config, as many as fit into a slice of time. */
function compute(app) {
  const { view, ...running } = app.config, key = JSON.stringify(running);
  if (key !== app.runKey) {
    app.runKey = key;
    app.surface = surfaceOf(app.config, app.data);
    app.pending = app.surface.error ? [] : [...app.config.methods];
    if (app.surface.error) app.done.clear();
  }
  const begun = performance.now();
  while (app.pending.length && performance.now() - begun < SLICE) {
    const { traces } = run({ ...app.config, methods: [app.pending.shift()] }, app.data);
    app.done.set(traces[0].method, traces[0]);
  }
  app.traces = app.config.methods.map(({ method }) => app.done.get(method)).filter(Boolean);
  return performance.now() - begun;
}

function draw(app) {
  app.waiting = 0;
  const computing = compute(app), begun = performance.now();
  drawPlot(app);
  drawChart(app);
  for (const target of app.root.querySelectorAll(".sync")) target.sync(target);
  app.stats = { frames: app.stats.frames + 1, run: computing, draw: performance.now() - begun };
  if (app.pending.length) request(app);
  if (app.touched) remember(app);
}

/** The step after which nothing more is seen to move. */
function restingStep(app) {
  let rest = 0;
  for (const trace of app.traces) {
    const [x, y] = pointOf(trace, lastRow(trace)).map((v) => v * app.frame.scale);
    let k = lastRow(trace);
    while (k > 0) {
      const [px, py] = pointOf(trace, k - 1).map((v) => v * app.frame.scale);
      if (Math.abs(px - x) + Math.abs(py - y) > SETTLED) break;
      k--;
    }
    rest = Math.max(rest, k, trace.at ?? 0);
  }
  return rest;
}

// ---- view: the plot ----

function makePlot(app) {
  const small = { transform: `scale(${1 / FINE})` };
  const [bands, field, trails, arrows] = [1, 2, 3, 4].map(() => shape("g", small));
  const [axes, marks] = [1, 2].map(() => shape("g"));
  // apart from the paths, so that the ground is not painted anew with them
  const ground = shape("svg", { class: "ground", "aria-hidden": "true" }, bands, field, axes);
  const svg = synced(shape("svg", { role: "img" }, trails, arrows, marks),
    (target) => mark(target, "aria-label", describePlot(app)));
  return { ground, svg, bands, field, axes, trails, arrows, marks, lines: new Map(), drawn: "" };
}

function statusOf(trace) {
  if (trace.status === "running") return `${lastRow(trace)} steps`;
  return `${trace.status} at step ${trace.at}`;
}
function describePlot({ surface, traces, config }) {
  const paths = traces.map((trace) => `${METHODS[trace.method].name} (${statusOf(trace)})`);
  return `Contour lines of ${surface.name}, ${surface.words}, with the paths from ` +
    `${formatPair(config.start)} of ${paths.join(", ") || "no method"}.`;
}

function drawPlot(app) {
  const { plot, stage, config, surface } = app;
  const width = stage.clientWidth || app.frame?.width || 600;
  const height = stage.clientHeight || app.frame?.height || 400;
  const domain = config.view.domain ?? surface.domain;
  const { params, expression, weights, view } = config;
  const frameKey = JSON.stringify([width, height, domain]);
  if (frameKey !== app.frameKey) {
    app.frameKey = frameKey;
    app.frame = makeFrame(domain, width, height);
    for (const layer of [plot.ground, plot.svg]) mark(layer, "viewBox", `0 0 ${width} ${height}`);
  }
  const key = JSON.stringify([frameKey, surface.key, params, expression, weights, view.field]);
  if (key !== plot.drawn) {
    plot.drawn = key;
    drawGround(app);
  }
  drawTrails(app);
  drawMarks(app);
}

/** Draw what changes with the surface and the view only. */
function drawGround({ plot, frame, surface, config }) {
  const grid = sample(surface.f, frame);
  const levels = chooseLevels(grid.heights, surface.fmin).reverse();
  const every = Math.ceil(levels.length / TINTS), tints = Math.ceil(levels.length / every);
  mark(plot.bands, "fill-opacity", DEPTH / tints);
  plot.bands.replaceChildren(...levels.map((level, i) => shape("path",
    { class: i % every ? "band" : "band tint", d: contour(grid, level) })));
  plot.field.replaceChildren(config.view.field === "on"
    ? shape("path", { class: "field", d: fieldText(surface.grad, frame) }) : "");
  const { width, height } = frame, [across, up] = frame.domain;
  const [first, second] = surface.axes ?? ["x₁", "x₂"];
  const label = (text, x, y, anchor) =>
    shape("text", { class: "halo faintly", x, y, "text-anchor": anchor }, text);
  const labels = [
    ...roundTicks(...across, width / 90).map(([v, text]) => [v, label(text, frame.x(v), height - 5, "middle")])
      .filter(([v]) => frame.x(v) > 40 && frame.x(v) < width - 60),
    ...roundTicks(...up, height / 70).map(([v, text]) => [v, label(text, 5, frame.y(v) + 4, "start")])
      .filter(([v]) => frame.y(v) > 30 && frame.y(v) < height - 25),
  ].map(([, text]) => text);
  const least = surface.minima.map(([x, y]) => [frame.x(x), frame.y(y)])
    .filter(([px, py]) => frame.holds(px, py))
    .map(([px, py]) => shape("path", { class: "least", d: `M${px - 5} ${py}h10M${px} ${py - 5}v10` }));
  plot.axes.replaceChildren(...labels,
    label(first, width - 6, height - 5, "end"), label(second, 5, 16, "start"), ...least);
}

function drawTrails(app) {
  const { plot, traces, frame } = app, k = cursor(app);
  const groups = traces.map((trace) => {
    if (!plot.lines.has(trace.method)) plot.lines.set(trace.method, makeLines(trace.method));
    const lines = plot.lines.get(trace.method);
    if (lines.trace !== trace || lines.frame !== frame) {
      Object.assign(lines, { trace, frame, trail: makeTrail(trace.points, frame) });
    }
    const [line, dots] = trailUpTo(lines.trail, k), whole = line === lines.trail.line;
    mark(lines.ahead, "d", whole ? "" : lines.trail.line);
    mark(lines.taken, "d", line);
    mark(lines.dots, "d", dots);
    return lines.group;
  });
  const shown = [...plot.trails.children];
  if (groups.length !== shown.length || groups.some((group, i) => group !== shown[i])) {
    plot.trails.replaceChildren(...groups);
  }
}
function makeLines(key) {
  const line = (name, width) => shape("path", { ...stroke(key, width * FINE), class: name });
  const lines = {
    ahead: line("ahead", 1.8), taken: line("taken", 2.2), dots: line("dots", 4.6),
  };
  lines.dots.setAttribute("stroke-dasharray", "none");
  return { ...lines, group: shape("g", {}, ...Object.values(lines)) };
}

/** Draw the start, where each method is, and the arrows of the chosen one. */
function drawMarks(app) {
  const { plot, frame, config, traces } = app, k = cursor(app);
  const labels = [], marks = [], points = [];
  const [sx, sy] = config.start.map((v, i) => (i ? frame.y(v) : frame.x(v)));
  if (frame.holds(sx, sy)) marks.push(shape("circle", { class: "ring", cx: sx, cy: sy, r: 7 }));
  else marks.push(edgeMark(frame, sx, sy, "var(--text)", "start", labels));
  for (const trace of traces) {
    if (lastRow(trace) < 0) continue;
    const [x, y] = pointOf(trace, rowAt(trace, k)), px = frame.x(x), py = frame.y(y);
    const { color, name } = METHODS[trace.method];
    const ended = trace.status === "diverged" && k >= trace.at;
    const text = ended ? `${name} diverged at step ${trace.at}` : name;
    if (!frame.holds(px, py)) {
      marks.push(edgeMark(frame, px, py, color, text, labels));
    } else {
      marks.push(shape("circle", { class: "now", cx: px, cy: py, r: 5.5, fill: color }));
      points.push({ text, x: px, y: py });
    }
  }
  labels.push(...points.filter((one) => points.every((other) => one === other ||
    Math.hypot(one.x - other.x, one.y - other.y) > CROWDED)));
  drawArrows(app, labels);
  plot.marks.replaceChildren(...marks, ...placeLabels(labels, frame));
  app.handle.style.transform = `translate(${within(sx, 0, frame.width)}px,${within(sy, 0, frame.height)}px)`;
}

/** A mark at the edge of the picture for what lies outside it. */
function edgeMark({ width, height }, px, py, fill, text, labels) {
  const x = within(px, 9, width - 9), y = within(py, 9, height - 9);
  const turn = (Math.atan2(py - y, px - x) * 180) / Math.PI;
  labels.push({ text, x, y, edge: true });
  return shape("path", {
    class: "now outside", d: "M8 0L-6 7L-6 -7Z", fill,
    transform: `translate(${x} ${y}) rotate(${turn})`,
  });
}

/** Put labels beside their points, where they hide neither each other nor the edge. */
function placeLabels(labels, { width, height }) {
  const taken = labels.map(({ x, y }) => [x - 8, y - 7, 16]), placed = [];
  const order = [...labels].sort((a, b) => Boolean(b.edge) - Boolean(a.edge));
  for (const { text, x, y, edge, plain } of order) {
    const w = 6.4 * text.length + 4, spots = [];
    for (let i = 0; i < 12; i++) {
      const dy = (i % 2 ? -1 : 1) * Math.ceil(i / 2) * 14 - 7;
      spots.push([x + 11, y + dy], [x - 11 - w, y + dy]);
    }
    const free = ([left, top]) =>
      left > 2 && left + w < width - 2 && top > 2 && top + 14 < height - 2 &&
      !taken.some(([l, t, tw]) => left < l + tw && l < left + w && top < t + 14 && t < top + 14);
    const spot = spots.slice(0, edge ? 24 : 10).find(free);
    if (!spot) continue;
    taken.push([...spot, w]);
    placed.push(shape("text", { class: plain ? "halo faintly" : "halo", x: spot[0], y: spot[1] + 11 }, text));
  }
  return placed;
}

/** The step that the cursor stands before, or the last one that was taken. */
const stepShown = (app, trace) => Math.min(cursor(app) + 1, lastRow(trace));

/**
 * Draw the next step of the chosen method to scale and, to one scale of their own, −g,
 * −v and a box of half sides √s. They get shorter as the gradient does, but by its root.
 */
function drawArrows(app, labels) {
  const { plot, frame, config } = app, trace = chosenTrace(app);
  plot.arrows.replaceChildren();
  if (config.view.arrows === "off" || !trace || lastRow(trace) < 1) return;
  const t = stepShown(app, trace), at = t - 1;
  const [x, y] = pointOf(trace, at), px = frame.x(x), py = frame.y(y);
  if (!frame.holds(px, py)) return;
  const pair = (array, row) => [array[2 * row], array[2 * row + 1]];
  const g = pair(trace.grads, at), { v, s } = trace.states;
  const size = Math.hypot(...g), largest = Math.max(mostOf(plot.lines.get(trace.method)), 1e-300);
  const factor = size > 0 ? (70 * Math.sqrt(size / largest)) / size : 0;
  const put = (name, text, [dx, dy]) => {
    const far = Math.hypot(dx, dy), shrink = far > 150 ? 150 / far : 1;
    const tipX = px + dx * shrink, tipY = py + dy * shrink;
    const d = arrowText(px, py, tipX, tipY);
    if (!d) return;
    plot.arrows.append(shape("path", { class: `arrow ${name}`, d }));
    labels.push({ text, x: tipX, y: tipY, plain: true });
  };
  if (s) drawBox(plot, px, py, pair(s, t).map((value) => Math.sqrt(Math.abs(value)) * factor));
  put("g", "−g", [-g[0] * factor, g[1] * factor]);
  if (v) put("v", "−v", [-pair(v, t)[0] * factor, pair(v, t)[1] * factor]);
  const [nx, ny] = pointOf(trace, t);
  const step = arrowText(px, py, frame.x(nx), frame.y(ny), 12);
  if (step) {
    plot.arrows.append(shape("path", {
      class: "arrow step", d: step, stroke: METHODS[trace.method].color, "stroke-width": 34,
    }));
  }
}
function drawBox(plot, px, py, [w, h]) {
  const [halfWidth, halfHeight] = [within(w, 0, 400), within(h, 0, 400)];
  plot.arrows.append(shape("path", {
    class: "arrow s",
    d: `M${fine(px - halfWidth)} ${fine(py - halfHeight)}h${fine(2 * halfWidth)}v${fine(2 * halfHeight)}` +
      `h${fine(-2 * halfWidth)}Z`,
  }));
}
/** The longest gradient of the trace that `lines` draw, found once. */
function mostOf(lines) {
  if (lines.measured === lines.trace) return lines.most;
  const { grads } = (lines.measured = lines.trace);
  lines.most = 0;
  for (let i = 0; i < grads.length; i += 2) {
    lines.most = Math.max(lines.most, Math.hypot(grads[i], grads[i + 1]));
  }
  return lines.most;
}

// ---- view: the chart ----

const CHART = { left: 50, right: 10, top: 8, bottom: 24 };
const DEEPEST = 1e-8; // of the highest start: what is lower is not told apart from zero

function makeChart(app) {
  const area = shape("svg", { x: CHART.left, y: CHART.top });
  const grid = shape("g"), front = shape("g");
  const svg = shape("svg", { role: "img" }, grid, area, front);
  const scrub = (event) => {
    const { left } = svg.getBoundingClientRect();
    const part = (event.clientX - left - CHART.left) / (app.chart.width - CHART.left - CHART.right);
    moveTo(app, Math.round(within(part, 0, 1) * app.config.steps));
  };
  dragged(svg, { start: scrub, move: scrub });
  return { svg, area, grid, front, box: element("div", { class: "chart" }, svg) };
}

/** What the chart shows of each trace: {values, title, word}. */
function plotted({ config, surface, traces }) {
  const { plotted: what, scale } = config.view;
  if (what === "distance" && surface.minima.length) {
    return { curves: traces.map((trace) => trace.distances), title: "Distance to the nearest minimum" };
  }
  const curves = traces.map((trace) => trace.losses);
  if (scale === "linear") return { curves, title: "Loss f" };
  const known = surface.fmin !== null;
  const lowest = known ? surface.fmin : Math.min(...curves.map((curve) => curve.reduce((a, b) => Math.min(a, b), Infinity)));
  return {
    curves: curves.map((curve) => curve.map((value) => value - lowest)),
    title: known ? "Loss above the lowest, f − f*" : "Loss above the lowest reached",
    line: known ? CONVERGED : null,
  };
}

/** The range of values to show: a run that blows up does not hide the others. */
function rangeOf(curves, scale) {
  let low = Infinity, high = -Infinity, start = 0;
  for (const curve of curves) {
    start = Math.max(start, Math.abs(curve[0]));
    for (const value of curve) {
      if (scale === "log" ? value > 0 : true) low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (scale === "log") {
    high = Math.min(high, start * 1e3 || high);
    low = Math.max(low, high * DEEPEST);
    if (!(low < high)) [low, high] = high > 0 ? [high / 10, high * 10] : [0.1, 10];
    return [low, high];
  }
  high = Math.min(high, low + 4 * (start - low) || high);
  if (!(low < high)) [low, high] = Number.isFinite(low) ? [low - 1, low + 1] : [0, 1];
  return [low, high];
}

function chartTicks([low, high], scale) {
  if (scale === "linear") return roundTicks(low, high, 4);
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first) / 5)), ticks = [];
  for (let power = first; power <= last; power += step) ticks.push([10 ** power, formatNumber(10 ** power)]);
  return ticks;
}

function drawChart(app) {
  const { chart, config, traces } = app, { svg, area, grid, front } = chart;
  const width = svg.clientWidth, height = svg.clientHeight;
  if (width < 100 || height < 60) return; // in a panel that is closed
  chart.width = width;
  const w = width - CHART.left - CHART.right, h = height - CHART.top - CHART.bottom;
  const { scale } = config.view, { curves, title, line } = plotted(app);
  const [low, high] = rangeOf(curves, scale), place = scale === "log" ? Math.log10 : Number;
  const foot = place(low), size = (h - 12) / (place(high) - foot);
  const toX = (k) => (k / config.steps) * w;
  const toY = (value) => (scale === "log" && !(value > 0) ? h + 20
    : within(h - 6 - (place(value) - foot) * size, -20, h + 20));
  mark(svg, "viewBox", `0 0 ${width} ${height}`);
  mark(svg, "aria-label", `${title}, against steps, on a ${scale} scale.`);
  mark(area, "width", w);
  mark(area, "height", h);
  grid.replaceChildren(...chartGrid(chartTicks([low, high], scale), toX, toY, config.steps, w, h));
  area.replaceChildren(...traces.map((trace, i) => shape("path", {
    d: curveText(curves[i], toX, toY), transform: `scale(${1 / FINE})`, ...stroke(trace.method, 1.8 * FINE),
  })));
  if (line && low < line && line < high) {
    const y = toY(line);
    area.append(shape("path", { class: "reference", d: `M0 ${y}H${w}` }),
      shape("text", { class: "halo faintly", x: w - 4, y: y - 4, "text-anchor": "end" }, "converged"));
  }
  front.replaceChildren(...chartCursor(app, curves, toX, toY, h));
}
function chartGrid(ticks, toX, toY, steps, w, h) {
  const { left, top } = CHART;
  const nodes = ticks.flatMap(([value, text]) => {
    const y = top + toY(value);
    return [
      shape("path", { class: "grid", d: `M${left} ${y}h${w}` }),
      shape("text", { class: "faintly", x: left - 6, y: y + 4, "text-anchor": "end" }, text),
    ];
  });
  for (const [k, text] of roundTicks(0, steps, Math.max(2, w / 90))) {
    if (!Number.isInteger(k)) continue;
    const x = left + toX(k), last = toX(k) > w - 30;
    nodes.push(
      shape("path", { class: "grid", d: `M${x} ${top + h}v5` }),
      shape("text", { class: "faintly", x, y: top + h + 17, "text-anchor": last ? "end" : "middle" },
        k === 0 ? "step 0" : text));
  }
  return nodes;
}
function chartCursor(app, curves, toX, toY, h) {
  const { left, top } = CHART, k = cursor(app), x = left + toX(k);
  const dots = app.traces.map((trace, i) => {
    const y = toY(curves[i][rowAt(trace, k)]);
    return y >= 0 && y <= h && k <= lastRow(trace) ? shape("circle", {
      class: "now", cx: x, cy: top + y, r: 4, fill: METHODS[trace.method].color,
    }) : null;
  });
  return [shape("path", { class: "cursor", d: `M${x} ${top}v${h}` }), ...dots.filter(Boolean)];
}

// ---- view: controls ----

/** A number with a slider beside it; `spec` is as in a method's `hyper`. */
function numberControl(app, spec, read, put) {
  const { label, symbol, min, max, log, step, integer } = spec;
  const inward = log ? Math.log10 : Number;
  const outward = (value) => Number((log ? 10 ** value : value).toPrecision(log ? 3 : 12));
  const slider = element("input", {
    type: "range", min: inward(min), max: inward(max), step: log ? 0.02 : step ?? (integer ? 1 : "any"),
    "aria-label": `${label}, slider`,
    input() {
      put(within(outward(Number(slider.value)), min, max));
    },
  });
  const valid = () => number.value !== "" && Number(number.value) >= min && Number(number.value) <= max &&
    (!integer || Number.isInteger(Number(number.value)));
  const number = element("input", {
    type: "number", min, max, step: "any", inputMode: "decimal", "aria-label": label,
    input() {
      mark(number, "aria-invalid", !valid());
      if (valid()) put(Number(number.value));
    },
    change() {
      if (valid()) return;
      const given = number.value === "" ? read() : within(Number(number.value), min, max);
      put(integer ? Math.round(given) : given);
      say(app, `${label}: a ${integer ? "whole " : ""}number from ${min} to ${max} is needed.`);
      number.value = "";
    },
  });
  const name = element("span", { "aria-hidden": "true" }, label);
  if (symbol?.length < 3) name.append(" ", element("i", {}, symbol));
  return synced(element("div", { class: "field-of" }, name, slider, number), () => {
    const value = read();
    if (Number(number.value) !== value || number.value === "") {
      number.value = value;
      mark(number, "aria-invalid", false);
    }
    if (Math.abs(Number(slider.value) - inward(value)) > 1e-9) slider.value = inward(value);
    mark(slider, "aria-valuetext", formatNumber(value));
  });
}

/** A choice among [value, text] pairs. */
function selectControl(label, pairs, read, put, hideLabel = false) {
  const select = element("select", { "aria-label": label, change: () => put(select.value) },
    ...pairs.map(([value, text]) => element("option", { value }, text)));
  synced(select, () => { if (select.value !== String(read())) select.value = String(read()); });
  return hideLabel ? select : element("div", { class: "choice" },
    element("span", { "aria-hidden": "true" }, label), select);
}
function checkControl(label, read, put) {
  const box = element("input", { type: "checkbox", change: () => put(box.checked) });
  synced(box, () => { box.checked = read(); });
  return element("label", { class: "choice" }, box, label);
}
const viewCheck = (app, key, label) =>
  checkControl(label, () => app.config.view[key] === "on",
    (on) => changeView(app, { [key]: on ? "on" : "off" }));
const viewSelect = (app, key, label, pairs, hideLabel) =>
  selectControl(label, pairs, () => app.config.view[key], (value) => changeView(app, { [key]: value }), hideLabel);

/** The controls that a chapter may ask for by name; a method's are `adam.lr` and so on. */
const CONTROLS = {
  surface: (app) => selectControl(
    "Surface",
    Object.entries(SURFACES).filter(([key]) => key !== "airfoil" || !surfaceOf({ ...DEFAULTS, surface: key }, app.data).error)
      .map(([key, { name }]) => [key, name]),
    () => app.config.surface, (key) => chooseSurface(app, key)),
  expression: (app) => expressionControl(app),
  weights: (app) => weightsControl(app),
  start: (app) => element("div", { class: "row" }, element("span", { class: "note" }, "Start"),
    ...["x₁", "x₂"].map((label, i) => startField(app, label, i))),
  steps: (app) => numberControl(app, { label: "steps", min: 1, max: MOST_STEPS, log: true, integer: true },
    () => app.config.steps, (steps) => change(app, { steps: Math.round(steps) })),
  seed: (app) => numberControl(app, { label: "seed of the noise", min: 0, max: 99, integer: true },
    () => app.config.seed, (seed) => change(app, { seed })),
  field: (app) => viewCheck(app, "field", "arrows that point downhill"),
  arrows: (app) => viewCheck(app, "arrows", "arrows of −g, −v and the step, box of √s"),
  plotted: (app) => viewSelect(app, "plotted", "Show", [["loss", "loss"], ["distance", "distance"]]),
  scale: (app) => viewSelect(app, "scale", "Scale", [["log", "log"], ["linear", "linear"]]),
};
const paramSpec = (app, key) => (SURFACES[app.config.surface].params ?? []).find((spec) => spec.key === key);

/** Make a control by name, or return null where the config has no such thing. */
function control(app, name) {
  if (Object.hasOwn(CONTROLS, name)) return CONTROLS[name](app);
  const spec = paramSpec(app, name);
  if (spec) {
    return numberControl(app, spec, () => app.config.params[name] ?? spec.default,
      (value) => changeParam(app, name, value));
  }
  const [key, field] = name.split(".");
  const entry = () => app.config.methods.find(({ method }) => method === key);
  if (!Object.hasOwn(METHODS, key) || !entry()) return null;
  const read = (one) => entry()?.[one];
  if (field === "schedule") {
    return selectControl(`${METHODS[key].name}: schedule`, Object.entries(SCHEDULES).map(([one, { name: text }]) => [one, text]),
      () => read("schedule") ?? "constant", (schedule) => changeMethod(app, key, { schedule }));
  }
  const all = [...METHODS[key].hyper, ...SCHEDULES[read("schedule") ?? "constant"].hyper];
  const one = all.find((hyper) => hyper.key === field);
  return one ? numberControl(app, one, () => read(field) ?? one.default,
    (value) => changeMethod(app, key, { [field]: value })) : null;
}

function startField(app, label, i) {
  const input = element("input", {
    type: "number", step: "any", "aria-label": `start ${label}`,
    input() {
      const value = Number(input.value), good = input.value !== "" && Math.abs(value) <= 1e6;
      mark(input, "aria-invalid", !good);
      if (good) change(app, { start: app.config.start.map((old, j) => (i === j ? value : old)) });
    },
    blur() { input.sync(); },
  });
  return element("label", { class: "choice" }, element("span", {}, label), synced(input, () => {
    const value = app.config.start[i], wrong = Number(input.value) !== value || input.value === "";
    if (wrong && input.getRootNode().activeElement !== input) {
      input.value = value;
      mark(input, "aria-invalid", false);
    }
  }));
}

function expressionControl(app) {
  let timer = 0;
  const error = element("p", { class: "error", id: "wrong", role: "status" });
  const input = element("input", {
    type: "text", class: "wide", spellcheck: false, autocapitalize: "none", autocomplete: "off",
    maxLength: LIMITS.characters, "aria-label": "f(x, y)", "aria-describedby": "wrong",
    input() {
      clearTimeout(timer);
      timer = setTimeout(read, 200);
    },
    change: () => read(),
  });
  function read() {
    clearTimeout(timer);
    const parsed = parseExpression(input.value);
    show(parsed.error ?? "");
    if (!parsed.error) change(app, { expression: input.value });
  }
  function show(sentence) {
    write(error, sentence);
    mark(input, "aria-invalid", sentence !== "");
  }
  const node = element("div", {}, element("div", { class: "field-of" },
    element("span", { "aria-hidden": "true" }, "f(x, y) ="), input), error);
  return synced(node, () => {
    const { expression } = app.config;
    if (node.shown === expression) return;
    node.shown = expression;
    if (input.getRootNode().activeElement !== input) input.value = expression;
    show(parseExpression(input.value).error ?? "");
  });
}

function weightsControl(app) {
  const { names } = app.data?.airfoil ?? app.data ?? {};
  if (!names) return null;
  return element("div", { class: "row" }, ...[0, 1].map((i) => selectControl(
    `${i ? "Second" : "First"} weight`, names.map((name, at) => [at, name]),
    () => app.config.weights[i],
    (value) => {
      const weights = [...app.config.weights];
      if (weights[1 - i] === Number(value)) weights[1 - i] = weights[i];
      weights[i] = Number(value);
      change(app, { weights });
    })));
}

// ---- view: panels ----

const panel = (name, title, open, ...inside) =>
  element("details", { class: `panel panel-${name}`, open }, element("summary", {}, title),
    element("div", { class: "inside" }, ...inside));

function surfacePanel(app, open) {
  const own = rebuilt(element("div", { class: "inside" }), () => app.config.surface, () =>
    [element("p", { class: "note" }, `${app.surface.words}.`),
      ...(SURFACES[app.config.surface].params ?? []).map(({ key }) => control(app, key)),
      app.config.surface === "custom" ? control(app, "expression") : "",
      app.config.surface === "airfoil" ? control(app, "weights") ?? "" : ""]);
  return panel("surface", "Surface and start", open,
    control(app, "surface"), own, control(app, "start"), control(app, "steps"), control(app, "field"));
}

function methodsPanel(app, open) {
  return panel("methods", "Methods", open,
    element("div", {}, ...Object.keys(METHODS).map((key) => methodRow(app, key))), control(app, "arrows"));
}

const entryOf = (app, key) => app.config.methods.find(({ method }) => method === key);
const traceOf = (app, key) => app.traces.find((trace) => trace.method === key);

/** What a method's row says at the cursor: what has become of it, or its loss. */
function statusText(app, key) {
  const trace = traceOf(app, key);
  if (!entryOf(app, key) || !trace) return "";
  const k = cursor(app);
  if (trace.at !== null && k >= trace.at) return `${trace.status} at ${trace.at}`;
  return `f = ${formatNumber(trace.losses[rowAt(trace, k)])}`;
}

/** A method's switch, line, state and settings; also the legend of the plot. */
function methodRow(app, key) {
  const { name } = METHODS[key];
  const box = element("input", { type: "checkbox", change: () => switchMethod(app, key, box.checked) });
  const status = element("span", { class: "status" });
  const settings = rebuilt(element("div", { class: "settings" }),
    () => settingsKey(app, key), () => (settingsKey(app, key) ? settingsOf(app, key) : []));
  const opener = button("open", `Settings and state of ${name}`,
    () => {
      app.folded = chosenMethod(app) === key && !app.folded;
      changeView(app, { chosen: key });
    });
  return synced(element("div", { class: "method" }, element("div", { class: "head" },
    element("label", {}, box, swatch(key), element("span", {}, name)), status, opener), settings), (row) => {
    const on = Boolean(entryOf(app, key)), chosen = on && chosenMethod(app) === key;
    box.checked = on;
    opener.hidden = !on;
    mark(opener, "aria-expanded", chosen && !app.folded);
    settings.hidden = !chosen || app.folded;
    row.classList.toggle("chosen", chosen);
    write(status, statusText(app, key));
  });
}
const settingsKey = (app, key) => {
  const entry = entryOf(app, key);
  return entry && chosenMethod(app) === key ? entry.schedule ?? "constant" : "";
};
function settingsOf(app, key) {
  const names = [
    ...METHODS[key].hyper.map((hyper) => hyper.key), "schedule",
    ...SCHEDULES[settingsKey(app, key)].hyper.map((hyper) => hyper.key),
  ];
  return [...names.map((one) => control(app, `${key}.${one}`)),
    key === "sgd" ? control(app, "seed") : ""];
}

function chartPanel(app, open) {
  const node = panel("chart", "Loss against steps", open, app.chart.box,
    element("div", { class: "row" }, control(app, "plotted"), control(app, "scale")));
  const summary = node.querySelector("summary");
  node.addEventListener("toggle", () => request(app));
  return synced(node, () => write(summary, `${plotted(app).title} against steps`));
}

function statePanel(app, open) {
  const inside = element("div", { class: "state" });
  const title = element("summary", {}, "State");
  const node = element("details", { class: "panel panel-state", open, toggle: () => request(app) }, title,
    element("div", { class: "inside" }, inside));
  return synced(node, () => {
    const trace = chosenTrace(app);
    if (!trace) {
      write(title, "State");
      inside.replaceChildren(element("p", { class: "note" }, "No method is on."));
    } else if (lastRow(trace) > 0) {
      const t = stepShown(app, trace), next = t > cursor(app);
      write(title, `${METHODS[trace.method].name}: the ${next ? "next" : "last"} step, ${t}`);
      if (node.open) inside.replaceChildren(stateTable(trace, t), stateRule(trace, t, app.surface));
    } else {
      inside.replaceChildren(element("p", { class: "note" }, narrate(trace, cursor(app))));
    }
  });
}
function stateTable(trace, t) {
  const pair = (array, row) => [array[2 * row], array[2 * row + 1]];
  const [from, to] = [pointOf(trace, t - 1), pointOf(trace, t)];
  const rows = [
    ["from", from], ["gradient g", pair(trace.grads, t - 1)],
    ...METHODS[trace.method].state.map(({ key, label, symbol }) => [`${label} ${symbol}`, pair(trace.states[key], t)]),
    ["effective rate", pair(trace.effective, t)],
    ["step", [to[0] - from[0], to[1] - from[1]]], ["to", to],
  ].filter(([, [first]]) => !Number.isNaN(first));
  return element("table", {}, element("thead", {}, element("tr", {},
    element("td"), ...["x₁", "x₂"].map((text) => element("th", { scope: "col" }, text)))),
  element("tbody", {}, ...rows.map(([name, values]) => element("tr", {},
    element("th", { scope: "row" }, name), ...values.map((value) => element("td", {}, formatNumber(value)))))));
}
function stateRule(trace, t, surface) {
  return element("dl", { class: "rule" }, ...equationAt(trace, t, surface).flatMap(({ symbolic, numeric }) =>
    [element("dt", {}, symbolic), element("dd", {}, numeric)]));
}

// ---- view: pointer and keys ----

/** Call `start` and `move` while a pointer drags `target`; `start` may decline it. */
function dragged(target, { start, move, end = () => {} }) {
  let active = null;
  target.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || active !== null || start(event) === false) return;
    active = event.pointerId;
    target.setPointerCapture(active);
  });
  target.addEventListener("pointermove", (event) => {
    if (event.pointerId === active) move(event);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    target.addEventListener(name, (event) => {
      if (event.pointerId !== active) return;
      active = null;
      end(event);
    });
  }
}

/** Where a pointer is on the plot, in pixels. */
function onStage(app, event) {
  const { left, top } = app.stage.getBoundingClientRect();
  return [event.clientX - left - app.stage.clientLeft, event.clientY - top - app.stage.clientTop];
}

/** Put the start at a place in pixels, as short a number as a pixel can tell apart. */
function startAt(app, px, py) {
  const decimals = within(Math.ceil(Math.log10(app.frame.scale)), 0, 12);
  change(app, { start: app.frame.at(px, py).map((v) => Number(v.toFixed(decimals))) });
}
function nudgeStart(app, event) {
  const turns = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const turn = turns[event.key];
  if (!turn || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const [[left, right]] = app.frame.domain;
  const exponent = Math.floor(Math.log10((right - left) / 50));
  const step = 10 ** exponent * (event.shiftKey ? 10 : 1), decimals = within(-exponent, 0, 12);
  change(app, {
    start: app.config.start.map((v, i) => Number((v + turn[i] * step).toFixed(decimals))),
  });
}

/** Show `factor` times as much, with the place at (px, py) kept where it is. */
function zoom(app, factor, px = app.frame.width / 2, py = app.frame.height / 2) {
  const { domain } = app.frame, [x, y] = app.frame.at(px, py);
  const size = (domain[0][1] - domain[0][0]) * factor;
  if (size < 1e-5 || size > 1e6) return;
  changeView(app, { domain: domain.map(([low, high], i) =>
    [low, high].map((v) => [x, y][i] + (v - [x, y][i]) * factor)) });
}
function pan(app, dx, dy) {
  const { domain, scale } = app.frame;
  changeView(app, { domain: domain.map((side, i) => side.map((v) => v - (i ? -dy : dx) / scale)) });
}

/** The start's handle: drag it, or move it by the arrow keys. */
function makeHandle(app) {
  const follow = (event) => startAt(app, ...onStage(app, event));
  const handle = element("div", {
    class: "handle", role: "slider", tabIndex: 0, "aria-label": "Start",
    title: "Drag, or use the arrow keys; with Shift in big steps",
    "aria-valuemin": -1e6, "aria-valuemax": 1e6,
    keydown: (event) => nudgeStart(app, event),
    keyup: () => sayLater(app, () => startText(app)),
  });
  dragged(handle, {
    start: (event) => event.stopPropagation(),
    move: follow,
    end: () => say(app, startText(app)),
  });
  return synced(handle, () => {
    const [x, y] = app.config.start;
    mark(handle, "aria-valuenow", x);
    mark(handle, "aria-valuetext", `x₁ ${formatNumber(x)}, x₂ ${formatNumber(y)}`);
  });
}
const startText = (app) =>
  `Start ${formatPair(app.config.start)}. ${app.traces.map((trace) => `${METHODS[trace.method].name}: ${statusOf(trace)}`).join("; ")}.`;

/** Mouse: press anywhere to put the start there. Touch: tap. Pan mode: drag and pinch. */
function listenToStage(app) {
  const { stage } = app, pointers = new Map();
  let kind = "mouse", moved = 0;
  const panning = (event) => app.panning || (event.pointerType === "mouse" && event.shiftKey);
  dragged(stage, {
    start(event) {
      kind = event.pointerType;
      moved = 0;
      if (panning(event)) {
        app.grip = onStage(app, event);
        return true;
      }
      if (kind !== "mouse") return false;
      startAt(app, ...onStage(app, event));
      app.handle.focus({ preventScroll: true });
      event.preventDefault();
      return true;
    },
    move(event) {
      if (!app.grip) return startAt(app, ...onStage(app, event));
      if (pointers.size > 1) return;
      const [px, py] = onStage(app, event);
      moved += Math.abs(px - app.grip[0]) + Math.abs(py - app.grip[1]);
      pan(app, px - app.grip[0], py - app.grip[1]);
      app.grip = [px, py];
    },
    end() {
      if (!app.grip) say(app, startText(app));
      app.grip = null;
    },
  });
  stage.addEventListener("click", (event) => {
    if (kind === "mouse" || app.panning || moved > 6) return;
    startAt(app, ...onStage(app, event));
    sayLater(app, () => startText(app));
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(app, 1.002 ** within(event.deltaY, -200, 200), ...onStage(app, event));
  }, { passive: false });
  listenToPinch(app, pointers);
}

/** Two fingers zoom about the place between them, in pan mode. */
function listenToPinch(app, pointers) {
  const spread = () => {
    const [[ax, ay], [bx, by]] = pointers.values();
    return [Math.hypot(ax - bx, ay - by), (ax + bx) / 2, (ay + by) / 2];
  };
  app.stage.addEventListener("pointerdown", (event) => {
    if (app.panning && event.pointerType !== "mouse") pointers.set(event.pointerId, onStage(app, event));
  });
  app.stage.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = pointers.size === 2 ? spread() : null;
    pointers.set(event.pointerId, onStage(app, event));
    if (!before) return;
    const [size, px, py] = spread();
    pan(app, px - before[1], py - before[2]);
    zoom(app, before[0] / Math.max(size, 1), px, py);
    app.grip = pointers.values().next().value;
  });
  for (const name of ["pointerup", "pointercancel"]) {
    app.stage.addEventListener(name, (event) => pointers.delete(event.pointerId));
  }
}

function makeTools(app) {
  const arrows = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  const panButton = button("pan", "Move the view: drag, pinch, or arrow keys here", () => {
    app.panning = !app.panning;
    mark(panButton, "aria-pressed", app.panning);
    app.stage.classList.toggle("panning", app.panning);
  }, {
    "aria-pressed": "false",
    keydown(event) {
      if (!arrows[event.key]) return;
      event.preventDefault();
      pan(app, ...arrows[event.key]);
    },
  });
  return element("div", { class: "tools" },
    button("nearer", "Zoom in", () => zoom(app, 1 / 1.5)),
    button("farther", "Zoom out", () => zoom(app, 1.5)),
    button("whole", "Show the whole surface", () => changeView(app, { domain: null })),
    panButton);
}

// ---- view: transport, and what is said ----

function makeTransport(app) {
  const move = (by) => () => {
    app.player.pause();
    moveTo(app, by === 0 ? 0 : Math.min(cursor(app), app.config.steps) + by);
    sayLater(app, () => story(app));
  };
  const play = button("play", "Play", () => togglePlay(app), { class: "round main" });
  const range = element("input", {
    type: "range", min: 0, step: 1, class: "range", "aria-label": "Step",
    input() {
      app.player.pause();
      moveTo(app, Number(range.value));
      sayLater(app, () => story(app));
    },
  });
  const count = element("output", { "aria-live": "off" });
  const speed = selectControl("Speed", SPEEDS.map((n) => [n, `${n} / s`]),
    () => SPEEDS.reduce((a, b) => (Math.abs(b - app.config.view.speed) < Math.abs(a - app.config.view.speed) ? b : a)),
    (value) => changeView(app, { speed: Number(value) }), true);
  speed.title = "Steps per second";
  return synced(element("div", { class: "transport", role: "group", "aria-label": "Steps" },
    button("start", "To the start", move(0)), button("back", "One step back", move(-1)),
    play, button("forward", "One step forward", move(1)), range, count, speed), () => {
    const k = cursor(app), label = app.player.playing ? "Pause" : "Play";
    mark(range, "max", app.config.steps);
    if (Number(range.value) !== k) range.value = k;
    mark(range, "aria-valuetext", `step ${k} of ${app.config.steps}`);
    write(count, `${k} / ${app.config.steps}`);
    mark(play, "aria-label", label);
    mark(play, "title", label);
    mark(play.querySelector("path"), "d", ICONS[app.player.playing ? "pause" : "play"]);
  });
}

function togglePlay(app) {
  if (app.player.playing) {
    app.player.pause();
    say(app, story(app));
  } else {
    app.rest = Math.max(1, Math.min(restingStep(app), app.config.steps));
    if (cursor(app) >= app.rest) moveTo(app, 0);
    app.player.play();
  }
  request(app);
}
/** Move on while playing; false at the end, where nothing moves any more. */
function advance(app, steps) {
  const k = Math.min(cursor(app) + steps, app.rest), ended = k >= app.rest;
  moveTo(app, k);
  if (ended) say(app, `${story(app)} Nothing moves after step ${k}.`);
  else sayLater(app, () => story(app), 4000);
  return !ended;
}

const story = (app) => {
  const trace = chosenTrace(app);
  return app.surface.error ?? (trace ? narrate(trace, cursor(app)) : "No method is on.");
};
/** Say something to those who listen: at once, or when `wait` has passed without news. */
function say(app, sentence) {
  clearTimeout(app.saying);
  app.saying = 0;
  write(app.live, sentence);
}
function sayLater(app, sentence, wait = 600) {
  if (wait > 1000 && app.saying) return; // while playing: now and then, not put off
  clearTimeout(app.saying);
  app.saying = setTimeout(() => say(app, sentence()), wait);
}

// ---- view: link, and export ----

/** The address that carries the whole setting, or "" where there is none to give. */
function linkOf(app) {
  const { page, hash } = app.options;
  if (!page && !hash) return "";
  try {
    const address = new URL(page ?? "", location.href);
    address.hash = encode(app.config);
    return address.href;
  } catch {
    return "";
  }
}

/** Keep a change of the reader's: in the page's address, or in the notebook's model. */
function remember(app) {
  app.touched = false;
  clearTimeout(app.remembering);
  app.remembering = setTimeout(() => {
    if (app.options.hash) {
      try {
        history.replaceState(history.state, "", `#${encode(app.config)}`);
      } catch { /* a host that keeps its address to itself */ }
    }
    app.options.changed?.(app.config);
  }, 250);
}

function sharePanel(app, open) {
  const place = element("div");
  const link = element("button", { type: "button", click: () => copyLink(app, place) }, "Copy link");
  return panel("share", "Keep and share", open,
    element("div", { class: "row share" },
      synced(link, () => { link.hidden = !linkOf(app); }),
      element("button", { type: "button", click: () => saveSvg(app) }, "Save as SVG"),
      element("button", { type: "button", click: () => showText(app, place, "Python cell", toPython(app.config)) }, "Python cell"),
      element("button", { type: "button", click: () => reset(app) }, "Reset")),
    place);
}
function reset(app) {
  app.player.pause();
  app.memory.clear();
  change(app, app.initial);
  say(app, "Everything is as it was at first.");
}
async function copyText(app, text, name) {
  try {
    await navigator.clipboard.writeText(text);
    say(app, `${name} copied.`);
    return true;
  } catch {
    return false;
  }
}
async function copyLink(app, place) {
  const link = linkOf(app), copied = await copyText(app, link, "Link");
  const field = element("input", { type: "text", class: "wide", readOnly: true, value: link, "aria-label": "Link to this setting" });
  place.replaceChildren(element("p", { class: "note" }, copied ? "The link is copied." : "Copy this link:"), field);
  if (!copied) field.select();
}
function showText(app, place, name, text) {
  const area = element("textarea", { readOnly: true, value: text, spellcheck: false, "aria-label": name });
  const note = element("span", { class: "note", role: "status" });
  const copy = element("button", { type: "button", async click() {
    const copied = await copyText(app, text, name);
    if (!copied) area.select();
    write(note, copied ? "Copied." : "It is selected; copy it.");
  } }, "Copy");
  place.replaceChildren(area, element("div", { class: "row" }, copy, note));
}

const settingsText = ({ method, schedule, ...numbers }) => {
  const names = METHODS[method].hyper.map(({ key, symbol }) => `${symbol} = ${formatNumber(numbers[key])}`);
  const changing = SCHEDULES[schedule ?? "constant"].hyper
    .map(({ key, symbol }) => `${symbol} = ${formatNumber(numbers[key])}`);
  return [...names, ...(schedule && schedule !== "constant" ? [schedule, ...changing] : [])].join(", ");
};

/** Return the text of a standalone SVG file: the plot as it is, title, legend, settings. */
function exportSvg(app) {
  const { frame, plot, surface, config, traces } = app;
  const { width } = frame, top = 46, line = 20, room = 12;
  const height = top + frame.height + room + line * traces.length + room;
  const style = DRAWING.replace(/var\(--(\w+)\)/g, (_, name) => LIGHT[name]);
  const picture = [plot.ground, plot.svg].map((layer) =>
    equip(layer.cloneNode(true), { x: 0, y: top, width, height: frame.height }, []));
  const legend = traces.map((trace, i) => {
    const y = top + frame.height + room + line * i + 10;
    const text = `${METHODS[trace.method].name}: ${settingsText(trace.spec)}; ${statusOf(trace)}`;
    return shape("g", {}, shape("path", { d: `M12 ${y}h34`, ...stroke(trace.method, 2.4) }),
      shape("text", { x: 56, y: y + 4 }, text));
  });
  const subtitle = [surface.formula && `f(x, y) = ${surface.formula}`, `start ${formatPair(config.start)}`,
    `step ${cursor(app)} of ${config.steps}`].filter(Boolean).join(", ");
  const file = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, xmlns: SVG },
    shape("title", {}, `${surface.name}: ${describePlot(app)}`),
    shape("metadata", {}, JSON.stringify(config)),
    shape("style", {}, style),
    shape("rect", { width, height, fill: LIGHT.plot }),
    shape("text", { x: 12, y: 18, "font-weight": "bold" }, surface.name),
    shape("text", { class: "faintly", x: 12, y: 36 }, subtitle), ...picture, ...legend);
  return new XMLSerializer().serializeToString(file).replace(/var\(--(\w+)\)/g, (_, name) => LIGHT[name]);
}
function saveSvg(app) {
  const address = URL.createObjectURL(new Blob([exportSvg(app)], { type: "image/svg+xml" }));
  element("a", { href: address, download: `descent-${app.surface.key}.svg` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  say(app, "The picture is saved.");
}

// ---- mounting ----

/** What a chapter shows at once: its methods, and the controls that it asks for. */
function fewControls(app) {
  const { show = app.config.methods.map(({ method }) => `${method}.lr`) } = app.options;
  const shown = app.config.methods.map(({ method }) => method);
  const others = show.filter((name) => !shown.includes(name.split(".")[0]) && name !== "chart" && name !== "state");
  return element("div", { class: "few" },
    ...others.map((name) => control(app, name)),
    ...shown.map((key) => element("div", { class: "one" }, legendRow(app, key), element("div", {},
      ...show.filter((name) => name.split(".")[0] === key).map((name) => control(app, name))))));
}
function legendRow(app, key) {
  const status = element("span", { class: "status" });
  const box = element("input", { type: "checkbox", change: () => switchMethod(app, key, box.checked) });
  return synced(element("div", { class: "method" },
    element("label", {}, box, swatch(key), element("span", {}, METHODS[key].name)), status), () => {
    box.checked = Boolean(entryOf(app, key));
    write(status, statusText(app, key));
  });
}

function captionOf(app) {
  const name = element("b"), formula = element("span");
  return element("div", { class: "caption" }, synced(element("p", {}, name, formula), () => {
    write(name, app.surface.name);
    write(formula, app.surface.formula ? ` f(x, y) = ${app.surface.formula}` : "");
  }), makeTools(app));
}

function build(app) {
  const { options } = app, compact = Boolean(options.compact);
  const narrow = (app.host.clientWidth || 800) < 600;
  app.live = element("p", { class: "hidden", role: "status", "aria-live": "polite" });
  app.stage = element("div", { class: "stage" });
  app.plot = makePlot(app);
  app.handle = makeHandle(app);
  const message = element("p", { class: "message" });
  app.stage.append(app.plot.ground, app.plot.svg, app.handle, synced(message, () => {
    message.hidden = !app.surface.error;
    write(message, app.surface.error ?? "");
  }));
  app.chart = makeChart(app);
  const told = synced(element("p", { class: "say" }), (p) => write(p, story(app)));
  const left = element("div", { class: "left" }, captionOf(app), app.stage, makeTransport(app), told);
  const shown = (name, node) => (options.hide?.includes(name) ? "" : node);
  const opened = !compact && !narrow;
  const surface = shown("surface", surfacePanel(app, opened));
  const methods = shown("methods", methodsPanel(app, !compact));
  const chart = shown("chart", chartPanel(app, opened || options.show?.includes("chart")));
  const state = shown("state", statePanel(app, opened || options.show?.includes("state")));
  const share = shown("share", sharePanel(app, opened));
  if (!compact) {
    left.append(chart);
    return [left, element("div", { class: "right" }, surface, methods, share), element("div", { class: "below" }, state)];
  }
  const asked = [["chart", chart], ["state", state]].filter(([name]) => options.show?.includes(name)).map(([, node]) => node);
  const rest = [surface, methods, chart, state, share].filter((node) => !asked.includes(node));
  const page = element("a", {}, "Open in the playground");
  left.append(fewControls(app), ...asked, element("details", { class: "more panel" }, element("summary", {}, "More"),
    synced(element("p", {}, page), (p) => {
      p.hidden = !linkOf(app);
      page.href = linkOf(app) || "#";
    }), ...rest));
  return [left];
}

/**
 * Mount a playground in an element: {config, data, options} as in the book's
 * placeholders. Options: compact, show (names of controls), hide (names of panels),
 * page (address of the playground's page), hash (keep the setting in this page's
 * address), changed (called with the config after a reader's change).
 * Returns {config, set, play, pause, stats, svg, destroy}.
 */
function mount(host, { config = {}, data = {}, options = {} } = {}) {
  const root = host.attachShadow ? element("div") : host;
  const shadow = root.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [looks()];
  host.append(root);
  const start = options.hash ? fromAddress(config) : validate(config);
  const app = {
    host, root: shadow, data, options, initial: withDefaults(config), config: start.config,
    traces: [], done: new Map(), pending: [], memory: new Map(), stats: { frames: 0 },
  };
  app.player = makePlayer({
    advance: (steps) => advance(app, steps),
    speed: () => app.config.view.speed,
    calm: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
    length: () => app.rest,
  });
  compute(app);
  const all = element("div", { class: `all ${options.compact ? "compact" : "full"}`, "data-lm-suppress-shortcuts": "true" });
  const theme = () => mark(all, "data-theme", isDark() ? "dark" : "light");
  theme();
  all.append(element("div", { class: "body", role: "group", "aria-label": "Playground of optimizers" }, ...build(app)), app.live);
  shadow.append(all);
  const stops = [watchTheme(theme), watchSize(app), watchSight(app), keepKeys(all)];
  if (options.hash) stops.push(watchAddress(app, config));
  listenToStage(app);
  draw(app);
  if (start.notes.length) say(app, start.notes.join(" "));
  return {
    get config() { return app.config; },
    get stats() { return app.stats; },
    get playing() { return app.player.playing && !app.player.asleep; },
    set(changed) {
      if (same(withDefaults(changed), app.config)) return;
      app.config = withDefaults(changed);
      request(app);
    },
    svg: () => exportSvg(app),
    destroy() {
      app.player.pause();
      cancelAnimationFrame(app.waiting);
      clearTimeout(app.saying);
      clearTimeout(app.remembering);
      for (const stop of stops) stop();
      root.remove();
    },
  };
}

/** Read the page's address: the config given, or the one that a link carries. */
function fromAddress(config) {
  let hash = "";
  try {
    hash = location.hash.slice(1);
  } catch { /* a host without an address */ }
  return hash.includes("=") ? decode(hash) : validate(config);
}
function watchAddress(app, config) {
  const read = () => {
    const { config: linked, notes } = fromAddress(config);
    app.config = linked;
    request(app);
    say(app, notes.join(" "));
  };
  addEventListener("hashchange", read);
  return () => removeEventListener("hashchange", read);
}
function watchSize(app) {
  const observer = new ResizeObserver(() => request(app));
  observer.observe(app.stage);
  observer.observe(app.chart.box);
  return () => observer.disconnect();
}
/** Sleep while out of sight. */
function watchSight(app) {
  let seen = true;
  const update = () => app.player.sleep(!seen || document.hidden);
  const observer = new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    update();
  });
  observer.observe(app.stage);
  document.addEventListener("visibilitychange", update);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", update);
  };
}
/** Keys pressed here are meant for here: neither a notebook nor a page acts on them. */
function keepKeys(all) {
  const stop = (event) => event.stopPropagation();
  for (const name of ["keydown", "keypress", "keyup"]) all.addEventListener(name, stop);
  return () => {};
}

/** anywidget's entry: show a model's config, and give it back when the reader changes it. */
function render({ model, el }) {
  const read = (name) => model.get(name) ?? {};
  const shown = mount(el, {
    config: read("config"), data: read("data"),
    options: { ...read("options"), changed(config) {
      model.set("config", config);
      model.save_changes?.();
    } },
  });
  const update = () => shown.set(read("config"));
  model.on?.("change:config", update);
  return () => {
    model.off?.("change:config", update);
    shown.destroy();
  };
}

/** Mount every placeholder under `root` when it comes near; returns how to stop. */
function mountAll(root = document) {
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      mountPlaceholder(target);
    }
  }, { rootMargin: "800px" });
  for (const target of root.querySelectorAll(".descent-playground[data-config]")) observer.observe(target);
  return () => observer.disconnect();
}
function mountPlaceholder(target) {
  const read = (name) => {
    try {
      return JSON.parse(target.dataset[name] || "{}");
    } catch {
      return {};
    }
  };
  const still = [...target.children], height = target.offsetHeight;
  const place = element("div");
  target.append(place);
  place.style.minHeight = `${height}px`;
  for (const child of still) child.hidden = true;
  try {
    target.playground = mount(place, { config: read("config"), data: read("moments"), options: read("options") });
  } catch (problem) {
    place.remove(); // the static figure stays
    for (const child of still) child.hidden = false;
    throw problem;
  }
}

export default {
  SURFACES, METHODS, SCHEDULES, VIEW, LIMITS, DEFAULTS, withDefaults, validate, methodDefaults,
  surfaceOf, rate, memory, run, noiseFrom, parseExpression, encode, decode, toPython, narrate, equationAt,
  formatNumber, formatPair, mount, mountAll, render,
};
