"""The losses recomputed in the chapter on empirical risk, against torch.nn's classes.

The functions are taken from the notebook's cells, so what is tested is what is read.
"""

import itertools
import math
import warnings

import notebooks
import pytest
import torch
from torch import nn

NAMES = {
    "mse": "mse",
    "l1": "l1",
    "nll": "nll",
    "cross_entropy": "cross_entropy",
    "kl": "kl_divergence",
}
REDUCTIONS = ("none", "mean", "sum")
# (N, C), then one prediction a position as in segmentation, one example, one class
SHAPES = [(7, 5), (4, 3, 6), (2, 4, 3, 5), (1, 2), (3, 1)]
SINGLE = [(5,)]  # logits of one example without a batch dimension

each_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)
each_shape = pytest.mark.parametrize("shape", SHAPES + SINGLE, ids=str)


@pytest.fixture(scope="module")
def losses():
    """Return dict tag -> function of the chapter, each run on its own."""
    functions = {}
    for tag, name in NAMES.items():
        namespace = {"math": math, "torch": torch}
        exec(notebooks.tagged_source("empirical-risk", f"loss:{tag}"), namespace)
        functions[tag] = namespace[name]
    return functions


def generator(*seed):
    return torch.Generator().manual_seed(hash(seed) % 2**31)


def normal(shape, *seed, dtype=torch.float64):
    return torch.randn(shape, generator=generator(*shape, *seed), dtype=dtype)


def indices(shape, *seed):
    """Class indices for predictions of `shape`."""
    axis = min(1, len(shape) - 1)
    size = shape[:axis] + shape[axis + 1 :]
    return torch.randint(shape[axis], size, generator=generator(*shape, *seed))


def some_ignored(target, index):
    """Replace about a third of the targets, and never all, by `index`."""
    chosen = torch.rand(target.shape, generator=generator(index, 5)) < 0.35
    if target.dim():
        chosen.view(-1)[0], chosen.view(-1)[-1] = False, target.numel() > 1
    return torch.where(chosen, index, target)


def weights(shape):
    axis = min(1, len(shape) - 1)
    size = (shape[axis],)
    return 0.1 + torch.rand(size, generator=generator(*size), dtype=torch.float64)


def assert_equal(ours, theirs, rtol=1e-12):
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=1e-12, equal_nan=True)


@each_reduction
@pytest.mark.parametrize("shape", [(), (9,), (7, 1), (4, 3, 2)], ids=str)
@pytest.mark.parametrize("tag, reference", [("mse", nn.MSELoss), ("l1", nn.L1Loss)])
def test_losses_of_numbers(losses, tag, reference, shape, reduction):
    prediction, target = normal(shape, 1), normal(shape, 2)
    ours = losses[tag](prediction, target, reduction=reduction)
    assert_equal(ours, reference(reduction=reduction)(prediction, target))


@pytest.mark.parametrize("tag", ["mse", "l1"])
def test_shapes_that_would_broadcast_are_refused(losses, tag):
    with pytest.raises(ValueError, match=r"\[6, 1\].*\[6\]"):
        losses[tag](torch.zeros(6, 1), torch.zeros(6))


# (weighted, ignore_index); None leaves the option out and ignores nothing
CLASS_OPTIONS = list(itertools.product((False, True), (None, -100, 0)))


@each_reduction
@each_shape
@pytest.mark.parametrize("weighted, ignored", CLASS_OPTIONS)
def test_negative_log_likelihood(losses, shape, weighted, ignored, reduction):
    axis = min(1, len(shape) - 1)
    log_p, target = normal(shape, 1).log_softmax(axis), indices(shape, 2)
    options = {"weight": weights(shape) if weighted else None, "reduction": reduction}
    if ignored is not None:
        target, options["ignore_index"] = some_ignored(target, ignored), ignored
    ours = losses["nll"](log_p, target, **options)
    assert_equal(ours, nn.NLLLoss(**options)(log_p, target))


@each_reduction
@each_shape
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted, ignored", CLASS_OPTIONS)
def test_cross_entropy_of_indices(
    losses, shape, weighted, ignored, smoothing, reduction
):
    logits, target = 3 * normal(shape, 1), indices(shape, 2)
    options = {
        "weight": weights(shape) if weighted else None,
        "label_smoothing": smoothing,
        "reduction": reduction,
    }
    if ignored is not None:
        target, options["ignore_index"] = some_ignored(target, ignored), ignored
    ours = losses["cross_entropy"](logits, target, **options)
    assert_equal(ours, nn.CrossEntropyLoss(**options)(logits, target))


@each_reduction
@each_shape
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_probabilities(losses, shape, weighted, smoothing, reduction):
    logits = 3 * normal(shape, 1)
    target = normal(shape, 2).softmax(min(1, len(shape) - 1))
    options = {
        "weight": weights(shape) if weighted else None,
        "label_smoothing": smoothing,
        "reduction": reduction,
    }
    ours = losses["cross_entropy"](logits, target, **options)
    assert_equal(ours, nn.CrossEntropyLoss(**options)(logits, target))


@pytest.mark.parametrize("tag", ["nll", "cross_entropy"])
@pytest.mark.parametrize("reduction, expected", [("mean", math.nan), ("sum", 0.0)])
def test_nothing_counts_when_every_target_is_ignored(losses, tag, reduction, expected):
    log_p, target = normal((4, 3), 1).log_softmax(1), torch.full((4,), -100)
    ours = losses[tag](log_p, target, reduction=reduction)
    reference = {"nll": nn.NLLLoss, "cross_entropy": nn.CrossEntropyLoss}[tag]
    assert_equal(ours, reference(reduction=reduction)(log_p, target))
    assert_equal(ours, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("tag", ["nll", "cross_entropy"])
def test_an_ignored_target_hides_an_impossible_class(losses, tag):
    """0 · (−∞) would be nan: what is ignored, or not asked for, must not be added."""
    logits = torch.tensor([[-math.inf, 1.0, 2.0], [-math.inf, 0.5, 0.0]]).double()
    log_p = logits.log_softmax(1)
    target = torch.tensor([-100, 2])
    expected = -log_p[1, 2]
    assert_equal(losses[tag](log_p, target), expected)


@pytest.mark.parametrize("size", [1e3, 1e300])
def test_cross_entropy_does_not_overflow(losses, size):
    logits = torch.tensor([[0.0, size], [size, 0.0]], dtype=torch.float64)
    ours = losses["cross_entropy"](logits, torch.tensor([1, 1]), reduction="none")
    assert ours.tolist() == [0.0, size]


def kl_reference(reduction, log_target):
    loss = nn.KLDivLoss(reduction=reduction, log_target=log_target)

    def quiet(*inputs):
        with warnings.catch_warnings():  # torch advises against its own default
            warnings.simplefilter("ignore", UserWarning)
            return loss(*inputs)

    return quiet


@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("swapped", [False, True])
def test_kl_divergence_in_both_directions(
    losses, shape, log_target, reduction, swapped
):
    log_p, log_q = (normal(shape, seed).log_softmax(1) for seed in (1, 2))
    if swapped:
        log_p, log_q = log_q, log_p
    target = log_q if log_target else log_q.exp()
    options = {"log_target": log_target, "reduction": reduction}
    ours = losses["kl"](log_p, target, **options)
    assert_equal(ours, kl_reference(**options)(log_p, target))


def test_kl_divergence_takes_zero_log_zero_as_zero(losses):
    log_p, onehot = normal((4, 3), 1).log_softmax(1), torch.eye(4, 3).double()
    ours = losses["kl"](log_p, onehot, reduction="sum")
    assert ours.isfinite()
    assert_equal(ours, nn.KLDivLoss(reduction="sum")(log_p, onehot))


def test_kl_divergence_is_positive_and_not_symmetric(losses):
    log_p, log_q = (normal((50, 4), seed).log_softmax(1) for seed in (1, 2))
    one, other = (
        losses["kl"](a, b, log_target=True, reduction="none").sum(1)
        for a, b in ((log_p, log_q), (log_q, log_p))
    )
    assert (one > 0).all() and (other > 0).all()
    assert (one - other).abs().max() > 0.1
    same = losses["kl"](log_p, log_p, log_target=True, reduction="sum")
    assert same.item() == 0


@pytest.mark.parametrize("tag", NAMES)
def test_defaults_are_those_of_torch(losses, tag):
    inputs = {
        "mse": (normal((4, 3), 1), normal((4, 3), 2)),
        "l1": (normal((4, 3), 1), normal((4, 3), 2)),
        "nll": (normal((4, 3), 1).log_softmax(1), torch.tensor([0, -100, 2, 1])),
        "cross_entropy": (normal((4, 3), 1), torch.tensor([0, -100, 2, 1])),
        "kl": (normal((4, 3), 1).log_softmax(1), normal((4, 3), 2).softmax(1)),
    }[tag]
    reference = {
        "mse": nn.MSELoss(),
        "l1": nn.L1Loss(),
        "nll": nn.NLLLoss(),
        "cross_entropy": nn.CrossEntropyLoss(),
        "kl": kl_reference("mean", False),
    }[tag]
    assert_equal(losses[tag](*inputs), reference(*inputs))


@pytest.mark.parametrize("tag", ["mse", "l1", "nll", "cross_entropy", "kl"])
def test_gradients_are_those_of_torch(losses, tag):
    first = normal((4, 3, 2), 1).requires_grad_()
    second = normal((4, 3, 2), 2)
    target = indices((4, 3, 2), 3)
    ours, theirs = {
        "mse": lambda x: (losses["mse"](x, second), nn.MSELoss()(x, second)),
        "l1": lambda x: (losses["l1"](x, second), nn.L1Loss()(x, second)),
        "nll": lambda x: (losses["nll"](x, target), nn.NLLLoss()(x, target)),
        "cross_entropy": lambda x: (
            losses["cross_entropy"](x, target, label_smoothing=0.2),
            nn.CrossEntropyLoss(label_smoothing=0.2)(x, target),
        ),
        "kl": lambda x: (
            losses["kl"](x, second.exp(), reduction="batchmean"),
            nn.KLDivLoss(reduction="batchmean")(x, second.exp()),
        ),
    }[tag](first)
    expected = torch.autograd.grad(theirs, first)[0]
    assert_equal(torch.autograd.grad(ours, first)[0], expected)


@pytest.mark.parametrize("tag", NAMES)
def test_float32_stays_float32(losses, tag):
    logits = normal((4, 3), 1, dtype=torch.float32)
    target = torch.tensor([0, 2, 1, 1])
    if tag not in ("nll", "cross_entropy"):
        target = logits.softmax(1)
    for reduction in REDUCTIONS:
        ours = losses[tag](logits.log_softmax(1), target, reduction=reduction)
        assert ours.dtype == torch.float32


@pytest.mark.parametrize("tag", NAMES)
def test_an_unknown_reduction_is_named(losses, tag):
    log_p, target = normal((4, 3), 1).log_softmax(1), torch.tensor([0, 2, 1, 1])
    if tag not in ("nll", "cross_entropy"):
        target = log_p.exp()
    with pytest.raises(ValueError, match="'average'"):
        losses[tag](log_p, target, reduction="average")


def test_the_weighted_mean_depends_on_the_form_of_the_target(losses):
    """What the chapter says of torch: Σ w for indices, N for distributions."""
    logits, target = normal((8, 3), 1), torch.tensor([0, 1, 2, 0, 0, 1, 2, 0])
    weight = torch.tensor([5.0, 1.0, 2.0], dtype=torch.float64)
    onehot = nn.functional.one_hot(target, 3).double()
    loss = nn.CrossEntropyLoss(weight=weight)
    ratio = loss(logits, onehot) / loss(logits, target)
    assert_equal(ratio, weight[target].mean())
