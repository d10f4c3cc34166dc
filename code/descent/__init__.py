"""The shared module of the book Descent: stochastic optimisation for deep learning.

Names, signatures and return values of the training loop, the 2-D traces and the
plotting are those that readers of Dive into Deep Learning's optimisation chapter
know, so that `import descent as d2l` serves its code.
"""

from descent import playground
from descent.data import (
    Batches,
    DataError,
    get_data_ch11,
    load_airfoil,
    load_array,
    load_images,
    standardise,
)
from descent.figures import new_axes, plot, plt, set_figsize, use_svg_display
from descent.optimizers import Yogi
from descent.traces import show_trace_2d, train_2d
from descent.training import (
    History,
    Timer,
    evaluate_loss,
    fit_ch11,
    fit_concise_ch11,
    fit_concise_seeds,
    fit_seeds,
    least_squares_floor,
    linreg,
    median_ms,
    show_losses,
    squared_loss,
    train_ch11,
    train_concise_ch11,
)

__version__ = "0.1.0"

__all__ = [
    "Batches",
    "DataError",
    "History",
    "Timer",
    "Yogi",
    "evaluate_loss",
    "fit_ch11",
    "fit_concise_ch11",
    "fit_concise_seeds",
    "fit_seeds",
    "get_data_ch11",
    "least_squares_floor",
    "linreg",
    "load_airfoil",
    "load_array",
    "load_images",
    "median_ms",
    "new_axes",
    "playground",
    "plot",
    "plt",
    "set_figsize",
    "show_losses",
    "show_trace_2d",
    "squared_loss",
    "standardise",
    "train_2d",
    "train_ch11",
    "train_concise_ch11",
    "use_svg_display",
]
