"""Optimizers that torch.optim lacks: Yogi."""

from numbers import Real

import torch


class Yogi(torch.optim.Optimizer):
    """Adam with a second moment whose change is bounded by the gradient's square.

    With g the gradient at step t (negated if `maximize`, then with weight_decay · x
    added), and all operations elementwise:

        v ← β₁ v + (1 − β₁) g
        s ← s + (1 − β₂) sgn(g² − s) g²
        x ← x − lr · v / (1 − β₁ᵗ) / (√(s / (1 − β₂ᵗ)) + eps)

    The paper divides by neither 1 − β₁ᵗ nor 1 − β₂ᵗ, starts v at 0, and s at the
    squared gradient of a large first batch. Its first author's implementation (in
    TensorFlow Addons) and those that follow it divide by both, and start v and s at
    1e-6. That is the default here; `initial_accumulator=None` is the paper's form.

    Args:
        params: iterable of tensors, or of dicts, one a group, which may set any of
            the options below for the tensors in their "params".
        lr: learning rate, 0 or more.
        betas: (β₁, β₂), decay of the two moments, each in [0, 1).
        eps: added to the root, not under it, 0 or more.
        initial_accumulator: number, 0 or more, that v and s start from; or None: v
            starts at 0, s at the square of the first gradient a tensor receives (give
            the first step a large batch), and neither is bias-corrected.
        weight_decay: factor of ½‖x‖² in the objective (not decoupled), 0 or more.
        foreach: True updates all tensors of a group by torch._foreach_* calls, False
            one by one, None the first where all of them are on CUDA.
        maximize: ascend instead of descend.
    Returns: an optimizer. state[p] holds "step" (int), "exp_avg" (v) and "exp_avg_sq"
        (s), of the shape and dtype of p.
    Raises: ValueError naming the option, its value and what was expected.
    Example:
        >>> optimizer = Yogi(net.parameters(), lr=0.01)
        >>> loss(net(X), y).backward()
        >>> optimizer.step()
    Reference: Zaheer, Reddi, Sachan, Kale and Kumar (2018), Adaptive Methods for
        Nonconvex Optimization, NeurIPS 31, 9793-9803.
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        betas=(0.9, 0.999),
        eps=1e-3,
        initial_accumulator=1e-6,
        weight_decay=0,
        *,
        foreach=None,
        maximize=False,
    ):
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        defaults.update(initial_accumulator=initial_accumulator)
        super().__init__(params, defaults | dict(foreach=foreach, maximize=maximize))

    def add_param_group(self, param_group):
        """Add a group of tensors with options of its own, as in torch.optim."""
        if isinstance(param_group, dict):
            _check_options({**self.defaults, **param_group})
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure=None):
        """Make one update of all tensors that have a gradient.

        Args:
            closure: function () -> loss that computes the gradients anew, or None.
        Returns: the closure's loss, or None.
        Raises: RuntimeError, in a sentence, for a sparse or complex gradient.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            grads = [_gradient(p, group) for p in params]
            states = [self._state(p, g, group) for p, g in zip(params, grads)]
            foreach = group["foreach"]
            if foreach is None:
                foreach = all(p.is_cuda for p in params)
            update = _update_together if foreach and params else _update_each
            update(params, grads, states, group)
        return loss

    def _state(self, p, grad, group):
        """Return the state of `p`, made if missing, with this step counted."""
        state, start = self.state[p], group["initial_accumulator"]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.full_like(p, start or 0)
            state["exp_avg_sq"] = torch.full_like(p, start or 0)
            if start is None:
                state["exp_avg_sq"].copy_(grad.square())
        state["step"] += 1
        return state


def _gradient(p, group):
    """Return the gradient of what is minimised; it may be p.grad itself."""
    grad = p.grad
    if grad.layout != torch.strided or grad.is_complex():
        kind = "complex" if grad.is_complex() else "sparse"
        raise RuntimeError(
            f"Yogi got a {kind} gradient for a tensor of shape {tuple(p.shape)}; "
            f"expected a dense real one. Use sparse=False in the layer that made it, "
            f"or torch.optim.SparseAdam; split complex tensors with torch.view_as_real."
        )
    grad = -grad if group["maximize"] else grad
    return grad.add(p, alpha=wd) if (wd := group["weight_decay"]) else grad


def _corrections(state, group):
    """Return what v and √s are divided by."""
    if group["initial_accumulator"] is None:
        return 1.0, 1.0
    beta1, beta2 = group["betas"]
    return 1 - beta1 ** state["step"], (1 - beta2 ** state["step"]) ** 0.5


def _update_each(params, grads, states, group):
    """Update tensors one by one: the reference for `_update_together`."""
    beta1, beta2 = group["betas"]
    for p, grad, state in zip(params, grads, states):
        first, root_second = _corrections(state, group)
        v, s = state["exp_avg"], state["exp_avg_sq"]
        v.lerp_(grad, 1 - beta1)
        square = grad.square()
        s.addcmul_(square, (square - s).sign_(), value=1 - beta2)
        denominator = (s.sqrt() / root_second).add_(group["eps"])
        p.addcdiv_(v, denominator, value=-group["lr"] / first)


def _update_together(params, grads, states, group):
    """Update all tensors of a group with one call for each operation."""
    beta1, beta2 = group["betas"]
    firsts, root_seconds = zip(*(_corrections(state, group) for state in states))
    v = [state["exp_avg"] for state in states]
    s = [state["exp_avg_sq"] for state in states]
    torch._foreach_lerp_(v, grads, 1 - beta1)
    squares = torch._foreach_mul(grads, grads)
    signs = torch._foreach_sub(squares, s)
    torch._foreach_sign_(signs)
    torch._foreach_addcmul_(s, squares, signs, value=1 - beta2)
    denominators = torch._foreach_sqrt(s)
    torch._foreach_div_(denominators, root_seconds)
    torch._foreach_add_(denominators, group["eps"])
    rates = [-group["lr"] / first for first in firsts]
    torch._foreach_addcdiv_(params, v, denominators, rates)


def _check_options(options):
    """Raise a sentence for an option of a group that is out of range."""
    for name in ("lr", "eps", "initial_accumulator", "weight_decay"):
        value, or_none = options[name], name == "initial_accumulator"
        if not (_within(value, float("inf")) or (or_none and value is None)):
            wanted = "a finite number, 0 or more" + ", or None" * or_none
            raise ValueError(f"{name} is {value!r}; expected {wanted}.")
    betas = options["betas"]
    pair = isinstance(betas, (tuple, list)) and len(betas) == 2
    if not (pair and all(_within(beta, 1) for beta in betas)):
        raise ValueError(f"betas is {betas!r}; expected two numbers in [0, 1).")


def _within(value, end):
    return isinstance(value, Real) and 0 <= value < end
