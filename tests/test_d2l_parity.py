"""The same weights, batches and rule give the same losses as in d2l, to 1e-6."""

import math

import pytest
import torch
from torch import nn

import descent
from reference import d2l

N, EPOCHS = 1500, 2
BATCH_SIZES = (1, 10, 100, 1500)


def sgd(params, states, hyperparams):
    for p in params:
        p.data.sub_(hyperparams["lr"] * p.grad)
        p.grad.data.zero_()


def momentum(params, states, hyperparams):
    for p, v in zip(params, states):
        with torch.no_grad():
            v[:] = hyperparams["momentum"] * v + p.grad
            p[:] -= hyperparams["lr"] * v
        p.grad.data.zero_()


def adam(params, states, hyperparams):
    for p, (v, s, t) in zip(params, states):
        t.append(len(t) + 1)
        with torch.no_grad():
            v[:] = 0.9 * v + 0.1 * p.grad
            s[:] = 0.999 * s + 0.001 * p.grad**2
            v_hat = v / (1 - 0.9 ** len(t))
            s_hat = s / (1 - 0.999 ** len(t))
            p[:] -= hyperparams["lr"] * v_hat / (s_hat.sqrt() + 1e-8)
        p.grad.data.zero_()


def no_states():
    return None


def velocities():
    return torch.zeros(5, 1), torch.zeros(1)


def moments():
    return tuple((torch.zeros(s), torch.zeros(s), []) for s in ((5, 1), (1,)))


RULES = {
    "sgd": (sgd, no_states, {"lr": 0.05}),
    "momentum": (momentum, velocities, {"lr": 0.02, "momentum": 0.5}),
    "adam": (adam, moments, {"lr": 0.01}),
}


def fixed_batches(batch_size):
    """The airfoil batches in one random order that never changes: evaluating with
    d2l goes through the iterator too, and must not disturb what follows."""
    X, y = descent.get_data_ch11(1)[0].tensors
    order = torch.randperm(N, generator=torch.Generator().manual_seed(3))
    return descent.load_array((X[order], y[order]), batch_size, is_train=False)


def at_d2l_moments(losses, batch_size):
    """Those of our losses that d2l records: where 200 divides the examples seen."""
    per_epoch = 15 if batch_size <= 100 else 1
    seen = {round(i * N / per_epoch): loss for i, loss in enumerate(losses)}
    moments = [n for n in seen if n > 0 and n % 200 == 0 and n % batch_size == 0]
    assert moments, "nothing to compare"
    return [seen[n] for n in moments]


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@pytest.mark.parametrize("name", RULES)
def test_train_ch11(name, batch_size):
    rule, init_states, hyperparams = RULES[name]
    data_iter = fixed_batches(batch_size)
    results = []
    for module in (d2l, descent):
        torch.manual_seed(7)
        arguments = (rule, init_states(), hyperparams, data_iter, 5, EPOCHS)
        results.append(module.train_ch11(*arguments)[1])
        module.plt.close("all")
    theirs, ours = results[0], at_d2l_moments(results[1], batch_size)
    assert len(ours) == len(theirs)
    assert ours == pytest.approx(theirs, rel=0, abs=1e-6)


# d2l leaves out the ½, so its gradients are twice ours: half the rate makes the same
# step for SGD and momentum; for Adam, which divides the scale out, twice the eps does.
CONCISE = {
    "sgd": (torch.optim.SGD, {"lr": 0.05}, {"lr": 0.025}),
    "momentum": (
        torch.optim.SGD,
        {"lr": 0.02, "momentum": 0.5},
        {"lr": 0.01, "momentum": 0.5},
    ),
    "adam": (torch.optim.Adam, {"lr": 0.01}, {"lr": 0.01, "eps": 2e-8}),
}


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@pytest.mark.parametrize("name", CONCISE)
def test_train_concise_ch11(name, batch_size, monkeypatch):
    optimizer, our_hyperparams, their_hyperparams = CONCISE[name]
    reset = nn.Linear.reset_parameters

    def reset_with_zero_bias(layer):  # d2l leaves the bias at torch's random value
        reset(layer)
        nn.init.zeros_(layer.bias)

    monkeypatch.setattr(nn.Linear, "reset_parameters", reset_with_zero_bias)
    recorded = []
    animator_add = d2l.Animator.add

    def add(self, x, y):
        recorded.append(y[0])
        animator_add(self, x, y)

    monkeypatch.setattr(d2l.Animator, "add", add)
    if (
        batch_size == 1500
    ):  # its last line reads a second record, so give it four epochs
        epochs = 4
    else:
        epochs = EPOCHS
    data_iter = fixed_batches(batch_size)
    torch.manual_seed(7)
    d2l.train_concise_ch11(optimizer, their_hyperparams, data_iter, epochs)
    torch.manual_seed(7)
    ours = descent.train_concise_ch11(optimizer, our_hyperparams, data_iter, epochs)[1]
    descent.plt.close("all")
    ours = at_d2l_moments(ours, batch_size)
    assert len(ours) == len(recorded)
    assert ours == pytest.approx(recorded, rel=0, abs=1e-6)


def test_same_data_as_d2l():
    ours = descent.get_data_ch11(1)[0].tensors
    theirs = d2l.get_data_ch11(1)[0].dataset.tensors
    for our, their in zip(ours, theirs):
        assert our.shape == their.shape and our.dtype == their.dtype
        # d2l takes means and deviations in float32, which costs it the fifth digit
        assert torch.allclose(our, their, rtol=0, atol=5e-5)


def test_losses_agree_on_what_they_measure():
    data_iter = fixed_batches(64)
    w, b = torch.randn(5, 1), torch.randn(1)

    def net(X):
        return d2l.linreg(X, w, b)

    ours = descent.evaluate_loss(net, data_iter, descent.squared_loss)
    theirs = d2l.evaluate_loss(net, data_iter, d2l.squared_loss)
    assert math.isclose(ours, theirs, rel_tol=1e-6)
