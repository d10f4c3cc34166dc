"""The training script: its loops, its files, and that a killed run can go on."""

import ast
import csv
import io
import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import notebooks
import pytest
import torch
from torch import nn

from descent import data
from descent import train_images as script

QUICK = {"hidden": 16, "batch_size": 100, "epochs": 3}
COMMAND = [sys.executable, "-m", "descent.train_images"]


def parts_of(source):
    """Return dict from name to syntax tree of the functions and classes defined."""
    kinds = ast.FunctionDef | ast.ClassDef
    return {
        node.name: ast.dump(node)
        for node in ast.parse(source).body
        if isinstance(node, kinds)
    }


def test_the_chapter_teaches_the_code_of_the_script():
    taught = parts_of(notebooks.tagged_source("training-script", "script"))
    kept = parts_of((notebooks.ROOT / "code/descent/train_images.py").read_text())
    assert {"NeuralNetwork", "train_loop", "test_loop"} <= set(taught)
    assert taught == {name: kept.get(name) for name in taught}


# The loops


def make_problem(size=50):
    torch.manual_seed(0)
    images, labels = torch.rand(size, 8, 8), torch.randint(10, (size,))
    return (images, labels), script.NeuralNetwork(64, 16), nn.CrossEntropyLoss()


@pytest.mark.parametrize("side, pixels", [(8, 64), (28, 784)])
def test_network_takes_any_image_size(side, pixels):
    model = script.NeuralNetwork(pixels)
    assert model(torch.zeros(3, side, side)).shape == (3, 10)
    sizes = [tuple(p.shape) for p in model.parameters()]
    assert sizes[::2] == [(512, pixels), (512, 512), (10, 512)]


def test_train_loop_is_the_loop_written_out():
    problem, model, loss_fn = make_problem()
    twin = script.NeuralNetwork(64, 16)
    twin.load_state_dict(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    batches = data.load_array(problem, 8, is_train=False)
    log = script.train_loop(batches, model, loss_fn, optimizer, log_every=3)

    velocity = [torch.zeros_like(p) for p in twin.parameters()]
    losses = []
    for images, labels in batches:
        twin.zero_grad()
        losses.append(loss_fn(twin(images), labels))
        losses[-1].backward()
        with torch.no_grad():
            for p, v in zip(twin.parameters(), velocity):
                p -= 0.1 * v.mul_(0.5).add_(p.grad)
    assert [seen for seen, _ in log] == [0, 24, 48]
    expected = [losses[i].item() for i in (0, 3, 6)]
    assert [loss for _, loss in log] == pytest.approx(expected, rel=1e-6)
    for p, q in zip(model.parameters(), twin.parameters()):
        torch.testing.assert_close(p, q)
    assert model.training


def test_train_loop_stops_when_the_loss_is_not_finite():
    problem, model, loss_fn = make_problem()
    model.layers[1].weight.data[0] = float("nan")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    log = script.train_loop(data.load_array(problem, 8), model, loss_fn, optimizer, 1)
    assert len(log) == 1 and log[0][1] != log[0][1]


@pytest.mark.parametrize("batch_size", [1, 7, 32, 50])
def test_test_loop_does_not_depend_on_the_batches(batch_size):
    """The last batch is smaller: a mean of batch means would be wrong."""
    problem, model, loss_fn = make_problem()
    batches = data.load_array(problem, batch_size, is_train=False)
    accuracy, loss = script.test_loop(batches, model, loss_fn)
    scores = model(problem[0])
    right = (scores.argmax(1) == problem[1]).double().mean().item()
    assert accuracy == pytest.approx(right)
    assert loss == pytest.approx(loss_fn(scores, problem[1]).item())
    assert not model.training


def test_test_loop_evaluates_without_dropout_and_gradient():
    problem, _, loss_fn = make_problem()
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
    kept = []

    def loss_and_watch(scores, labels):
        kept.append(scores.requires_grad)
        return loss_fn(scores, labels)

    batches = data.load_array(problem, 50, is_train=False)
    results = {script.test_loop(batches, model, loss_and_watch) for _ in range(3)}
    assert len(results) == 1 and not any(kept)


# Whole runs


def test_fit_learns_and_repeats():
    settings = script.Settings(hidden=64, batch_size=64, epochs=5, momentum=0.9)
    losses, tests = script.fit(settings)
    assert [seen for seen, _, _ in tests] == [1500 * (i + 1) for i in range(5)]
    assert losses[0][0] == 0 and 2.2 < losses[0][1] < 2.4, "ln 10 before learning"
    assert tests[-1][1] > 0.8 and tests[-1][2] < 0.8
    assert script.fit(settings) == (losses, tests)
    assert script.fit(replace(settings, seed=1)) != (losses, tests)


@pytest.mark.parametrize("optimizer", script.OPTIMIZERS)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(optimizer, tmp_path, monkeypatch):
    momentum = 0.9 if optimizer == "sgd" else 0.0
    settings = script.Settings(optimizer=optimizer, momentum=momentum, **QUICK)
    whole = script.fit(settings, tmp_path / "whole.pt")

    class Killed(Exception):
        pass

    steps = itertools.count(1)

    def served(bar, batches):
        for batch in batches:
            if next(steps) == 22:  # of 45: in the middle of the second epoch
                raise Killed
            yield batch

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(script, "_moving", served)
        script.fit(settings, tmp_path / "cut.pt")
    torch.manual_seed(12345)
    assert script.fit(settings, tmp_path / "cut.pt", resume=True) == whole
    first, second = (
        torch.load(tmp_path / name, weights_only=True)
        for name in ("whole.pt", "cut.pt")
    )
    assert first["settings"] == second["settings"] == asdict(settings)
    for key, tensor in first["model"].items():
        assert torch.equal(tensor, second["model"][key])
    assert torch.equal(first["random"], second["random"])
    assert script.fit(settings, tmp_path / "cut.pt", resume=True) == whole, "finished"


def test_divergence_ends_the_run_and_is_said(tmp_path, capsys):
    arguments = f"--lr 1e6 --epochs 50 --hidden 64 --quiet --out {tmp_path}"
    assert script.main(arguments.split()) == 0
    assert (
        "diverged: try a learning rate smaller than 1000000.0" in capsys.readouterr()[0]
    )
    (table,) = tmp_path.glob("*.csv")
    assert len(table.read_text().splitlines()) < 15


# The command line


def run(folder, *options, **others):
    command = [*COMMAND, "--out", str(folder), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, **others)


def test_help_names_every_setting():
    text = script.make_parser().format_help()
    for name in (*asdict(script.Settings()), "out", "checkpoint", "resume", "quiet"):
        assert f"--{name.replace('_', '-')}" in text


def test_a_run_writes_files_named_after_its_settings(tmp_path):
    options = "--optimizer adam --lr 0.002 --hidden 16 --batch-size 64 --epochs 2"
    result = run(tmp_path, *options.split(), "--seed", 3)
    name = "digits-adam-lr0.002-batch64-epochs2-hidden16-seed3-cpu"
    assert result.returncode == 0, result.stderr
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == [f"{name}.{end}" for end in ("csv", "pt", "svg")]
    assert "48/48" in result.stderr and "test accuracy" in result.stderr
    assert "test accuracy" in result.stdout and "/48" not in result.stdout

    settings = script.Settings("digits", "adam", 0.002, 0.0, 64, 2, 16, 3)
    losses, tests = script.fit(settings)
    rows = list(csv.DictReader(io.StringIO((tmp_path / f"{name}.csv").read_text())))
    assert [int(row["images seen"]) for row in rows] == [0, 640, 1280, 1500, 1500, 2140,
                                                         2780, 3000]  # fmt: skip
    stored = [float(row["batch loss"]) for row in rows if row["batch loss"]]
    assert stored == pytest.approx([loss for _, loss in losses], rel=1e-4)
    accuracies = [float(row["test accuracy"]) for row in rows if row["test accuracy"]]
    assert accuracies == pytest.approx([accuracy for _, accuracy, _ in tests], abs=0.01)
    figure = (tmp_path / f"{name}.svg").read_text()
    for text in (name, "images seen", "loss", "test accuracy (%)"):
        assert f">{text}</text>" in figure


def test_quiet_shows_no_bar(tmp_path):
    result = run(tmp_path, "--quiet", "--epochs", 1, "--hidden", 8)
    assert result.returncode == 0 and result.stderr == ""


def test_killed_process_resumes_to_the_same_files(tmp_path):
    options = "--momentum 0.5 --hidden 64 --batch-size 16 --epochs 40 --quiet".split()
    whole = run(tmp_path / "whole", *options)
    assert whole.returncode == 0, whole.stderr

    folder = tmp_path / "killed"
    command = [*COMMAND, "--out", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (epochs := finished_epochs(folder)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    epochs = finished_epochs(folder)
    assert 0 < epochs < 40 and not list(folder.glob("*.csv")), "was killed midway"

    resumed = run(folder, *options, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    for end in ("csv", "svg"):
        (first,), (second,) = (
            list((tmp_path / name).glob(f"*.{end}")) for name in ("whole", "killed")
        )
        assert first.name == second.name and first.read_bytes() == second.read_bytes()


def finished_epochs(folder):
    """Return how many epochs the checkpoint in `folder` holds, 0 if there is none."""
    paths = list(folder.glob("*.pt"))
    return len(torch.load(paths[0], weights_only=True)["tests"]) if paths else 0


def test_an_interrupt_is_a_sentence(tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "train_loop", interrupted)
    answer = script.main(["--quiet", "--out", str(tmp_path)])
    assert "the same command with --resume goes on" in answer


# What is refused


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"lr": 0.05}, "with lr 0.1, and this run has 0.05"),
        ({"batch_size": 50}, "with batch_size 100, and this run has 50"),
        (
            {"optimizer": "adam", "lr": 0.1},
            "with optimizer 'sgd', and this run",
        ),
        ({"epochs": 4}, "with epochs 3, and this run has 4"),
        ({"seed": 1}, "with seed 0, and this run has 1"),
    ],
)
def test_other_settings_are_not_resumed(change, expected, tmp_path):
    settings = script.Settings(**QUICK)
    script.fit(settings, tmp_path / "run.pt")
    before = (tmp_path / "run.pt").read_bytes()
    with pytest.raises(ValueError, match=expected):
        script.fit(replace(settings, **change), tmp_path / "run.pt", resume=True)
    assert (tmp_path / "run.pt").read_bytes() == before


def test_resume_needs_a_checkpoint(tmp_path):
    result = run(tmp_path, "--resume")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert (
        "There is no checkpoint" in result.stderr and "leave --resume" in result.stderr
    )


@pytest.mark.parametrize("content", [b"", b"nonsense", None, b"PK\x03\x04 cut"])
def test_a_damaged_checkpoint_is_refused(content, tmp_path):
    settings, path = script.Settings(**QUICK), tmp_path / "run.pt"
    if content is None:
        torch.save({"another": "file"}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="run.pt is no readable checkpoint; leave"):
        script.fit(settings, path, resume=True)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    script.write(path, b"old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(script.os, "replace", full)
    with pytest.raises(OSError):
        script.write(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"dataset": "mnist"}, "dataset is 'mnist'; expected digits, fashion-mnist"),
        ({"optimizer": "SGD"}, "optimizer is 'SGD'; expected sgd, adagrad"),
        ({"lr": 0.0}, "lr is 0.0; expected a number above 0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"momentum": 1.0}, "momentum is 1.0; expected 0 to below 1"),
        ({"optimizer": "adam", "momentum": 0.5}, "but adam takes none here"),
        ({"batch_size": 0}, "batch_size is 0; expected a whole number, 1 or more"),
        ({"epochs": 0}, "epochs is 0; expected"),
        ({"hidden": 2.5}, "hidden is 2.5; expected"),
        ({"seed": -1}, "seed is -1; expected a whole number from 0"),
    ],
)
def test_bad_settings_are_refused(change, expected):
    with pytest.raises(ValueError, match=expected):
        script.Settings(**change)


def test_batch_larger_than_the_data_is_refused():
    settings = script.Settings(batch_size=1501)
    with pytest.raises(ValueError, match="1501; expected a whole number, 1 to 1500"):
        script.fit(settings)


@pytest.mark.parametrize("name", ["tpu9", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match=f"device is '{name}', which cannot be used"):
        script.find_device(name)


def test_fashion_mnist_without_network_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "FASHION_MNIST_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("DESCENT_DATA", str(tmp_path))
    monkeypatch.setattr(data.pooch, "os_cache", lambda name: tmp_path / name)
    answer = script.main(["--dataset", "fashion-mnist", "--out", str(tmp_path / "out")])
    assert answer.startswith("train_images: Fashion-MNIST's train-images")
    assert "'digits'" in answer and not list((tmp_path / "out").iterdir())


def test_images_of_fashion_mnists_size_go_through(monkeypatch):
    torch.manual_seed(0)
    sets = [(torch.rand(n, 28, 28), torch.randint(10, (n,))) for n in (300, 50)]
    monkeypatch.setattr(script, "load_images", lambda dataset: sets)
    settings = script.Settings("fashion-mnist", batch_size=2, epochs=1)
    losses, tests = script.fit(settings)
    assert [seen for seen, _ in losses] == [0, 200] and tests[0][0] == 300
