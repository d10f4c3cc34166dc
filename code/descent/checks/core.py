"""Try a reader's answer and say in a sentence what came of it.

A check is made by `check` from a judge: a function that takes the reader's answer and
returns a Verdict. Judges are built from `ask`, which calls the answer safely, and
`compare`, which holds it against an oracle on cases from small to large.
"""

import copy
import ctypes
import functools
import math
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np
import torch

SECONDS = 2.0  # a check as a whole takes no longer


@dataclass(frozen=True)
class Verdict:
    """What came of trying an answer.

    Attributes: `right` (True, False, or None for an answer not attempted yet) and
    `sentence`, which says so to the reader.
    """

    right: bool | None
    sentence: str


class Wrong(Exception):
    """An answer is wrong; the message is the sentence for the reader."""


def check(judge):
    """Turn a judge into a check: it prints its verdict and returns nothing.

    The judge itself stays at hand as `.judge`. Torch's random state is restored, and
    an answer that raises NotImplementedError counts as not attempted.
    """

    @functools.wraps(judge)
    def printing(*answers):
        print(verdict(*answers).sentence)

    def verdict(*answers):
        state = torch.random.get_rng_state()
        try:
            return judge(*answers)
        except NotImplementedError:
            return Verdict(None, "Not attempted yet.")
        except Wrong as wrong:
            return Verdict(False, f"Not right yet: {wrong}")
        finally:
            torch.random.set_rng_state(state)

    printing.judge = verdict
    return printing


def right(sentence):
    """Return the verdict of a right answer."""
    return Verdict(True, f"Right: {sentence}")


def ask(answer, *arguments, deadline=None, called=None):
    """Call the reader's function on copies of the arguments and return its value.

    Args:
        answer: the reader's function.
        arguments: handed to it, copied; it must not change them.
        deadline: time.monotonic() at which it is given up; SECONDS from now if None.
        called: how the sentence describes the call; made from the arguments if None.
    Returns: what the function returned.
    Raises: NotImplementedError if the function raises it; Wrong, in a sentence, if it
        is no function, raises anything else, changes an argument, or never ends.
    """
    if not callable(answer):
        raise Wrong(f"expected a function, got {show(answer)}.")
    called = called or describe(answer, arguments)
    given = copy.deepcopy(arguments)
    kept = {}

    def target():
        try:
            kept["value"] = answer(*given)
        except BaseException as error:  # a reader's function may raise anything
            kept["error"] = error

    thread = threading.Thread(target=target, daemon=True)
    limit = time.monotonic() + SECONDS if deadline is None else deadline
    thread.start()
    thread.join(max(0.01, limit - time.monotonic()))
    _let_imports_end(thread)
    if thread.is_alive():
        _stop(thread)
        raise Wrong(
            f"{called} did not end within {SECONDS:.0f} seconds; look for a loop that "
            f"never stops, or work on whole tensors."
        )
    error = kept.get("error")
    if isinstance(error, NotImplementedError):
        raise error
    if error is not None:
        raise Wrong(f"{called} raises {type(error).__name__}: {error}.") from error
    if not _equal(given, arguments):
        raise Wrong(
            f"{called} changes its arguments; work on copies (x = x + 1 makes one, "
            f"x += 1 does not)."
        )
    return kept["value"]


def _let_imports_end(thread, most=15.0):
    """Wait on while modules are being imported: the first use of a library may take
    seconds, which is not the reader's fault, and must not be broken off."""
    began, known = time.monotonic(), -1
    while thread.is_alive() and time.monotonic() - began < most:
        if len(sys.modules) == known:
            return
        known = len(sys.modules)
        thread.join(0.3)


def _stop(thread):
    """Raise SystemExit inside a thread that runs Python code."""
    exception = ctypes.py_object(SystemExit)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), exception)
    thread.join(0.2)


def _equal(one, other):
    """Compare nested arguments; tensors and arrays by value, functions by identity."""
    if isinstance(one, (torch.Tensor, np.ndarray)):
        one, other = torch.as_tensor(one), torch.as_tensor(other)
        same = one.shape == other.shape
        return same and bool(torch.equal(one.nan_to_num(), other.nan_to_num()))
    if isinstance(one, dict):
        same = one.keys() == other.keys()
        return same and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(_equal, one, other))
    return callable(one) or one == other


def number(value, called):
    """Return a reader's value as a finite float, or say why it is none."""
    array = numbers(value, (), called)
    return float(array)


def numbers(value, shape, called):
    """Return a reader's value as a finite float64 array of this shape.

    Raises: Wrong, in a sentence, for another type or shape, or nan or inf in it.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        array = None
    wanted = f"an array of shape {tuple(shape)}" if shape else "a number"
    if value is None:
        raise Wrong(f"{called} returns None; expected {wanted}. Is a `return` missing?")
    if array is None:
        raise Wrong(f"{called} returns {show(value)}; expected {wanted}.")
    if array.size == 1 and math.prod(shape) == 1:
        array = array.reshape(shape)
    if array.shape != tuple(shape):
        got = f"an array of shape {array.shape}" if array.shape else "a number"
        raise Wrong(f"{called} returns {got}; expected {wanted}.")
    if not np.isfinite(array).all():
        raise Wrong(f"{called} returns {show(value)}, which is not finite.")
    return array


def compare(answer, oracle, cases, mistakes=(), rtol=1e-6, atol=1e-8):
    """Hold a reader's function against an oracle, on cases from small to large.

    Args:
        answer: the reader's function.
        oracle: function of the same arguments; returns a number or an array.
        cases: argument tuples, the simplest first: the first that fails is shown.
        mistakes: pairs (function, sentence): usual wrong answers. A wrong answer that
            agrees with one of them on every case that tells it from the oracle is
            met with that sentence.
        rtol, atol: tolerances, as in numpy.allclose.
    Returns: the number of cases, all of which agree.
    Raises: Wrong with the smallest counterexample; NotImplementedError.
    """
    failure, pairs, spent = None, [], 0.0
    for arguments in cases:
        called = describe(answer, arguments)
        expected = np.asarray(_plain(oracle(*copy.deepcopy(arguments))), dtype=float)
        began = time.monotonic()  # the oracle's time is not the reader's
        value = ask(answer, *arguments, deadline=began + SECONDS - spent, called=called)
        spent += time.monotonic() - began
        value = numbers(value, expected.shape, called)
        pairs.append((arguments, value))
        if failure is None and not np.allclose(value, expected, rtol=rtol, atol=atol):
            failure = f"{called} returns {show(value)}; expected {show(expected)}."
    if failure is None:
        return len(pairs)
    for mistaken, sentence in mistakes:
        if all(_matches(mistaken, args, value, rtol, atol) for args, value in pairs):
            raise Wrong(f"{failure} {sentence}")
    raise Wrong(failure)


def _plain(value):
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def _matches(mistaken, arguments, value, rtol, atol):
    other = np.asarray(_plain(mistaken(*copy.deepcopy(arguments))), dtype=float)
    return other.shape == value.shape and np.allclose(value, other, rtol, atol)


def describe(answer, arguments):
    """Return a call as text, such as 'area(2.0, [1.0, 3.0])'."""
    name = getattr(answer, "__name__", "your function")
    return f"{name}({', '.join(show(argument) for argument in arguments)})"


def show(value):
    """Return a value as short text: four digits, long arrays by their shape."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        array = np.asarray(_plain(value))
        if array.size > 6:
            return f"an array of shape {array.shape}"
        value = array.tolist()
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, (int, float)):
        return f"{value:.4g}"
    if isinstance(value, (tuple, list)):
        inside = ", ".join(show(entry) for entry in value[:6])
        return f"[{inside}{', …' if len(value) > 6 else ''}]"
    if callable(value):
        return getattr(value, "__name__", "a function")
    return f"{value!r:.60}"
