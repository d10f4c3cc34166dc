"""The airfoil loop: what it records, times, prints, draws and refuses."""

import math
import re
import time

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import descent
from descent import figures, training


def sgd(params, states, hyperparams):
    for p in params:
        p.data.sub_(hyperparams["lr"] * p.grad)
        p.grad.zero_()


def airfoil(batch_size=10, n=1500):
    return descent.get_data_ch11(batch_size, n)


@pytest.fixture(autouse=True)
def close_figures():
    torch.manual_seed(0)
    yield
    figures.plt.close("all")


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (float, 1e-13)])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_written_gradient_is_autograd_s(size, dtype, tolerance):
    dtype = torch.float64 if dtype is float else dtype
    X, y = torch.randn(size, 5, dtype=dtype), torch.randn(size, dtype=dtype)
    w = torch.randn(5, 1, dtype=dtype, requires_grad=True)
    b = torch.randn(1, dtype=dtype, requires_grad=True)
    loss = descent.squared_loss(descent.linreg(X, w, b), y).mean()
    expected = torch.autograd.grad(loss, [w, b])
    returned = training._write_gradients(w, b, X, y)
    assert returned == pytest.approx(loss.item(), rel=1e-6)
    for param, grad in zip((w, b), expected):
        assert param.grad.shape == param.shape
        assert torch.allclose(param.grad, grad, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("num_epochs", [1, 2])
@pytest.mark.parametrize("batch_size", range(1, 24))
def test_records_for_every_batch_size(batch_size, num_epochs):
    """At each fifteenth of an epoch, or the first step after it; and at the end."""
    size = 23
    steps = math.ceil(size / batch_size)
    run = descent.fit_ch11(
        sgd, None, {"lr": 0.01}, *airfoil(batch_size, size), num_epochs
    )
    seen = [
        epoch * size + min(step * batch_size, size)
        for epoch in range(num_epochs)
        for step in range(1, steps + 1)
    ]
    due, expected = 0, [0]
    for n in seen:
        if n * 15 // size > due:
            expected.append(n)
            due = n * 15 // size
    assert [round(epoch * size) for epoch in run.epochs] == expected
    assert run.epochs[-1] == num_epochs
    assert len(run.losses) == len(run.times) == len(run.epochs)


@pytest.mark.parametrize("batch_size, records", [(1, 16), (7, 16), (64, 16), (1500, 2)])
def test_airfoil_records(batch_size, records):
    run = descent.fit_ch11(sgd, None, {"lr": 0.001}, *airfoil(batch_size), 1)
    assert len(run.losses) == records and run.epochs[-1] == 1


def test_losses_are_those_of_all_examples():
    kept = []

    def watching(params, states, hyperparams):
        sgd(params, states, hyperparams)
        kept[:] = [p.detach().clone() for p in params]

    data_iter, feature_dim = airfoil(100)
    run = descent.fit_ch11(watching, None, {"lr": 0.1}, data_iter, feature_dim)
    X, y = data_iter.tensors
    expected = descent.squared_loss(descent.linreg(X, *kept), y).mean().item()
    assert run.losses[-1] == pytest.approx(expected, rel=1e-6)


def test_times_count_all_updates_and_nothing_else(monkeypatch):
    def slow(params, states, hyperparams):
        time.sleep(0.002)
        sgd(params, states, hyperparams)

    evaluate = training.evaluate_loss

    def slow_evaluate(*arguments):
        time.sleep(0.05)
        return evaluate(*arguments)

    monkeypatch.setattr(training, "evaluate_loss", slow_evaluate)
    run = descent.fit_ch11(slow, None, {"lr": 0.01}, *airfoil(7, 50), 3)
    steps = 3 * 8  # batch size 7 does not divide 50: the last batch counts too
    assert steps * 0.002 <= run.times[-1] < steps * 0.002 + 0.05
    assert run.times == sorted(run.times) and run.times[0] == 0


def test_prints_one_line_and_draws_once_at_the_end(capsys, monkeypatch):
    drawn, new_axes = [], figures.new_axes

    def counting(*arguments, **options):
        drawn.append(time.perf_counter())
        return new_axes(*arguments, **options)

    def watching(params, states, hyperparams):
        assert not drawn, "drew while training"
        sgd(params, states, hyperparams)

    monkeypatch.setattr(figures, "new_axes", counting)
    times, losses = descent.train_ch11(watching, None, {"lr": 0.05}, *airfoil())
    assert len(drawn) == 1
    printed = capsys.readouterr().out
    assert re.fullmatch(r"loss: 0\.24\d, \d\.\d{3} sec/epoch\n", printed)
    assert printed.startswith(f"loss: {losses[-1]:.3f}")
    assert len(times) == len(losses)


def test_figure_shows_curve_and_floor():
    times, losses = descent.train_ch11(sgd, None, {"lr": 0.05}, *airfoil(100))
    lines = figures.plt.gca().get_lines()
    curve, floor = lines[0], lines[1]
    assert curve.get_ydata().tolist() == losses
    assert curve.get_xdata()[0] == 0 and curve.get_xdata()[-1] == 2
    assert floor.get_ydata()[0] == pytest.approx(0.241688, abs=1e-6)


def test_floor_is_the_least_squares_optimum():
    X, y = airfoil()[0].tensors
    floor = descent.least_squares_floor(X, y)
    assert floor == pytest.approx(0.24169, abs=5e-6)
    design = np.column_stack([X, np.ones(1500)]).astype(float)
    best = np.linalg.solve(design.T @ design, design.T @ y.double().numpy())
    for _ in range(20):  # nowhere around the solution is it lower
        near = best + 1e-2 * np.random.default_rng(0).normal(size=6)
        assert 0.5 * np.mean((design @ near - y.numpy()) ** 2) > floor
    assert 0.5 * np.mean((design @ best - y.numpy()) ** 2) == pytest.approx(floor)


def test_reproducible_from_a_seed():
    def losses():
        torch.manual_seed(5)
        return descent.fit_ch11(sgd, None, {"lr": 0.05}, *airfoil()).losses

    assert losses() == losses()
    torch.manual_seed(6)
    run = descent.fit_ch11(sgd, None, {"lr": 0.05}, *airfoil())
    assert run.losses != losses()


@pytest.mark.parametrize("batch_size", [1, 10, 1500])
def test_divergence_stops_the_run_and_is_said(batch_size, capsys):
    times, losses = descent.train_ch11(
        sgd, None, {"lr": 50.0}, *airfoil(batch_size), 90
    )
    printed = capsys.readouterr().out
    step = int(re.match(r"diverged at step (\d+), loss: ", printed)[1])
    assert not math.isfinite(losses[-1]) and all(map(math.isfinite, losses[:-1]))
    assert len(figures.plt.gca().get_lines()) == 2, "still draws"

    torch.manual_seed(0)
    steps = 0

    def counting(params, states, hyperparams):
        nonlocal steps
        steps += 1
        sgd(params, states, hyperparams)

    torch.manual_seed(0)
    run = descent.fit_ch11(counting, None, {"lr": 50.0}, *airfoil(batch_size), 90)
    assert run.diverged_at == steps, "it stops at the step it names"
    assert 0 < step < 90 * 1500 / batch_size


def test_concise_divergence(capsys):
    data_iter, _ = airfoil(10)
    descent.train_concise_ch11(torch.optim.SGD, {"lr": 50.0}, data_iter)
    assert capsys.readouterr().out.startswith("diverged at step ")


def test_concise_takes_the_same_steps_as_scratch():
    torch.manual_seed(1)
    ours = descent.fit_ch11(sgd, None, {"lr": 0.05}, *airfoil(), 1)
    X, y = airfoil()[0].tensors
    torch.manual_seed(1)
    w = torch.normal(0.0, 0.01, size=(5, 1))
    state = torch.random.get_rng_state()

    def with_our_weights(params, **hyperparams):
        weight, bias = params
        weight.data = w.T.clone()
        torch.random.set_rng_state(state)
        return torch.optim.SGD([weight, bias], **hyperparams)

    theirs = descent.fit_concise_ch11(with_our_weights, {"lr": 0.05}, airfoil()[0], 1)
    assert ours.losses == pytest.approx(theirs.losses, rel=0, abs=1e-6)


def test_other_iterables_of_batches():
    X, y = airfoil()[0].tensors
    loaders = {
        "loader": DataLoader(TensorDataset(X, y), 64, shuffle=True),
        "dropping": DataLoader(TensorDataset(X, y), 64, drop_last=True),
        "list": list(zip(X.split(64), y.split(64))),
    }
    for name, loader in loaders.items():
        run = descent.fit_ch11(sgd, None, {"lr": 0.2}, loader, 5, 1)
        expected = 1472 / 1500 if name == "dropping" else 1
        assert run.epochs[-1] == pytest.approx(expected), name
        assert run.losses[-1] < 0.3, name
        assert descent.evaluate_loss(lambda X: X[:, :1], loader, descent.squared_loss)


def test_seeds_start_differently_and_repeat():
    runs = descent.fit_seeds(sgd, None, {"lr": 0.05}, seeds=(0, 1))
    again = descent.fit_seeds(sgd, None, {"lr": 0.05}, seeds=(1,))
    assert runs[0].losses != runs[1].losses
    assert runs[1].losses == again[0].losses
    concise = descent.fit_concise_seeds(torch.optim.SGD, {"lr": 0.05}, seeds=(0, 1))
    assert len(concise) == 2 and concise[0].losses != concise[1].losses


def test_seeds_get_fresh_states():
    made = []

    def init_states(feature_dim):
        made.append((torch.zeros(feature_dim, 1), torch.zeros(1)))
        return made[-1]

    def momentum(params, states, hyperparams):
        for p, v in zip(params, states):
            v.mul_(0.5).add_(p.grad)
            p.data.sub_(hyperparams["lr"] * v)
            p.grad.zero_()

    descent.fit_seeds(momentum, init_states, {"lr": 0.01}, 100, 1, seeds=range(3))
    assert len(made) == 3


def test_show_losses_draws_a_band_over_seeds():
    runs = descent.fit_seeds(sgd, None, {"lr": 0.05}, 100, 1, seeds=range(3))
    descent.show_losses({"sgd": runs, "other": runs[0]})
    axes = figures.plt.gca()
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == max(max(run.losses) for run in runs)
    assert heights.min() == min(min(run.losses) for run in runs)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "sgd",
        "other",
    ]


def test_median_ms_leaves_out_the_warm_up():
    naps = iter([0.05, 0.001, 0.004, 0.002])
    elapsed = training.median_ms(lambda: time.sleep(next(naps)), repeats=3)
    assert 2 <= elapsed < 4
    with pytest.raises(ValueError, match="repeats is 0"):
        training.median_ms(lambda: None, repeats=0)


def test_scalar_counters_may_stand_in_the_states():
    counters = [(torch.zeros(5, 1), torch.tensor(0)), (torch.zeros(1), {"step": 0})]
    descent.fit_ch11(sgd, counters, {"lr": 0.1}, *airfoil(), 1)


# --- a reader's mistakes ---------------------------------------------------------


def no_update(params, states, hyperparams):
    for p in params:
        p = p - hyperparams["lr"] * p.grad  # names a new tensor
    params[0].grad.zero_(), params[1].grad.zero_()


def leaves_gradients(params, states, hyperparams):
    for p in params:
        p.data.sub_(hyperparams["lr"] * p.grad)


def test_trainer_that_does_not_update():
    with pytest.raises(ValueError, match="has not changed w or b in any step: it has"):
        descent.train_ch11(no_update, None, {"lr": 0.1}, *airfoil())
    descent.train_ch11(no_update, None, {"lr": 0}, *airfoil())  # nothing is expected


def test_trainer_that_leaves_gradients_behind():
    with pytest.raises(ValueError, match=r"w.grad is still \[\[.*p.grad.zero_\(\)"):
        descent.train_ch11(leaves_gradients, None, {"lr": 0.1}, *airfoil())


def test_missing_hyperparameter():
    expected = r"asked for hyperparameter 'lr', and hyperparams has only \['rate'\]"
    with pytest.raises(ValueError, match=expected):
        descent.train_ch11(sgd, None, {"rate": 0.1}, *airfoil())


def test_a_trainer_s_own_key_error_stays():
    def broken(params, states, hyperparams):
        {}["lr"]

    with pytest.raises(KeyError):
        descent.train_ch11(broken, None, {"lr": 0.1}, *airfoil())


def test_unknown_hyperparameter_of_torch():
    with pytest.raises(ValueError, match="SGD does not take hyperparams {'rate': 1}"):
        descent.train_concise_ch11(torch.optim.SGD, {"rate": 1}, airfoil()[0])


@pytest.mark.parametrize(
    "states, expected",
    [
        ((torch.zeros(5), torch.zeros(1)), r"state for w has shape \(5,\).*\(5, 1\)"),
        ((torch.zeros(5, 1), torch.zeros(2)), r"state for b has shape \(2,\)"),
        ((torch.zeros(5, 1),), "states has 1 entries; expected 2"),
        (
            ((torch.zeros(5, 1), torch.zeros(5)), (torch.zeros(1), torch.zeros(1))),
            r"state for w has shape \(5,\)",
        ),
    ],
)
def test_states_of_the_wrong_shape(states, expected):
    with pytest.raises(ValueError, match=expected):
        descent.train_ch11(sgd, states, {"lr": 0.1}, *airfoil())


def test_wrong_feature_dim():
    data_iter, _ = airfoil()
    with pytest.raises(ValueError, match="feature_dim is 4, but the examples have 5"):
        descent.train_ch11(sgd, None, {"lr": 0.1}, data_iter, 4)


@pytest.mark.parametrize("num_epochs", [0, 1.5, "2"])
def test_wrong_num_epochs(num_epochs):
    with pytest.raises(ValueError, match="num_epochs is .*; expected a whole number"):
        descent.train_ch11(sgd, None, {"lr": 0.1}, *airfoil(), num_epochs)


def test_empty_and_used_up_iterables():
    X, y = airfoil()[0].tensors
    for nothing in ([], (batch for batch in [(X, y)])):
        with pytest.raises(ValueError, match="data_iter"):
            descent.train_ch11(sgd, None, {"lr": 0.1}, nothing, 5)
