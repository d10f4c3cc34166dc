"""Yogi against torch-optimizer's, against the paper's formula, and as an optimizer."""

import copy
import itertools
import math

import pytest
import torch
import torch_optimizer

from descent import Yogi

SHAPES = ((5, 1), (1,), (), (2, 3))


def tensors(dtype=torch.float64, shapes=SHAPES):
    """Return parameters drawn from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    draw = [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]
    return [torch.nn.Parameter(value) for value in draw]


def gradients(params, steps=60):
    """Yield a list of gradients for every step: mostly small, now and then large.

    So that g² lies below s as often as above it, and both signs of the rule count.
    """
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        scale = 5.0 if step % 7 == 0 else 0.3
        yield [
            scale * torch.randn(p.shape, generator=generator).to(p.dtype)
            for p in params
        ]


def run(optimizer, params, steps=60, sign=1.0):
    """Feed an optimizer the gradients above; return x after every step."""
    path = []
    for grads in gradients(params, steps):
        for p, grad in zip(params, grads):
            p.grad = sign * grad
        optimizer.step()
        path.append([p.detach().clone() for p in params])
    return path


def assert_same_path(path, expected, rtol):
    assert len(path) == len(expected)
    for mine, theirs in zip(path, expected):
        torch.testing.assert_close(mine, theirs, rtol=rtol, atol=rtol / 100)


GRID = [
    dict(lr=0.3, betas=betas, eps=eps, initial_accumulator=start, weight_decay=decay)
    for betas, eps, start, decay in itertools.product(
        ((0.9, 0.999), (0.0, 0.5), (0.6, 0.9)),
        (1e-3, 1e-8),
        (1e-6, 0.0, 0.4),
        (0, 0.1),
    )
]


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("options", [{}, *GRID], ids=str)
def test_agrees_with_an_independent_implementation(options, foreach):
    ours, theirs = tensors(), tensors()
    path = run(Yogi(ours, **options, foreach=foreach), ours)
    expected = run(torch_optimizer.Yogi(theirs, **options), theirs)
    assert_same_path(path, expected, rtol=1e-12)


def scalar_yogi(x, grads, lr, betas, eps, start, correct):
    """The formulas of the docstring on plain numbers; yields x after every step."""
    v, s = start
    for t, g in enumerate(grads, start=1):
        v = betas[0] * v + (1 - betas[0]) * g
        if g * g > s:
            s = s + (1 - betas[1]) * g * g
        elif g * g < s:
            s = s - (1 - betas[1]) * g * g
        first, second = (1 - betas[0] ** t, 1 - betas[1] ** t) if correct else (1, 1)
        x = x - lr * (v / first) / (math.sqrt(s / second) + eps)
        yield x


@pytest.mark.parametrize("start", [None, 0.0, 0.25])
@pytest.mark.parametrize("foreach", [False, True])
def test_follows_the_formulas(start, foreach):
    grads = [2.0, -0.5, 1.9, 0.1, 3.0, -1.0, 0.02, 0.7, -4.0, 0.6]
    options = dict(lr=0.05, betas=(0.8, 0.9), eps=0.01)
    x = torch.nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
    optimizer = Yogi([x], **options, initial_accumulator=start, foreach=foreach)
    first = (0.0, grads[0] ** 2) if start is None else (start, start)
    expected = scalar_yogi(
        0.3, grads, **options, start=first, correct=start is not None
    )
    for grad, value in zip(grads, expected, strict=True):
        x.grad = torch.full_like(x, grad)
        optimizer.step()
        assert x.item() == pytest.approx(value, rel=1e-13)


def test_second_moment_stays_where_it_equals_the_square():
    x = torch.nn.Parameter(torch.ones(1))
    optimizer = Yogi([x], initial_accumulator=None)
    x.grad = torch.full_like(x, 0.5)
    for _ in range(3):
        optimizer.step()
    assert optimizer.state[x]["exp_avg_sq"].item() == 0.25


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("start", [1e-6, None])
def test_foreach_agrees_with_the_loop(dtype, start):
    options = dict(weight_decay=0.01, maximize=True, initial_accumulator=start)
    one, other = tensors(dtype), tensors(dtype)
    path = run(Yogi(one, **options, foreach=True), one)
    expected = run(Yogi(other, **options, foreach=False), other)
    assert_same_path(path, expected, rtol=4 * torch.finfo(dtype).eps)
    assert all(p.dtype == dtype for p in one)


@pytest.mark.parametrize("foreach", [False, True])
def test_tensors_of_different_dtypes_share_a_group(foreach):
    mixed = tensors(torch.float32, SHAPES[:2]) + tensors(torch.float64, SHAPES[2:])
    optimizer = Yogi(mixed, foreach=foreach)
    run(optimizer, mixed, steps=5)
    for p in mixed:
        state = optimizer.state[p]
        assert state["exp_avg"].dtype == state["exp_avg_sq"].dtype == p.dtype
        assert state["exp_avg"].shape == p.shape


@pytest.mark.parametrize("foreach", [False, True])
def test_a_tensor_without_gradient_keeps_its_value_and_its_count(foreach):
    often, seldom = tensors(shapes=[(3,), (3,)])
    alone = copy.deepcopy(seldom)
    optimizer = Yogi([often, seldom], foreach=foreach)
    for step in range(6):
        often.grad = torch.ones(3, dtype=torch.float64)
        seldom.grad = often.grad.clone() if step % 2 else None
        before = seldom.detach().clone()
        optimizer.step()
        assert torch.equal(before, seldom) == (step % 2 == 0)
    assert [optimizer.state[p]["step"] for p in (often, seldom)] == [6, 3]
    optimizer = Yogi([alone])
    for _ in range(3):
        alone.grad = torch.ones(3, dtype=torch.float64)
        optimizer.step()
    torch.testing.assert_close(seldom, alone, rtol=1e-15, atol=0)


def test_nothing_to_do_is_no_error():
    optimizer = Yogi(tensors(), foreach=True)
    assert optimizer.step() is None
    assert not optimizer.state


@pytest.mark.parametrize("start", [1e-6, None])
def test_resumes_from_its_state_dict(start, tmp_path):
    whole = tensors()
    expected = run(Yogi(whole, initial_accumulator=start), whole, steps=60)

    params = tensors()
    first = Yogi(params, initial_accumulator=start)
    stream = gradients(params, 60)
    for grads in itertools.islice(stream, 25):
        for p, grad in zip(params, grads):
            p.grad = grad
        first.step()
    torch.save(first.state_dict(), tmp_path / "yogi.pt")

    resumed = [torch.nn.Parameter(p.detach().clone()) for p in params]
    second = Yogi(resumed, lr=123.0)
    second.load_state_dict(torch.load(tmp_path / "yogi.pt", weights_only=True))
    for grads, values in zip(stream, expected[25:], strict=True):
        for p, grad in zip(resumed, grads):
            p.grad = grad
        second.step()
        assert all(torch.equal(p, value) for p, value in zip(resumed, values))


def test_groups_have_options_of_their_own():
    options = [dict(lr=0.2, betas=(0.5, 0.9)), dict(maximize=True, eps=0.1), {}]
    together, apart = tensors(shapes=[(3,)] * 3), tensors(shapes=[(3,)] * 3)
    groups = [dict(params=[p], **o) for p, o in zip(together, options)]
    optimizer = Yogi(groups[:2], lr=0.03)
    optimizer.add_param_group(groups[2])
    path = run(optimizer, together)

    separate = [Yogi([p], **({"lr": 0.03} | o)) for p, o in zip(apart, options)]
    for grads, expected in zip(gradients(apart), path, strict=True):
        for p, grad, optimizer, value in zip(apart, grads, separate, expected):
            p.grad = grad
            optimizer.step()
            assert torch.equal(p, value)


def test_a_scheduler_can_change_the_rate():
    params = tensors()
    optimizer = Yogi(params, lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.0)
    run(optimizer, params, steps=1)
    scheduler.step()
    before = [p.detach().clone() for p in params]
    run(optimizer, params, steps=1)
    assert all(torch.equal(p, value) for p, value in zip(params, before))


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("start", [0.0, None])
def test_maximize_mirrors_the_path(foreach, start):
    options = dict(foreach=foreach, initial_accumulator=start, lr=0.05)
    up, down = tensors(), tensors()
    climbed = run(Yogi(up, maximize=True, **options), up)
    assert_same_path(climbed, run(Yogi(down, **options), down, sign=-1.0), rtol=1e-15)
    value = torch.nn.Parameter(torch.tensor(0.0))
    optimizer = Yogi([value], maximize=True, **options)
    value.grad = torch.tensor(2.0)
    optimizer.step()
    assert value.item() > 0


@pytest.mark.parametrize("maximize", [False, True])
def test_weight_decay_is_the_gradient_of_a_penalty(maximize):
    params, plain = tensors(), tensors()
    decayed = Yogi(params, weight_decay=0.3, maximize=maximize)
    by_hand = Yogi(plain)
    for grads in gradients(params, 20):
        for p, q, grad in zip(params, plain, grads):
            p.grad = grad.clone()
            q.grad = (-grad if maximize else grad) + 0.3 * q.detach()
        decayed.step()
        by_hand.step()
        torch.testing.assert_close(params, plain, rtol=1e-13, atol=0)
        assert all(torch.equal(p.grad, grad) for p, grad in zip(params, grads))


def test_closure_runs_with_gradients_and_its_loss_is_returned():
    x = torch.nn.Parameter(torch.tensor(3.0))
    optimizer = Yogi([x])

    def closure():
        optimizer.zero_grad()
        loss = x**2
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert x.item() < 3.0


@pytest.mark.parametrize("foreach", [False, True])
def test_finds_the_minimum_of_a_quadratic(foreach):
    x = torch.nn.Parameter(torch.tensor([-5.0, -2.0]))
    scale = torch.tensor([0.1, 2.0])
    optimizer = Yogi([x], lr=0.1, foreach=foreach)
    for _ in range(2000):
        optimizer.zero_grad()
        (scale * x**2).sum().backward()
        optimizer.step()
    assert x.abs().max() < 1e-3


@pytest.mark.parametrize(
    "options, sentence",
    [
        (dict(lr=-0.1), r"lr is -0\.1; expected a finite number, 0 or more\."),
        (dict(lr="fast"), r"lr is 'fast'; expected a finite number, 0 or more\."),
        (dict(lr=math.nan), r"lr is nan; expected a finite number"),
        (dict(eps=-1e-9), r"eps is -1e-09; expected a finite number, 0 or more\."),
        (dict(eps=math.inf), r"eps is inf; expected a finite number"),
        (dict(eps=None), r"eps is None; expected a finite number, 0 or more\."),
        (dict(weight_decay=-1), r"weight_decay is -1; expected a finite number"),
        (
            dict(initial_accumulator=-1),
            r"initial_accumulator is -1; expected a finite number, 0 or more, or None",
        ),
        (dict(betas=(0.9, 1.0)), r"betas is \(0\.9, 1\.0\); expected two numbers in"),
        (dict(betas=(-0.1, 0.9)), r"betas is \(-0\.1, 0\.9\); expected two numbers"),
        (dict(betas=0.9), r"betas is 0\.9; expected two numbers in \[0, 1\)\."),
        (dict(betas=(0.9,)), r"betas is \(0\.9,\); expected two numbers in \[0, 1\)\."),
    ],
    ids=str,
)
def test_bad_options_are_named(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Yogi(tensors(), **options)
    with pytest.raises(ValueError, match=sentence):
        Yogi([dict(params=tensors(), **options)])
    optimizer = Yogi(tensors())
    with pytest.raises(ValueError, match=sentence):
        optimizer.add_param_group(dict(params=tensors(), **options))
    assert len(optimizer.param_groups) == 1


def test_the_ends_of_the_ranges_are_allowed():
    zero = dict(lr=0, betas=[0, 0], eps=0, initial_accumulator=0, weight_decay=0)
    assert Yogi(tensors(), **zero).defaults["lr"] == 0


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("kind", ["sparse", "complex"])
def test_other_gradients_are_refused(kind, foreach):
    x = torch.nn.Parameter(
        torch.ones(2, 3, dtype=torch.complex64 if kind == "complex" else None)
    )
    x.grad = torch.ones_like(x) if kind == "complex" else torch.ones(2, 3).to_sparse()
    optimizer = Yogi([x], foreach=foreach)
    with pytest.raises(RuntimeError, match=rf"a {kind} gradient .* \(2, 3\); expected"):
        optimizer.step()


def test_defaults_are_those_of_the_published_implementations():
    ours, theirs = Yogi(tensors()), torch_optimizer.Yogi(tensors())
    assert theirs.defaults.items() <= ours.defaults.items()
