"""Time our airfoil loop beside d2l's, in one run: `make bench`.

Both run the same SGD rule on the same batches, in turns, and the medians are
compared: the seconds per epoch by each loop's own timer, and the whole call by the
clock, figure included.
"""

import contextlib
import io
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import torch  # noqa: E402

import descent  # noqa: E402
from reference import d2l  # noqa: E402

REPEATS = {10: 15, 1: 7}
LIMITS = {10: (0.5, 0.1), 1: (0.6, 0.2)}  # own timer, clock: ours over d2l's
EPOCHS = 2


def sgd(params, states, hyperparams):
    for p in params:
        p.data.sub_(hyperparams["lr"] * p.grad)
        p.grad.data.zero_()


def measure(module, batch_size):
    """Return (seconds per epoch by the module's own timer, seconds by the clock)."""
    torch.manual_seed(0)
    data_iter, feature_dim = module.get_data_ch11(batch_size)
    hyperparams = {"lr": 0.005 * batch_size}
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        times, _ = module.train_ch11(
            sgd, None, hyperparams, data_iter, feature_dim, EPOCHS
        )
    clock = time.perf_counter() - begin
    module.plt.close("all")
    return times[-1] / EPOCHS, clock


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="d2l")  # float() of a loss with gradient
    print(f"Python {platform.python_version()}, torch {torch.__version__}, one thread")
    met = True
    for batch_size, repeats in REPEATS.items():
        for module in (d2l, descent):
            measure(module, batch_size)  # warm up
        runs = {d2l: [], descent: []}
        for _ in range(repeats):
            for module in runs:
                runs[module].append(measure(module, batch_size))
        print(f"batch size {batch_size}, {repeats} runs each, medians:")
        kinds = ("own timer, sec/epoch", "whole call by the clock, sec")
        for kind, limit, theirs, ours in zip(
            kinds, LIMITS[batch_size], zip(*runs[d2l]), zip(*runs[descent])
        ):
            theirs, ours = statistics.median(theirs), statistics.median(ours)
            met &= ours / theirs <= limit
            print(
                f"  {kind:28}: d2l {theirs:.4f}, ours {ours:.4f}, "
                f"ratio {ours / theirs:.3f} (at most {limit})"
            )
    return 0 if met else "a ratio is above its limit"


if __name__ == "__main__":
    sys.exit(main())
