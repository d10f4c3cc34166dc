"""Time what an epoch on images spends on its data: `python benchmarks/images.py`.

One epoch of the 784–512–512–10 network over 60 000 synthetic images of 28×28 pixels
in batches of 64, with our whole-tensor batches and with a DataLoader over a
TensorDataset, in turns. The time between asking for a batch and having it is data.
"""

import platform
import statistics
import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import descent
from descent.train_images import NeuralNetwork, train_loop

IMAGES, BATCH_SIZE, REPEATS = 60_000, 64, 3
LIMIT = 0.05  # share of an epoch that our batches may take


class Timed:
    """Batches that add up the seconds it takes to get them."""

    def __init__(self, batches):
        self.batches, self.seconds = batches, 0.0

    def __iter__(self):
        begin = time.perf_counter()
        for batch in self.batches:
            self.seconds += time.perf_counter() - begin
            yield batch
            begin = time.perf_counter()
        self.seconds += time.perf_counter() - begin


def measure(batches):
    """Return (seconds spent on data, seconds of the whole epoch)."""
    torch.manual_seed(0)
    model = NeuralNetwork(28 * 28)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.5)
    timed, begin = Timed(batches), time.perf_counter()
    train_loop(timed, model, nn.CrossEntropyLoss(), optimizer)
    return timed.seconds, time.perf_counter() - begin


def main():
    torch.set_num_threads(1)
    print(f"Python {platform.python_version()}, torch {torch.__version__}, one thread")
    torch.manual_seed(0)
    tensors = torch.rand(IMAGES, 28, 28), torch.randint(10, (IMAGES,))
    loader = DataLoader(TensorDataset(*tensors), BATCH_SIZE, shuffle=True)
    kinds = {
        "load_array": descent.load_array(tensors, BATCH_SIZE),
        "DataLoader": loader,
    }
    runs = {name: [] for name in kinds}
    for _ in range(REPEATS):
        for name, batches in kinds.items():
            runs[name].append(measure(batches))
    shares = {}
    print(f"an epoch of {IMAGES} images, {REPEATS} runs each, medians:")
    for name, laps in runs.items():
        shares[name] = statistics.median(data / epoch for data, epoch in laps)
        data, epoch = (statistics.median(seconds) for seconds in zip(*laps))
        limit = f" (at most {LIMIT:.0%})" if name == "load_array" else ""
        print(
            f"  {name}: {epoch:.2f} s, of which {data:.3f} s on data, "
            f"{shares[name]:.1%}{limit}"
        )
    return 0 if shares["load_array"] <= LIMIT else "load_array is above its limit"


if __name__ == "__main__":
    sys.exit(main())
