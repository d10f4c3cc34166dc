/*
 * The playground of the book Descent: optimizers on surfaces of two variables.
 *
 * One ES module without imports or side effects, served to notebooks and pages alike.
 * Up to the player it is arithmetic: pure functions in float64 that know no page.
 * `run(config)` gives a trace of every state variable; all drawing reads that trace.
 */

// ---- tables: all that is data, in JSON, which `playground.py` reads too ----

// numbers: names and limits of what can be adjusted. shown: methods until one chooses.
// surfaces: formula as for parseExpression; settings by method: what works well there,
// else what works for the method it is "like", else the method's own.
// methods: look of figures.STYLES (dash in units of the line's width); rule: rows [what
// it computes, how], where {v} is of this step, {v-} of the step before, {^t} raised t.
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
    "every": { "label": "steps between two drops", "symbol": "",
      "min": 1, "max": 5000, "integer": true },
    "factor": { "label": "factor of each drop", "symbol": "",
      "min": 0.01, "max": 1, "step": 0.01 },
    "decay": { "label": "decay", "symbol": "c", "min": 0.0001, "max": 10, "log": true },
    "power": { "label": "power", "symbol": "p", "min": 0, "max": 3, "step": 0.05 },
    "kappa": { "label": "condition number", "symbol": "κ",
      "min": 1, "max": 1000, "log": true },
    "angle": { "label": "rotation in degrees", "symbol": "",
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
      "words": "steep across and flat along",
      "params": { "kappa": 20, "angle": 0 },
      "domain": [[-6.5, 3.5], [-4, 4]], "start": [-5, -2], "steps": 100,
      "settings": {
        "gd": { "lr": 0.4 }, "sgd": { "lr": 0.1 },
        "momentum": { "lr": 0.6, "momentum": 0.5 },
        "nesterov": { "lr": 0.2, "momentum": 0.8 }, "adagrad": { "lr": 2 },
        "rmsprop": { "lr": 0.4 },
        "adam": { "lr": 0.4 }
      }
    },
    "bowl": {
      "name": "Bowl",
      "words": "the first surface of the book",
      "formula": "x² + 2 y²",
      "domain": [[-6.5, 3.5], [-4, 4]], "start": [-5, -2], "steps": 100,
      "settings": {
        "momentum": { "lr": 0.1, "momentum": 0.5 }, "adagrad": { "lr": 1 },
        "rmsprop": { "lr": 0.2 },
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
        "newton": { "damping": 50 }
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
        "adagrad": { "lr": 1 }, "rmsprop": { "lr": 0.1 }
      }
    },
    "booth": {
      "name": "Booth",
      "words": "a quadratic whose axes are turned by 45°",
      "formula": "(x + 2 y - 7)² + (2 x + y - 5)²",
      "domain": [[-10, 10], [-10, 10]], "start": [-8, -8], "steps": 150,
      "settings": {
        "sgd": { "lr": 0.05 }, "momentum": { "momentum": 0.5 },
        "adagrad": { "lr": 10 }, "rmsprop": { "lr": 0.4 }, "adam": { "lr": 1 }
      }
    },
    "rastrigin": {
      "name": "Rastrigin",
      "words": "an egg box: a run ends in a pit near its start",
      "formula": "20 + x² + y² - 10 cos(2 pi x) - 10 cos(2 pi y)",
      "domain": [[-5.12, 5.12], [-5.12, 5.12]], "start": [-2, 3.5], "steps": 200,
      "settings": {
        "gd": { "lr": 0.002 }, "momentum": { "lr": 0.002 },
        "newton": { "damping": 10 },
        "adam": { "lr": 0.3 }
      }
    },
    "airfoil": {
      "name": "Airfoil",
      "words": "the loss on the airfoil data over two weights",
      "weights": [1, 4],
      "domain": [[-1.6, 1.6], [-1.6, 1.6]], "start": [1, 1], "steps": 100,
      "settings": {
        "gd": { "lr": 0.5 }, "sgd": { "lr": 0.1 },
        "momentum": { "lr": 0.3, "momentum": 0.5 }
      }
    },
    "custom": {
      "name": "Your own",
      "words": "a function that you write",
      "expression": "x^2/4 + y^2 + sin(2x) cos(2y)",
      "domain": [[-4, 4], [-4, 4]], "start": [-3, 2], "steps": 300,
      "settings": {
        "gd": { "lr": 0.2 }, "sgd": { "lr": 0.1 }, "nesterov": { "lr": 0.2 },
        "newton": { "damping": 3 }
      }
    }
  },
  "schedules": {
    "constant": { "name": "constant", "hyper": {} },
    "piecewise": { "name": "piecewise constant", "hyper": { "every": 25, "factor": 0.5 } },
    "exponential": { "name": "exponential", "hyper": { "decay": 0.1 } },
    "polynomial": { "name": "polynomial", "hyper": { "decay": 0.1, "power": 0.5 } },
    "cosine": { "name": "cosine", "hyper": {} }
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
      "hyper": { "lr": 1, "rho": 0.9, "eps": 0.01 },
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

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻";
const inDigits = (digits) => (n) =>
  String(n).replace(/[-\d]/g, (digit) => digits["0123456789-".indexOf(digit)]);
const below = inDigits("₀₁₂₃₄₅₆₇₈₉₋"), above = inDigits(RAISED);

/** Write a number to three significant digits, with a true minus sign. */
function formatNumber(value) {
  if (Number.isNaN(value)) return "undefined";
  const size = Math.abs(value);
  let text = String(Number(value.toPrecision(size >= 1000 ? 5 : 3)));
  if (size === Infinity) text = value < 0 ? "-∞" : "∞";
  else if (size >= 1e5 || (size > 0 && size < 1e-3)) {
    const [mantissa, exponent] = value.toExponential(2).split("e");
    text = `${Number(mantissa)}·10${above(Number(exponent))}`.replace(/^(-?)1·/, "$1");
  }
  return text.replace("-", "−");
}

const formatPair = ([x, y]) => `(${formatNumber(x)}, ${formatNumber(y)})`;

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
];

// Forward differentiation. A row is a node's [f, ∂x, ∂y, ∂x∂x, ∂x∂y, ∂y∂y], of which the
// first n are wanted: 1, 3 or 6. `o` is the node's row, a and b its operands'.
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
  "^": (o, a, b, n) => {
    const c = b[0];
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

/** Parse text into a tree of {op, a, b} and {op: "number", v}, or throw a sentence. */
function parse(source) {
  if (source.length > LIMITS.characters) {
    throw `The function has ${source.length} characters; ` +
      `at most ${LIMITS.characters} are read. Shorten it.`;
  }
  let text = source;
  for (const [pattern, plain] of SPELLINGS) text = text.replace(pattern, plain);
  const pattern = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-zπ]+)|([⁰¹²³⁴-⁹]+)|(\S))/y;
  let token, depth = 0, bars = 0;

  function fail(reason, { end, text: at, place } = token) {
    const where = end ? "At the end" : `At “${at.slice(0, 20)}” (character ${place + 1})`;
    throw `${where}: ${reason}.`;
  }
  function advance() {
    const match = pattern.exec(text);
    if (!match) return (token = { end: true });
    const [all, number, name, raised, sign] = match;
    const letters = /^[xy]{2,}$/.test(name) ? name.length - 1 : 0; // xy² is x·y²
    const found = all.trim().slice(0, -letters || undefined);
    const place = (pattern.lastIndex -= letters) - found.length;
    return (token = { text: found, number, name: name && found, raised, sign, place });
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
    if (at.raised) {
      advance();
      const v = Number([...at.raised].map((digit) => RAISED.indexOf(digit)).join(""));
      return node("^", base, { op: "number", v }, at);
    }
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
    if (at.sign || at.raised) fail(`${unknown(at)}; a number, x, y or a function was expected`);
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
    if (name === "x" || name === "y") return { op: name };
    return fail("this name is not known; known are x, y, " +
      `${Object.keys(FUNCTIONS).join(", ")}, ln, pi, e. Put * between factors`, at);
  }

  if (advance().end) throw "The function is empty; write one of x and y, as x^2 + 3y^2.";
  const tree = sum();
  return token.end ? tree : fail(unknown(token));
}

/** Return a function (x, y, n) to a tree's row, which its next call overwrites. */
function differentiator(tree) {
  // plain arrays are faster, if all hold fractions from the start
  const rowOf = (...known) =>
    Object.assign([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0, 0, 0], known);
  const X = rowOf(NaN, 1), Y = rowOf(NaN, 0, 1);
  const rows = [];
  function place({ op, a, b, v }) {
    if (op === "x") return X;
    if (op === "y") return Y;
    if (op === "number") return rowOf(v);
    const row = { rule: RULES[op], a: place(a), b: b && place(b), out: rowOf(NaN) };
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
 * 2·x, FUNCTIONS, pi and e. Nothing is run as a program. Returns {f, grad, hess, tree},
 * with exact derivatives, or {error}: a sentence with what is wrong, where, and a remedy.
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
  if (abs(b) > abs(a)) {
    const ratio = a / b, second = (p - ratio * q) / (b - ratio * d);
    return [(q - d * second) / b, second];
  }
  const ratio = b / a, second = (q - ratio * p) / (d - ratio * b);
  return [(p - b * second) / a, second];
}

/** Complete a surface with its minima, by Newton's method from `guesses`, and f*. */
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

/** A number as a further term. */
const term = (v) => (v < 0 ? `- ${-v}` : `+ ${v}`);

/** The usual start, turned with the valley. */
function startOf({ start: [x, y] }, { angle = 0 }) {
  const turn = (angle * PI) / 180;
  return angle ? [x * cos(turn) - y * sin(turn), x * sin(turn) + y * cos(turn)] : [x, y];
}

// The book's valley 0.1x² + 2y² is the one of condition number 20.
function makeValley({ params: { kappa, angle } }) {
  const turn = (angle * PI) / 180, c = cos(turn), s = sin(turn);
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

// The loss ½ MSE over two weights, the others at the least-squares optimum.
function makeAirfoil({ weights: [i, j] }, data) {
  const { gram, optimum, floor, names } = data?.airfoil ?? data ?? {};
  if (!gram) {
    return { ...NOWHERE, error: "The airfoil's data are not on this page; choose another surface." };
  }
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
 * Return the surface of a config with all bound in: {key, name, words, formula, f, grad,
 * hess, domain, start, minima, fmin (null if unknown), settings}; where it cannot be
 * computed, its values are NaN and `error` says why.
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

// ---- optimizers: torch's update forms ----

// A step changes a method's memory m: its position m.x, its state by key, and m.rate, by
// which each coordinate's gradient, or the average in its place, is multiplied. g is the
// gradient, h the hyperparameters, lr this step's rate.

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
    const root = sqrt(m.s[i]) + eps;
    m.rate[i] = lr / root;
    m.x[i] -= (lr * g[i]) / root;
  }
}

function adadeltaStep(m, g, { rho, eps }, lr) {
  for (let i = 0; i < 2; i++) {
    m.s[i] = rho * m.s[i] + (1 - rho) * g[i] * g[i];
    const ratio = sqrt(m.delta[i] + eps) / sqrt(m.s[i] + eps);
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
  const size = lr / (1 - m.beta1t), rootWeight = sqrt(1 - m.beta2t);
  for (let i = 0; i < 2; i++) {
    const square = g[i] * g[i];
    m.v[i] = beta1 * m.v[i] + (1 - beta1) * g[i];
    m.s[i] = yogi ? m.s[i] + (1 - beta2) * square * sign(square - m.s[i])
      : beta2 * m.s[i] + (1 - beta2) * square;
    const s = m.max ? (m.max[i] = Math.max(m.max[i], m.s[i])) : m.s[i];
    const root = sqrt(s) / rootWeight + eps;
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
}));

/** Return a method's memory before its first step. */
function memory(method, start) {
  const m = { x: Float64Array.from(start), rate: new Float64Array(2), beta1t: 1, beta2t: 1 };
  for (const { key } of METHODS[method].state) m[key] = new Float64Array(2);
  return m;
}

// ---- run ----

const CONVERGED = 1e-4; // above the lowest value, where that is known
const FLAT = 1e-6; // length of the gradient, where it is not

/**
 * Return a function that draws noise of mean 0 and variance 1: a linear congruential
 * generator of 32 bits, and sums of twelve uniform numbers less six. Whole numbers and
 * sums are the same on every machine and in every language.
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

/** Follow one method; see run. */
function follow(surface, config, spec) {
  const { steps } = config, { state, step } = METHODS[spec.method];
  const one = () => new Float64Array(steps + 1), two = () => new Float64Array(2 * steps + 2);
  const rows = { points: two(), grads: two(), effective: two(),
    losses: one(), distances: one(), rates: one() };
  const states = Object.fromEntries(state.map(({ key }) => [key, two()]));
  const { points, grads, effective, losses, distances, rates } = rows;
  const m = memory(spec.method, config.start), { factor } = SCHEDULES[spec.schedule];
  const kept = state.map(({ key }) => [states[key], m[key]]);
  const noise = spec.method === "sgd" && noiseFrom(config.seed);
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
    for (let j = 0; j < 2; j++) {
      if (noise) g[j] += spec.noise * noise();
      points[i + j] = m.x[j];
      grads[i + j] = g[j];
      effective[i + j] = m.rate[j];
      for (let n = 0; n < kept.length; n++) kept[n][0][i + j] = kept[n][1][j];
    }
    losses[k] = loss;
    distances[k] = distance(surface.minima, x, y);
    rates[k] = lr;
    lr = spec.lr * factor(spec, k + 1, steps);
    step(m, g, spec, lr, spec.method === "newton" && surface.hess(x, y));
  }
  const made = (array) => array.subarray(0, (array.length / (steps + 1)) * k);
  return { method: spec.method, spec, status, at, ...mapValues(rows, made),
    states: mapValues(states, made) };
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
  return least === Infinity ? NaN : sqrt(least);
}

/**
 * Run every method of a config: {surface, traces}. In a trace, row k belongs to the
 * point after k steps:
 *   points, grads (as the next step uses it, with noise), effective (m.rate of step k),
 *   states by key: Float64Arrays of 2(n + 1), x and y in turn;
 *   losses, distances (to the nearest minimum; NaN if none is known), rates: of n + 1;
 *   status: "running", "converged" (see CONVERGED, FLAT) or "diverged" (no finite number
 *   any more; the rows end before it), and `at`, the first step where that is so.
 */
function run(config, data) {
  const surface = surfaceOf(config, data);
  return { surface, traces: config.methods.map((spec) => follow(surface, config, spec)) };
}

// ---- what a trace says, in words and in equations ----

/** Say in a sentence what a method does at step k. */
function narrate({ method, points, losses, status, at }, k) {
  const { name } = METHODS[method], row = Math.min(k, losses.length - 1);
  if (row < 0) return `${name} cannot start: the function has no finite value there.`;
  const place = formatPair(points.subarray(2 * row)), loss = formatNumber(losses[row]);
  if (status === "diverged" && k >= at) {
    return `${name} diverged at step ${at}; before that it was at ${place}.`;
  }
  if (row === 0) return `${name} starts at ${place}, loss ${loss}.`;
  const change = losses[row] - losses[row - 1];
  const how = change > 0 ? "rising" : change < 0 ? "falling" : "unchanged";
  const done = status === "converged" && k >= at ? `; converged at step ${at}` : "";
  return `${name}, step ${row}: at ${place}, loss ${loss}, ${how}${done}.`;
}

/**
 * Return a method's rule at step k, which leads to row k of a trace of `surface`: rows
 * {symbolic, numeric}, as "vₜ = β·vₜ₋₁ + gₜ" and "v₁₂ = 0.9·(−0.1, 0.4) + (−0.03, 0.1) =
 * (−0.12, 0.46)". `numeric` is "" at the start and beyond the end.
 */
function equationAt({ method, spec, rates, points, grads, states }, k, surface) {
  const { rule, hyper } = METHODS[method], v = {};
  const known = k > 0 && k < rates.length;
  const both = (f) => [f(0), f(1)], row = (array, at) => both((i) => array[2 * at + i]);
  if (known) {
    for (const [key, array] of [["x", points], ...Object.entries(states)]) {
      v[key] = row(array, k);
      v[`${key}-`] = row(array, k - 1);
    }
    v.g = row(grads, k - 1);
  }
  if (known && method === "newton") {
    const [a, b, d] = (v.H = surface.hess(...v["x-"]));
    v.d = solve([a + spec.damping, b, d + spec.damping], v.g);
  }
  if (v.delta) {
    v.gPrime = both((i) => sqrt((v["delta-"][i] + spec.eps) / (v.s[i] + spec.eps)) * v.g[i]);
  }
  if (v.v && v.s) {
    v.vHat = both((i) => v.v[i] / (1 - Math.pow(spec.beta1, k)));
    v.sHat = both((i) => (v.max ?? v.s)[i] / (1 - Math.pow(spec.beta2, k)));
  }
  const text = (value) => value.length > 2
    ? `[${value.map(formatNumber).join(", ")}]` : formatPair(value);
  const isHyper = (key) => hyper.some((entry) => entry.key === key);
  const symbol = (key) => {
    if (key === "^t") return "ᵗ";
    if (isHyper(key)) return SYMBOLS[key] + (key === "lr" && spec.schedule !== "constant" ? "ₜ" : "");
    return key.endsWith("-") ? `${SYMBOLS[key.slice(0, -1)]}ₜ₋₁` : `${SYMBOLS[key]}ₜ`;
  };
  const number = (key) => key === "^t" ? above(k)
    : isHyper(key) ? formatNumber(key === "lr" ? rates[k] : spec[key]) : text(v[key]);
  const fill = (template, put) => template.replace(/\{([^}]+)\}/g, (_, key) => put(key));
  return rule.map(([result, how]) => ({
    symbolic: `${symbol(result)} = ${fill(how, symbol)}`,
    numeric: !known ? ""
      : `${SYMBOLS[result]}${below(k)} = ${fill(how, number)} = ${text(v[result])}`,
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

/** Return a method's entry of a config, with what suits a surface. */
function methodDefaults(surface, method) {
  const { settings } = SURFACES[surface];
  const good = { ...settings[METHODS[method].like], ...settings[method] };
  const hyper = METHODS[method].hyper.map(({ key, default: usual }) => [key, good[key] ?? usual]);
  return { method, ...Object.fromEntries(hyper), schedule: "constant" };
}

/**
 * Turn any JSON into a valid config: {config, notes}. What is missing gets defaults,
 * numbers are clamped, unknown keys dropped; notes are sentences that say so.
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
      const method = own(entry, "method") ?? entry; // a name alone will do
      if (typeof method !== "string" || !Object.hasOwn(METHODS, method)) {
        note(`methods: ${quoted(method)} is not known; it was left out.`);
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

// A link's hash is key=value joined by &: a config's fields, the surface's numbers, the
// view's, and by method `name:value` joined by commas.
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const FIELDS = ["surface", "expression", "weights", "start", "steps", "seed"];
const PARAMS = TABLES.surfaces.valley.params;
const HASH_LIMIT = 8000;

/** Return a link's hash: all that differs from the surface's defaults. */
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
// What makes each method of the parameters p; torch refuses Nesterov's with β = 0.
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

const CALM_PAUSE = 800; // milliseconds before each jump

/**
 * Return a player that calls `advance(steps)` while it plays, until that is false:
 * `speed()` steps a second or, where motion is to be reduced, `jump()` now and then.
 */
function makePlayer({ advance, speed, jump }) {
  let playing = false, asleep = false, frame = 0, timer = 0, last = 0, carry = 0;

  function go(now) {
    playing = now;
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    if (!playing || asleep) return;
    last = performance.now();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      timer = setTimeout(() => go(advance(jump())), CALM_PAUSE);
    } else {
      frame = requestAnimationFrame(turn);
    }
  }
  function turn(now) {
    carry += (within(now - last, 0, 250) / 1000) * speed();
    last = now;
    const whole = Math.floor(carry);
    carry -= whole;
    if (whole > 0) playing = advance(whole);
    if (playing) frame = requestAnimationFrame(turn);
  }
  return {
    get playing() { return playing; },
    get moving() { return playing && !asleep; },
    play: () => go(true),
    pause: () => go(false),
    sleep(now) {
      asleep = now;
      go(playing);
    },
  };
}

// ---- geometry: from numbers to path text ----

const FINE = 10; // coordinates in path text are whole tenths of a pixel
const FAR = 1e6; // pixels; nothing is further away
const CELL = 5, GRAIN = 2; // pixels: samples of a surface; what a line has covered
const SAMPLING = 15; // milliseconds; what takes longer is done more coarsely
const within = (value, low, high) => Math.min(Math.max(value, low), high);
const at = (x, y) => `${Math.round(x * FINE)} ${Math.round(y * FINE)}`;

/** Fit a domain into width × height pixels, both axes to the same scale. */
function makeFrame([[x0, x1], [y0, y1]], width, height) {
  const scale = Math.min(width / (x1 - x0), height / (y1 - y0));
  const left = (x0 + x1 - width / scale) / 2, bottom = (y0 + y1 - height / scale) / 2;
  return {
    width, height, scale,
    domain: [[left, left + width / scale], [bottom, bottom + height / scale]],
    to: ([x, y]) => [
      within((x - left) * scale, -FAR, FAR), within(height - (y - bottom) * scale, -FAR, FAR),
    ],
    from: (px, py) => [left + px / scale, bottom + (height - py) / scale],
    holds: (px, py) => px >= 0 && px <= width && py >= 0 && py <= height,
  };
}

/** Return the part of a line that lies in the frame and a margin, or null. */
function clipped([x0, y0], [x1, y1], frame) {
  if (frame.holds(x0, y0) && frame.holds(x1, y1)) return [x0, y0, x1, y1];
  const dx = x1 - x0, dy = y1 - y0, margin = 30;
  const sides = [
    [-dx, x0 + margin], [dx, frame.width + margin - x0],
    [-dy, y0 + margin], [dy, frame.height + margin - y0],
  ];
  let begin = 0, end = 1;
  for (const [step, room] of sides) {
    if (step === 0 && room < 0) return null;
    if (step < 0) begin = Math.max(begin, room / step);
    if (step > 0) end = Math.min(end, room / step);
  }
  return begin > end ? null : [x0 + begin * dx, y0 + begin * dy, x0 + end * dx, y0 + end * dy];
}

/** Return a function: does a piece of line cover pixels not covered yet? */
function makeCover({ width, height }) {
  const columns = Math.ceil(width / GRAIN);
  const covered = new Uint8Array(columns * Math.ceil(height / GRAIN));
  return (x0, y0, x1, y1) => {
    const count = Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0)) / GRAIN) || 1;
    let fresh = false;
    for (let i = 0; i <= count; i++) {
      const column = Math.floor((x0 + ((x1 - x0) * i) / count) / GRAIN);
      const cell = column + columns * Math.floor((y0 + ((y1 - y0) * i) / count) / GRAIN);
      if (column < 0 || column >= columns || covered[cell] !== 0) continue;
      covered[cell] = 1;
      fresh = true;
    }
    return fresh;
  };
}

/**
 * Turn points into the text of a line and of dots, one a step; what falls on what is
 * drawn already is left out. `lines` and `dots` say how much of either text belongs to
 * each of `steps`, those kept: a path up to any step is a piece of the text.
 */
function makeTrail(points, frame) {
  const trail = { steps: [], lines: [], dots: [], line: "", dot: "" };
  const last = points.length / 2 - 1, isNew = makeCover(frame);
  const far = ([ax, ay], [bx, by]) => Math.abs(ax - bx) + Math.abs(ay - by);
  let before, pen, dotted = [NaN, NaN];
  for (let k = 0; k <= last; k++) {
    const point = frame.to([points[2 * k], points[2 * k + 1]]);
    if (k > 0) {
      if (k < last && far(point, before) < 0.7) continue;
      const part = clipped(before, point, frame);
      if (part && isNew(...part)) {
        const begin = at(part[0], part[1]), end = at(part[2], part[3]);
        trail.line += `${begin === pen ? "" : `M${begin}`}L${end}`;
        pen = end;
      }
    }
    if (frame.holds(...point) && !(far(point, dotted) < 7)) {
      trail.dot += `M${at(...point)}h0`;
      dotted = point;
    }
    before = point;
    trail.steps.push(k);
    trail.lines.push(trail.line.length);
    trail.dots.push(trail.dot.length);
  }
  return trail;
}

function trailUpTo({ steps, lines, dots, line, dot }, k) {
  const last = steps.findLastIndex((step) => step <= k);
  return [line.slice(0, lines[last]), dot.slice(0, dots[last])];
}

function roundTicks(low, high, count) {
  const rough = (high - low) / count, size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((factor) => size * factor >= rough);
  const decimals = within(-Math.floor(Math.log10(step) + 1e-9), 0, 12), ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) {
    ticks.push([i * step, (i * step).toFixed(decimals).replace("-", "−")]);
  }
  return ticks;
}

/** Sample f over a frame: {heights, columns, cell}; what is undefined is high. */
function sample(f, frame, cell = CELL) {
  // one ring of samples beyond the frame closes every line around what is low
  const columns = Math.ceil(frame.width / cell) + 4, rows = Math.ceil(frame.height / cell) + 4;
  const heights = new Float64Array(columns * rows).fill(Infinity), begun = performance.now();
  for (let j = 1; j < rows - 1; j++) {
    if (cell < 4 * CELL && performance.now() - begun > SAMPLING) return sample(f, frame, 2 * cell);
    for (let i = 1; i < columns - 1; i++) {
      const value = f(...frame.from((i - 1.5) * cell, (j - 1.5) * cell));
      if (value < Infinity) heights[j * columns + i] = value;
    }
  }
  return { heights, columns, cell };
}

/** Choose levels: a geometric ladder above `base`, so that lines stay put in a pan. */
function chooseLevels(heights, base) {
  const known = heights.filter((value, i) => i % 4 === 0 && value < Infinity).sort();
  const part = (share) => known[Math.floor(known.length * share)] - bottom;
  const bottom = Math.min(base ?? Infinity, known[0]), top = part(0.98);
  const low = Math.max(part(0.02), top * 1e-4), levels = [];
  let density = 1;
  while (Math.log10(top / low) * density < 13 && density < 1e4) density *= 2;
  for (let i = Math.ceil(Math.log10(low) * density); top > low && levels.length < 30; i++) {
    const above = 10 ** (i / density);
    if (above > top) break;
    levels.push(bottom + above);
  }
  return levels;
}

/**
 * Return for each level the path text of closed loops around all that is below it, by
 * marching squares. Corners and sides of a cell count clockwise from the top left.
 */
function contours({ heights, columns, cell }, levels) {
  let rank = 0;
  const ranks = Uint8Array.from(heights, (height) => {
    while (rank > 0 && levels[rank - 1] > height) rank--;
    while (levels[rank] <= height) rank++;
    return rank;
  });
  const crossed = levels.map(() => []);
  for (let corner = 0; corner < heights.length - columns - 1; corner++) {
    const under = corner + columns;
    const a = ranks[corner], b = ranks[corner + 1], c = ranks[under + 1], d = ranks[under];
    if (a === b && a === c && a === d) continue;
    for (let i = Math.min(a, b, c, d); i < Math.max(a, b, c, d); i++) {
      crossed[i].push([corner, [a <= i, b <= i, c <= i, d <= i]]);
    }
  }
  const next = new Int32Array(2 * heights.length).fill(-1);
  return levels.map((level, i) => trace(level, crossed[i]));

  function trace(level, cells) {
    for (const [corner, low] of cells) {
      const sides = [2 * corner, 2 * corner + 3, 2 * (corner + columns), 2 * corner + 1];
      for (let i = 0; i < 4; i++) { // a piece leads to what is low, and along it
        if (low[i] || !low[(i + 1) % 4]) continue;
        let end = i + 1;
        while (low[(end + 1) % 4]) end++;
        next[sides[i]] = sides[end % 4];
      }
    }
    let text = "";
    for (const [corner] of cells) {
      for (const first of [2 * corner, 2 * corner + 1]) {
        let pen = "M";
        for (let side = first, after; (after = next[side]) >= 0; side = after) {
          text += pen + point(side, level);
          next[side] = -1;
          pen = "L";
        }
        if (pen === "L") text += "Z";
      }
    }
    return text;
  }
  function point(side, level) {
    const corner = side >> 1, upright = side & 1, other = corner + (upright ? columns : 1);
    const ratio = (level - heights[corner]) / (heights[other] - heights[corner]);
    const part = ratio > 0 && ratio < 1 ? ratio : 0.5, row = Math.floor(corner / columns);
    return at((corner - row * columns + (upright ? 0 : part) - 1.5) * cell,
      (row + (upright ? part : 0) - 1.5) * cell);
  }
}

function arrowText(x0, y0, x1, y1, most = 9) {
  const length = Math.hypot(x1 - x0, y1 - y0), size = Math.min(most / length, 0.45);
  if (length < 2) return "";
  const dx = (x1 - x0) * size, dy = (y1 - y0) * size, tip = at(x1, y1);
  const corner = (turn) => at(x1 - dx - turn * dy, y1 - dy + turn * dx);
  return `M${at(x0, y0)}L${tip}M${corner(0.45)}L${tip}L${corner(-0.45)}`;
}

/** Return path text of arrows that point downhill. */
function fieldText(grad, frame, spacing = 32, half = 10) {
  let text = "";
  for (let py = spacing / 2; py < frame.height; py += spacing) {
    for (let px = spacing / 2; px < frame.width; px += spacing) {
      const [gx, gy] = grad(...frame.from(px, py)), size = Math.hypot(gx, gy) / half;
      if (size > 0 && size < Infinity) {
        text += arrowText(px + gx / size, py - gy / size, px - gx / size, py + gy / size, 5);
      }
    }
  }
  return text;
}

/** Return path text of values against steps, a point wherever it can be seen. */
function curveText(values, toX, toY) {
  let text = "", column, low, high;
  values.forEach((value, k) => {
    const y = toY(value), same = Math.floor(toX(k) / 2) === column;
    if (same && y > low - 1 && y < high + 1) return;
    low = same ? Math.min(low, y) : y;
    high = same ? Math.max(high, y) : y;
    column = Math.floor(toX(k) / 2);
    text += `${text ? "L" : "M"}${at(toX(k), y)}`;
  });
  return text;
}

// ---- elements ----

const SVG = "http://www.w3.org/2000/svg";

function equip(target, properties, children = []) {
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") target.addEventListener(key, value);
    else if (target.namespaceURI !== SVG && key in target) target[key] = value;
    else target.setAttribute(key, value);
  }
  target.append(...children.filter(Boolean));
  return target;
}
/** Make an element: properties, attributes, listeners (by event name), children. */
const element = (name, properties = {}, ...children) =>
  equip(document.createElement(name), properties, children);
const shape = (name, attributes = {}, ...children) =>
  equip(document.createElementNS(SVG, name), attributes, children);
const division = (className, ...children) => element("div", { class: className }, ...children);
const path = (className, d, more) => shape("path", { class: className, d, ...more });
const label = (text, x, y, anchor = "start", look = "faintly") =>
  shape("text", { class: look, x, y, "text-anchor": anchor }, text);

function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
function mark(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value);
  }
}
/** Have `sync(target)` called now and with every frame. */
function synced(target, sync) {
  target.classList.add("sync");
  target.sync = sync;
  sync(target);
  return target;
}
/** Build an element's children anew whenever `key()` has changed. */
const rebuilt = (target, key, build) => synced(target, () => {
  const now = key();
  if (now === target.builtFor) return;
  target.builtFor = now;
  target.replaceChildren(...build().filter(Boolean));
});

const ICONS = {
  Play: "M7 4L20 12L7 20Z",
  Pause: "M6 4h4v16h-4ZM14 4h4v16h-4Z",
  back: "M18 4L8 12L18 20ZM5 4h2v16h-2Z",
  forward: "M6 4L16 12L6 20ZM17 4h2v16h-2Z",
  start: "M20 4L12 12L20 20ZM12 4L4 12L12 20ZM2 4h2v16h-2Z",
  nearer: "M11 5h2v6h6v2h-6v6h-2v-6h-6v-2h6Z",
  farther: "M5 11h14v2h-14Z",
  whole: "M3 5h18v14h-18ZM5 7v10h14v-10Z",
  pan: "M12 1L16 7H8ZM12 23L8 17H16ZM1 12L7 8V16ZM23 12L17 16V8Z",
  open: "M9 5L17 12L9 19Z",
};
const button = (icon, label, click, more = {}) => element("button", {
  type: "button", class: "round", "aria-label": label, title: label, click, ...more,
}, shape("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, path("", ICONS[icon])));
const textButton = (text, click) => element("button", { type: "button", click }, text);

/** A method's colour and dash, which is in units of the width. */
function stroke(key, width) {
  const { color, dash } = METHODS[key];
  const scaled = dash.split(" ").filter(Boolean).map((part) => part * width).join(" ");
  return { fill: "none", stroke: color, "stroke-width": width, "stroke-dasharray": scaled || "none" };
}

// ---- looks ----

const LIGHT = {
  back: "#fff", text: "#222", dim: "#555", edge: "#858e99", accent: "#06a", low: "#39e", warn: "#a32",
};
const DARK = {
  back: "#131416", text: "#eee", dim: "#aaa", edge: "#6b7885", accent: "#6be", low: "#000", warn: "#f98",
};
const variables = (palette) =>
  Object.entries(palette).map(([name, color]) => `--${name}:${color}`).join(";");
const inLight = (text) => text.replace(/var\(--(\w+)\)/g, (_, name) => LIGHT[name]);

// on the page and in an exported file
const DRAWING = `
text{font:12px system-ui,sans-serif;fill:var(--text);stroke:var(--back);stroke-width:3px;
  paint-order:stroke;stroke-linejoin:round}
.faintly{fill:var(--dim);font-size:11px}
g path:not(.outside){fill:none;stroke-linejoin:round}
.band{stroke:var(--edge);stroke-width:6;stroke-opacity:.6}
.tint.tint{fill:var(--low)}
.field{stroke:var(--edge);stroke-width:8;stroke-opacity:.8}
.ahead{stroke-opacity:.42}
.dots{stroke-linecap:round}
.grid{stroke:rgb(128 128 128/.35)}
.least,.cursor{stroke:var(--text)}
.ring{fill:var(--back);fill-opacity:.6;stroke:var(--text);stroke-width:2}
.now{stroke:var(--back);stroke-width:1.5}
.arrow{stroke-width:16;stroke-linecap:round}
.arrow:not(.step){stroke:var(--text)}
.v{stroke-dasharray:50 30}
.s{stroke-dasharray:15 25}
.reference{stroke:var(--dim);stroke-dasharray:2 3}
`;

const LOOKS = `
:host{display:block}
.all[data-theme=light]{${variables(LIGHT)};color-scheme:light}
.all[data-theme=dark]{${variables(DARK)};color-scheme:dark}
.all{container-type:inline-size;display:flex;flex-direction:column;min-height:inherit;
  background:var(--back);color:var(--text);text-align:left;
  font:max(14px,.875rem)/1.4 system-ui,sans-serif;font-variant-numeric:tabular-nums}
.all *{box-sizing:border-box}
.body,.left,.right,.inside{display:flex;flex-direction:column;gap:10px;min-width:0}
.body,.compact .left,.compact .stage{flex:1 1 auto}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
[hidden]{display:none!important}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
p,dl,dd,input{margin:0}
button,select,input,textarea{font:inherit;color:inherit;min-width:0;accent-color:var(--accent)}
button,select,[type=number],[type=text],textarea{background:var(--back);
  border:1px solid var(--edge);border-radius:5px;min-height:30px;padding:2px 6px}
button,select,summary,label{cursor:pointer}
select{max-width:100%}
[type=number]{width:5em}
[type=range]{width:100%;height:24px}
[type=checkbox]{width:16px;height:16px;flex:none}
[aria-invalid=true]{border-color:var(--warn);outline-color:var(--warn)}
.round{width:32px;min-height:32px;padding:0;display:inline-grid;place-items:center;flex:none}
.main,[aria-pressed=true]{background:var(--accent);border-color:var(--accent);color:var(--back)}
.main{width:44px}
.icon{width:16px;height:16px;fill:currentColor}
.swatch{width:30px;height:10px;flex:none}
.wide{width:100%;grid-column:2/-1}
.dim{color:var(--dim)}
.error{color:var(--warn)}
.say,.error,dd{overflow-wrap:anywhere}

.caption,.tools,.transport,.row,.choice,.head{display:flex;align-items:center;gap:6px}
.row{flex-wrap:wrap;gap:6px 12px}
.caption p{flex:1 1 auto;min-width:0;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.stage,.chart{position:relative;height:clamp(260px,56cqi,420px)}
.stage{border:1px solid rgb(128 128 128/.35);border-radius:6px;overflow:hidden;user-select:none;
  -webkit-user-select:none}
.panning{touch-action:none;cursor:grab}
.stage>svg,.chart>svg{position:absolute;inset:0;width:100%;height:100%}
.ground{will-change:transform}
.handle{position:absolute;left:-22px;top:-22px;width:44px;height:44px;border-radius:50%;
  touch-action:none;cursor:grab}
.handle:focus-visible{outline-offset:-8px}
.message{position:absolute;inset:auto 12px 12px;background:var(--back)}
.transport .range{flex:1 1 8em}
.count{min-width:5.6em;text-align:right;white-space:nowrap}
.say{min-height:2.8em}

.panel{border-top:1px solid rgb(128 128 128/.35)}
summary{padding:5px 0;font-weight:600}
.inside{gap:6px;padding:2px 0 6px}
.number{display:grid;grid-template-columns:minmax(5em,9.5em) minmax(3em,1fr) auto;
  align-items:center;gap:0 8px;min-height:32px;line-height:1.15}
.chosen{background:rgb(128 128 128/.1);border-radius:5px}
.head{padding:0 0 0 6px}
.head label{gap:8px;flex:1 1 auto;min-height:30px}
.head .dim{white-space:nowrap}
.head .round{border-color:transparent;background:none}
[aria-expanded=true] .icon{transform:rotate(90deg)}
.settings{padding:2px 8px 8px}
.chart{height:clamp(150px,30cqi,210px)}
.chart>svg{touch-action:pan-y;cursor:col-resize}
.state{display:flex;flex-wrap:wrap;gap:10px 28px;align-items:start}
table{border-collapse:collapse}
th,td{padding:1px 10px 1px 0;text-align:right;font-weight:400;white-space:nowrap}
th:first-child{text-align:left}
dl{flex:1 1 22em;min-width:0}
dd{margin-bottom:4px}
textarea{width:100%;min-height:16em;font:13px/1.4 ui-monospace,monospace;white-space:pre}
a{color:var(--accent)}
.one{display:grid;gap:0 16px;border-top:1px solid rgb(128 128 128/.35)}

@container (min-width:560px){
  .one{grid-template-columns:21em 1fr}
  .right{display:grid;grid-template-columns:1fr 1fr;gap:0 24px;align-items:start}
  .methods{grid-row:span 2}
}
@container (min-width:860px){
  .full .body{display:grid;grid-template-columns:minmax(0,1fr) 330px;gap:10px 24px;align-items:start}
  .right{display:flex}
  .below{grid-column:1/-1}
  .full .stage{height:clamp(300px,44cqi,560px)}
}
@container (max-width:480px){
  .transport{flex-wrap:wrap}
  .transport .range{order:-1;flex-basis:100%}
  .count{margin-left:auto}
  .say{min-height:4.2em}
  .caption span{display:none}
}
@media (pointer:coarse){
  .round,.main{width:44px;min-height:44px}
  .head .round,label,summary,button,select,input{min-height:40px}
}
@media (forced-colors:active){.main,[aria-pressed=true],.chosen{outline:2px solid Highlight}}
@media print{.transport,.tools,.panel:not([open]),.head .round{display:none}}
`;

const dark = () => matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark: by its own switch, or the system's. */
function isDark() {
  const { body, documentElement: root } = document;
  const said = [body.dataset.theme, root.dataset.theme, root.getAttribute("theme"),
    body.dataset.vscodeThemeKind?.slice(7), { true: "light", false: "dark" }[body.dataset.jpThemeLight]];
  const theme = said.find((one) => one === "dark" || one === "light");
  return theme ? theme === "dark" : dark().matches;
}

// ---- view: what is shown, and how it changes ----

const MOST_STEPS = NUMBERS.steps.max;
const SLICE = 20; // milliseconds of computing a frame
const SETTLED = 0.3; // pixels from where a path ends

const chosenMethod = ({ config }) => {
  const keys = config.methods.map(({ method }) => method);
  return keys.includes(config.view.chosen) ? config.view.chosen : keys[0];
};
const traceOf = (app, key) => app.traces.find((trace) => trace.method === key);
const entryOf = (app, key) => app.config.methods.find(({ method }) => method === key);
const cursor = ({ config }) => Math.min(config.view.step, config.steps);
const lastRow = (trace) => trace.losses.length - 1;
const pairAt = (array, row) => [array[2 * row], array[2 * row + 1]];
const nameOf = (key) => METHODS[key].name;

function change(app, patch) {
  app.config = withDefaults({ ...app.config, ...patch });
  request(app);
  remember(app);
}
const changeView = (app, patch) => change(app, { view: { ...app.config.view, ...patch } });
const changeMethod = (app, key, patch) => change(app, {
  methods: app.config.methods.map((spec) => (spec.method === key ? { ...spec, ...patch } : spec)),
});
/** Move the cursor; at the end it stays at the end, also of a longer run. */
const moveTo = (app, k) =>
  changeView(app, { step: k >= app.config.steps ? MOST_STEPS : Math.max(0, k) });

function chooseSurface(app, surface) {
  const { seed, methods, view: { domain, step, ...view } } = app.config;
  app.memory.clear();
  app.config = { surface, seed, view };
  change(app, { methods: methods.map(({ method }) => methodDefaults(surface, method)) });
}

/** Change a number of the surface; its usual start goes with it, as a turn asks. */
function changeParam(app, key, value) {
  const { surface, params, start } = app.config, usual = withDefaults({ surface, params });
  change(app, { params: { ...params, [key]: value }, start: same(start, usual.start) ? undefined : start });
}

/** Switch a method on or off and remember its settings. */
function switchMethod(app, key, on) {
  const { methods, surface, view } = app.config;
  for (const spec of methods) app.memory.set(spec.method, spec);
  const all = Object.keys(METHODS).filter((one) => (one === key ? on : entryOf(app, one)));
  change(app, {
    methods: all.map((one) => entryOf(app, one) ?? app.memory.get(one) ?? methodDefaults(surface, one)),
    view: on ? { ...view, chosen: key } : view,
  });
}

function request(app) {
  app.waiting ||= requestAnimationFrame(() => draw(app));
}

/** Run the methods of a changed config, as many as fit into a slice. */
function compute(app) {
  const { view, ...running } = app.config, key = JSON.stringify(running);
  if (key !== app.runKey) {
    app.runKey = key;
    app.surface = surfaceOf(app.config, app.data);
    app.pending = app.surface.error ? [] : [...app.config.methods];
    app.runs++;
    if (app.surface.error) app.done.clear();
  }
  const begun = performance.now();
  while (app.pending.length && performance.now() - begun < SLICE) {
    const [trace] = run({ ...app.config, methods: [app.pending.shift()] }, app.data).traces;
    app.done.set(trace.method, trace);
    app.runs++;
  }
  app.traces = app.config.methods.map(({ method }) => app.done.get(method))
    .filter((trace) => trace && lastRow(trace) >= 0);
  return performance.now() - begun;
}

function draw(app) {
  app.waiting = 0;
  const computing = compute(app), begun = performance.now();
  drawPlot(app);
  drawChart(app);
  for (const target of app.shadow.querySelectorAll(".sync")) target.sync(target);
  app.stats = { frames: app.stats.frames + 1, run: computing, draw: performance.now() - begun };
  if (app.pending.length) request(app);
}

/** The last step that is seen to move anything. */
const restingStep = ({ traces, frame }) => Math.max(1, ...traces.map(({ points, at: done, ...trace }) => {
  let k = lastRow(trace);
  const [x, y] = pairAt(points, k);
  const far = ([px, py]) => Math.hypot(px - x, py - y) * frame.scale > SETTLED;
  while (k > 0 && !far(pairAt(points, k - 1))) k--;
  return Math.max(k, done);
}));

// ---- view: the plot ----

const DEPTH = 0.12, TINTS = 5; // of the tint, so that lines keep their contrast
const CROWDED = 18; // pixels between points, too few for labels
const REACH = 70, MOST_REACH = 150; // pixels: longest gradient's arrow; any arrow

function makePlot(app) {
  const layer = (scale) => shape("g", scale ? { transform: `scale(${1 / FINE})` } : {});
  const plot = {
    bands: layer(true), field: layer(true), axes: layer(), trails: layer(true),
    arrows: layer(true), marks: layer(), lines: {},
  };
  // apart: the ground is not painted with the paths
  plot.ground = shape("svg", { class: "ground", "aria-hidden": "true" }, plot.bands, plot.field, plot.axes);
  plot.svg = synced(shape("svg", { role: "img" }, plot.trails, plot.arrows, plot.marks),
    (svg) => mark(svg, { "aria-label": describePlot(app) }));
  return plot;
}

const statusOf = (trace) => (trace.status === "running"
  ? `${lastRow(trace)} steps` : `${trace.status} at step ${trace.at}`);
const pathsText = ({ traces, config }) => `Paths from ${formatPair(config.start)}: ` +
  `${traces.map((trace) => `${nameOf(trace.method)} (${statusOf(trace)})`).join(", ") || "no method"}.`;
const describePlot = (app) =>
  `Contour lines of ${app.surface.name}, ${app.surface.words}. ${pathsText(app)}`;

/** The frame now, which may be ahead of the drawing. */
const frameOf = ({ config, surface, stage }) =>
  makeFrame(config.view.domain ?? surface.domain, stage.clientWidth || 600, stage.clientHeight || 400);

function drawPlot(app) {
  const { plot, config, surface } = app, frame = frameOf(app);
  const { width, height, domain } = frame;
  if (!same(app.frame?.domain, domain) || app.frame.width !== width) {
    app.frame = frame;
    for (const svg of [plot.ground, plot.svg]) mark(svg, { viewBox: `0 0 ${width} ${height}` });
  }
  const { params, expression, weights, view } = config;
  const key = JSON.stringify([width, domain, surface.key, params, expression, weights, view.field]);
  if (key !== plot.drawn) drawGround(app);
  if (plot.cell > CELL && key !== plot.coarse) { // slow just now? try once more
    plot.coarse = key;
    setTimeout(request, 500, app);
  } else {
    plot.drawn = key;
  }
  drawTrails(app);
  drawMarks(app);
}

function drawGround({ plot, frame, surface, config }) {
  const grid = sample(surface.f, frame), { width, height } = frame;
  plot.cell = grid.cell;
  const lines = contours(grid, chooseLevels(grid.heights, surface.fmin)).reverse();
  const every = Math.ceil(lines.length / TINTS) || 1;
  mark(plot.bands, { "fill-opacity": DEPTH / (Math.ceil(lines.length / every) || 1) });
  plot.bands.replaceChildren(...lines.map((line, i) => path(i % every ? "band" : "band tint", line)));
  plot.field.replaceChildren(config.view.field === "on"
    ? path("field", fieldText(surface.grad, frame)) : "");
  const [first, second] = surface.axes ?? ["x₁", "x₂"];
  const marks = [label(first, width - 6, height - 5, "end"), label(second, 5, 16)];
  const ticks = (i, size, put) => {
    for (const [v, text] of roundTicks(...frame.domain[i], size / 80)) {
      const place = frame.to([v, v])[i];
      if (place > 35 && place < size - 35) marks.push(put(text, place));
    }
  };
  ticks(0, width - 6 * first.length, (text, x) => label(text, x, height - 5, "middle"));
  ticks(1, height, (text, y) => label(text, 5, y + 4));
  for (const [x, y] of surface.minima.map(frame.to)) {
    if (frame.holds(x, y)) marks.push(path("least", `M${x - 5} ${y}h10M${x} ${y - 5}v10`));
  }
  plot.axes.replaceChildren(...marks);
}

function drawTrails(app) {
  const { plot, traces, frame } = app;
  plot.trails.replaceChildren(...traces.map((trace) => {
    const lines = plot.lines[trace.method] ??= makeLines(trace.method);
    if (lines.trace !== trace || lines.frame !== frame) {
      Object.assign(lines, { trace, frame, trail: makeTrail(trace.points, frame) });
    }
    const [line, dots] = trailUpTo(lines.trail, cursor(app)), whole = lines.trail.line;
    mark(lines.ahead, { d: line === whole ? "" : whole });
    mark(lines.taken, { d: line });
    mark(lines.dots, { d: dots });
    return lines.group;
  }));
}
function makeLines(key) {
  const line = (name, width, more) => path(name, "", { ...stroke(key, width * FINE), ...more });
  const ahead = line("ahead", 1.8), taken = line("taken", 2.2);
  const dots = line("dots", 4.6, { "stroke-dasharray": "none" });
  return { ahead, taken, dots, group: shape("g", {}, ahead, taken, dots) };
}

function drawMarks(app) {
  const { plot, frame, config, traces } = app, k = cursor(app);
  const labels = [], marks = [], points = [], start = frame.to(config.start);
  const { width, height } = frame;
  // at its place or, where that lies outside, at the edge of the picture
  function put(point, text, fill, dot) {
    if (frame.holds(...point)) return marks.push(dot);
    const [x, y] = [within(point[0], 9, width - 9), within(point[1], 9, height - 9)];
    const turn = (Math.atan2(point[1] - y, point[0] - x) * 180) / Math.PI;
    labels.push({ text, point: [x, y], tries: 24 });
    return marks.push(path("now outside", "M8 0L-6 7L-6 -7Z",
      { fill, transform: `translate(${x} ${y}) rotate(${turn})` }));
  }
  const circle = (name, [cx, cy], r, more) => shape("circle", { class: name, cx, cy, r, ...more });
  put(start, "start", "var(--text)", circle("ring", start, 7));
  if (frame.holds(...start)) labels.push({ text: "start", point: start, tries: 8, faint: true });
  for (const trace of traces) {
    const point = frame.to(pairAt(trace.points, Math.min(k, lastRow(trace))));
    const { color, name } = METHODS[trace.method];
    const text = trace.status === "diverged" && k >= trace.at ? `${name} ${statusOf(trace)}` : name;
    put(point, text, color, circle("now", point, 5.5, { fill: color }));
    if (frame.holds(...point)) points.push({ text, point, tries: 10 });
  }
  labels.unshift(...points.filter((one) => points.every((other) => one === other ||
    Math.hypot(one.point[0] - other.point[0], one.point[1] - other.point[1]) > CROWDED)));
  plot.arrows.replaceChildren(...arrowsOf(app, labels));
  plot.marks.replaceChildren(...marks, ...placeLabels(labels, frame));
  const [x, y] = [within(start[0], 0, width), within(start[1], 0, height)];
  app.handle.style.transform = `translate(${x}px,${y}px)`;
}

/** Put labels beside their points, where they hide nothing. */
function placeLabels(labels, { width, height }) {
  const taken = labels.map(({ point: [x, y] }) => [x - 8, y - 7, 16]), placed = [];
  for (const { text, point: [x, y], tries, faint } of labels) {
    const w = 7.5 * text.length;
    const free = ([left, top]) =>
      left > 2 && left + w < width - 2 && top > 2 && top + 14 < height - 2 &&
      !taken.some(([l, t, tw]) => left < l + tw && l < left + w && top < t + 14 && t < top + 14);
    for (let i = 0; i < tries; i++) {
      const row = Math.ceil((i >> 1) / 2) * (i & 2 ? -1 : 1), side = i & 1;
      const spot = [side ? x - 11 - w : x + 11, y - 7 + 14 * row, w];
      if (!free(spot)) continue;
      taken.push(spot);
      placed.push(label(text, side ? x - 11 : x + 11, spot[1] + 11, side ? "end" : "start", faint ? "faintly" : ""));
      break;
    }
  }
  return placed;
}

/** The step before which the cursor stands, or the last one. */
const stepShown = (app, trace) => Math.min(cursor(app) + 1, lastRow(trace));

/**
 * Return the chosen method's arrows: the next step, true to scale, and −g, −v and a box
 * of half sides √s to a scale that shrinks them as the root of the gradient.
 */
function arrowsOf(app, labels) {
  const { frame, config } = app, trace = traceOf(app, chosenMethod(app));
  if (config.view.arrows === "off" || !trace || lastRow(trace) < 1) return [];
  const t = stepShown(app, trace), [px, py] = frame.to(pairAt(trace.points, t - 1));
  if (!frame.holds(px, py)) return [];
  const g = pairAt(trace.grads, t - 1), { v, s } = trace.states, size = Math.hypot(...g);
  const most = trace.grads.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const factor = REACH / Math.sqrt(size * most || 1);
  const arrow = (name, [x, y]) => {
    const shrink = factor * Math.min(1, MOST_REACH / (factor * Math.hypot(x, y) || 1));
    const tip = [px - x * shrink, py + y * shrink], d = arrowText(px, py, ...tip);
    if (d) labels.push({ text: `−${name}`, point: tip, tries: 10, faint: true });
    return path(`arrow ${name}`, d);
  };
  const half = s && pairAt(s, t).map((one) => within(Math.sqrt(Math.abs(one)) * factor, 0, 400));
  const step = arrowText(px, py, ...frame.to(pairAt(trace.points, t)), 12);
  return [
    half && path("arrow s", `M${[[-1, -1], [1, -1], [1, 1], [-1, 1]]
      .map(([i, j]) => at(px + i * half[0], py + j * half[1])).join("L")}Z`),
    arrow("g", g), v && arrow("v", pairAt(v, t)),
    path("arrow step", step, { stroke: METHODS[trace.method].color, "stroke-width": 34 }),
  ].filter(Boolean);
}

// ---- view: the chart ----

const CHART = { left: 50, right: 10, top: 8, bottom: 24 };
const DEEPEST = 1e-8; // of the highest start: less counts as zero

function makeChart(app) {
  const area = shape("svg", { x: CHART.left, y: CHART.top }), grid = shape("g"), front = shape("g");
  const svg = shape("svg", { role: "img" }, grid, area, front);
  const scrub = (event) => {
    app.player.pause();
    const part = (event.clientX - svg.getBoundingClientRect().left - CHART.left) / app.chart.width;
    moveTo(app, Math.round(within(part, 0, 1) * app.config.steps));
  };
  dragged(svg, scrub);
  return { svg, area, grid, front, box: division("chart", svg) };
}

/** The chart's title, its curves, one a trace, and a line to refer to. */
function plotted({ config, surface, traces }) {
  const { plotted: what, scale } = config.view, known = surface.fmin !== null;
  if (what === "distance" && surface.minima.length) {
    return { title: "Distance to the nearest minimum", curves: () => traces.map((trace) => trace.distances) };
  }
  const losses = traces.map((trace) => trace.losses);
  if (scale === "linear") return { title: "Loss f", curves: () => losses };
  return {
    title: `Loss above the lowest${known ? ", f − f*" : " reached"}`,
    line: known && CONVERGED,
    curves() {
      const least = (one) => one.reduce((a, b) => Math.min(a, b));
      const lowest = known ? surface.fmin : Math.min(...losses.map(least));
      return losses.map((one) => one.map((value) => value - lowest));
    },
  };
}

/** The range of values to show: a run that blows up does not hide the others. */
function rangeOf(curves, log) {
  let low = Infinity, high = -Infinity;
  for (const curve of curves) {
    for (const value of curve) {
      if (!log || value > 0) low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const start = Math.max(...curves.map(([first]) => Math.abs(first)), 0);
  high = Math.min(high, (log ? start * 1e3 : low + 4 * (start - low)) || high);
  if (log) low = Math.max(low, high * DEEPEST);
  const middle = within(high, -FAR, FAR); // one value, or none
  return low < high ? [low, high] : log ? [0.1, 10] : [middle - 1, middle + 1];
}

const chartTicks = (low, high, log) => (!log ? roundTicks(low, high, 4)
  : roundTicks(Math.log10(low), Math.log10(high), 4).filter(([i]) => Number.isInteger(i))
    .map(([i]) => [10 ** i, formatNumber(10 ** i)]));

function drawChart(app) {
  const { chart, traces, runs, config: { view } } = app, { svg, front } = chart, { left, top } = CHART;
  const width = svg.clientWidth - left - CHART.right, height = svg.clientHeight - top - CHART.bottom;
  if (width < 50 || height < 30) return;
  const key = [runs, width, height, view.scale, view.plotted].join();
  if (key !== chart.key) drawCurves(app, width, height);
  chart.key = key;
  const { curves, toX, toY } = chart, k = cursor(app), x = left + toX(k);
  front.replaceChildren(path("cursor", `M${x} ${top}v${height}`), ...traces.map((trace, i) => {
    const y = top + toY(curves[i][k]);
    return y >= top && y <= top + height &&
      shape("circle", { class: "now", cx: x, cy: y, r: 4, fill: METHODS[trace.method].color });
  }).filter(Boolean));
}

function drawCurves(app, width, height) {
  const { chart, config: { steps, view }, traces } = app, { svg, area, grid } = chart, { left, top } = CHART;
  const { curves: make, title, line } = plotted(app), curves = make(), log = view.scale === "log";
  const [low, high] = rangeOf(curves, log), place = log ? Math.log10 : Number;
  const foot = place(low), size = (height - 12) / (place(high) - foot);
  const toX = (k) => (k / steps) * width;
  const toY = (value) => (log && !(value > 0) ? height + 20
    : within(height - 6 - (place(value) - foot) * size, -20, height + 20));
  Object.assign(chart, { curves, toX, toY, width });
  mark(svg, {
    viewBox: `0 0 ${svg.clientWidth} ${svg.clientHeight}`,
    "aria-label": `${title}, against steps, on a ${view.scale} scale.`,
  });
  mark(area, { width, height });
  grid.replaceChildren(
    ...chartTicks(low, high, log).flatMap(([value, text]) => [
      path("grid", `M${left} ${top + toY(value)}h${width}`),
      label(text, left - 6, top + toY(value) + 4, "end")]),
    ...roundTicks(0, steps, Math.max(2, width / 90)).flatMap(([k, text]) => [
      path("grid", `M${left + toX(k)} ${top + height}v5`),
      label(text, left + toX(k), top + height + 17, toX(k) > width - 30 ? "end" : "middle")]));
  area.replaceChildren(...traces.map((trace, i) => path("", curveText(curves[i], toX, toY),
    { transform: `scale(${1 / FINE})`, ...stroke(trace.method, 1.8 * FINE) })));
  if (low < line && line < high) {
    area.append(path("reference", `M0 ${toY(line)}H${width}`),
      label("converged", width - 4, toY(line) - 4, "end"));
  }
}

// ---- view: controls ----

/**
 * A number in a field and, unless `spec.slide` is false, on a slider; `spec` as in
 * NUMBERS. What is out of range is clamped when the field is left, and said.
 */
function numberControl(app, spec, read, put) {
  const { label, symbol, min, max, log, integer, slide } = spec;
  const inward = log ? Math.log10 : Number;
  const outward = (value) => Number((log ? 10 ** value : value).toPrecision(log ? 3 : 12));
  const round = integer ? Math.round : Number;
  const valid = () => number.value !== "" && number.validity.valid;
  const number = element("input", {
    type: "number", min, max, step: integer ? 1 : "any", "aria-label": label,
    input() {
      mark(number, { "aria-invalid": !valid() });
      if (valid()) put(Number(number.value));
    },
    change() {
      if (valid()) return;
      put(number.value === "" ? read() : round(within(Number(number.value), min, max)));
      number.value = "";
      say(app, `${label}: ${integer ? "whole numbers " : ""}from ${min} to ${max}.`);
    },
  });
  const slider = slide !== false && element("input", {
    type: "range", min: inward(min), max: inward(max), step: log ? 0.02 : spec.step ?? "any",
    "aria-label": `${label}, slider`,
    input: () => put(round(within(outward(Number(slider.value)), min, max))),
  });
  const name = element("span", { "aria-hidden": "true" }, label);
  if (symbol?.length < 3) name.append(element("i", { class: "dim" }, ` ${symbol}`));
  return synced(division(slider ? "number" : "choice", name, slider, number), () => {
    const value = read();
    if (number.value === "" || Number(number.value) !== value && !(number.matches(":focus") && !valid())) {
      number.value = value;
      mark(number, { "aria-invalid": false });
    }
    if (!slider) return;
    if (Math.abs(slider.value - inward(value)) > 1e-9) slider.value = inward(value);
    mark(slider, { "aria-valuetext": formatNumber(value) });
  });
}

function selectControl(label, pairs, read, put, plain) {
  const select = element("select", { "aria-label": label, change: () => put(select.value) },
    ...pairs.map(([value, text]) => element("option", { value }, text)));
  synced(select, () => { if (select.value !== String(read())) select.value = read(); });
  return plain ? select
    : division("choice", element("span", { "aria-hidden": "true", class: "dim" }, label), select);
}
const viewSelect = (app, key, label, values) => selectControl(label, values.map((value) => [value, value]),
  () => app.config.view[key], (value) => changeView(app, { [key]: value }));
const viewCheck = (app, key, label) => checkControl([label], () => app.config.view[key] === "on",
  (on) => changeView(app, { [key]: on ? "on" : "off" }));
function checkControl(content, read, put) {
  const box = element("input", { type: "checkbox", change: () => put(box.checked) });
  return element("label", { class: "choice" }, synced(box, () => { box.checked = read(); }), ...content);
}
const namesOf = (table) => Object.entries(table).map(([key, { name }]) => [key, name]);

/** Make a control by its name, as `adam.lr`, or null. */
function control(app, name) {
  const { config, options } = app, [key, field] = name.split(".");
  if (options.hide?.includes(name)) return null;
  switch (name) {
    case "surface":
      return selectControl("Surface",
        namesOf(SURFACES).filter(([one]) => one !== "airfoil" || app.data?.gram || app.data?.airfoil),
        () => app.config.surface, (surface) => chooseSurface(app, surface));
    case "start":
      return division("row", ...["x₁", "x₂"].map((axis, i) => numberControl(app,
        { ...NUMBERS.start, label: `start ${axis}`, slide: false }, () => app.config.start[i],
        (value) => change(app, { start: app.config.start.map((old, j) => (i === j ? value : old)) }))));
    case "steps":
      return numberControl(app, { ...NUMBERS.steps, log: true },
        () => app.config.steps, (steps) => change(app, { steps }));
    case "seed":
      return numberControl(app, { ...NUMBERS.seed, slide: false },
        () => app.config.seed, (seed) => change(app, { seed }));
    case "expression": return config.surface === "custom" && expressionControl(app);
    case "weights": return config.surface === "airfoil" && weightsControl(app);
    case "field": return viewCheck(app, "field", "arrows that point downhill");
    case "arrows": return viewCheck(app, "arrows", "−g, −v, √s and the next step");
    case "plotted": return viewSelect(app, "plotted", "Show", VIEW.plotted.choices);
    case "scale": return viewSelect(app, "scale", "Scale", VIEW.scale.choices);
    default:
  }
  if (Object.hasOwn(config.params, name)) {
    return numberControl(app, NUMBERS[name], () => app.config.params[name] ?? 0,
      (value) => changeParam(app, name, value));
  }
  const put = (value) => changeMethod(app, key, { [field]: value });
  if (!entryOf(app, key)) return null;
  if (field === "schedule") {
    return selectControl("schedule", namesOf(SCHEDULES), () => entryOf(app, key)?.schedule, put);
  }
  return typeof entryOf(app, key)[field] === "number"
    ? numberControl(app, NUMBERS[field], () => entryOf(app, key)?.[field] ?? 0, put) : null;
}

function expressionControl(app) {
  let timer = 0;
  const error = element("p", { class: "error", role: "status" });
  const input = element("input", {
    type: "text", class: "wide", spellcheck: false, autocapitalize: "none",
    maxLength: LIMITS.characters, "aria-label": "f(x, y)",
    input() {
      clearTimeout(timer);
      timer = setTimeout(read, 200);
    },
    change: () => read(),
  });
  function read() {
    clearTimeout(timer);
    const problem = parseExpression(input.value).error ?? "";
    write(error, problem);
    mark(input, { "aria-invalid": problem !== "" });
    if (!problem && input.value !== app.config.expression) change(app, { expression: input.value });
  }
  return synced(division("", division("number", "f(x, y) =", input), error), (node) => {
    const { expression } = app.config;
    if (node.shown === expression) return;
    node.shown = expression;
    if (!input.matches(":focus")) input.value = expression;
    read();
  });
}

function weightsControl(app) {
  const { names } = app.data.airfoil ?? app.data;
  return names && division("inside", ...["first weight", "second weight"].map((label, i) => selectControl(
    label, names.map((name, place) => [place, name]), () => app.config.weights[i], (value) => {
      const weights = [...app.config.weights], chosen = Number(value);
      if (weights[1 - i] === chosen) weights[1 - i] = weights[i];
      weights[i] = chosen;
      change(app, { weights });
    })));
}

// ---- view: panels ----

const panel = (app, name, title, open, ...inside) => element("details",
  { class: `panel ${name}`, open, toggle: () => request(app) },
  element("summary", {}, title), division("inside", ...inside));

function surfacePanel(app, open) {
  const own = rebuilt(division("inside"), () => app.config.surface, () => [
    element("p", { class: "dim" }, `${app.surface.words}.`),
    ...Object.keys(app.config.params).map((key) => control(app, key)),
    control(app, "expression"), control(app, "weights")]);
  return panel(app, "surface", "Surface and start", open,
    control(app, "surface"), own, control(app, "start"), control(app, "steps"), control(app, "field"));
}

function statusText(app, key) {
  const trace = traceOf(app, key), k = cursor(app);
  if (!trace || !entryOf(app, key)) return "";
  return trace.at !== null && k >= trace.at ? `${trace.status} at ${trace.at}`
    : `f = ${formatNumber(trace.losses[Math.min(k, lastRow(trace))])}`;
}

/** A method's switch, which is the plot's legend, and its state. */
function methodHead(app, key, opener) {
  const swatch = shape("svg", { viewBox: "0 0 30 10", "aria-hidden": "true", class: "swatch" },
    path("", "M1 5H29", stroke(key, 2.6)));
  return division("head",
    checkControl([swatch, nameOf(key)], () => Boolean(entryOf(app, key)), (on) => switchMethod(app, key, on)),
    synced(element("span", { class: "dim" }), (status) => write(status, statusText(app, key))), opener);
}
function methodRow(app, key) {
  const schedule = () => (chosenMethod(app) === key ? entryOf(app, key)?.schedule : "");
  const settings = rebuilt(division("settings"), schedule, () => (schedule() ? [
    ...METHODS[key].hyper, { key: "schedule" }, ...SCHEDULES[schedule()].hyper,
  ].map((one) => control(app, `${key}.${one.key}`)).concat(key === "sgd" && control(app, "seed")) : []));
  const opener = button("open", `Settings and state of ${nameOf(key)}`, () => {
    app.folded = chosenMethod(app) === key && !app.folded;
    changeView(app, { chosen: key });
  });
  return synced(division("method", methodHead(app, key, opener), settings), (row) => {
    const chosen = Boolean(entryOf(app, key)) && chosenMethod(app) === key;
    opener.hidden = !entryOf(app, key);
    mark(opener, { "aria-expanded": chosen && !app.folded });
    settings.hidden = !chosen || app.folded;
    row.classList.toggle("chosen", chosen);
  });
}

const methodsPanel = (app, open) => panel(app, "methods", "Methods", open,
  division("", ...Object.keys(METHODS).map((key) => methodRow(app, key))), control(app, "arrows"));

function chartPanel(app, open) {
  return synced(panel(app, "chart-panel", "", open, app.chart.box,
    division("row", control(app, "plotted"), control(app, "scale"))), (node) => write(node.firstChild, `${plotted(app).title} against steps`));
}

function statePanel(app, open) {
  const inside = division("state");
  return synced(panel(app, "state-panel", "", open, inside), (node) => {
    const trace = traceOf(app, chosenMethod(app)), t = trace && stepShown(app, trace);
    write(node.firstChild, !t ? "State"
      : `${nameOf(trace.method)}: the ${t > cursor(app) ? "next" : "last"} step, ${t}`);
    if (node.open) inside.replaceChildren(...(t ? [stateTable(trace, t), stateRule(app, trace, t)] : []));
  });
}
function stateTable(trace, t) {
  const from = pairAt(trace.points, t - 1), to = pairAt(trace.points, t);
  const rows = [
    ["from x", from], ["gradient g", pairAt(trace.grads, t - 1)],
    ...METHODS[trace.method].state.map(({ key, label, symbol }) =>
      [`${label} ${symbol}`, pairAt(trace.states[key], t)]),
    ["effective rate", pairAt(trace.effective, t)],
    ["step", [to[0] - from[0], to[1] - from[1]]], ["to x", to],
  ].filter(([, [first]]) => !Number.isNaN(first));
  const cells = (first, name, rest, texts) => element("tr", {},
    element(first, {}, name), ...texts.map((text) => element(rest, {}, text)));
  return element("table", {},
    element("thead", { class: "dim" }, cells("td", "", "th", ["x₁", "x₂"])),
    element("tbody", {}, ...rows.map(([name, pair]) => cells("th", name, "td", pair.map(formatNumber)))));
}
const stateRule = (app, trace, t) => element("dl", {},
  ...equationAt(trace, t, app.surface).flatMap(({ symbolic, numeric }) =>
    [element("dt", {}, symbolic), element("dd", { class: "dim" }, numeric)]));

// ---- view: pointer and keys ----

/** Call `move` while a pointer drags `target`. */
function dragged(target, move) {
  equip(target, {
    pointerdown(event) {
      if (event.button) return;
      target.setPointerCapture(event.pointerId);
      event.stopPropagation();
      move(event);
    },
    pointermove(event) {
      if (target.hasPointerCapture(event.pointerId)) move(event);
    },
  });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
function arrowKey(event) {
  const turn = !event.ctrlKey && !event.metaKey && !event.altKey && ARROWS[event.key];
  if (turn) event.preventDefault();
  return turn;
}

function onStage({ stage }, event) {
  const { left, top } = stage.getBoundingClientRect();
  return [event.clientX - left - stage.clientLeft, event.clientY - top - stage.clientTop];
}
/** Put the start somewhere, in numbers as short as pixels allow. */
function startAt(app, place, decimals) {
  change(app, { start: place.map((v) => Number(v.toFixed(within(decimals, 0, 12)))) });
  sayLater(app, pathsText);
}
function dragStart(app, event) {
  const frame = frameOf(app);
  startAt(app, frame.from(...onStage(app, event)), Math.ceil(Math.log10(frame.scale)));
}
function nudgeStart(app, event) {
  const turn = arrowKey(event);
  if (!turn) return;
  const [[left, right]] = app.frame.domain, exponent = Math.floor(Math.log10((right - left) / 50));
  const step = 10 ** exponent * (event.shiftKey ? 10 : 1);
  startAt(app, app.config.start.map((v, i) => v + turn[i] * step), -exponent);
}

/** Show `factor` times as much, with the place at (px, py) kept where it is. */
function zoom(app, factor, px = app.frame.width / 2, py = app.frame.height / 2) {
  const frame = frameOf(app), center = frame.from(px, py);
  const domain = frame.domain.map((side, i) => side.map((v) => center[i] + (v - center[i]) * factor));
  const size = domain[0][1] - domain[0][0];
  if (size > 1e-5 && size < 1e6) changeView(app, { domain });
}
function pan(app, dx, dy) {
  const { domain, scale } = frameOf(app);
  changeView(app, { domain: domain.map((side, i) => side.map((v) => v - (i ? -dy : dx) / scale)) });
}

function makeHandle(app) {
  const handle = element("div", {
    class: "handle", role: "slider", tabIndex: 0, "aria-label": "Start",
    title: "Drag, or use the arrow keys; with Shift in big steps",
    keydown: (event) => nudgeStart(app, event),
  });
  dragged(handle, (event) => dragStart(app, event));
  return synced(handle, () => {
    const [x, y] = app.config.start;
    mark(handle, {
      "aria-valuenow": x, "aria-valuemin": NUMBERS.start.min, "aria-valuemax": NUMBERS.start.max,
      "aria-valuetext": `x₁ ${formatNumber(x)}, x₂ ${formatNumber(y)}`,
    });
  });
}

/** Mouse: press anywhere to put the start there. Touch: tap. Pan mode: drag and pinch. */
function listenToStage(app) {
  const { stage } = app, held = new Map();
  let kind, placing;
  const grip = () => {
    const [[ax, ay], [bx, by] = [ax, ay]] = held.values();
    return [(ax + bx) / 2, (ay + by) / 2, Math.hypot(ax - bx, ay - by) || 1];
  };
  equip(stage, {
    pointerdown(event) {
      kind = event.pointerType;
      placing = kind === "mouse" && !app.panning && !event.shiftKey;
      if (event.button || (kind !== "mouse" && !app.panning)) return;
      held.set(event.pointerId, onStage(app, event));
      stage.setPointerCapture(event.pointerId);
      if (!placing) return;
      dragStart(app, event);
      event.preventDefault();
      app.handle.focus({ preventScroll: true });
    },
    pointermove(event) {
      if (!held.has(event.pointerId)) return;
      if (placing) return dragStart(app, event);
      const [x, y, size] = grip();
      held.set(event.pointerId, onStage(app, event));
      const [nowX, nowY, now] = grip();
      pan(app, nowX - x, nowY - y);
      if (held.size > 1) zoom(app, size / now, nowX, nowY);
    },
    lostpointercapture: (event) => held.delete(event.pointerId),
    click(event) {
      if (kind !== "mouse" && !app.panning) dragStart(app, event);
    },
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 30 : 1); // some count lines
    zoom(app, 1.002 ** within(pixels, -200, 200), ...onStage(app, event));
  }, { passive: false });
}

function makeTools(app) {
  const toggle = button("pan", "Move the view: drag, pinch, or arrow keys here", () => {
    app.panning = !app.panning;
    mark(toggle, { "aria-pressed": app.panning });
    app.stage.classList.toggle("panning", app.panning);
  }, {
    "aria-pressed": "false",
    keydown(event) {
      const turn = arrowKey(event);
      if (turn) pan(app, -60 * turn[0], 60 * turn[1]);
    },
  });
  return division("tools",
    button("nearer", "Zoom in", () => zoom(app, 1 / 1.5)), button("farther", "Zoom out", () => zoom(app, 1.5)),
    button("whole", "Show the whole surface", () => changeView(app, { domain: null })), toggle);
}

// ---- view: transport, and what is said ----

const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500]; // steps per second

function makeTransport(app) {
  const go = (k) => {
    app.player.pause();
    moveTo(app, k);
    sayLater(app, story);
  };
  const play = button("Play", "Play", () => togglePlay(app), { class: "round main" });
  const range = element("input", {
    type: "range", min: 0, step: 1, class: "range", "aria-label": "Step", input: () => go(Number(range.value)),
  });
  const count = element("span", { class: "count" });
  const speed = selectControl("Speed in steps per second", SPEEDS.map((n) => [n, `${n} / s`]),
    () => SPEEDS.find((n) => n >= app.config.view.speed),
    (value) => changeView(app, { speed: Number(value) }), true);
  return synced(element("div", { class: "transport", role: "group", "aria-label": "Steps" },
    button("start", "To the start", () => go(0)), button("back", "One step back", () => go(cursor(app) - 1)),
    play, button("forward", "One step forward", () => go(cursor(app) + 1)), range, count, speed), () => {
    const k = cursor(app), { steps } = app.config, label = app.player.playing ? "Pause" : "Play";
    mark(range, { max: steps, "aria-valuetext": `step ${k} of ${steps}` });
    if (Number(range.value) !== k) range.value = k;
    write(count, `${k} / ${steps}`);
    mark(play, { "aria-label": label, title: label });
    mark(play.querySelector("path"), { d: ICONS[label] });
  });
}

function togglePlay(app) {
  if (app.player.playing) {
    app.player.pause();
    say(app, story(app));
  } else {
    app.rest = Math.min(restingStep(app), app.config.steps);
    if (cursor(app) >= app.rest) moveTo(app, 0);
    app.player.play();
  }
  request(app);
}
function advance(app, steps) {
  const k = Math.min(cursor(app) + steps, app.rest), ended = k >= app.rest;
  moveTo(app, k);
  if (ended) say(app, `${story(app)} Nothing moves after step ${k}.`);
  else if (!app.saying) sayLater(app, story, 4000);
  return !ended;
}

const story = (app) => {
  const trace = traceOf(app, chosenMethod(app));
  return app.surface.error ?? (trace ? narrate(trace, cursor(app)) : "No method is on.");
};
/** Say something to a screen reader: at once, or after a pause. */
function say(app, sentence) {
  clearTimeout(app.saying);
  app.saying = 0;
  write(app.live, sentence);
}
function sayLater(app, sentence, wait = 600) {
  clearTimeout(app.saying);
  app.saying = setTimeout(() => say(app, sentence(app)), wait);
}

// ---- view: link, and export ----

/** What `work` returns, or `otherwise` where a host forbids it. */
function attempt(work, otherwise) {
  try {
    return work();
  } catch {
    return otherwise;
  }
}

/** The address that carries the whole setting; "" where there is none. */
function linkOf({ options: { page, hash }, config }) {
  return page || hash ? attempt(() => {
    const address = new URL(page ?? "", location.href);
    address.hash = encode(config);
    return address.href;
  }, "") : "";
}

/** Keep a change of the reader's: in the page's address, and in the notebook's model. */
function remember(app) {
  clearTimeout(app.remembering);
  app.remembering = setTimeout(() => {
    if (app.options.hash) attempt(() => history.replaceState(history.state, "", linkOf(app)));
    app.options.changed?.(app.config);
  }, 250);
}

function sharePanel(app, open) {
  const place = division("");
  const link = textButton("Copy link", () => copyText(app, place, "Link", linkOf(app)));
  return panel(app, "share", "Keep and share", open,
    division("row",
      synced(link, () => { link.hidden = !linkOf(app); }),
      textButton("Save as SVG", () => saveSvg(app)),
      textButton("Copy Python", () => copyText(app, place, "Python cell", toPython(app.config, app.data))),
      textButton("Reset", () => {
        app.player.pause();
        app.memory.clear();
        change(app, app.initial);
        say(app, "Everything is as it was at first.");
      })),
    place);
}
async function copyText(app, place, name, value) {
  const area = element("textarea", { readOnly: true, value, "aria-label": name });
  const note = element("p", { class: "dim" });
  place.replaceChildren(note, area);
  try {
    await navigator.clipboard.writeText(value);
    write(note, `${name} copied.`);
  } catch { // a host that has no clipboard, or refuses it
    area.select();
    write(note, `${name} selected; copy it by hand.`);
  }
  say(app, note.textContent);
}

function settingsText({ method, schedule = "constant", ...numbers }) {
  const named = (table) => table.hyper.map(({ key, symbol }) => `${symbol} = ${formatNumber(numbers[key])}`);
  const changing = schedule === "constant" ? [] : [`${schedule} rate`, ...named(SCHEDULES[schedule])];
  return [...named(METHODS[method]), ...changing].join(", ");
}

/** Return the text of an SVG file: the plot as it is, title, legend, settings. */
function exportSvg(app) {
  const { frame, plot, surface, config, traces } = app, { width } = frame, top = 46, line = 20;
  const foot = top + frame.height + 22, height = foot + line * traces.length;
  const picture = [plot.ground, plot.svg].map((svg) =>
    equip(svg.cloneNode(true), { x: 0, y: top, width, height: frame.height }));
  const subtitle = [surface.formula && `f(x, y) = ${surface.formula}`,
    `start ${formatPair(config.start)}`, `step ${cursor(app)} of ${config.steps}`];
  return inLight(new XMLSerializer().serializeToString(shape("svg",
    { viewBox: `0 0 ${width} ${height}`, width, height },
    shape("title", {}, describePlot(app)),
    shape("metadata", {}, JSON.stringify(config)),
    shape("style", {}, DRAWING),
    shape("rect", { width, height, fill: LIGHT.back }),
    label(surface.name, 12, 18, "start", ""),
    label(subtitle.filter(Boolean).join(", "), 12, 36),
    ...picture,
    ...traces.flatMap(({ method, spec, ...trace }, i) => [
      path("", `M12 ${foot + line * i}h34`, stroke(method, 2.4)),
      label(`${nameOf(method)}: ${settingsText(spec)}; ${statusOf(trace)}`, 56, foot + line * i + 4)]))));
}
function saveSvg(app) {
  const href = URL.createObjectURL(new Blob([exportSvg(app)], { type: "image/svg+xml" }));
  element("a", { href, download: `descent-${app.surface.key}.svg` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1e4);
  say(app, "The picture is saved.");
}

// ---- mounting ----

const PANELS = {
  surface: surfacePanel, methods: methodsPanel, chart: chartPanel, state: statePanel, share: sharePanel,
};

function build(app) {
  const { compact, controls, hide = [] } = app.options, narrow = app.host.clientWidth < 600;
  const keys = app.config.methods.map(({ method }) => method);
  const names = controls ?? keys.map((key) => `${key}.lr`);
  const name = element("b"), formula = element("span", { class: "dim" });
  const message = element("p", { class: "message error" });
  app.live = element("p", { class: "hidden", role: "status" });
  app.stage = division("stage");
  app.plot = makePlot(app);
  app.handle = makeHandle(app);
  app.chart = makeChart(app);
  app.stage.append(app.plot.ground, app.plot.svg, app.handle, message);
  const title = synced(element("p", {}, name, formula), () => {
    write(name, app.surface.name);
    write(formula, app.surface.formula ? ` f(x, y) = ${app.surface.formula}` : "");
    write(message, app.surface.error ?? "");
  });
  const left = division("left", division("caption", title, makeTools(app)), app.stage, makeTransport(app),
    synced(element("p", { class: "say dim" }), (told) => write(told, story(app))));
  const panels = (...shown) => shown.filter((key) => PANELS[key] && !hide.includes(key)).map((key) =>
    PANELS[key](app, compact ? names.includes(key) : !narrow || key === "methods"));
  if (!compact) {
    left.append(...panels("chart"));
    return [left, division("right", ...panels("surface", "methods", "share")), division("below", ...panels("state"))];
  }
  const link = element("a", {}, "Open in the playground"), owner = (one) => one.split(".")[0];
  const few = (chosen) => names.filter(chosen).map((one) => control(app, one));
  left.append(
    division("inside", ...few((one) => !keys.includes(owner(one))), ...keys.map((key) =>
      division("one", methodHead(app, key), division("", ...few((one) => owner(one) === key))))),
    ...panels(...names),
    panel(app, "more", "More", false, synced(link, () => {
      link.href = linkOf(app);
      link.hidden = !linkOf(app);
    }), ...panels(...Object.keys(PANELS).filter((key) => !names.includes(key)))));
  return [left];
}

/**
 * Mount a playground in an element. Options: compact; controls, names of controls and
 * panels to show at once; hide, of those to leave out; page, the playground's address;
 * hash, to keep the setting in this page's; changed, called with a reader's config.
 */
function mount(host, { config = {}, data = {}, options = {} } = {}) {
  const root = element("div", { "data-lm-suppress-shortcuts": "true" });
  const shadow = root.attachShadow({ mode: "open" }), given = givenConfig(config, options);
  shadow.adoptedStyleSheets = [new CSSStyleSheet()];
  shadow.adoptedStyleSheets[0].replaceSync(LOOKS + DRAWING);
  host.append(root);
  const app = {
    host, shadow, data, options, initial: withDefaults(config), config: given.config,
    traces: [], runs: 0, done: new Map(), pending: [], memory: new Map(), stats: { frames: 0 },
  };
  app.player = makePlayer({
    advance: (steps) => advance(app, steps),
    speed: () => app.config.view.speed,
    jump: () => Math.ceil(app.rest / 12),
  });
  compute(app);
  const keep = (event) => event.stopPropagation(); // keys pressed here are not for the page
  const all = element("div", {
    class: `all ${options.compact ? "compact" : "full"}`, keydown: keep, keypress: keep, keyup: keep,
  }, element("div", { class: "body", role: "group", "aria-label": "Playground of optimizers" }, ...build(app)), app.live);
  const theme = () => mark(all, { "data-theme": isDark() ? "dark" : "light" });
  theme();
  shadow.append(all);
  listenToStage(app);
  draw(app);
  const stop = watch(app, theme, config);
  say(app, given.notes.join(" "));
  return {
    get config() { return app.config; },
    get stats() { return app.stats; },
    get playing() { return app.player.moving; },
    set(changed) {
      const whole = withDefaults(changed);
      if (same(whole, app.config)) return;
      app.config = whole;
      request(app);
    },
    destroy() {
      stop();
      app.player.pause();
      cancelAnimationFrame(app.waiting);
      clearTimeout(app.saying);
      clearTimeout(app.remembering);
      root.remove();
    },
  };
}

function givenConfig(config, { hash }) {
  const linked = hash ? attempt(() => location.hash, "") : "";
  return linked.includes("=") ? decode(linked) : validate(config);
}

function watch(app, theme, config) {
  const controller = new AbortController(), { signal } = controller;
  let seen = true;
  const sight = () => app.player.sleep(!seen || document.hidden);
  const observers = [
    new MutationObserver(theme), new ResizeObserver(() => request(app)),
    new IntersectionObserver((entries) => {
      seen = entries.at(-1).isIntersecting;
      sight();
    }),
  ];
  for (const part of [document.body, document.documentElement]) observers[0].observe(part, { attributes: true });
  for (const part of [app.stage, app.chart.box]) observers[1].observe(part);
  observers[2].observe(app.stage);
  dark().addEventListener("change", theme, { signal });
  document.addEventListener("visibilitychange", sight, { signal });
  if (app.options.hash) {
    addEventListener("hashchange", () => {
      const { config: linked, notes } = givenConfig(config, app.options);
      app.config = linked;
      request(app);
      say(app, notes.join(" "));
    }, { signal });
  }
  return () => {
    controller.abort();
    for (const observer of observers) observer.disconnect();
  };
}

/** anywidget's entry: show a model's config, and give back what becomes of it. */
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

/** Mount each placeholder when it comes near; returns how to stop. */
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
/** Put a playground in the place of the still picture, at least as high. */
function mountPlaceholder(target) {
  const read = (name) => attempt(() => JSON.parse(target.dataset[name])) ?? {};
  const place = element("div"), still = element("div", { hidden: true });
  place.style.minHeight = `${target.clientHeight}px`;
  still.append(...target.childNodes);
  target.append(place, still);
  try {
    target.playground = mount(place, { config: read("config"), data: read("moments"), options: read("options") });
  } catch (problem) {
    place.remove();
    still.hidden = false;
    throw problem;
  }
}

export default {
  SURFACES, METHODS, SCHEDULES, VIEW, LIMITS, DEFAULTS, withDefaults, validate, methodDefaults,
  surfaceOf, memory, run, noiseFrom, parseExpression, encode, decode, toPython, narrate, equationAt,
  formatNumber, formatPair, mount, mountAll, render,
};
