"""The framework of the checks survives whatever a reader hands it."""

import math
import time

import numpy as np
import pytest
import torch

from descent.checks import core


def square(x):
    return x * x


CASES = [(0.0,), (1.0,), (2.0,), (-3.0,)]


@core.check
def check_square(answer):
    """A judge like those of the chapters."""
    mistakes = [
        (lambda x: 2 * x, "That is twice x."),
        (lambda x: -x * x, "The sign is wrong."),
    ]
    count = core.compare(answer, square, CASES, mistakes)
    return core.right(f"agrees with x² on {count} cases.")


def sentence(answer):
    verdict = check_square.judge(answer)
    assert verdict.right is False
    return verdict.sentence


def test_right_answer(capsys):
    assert check_square(square) is None
    assert capsys.readouterr().out == "Right: agrees with x² on 4 cases.\n"
    assert check_square.judge(lambda x: torch.tensor(x) ** 2).right
    assert check_square.judge(lambda x: np.array([x * x])).right


def test_not_attempted(capsys):
    def answer(x):
        raise NotImplementedError

    check_square(answer)
    assert capsys.readouterr().out == "Not attempted yet.\n"
    assert check_square.judge(answer).right is None


def test_the_smallest_counterexample_is_named():
    def cube(x):
        return x**3

    assert sentence(cube) == "Not right yet: cube(2) returns 8; expected 4."


def test_a_usual_mistake_is_named():
    def twice(x):
        return x + x

    assert sentence(twice).endswith("returns 2; expected 1. That is twice x.")
    assert sentence(lambda x: -(x**2)).endswith("The sign is wrong.")


def raising(x):
    return [][0]


def mutating(x):
    x += 1
    return x


@pytest.mark.parametrize(
    "answer, expected",
    [
        (raising, "raising(0) raises IndexError: list index out of range."),
        (lambda x: None, "returns None; expected a number. Is a `return` missing?"),
        (lambda x: "one", "returns 'one'; expected a number."),
        (lambda x: [1, [2, 3]], "expected a number"),
        (lambda x: [1.0, 2.0], "returns an array of shape (2,); expected a number."),
        (lambda x: math.nan, "returns nan, which is not finite."),
        (lambda x: torch.tensor(math.inf), "which is not finite."),
        (lambda: 1, "raises TypeError"),
        (7, "expected a function, got 7."),
        (lambda x: exit(), "raises SystemExit"),
    ],
)
def test_hostile_answers_get_a_sentence(answer, expected):
    assert expected in sentence(answer)


def test_a_changed_argument_is_noticed():
    with pytest.raises(core.Wrong, match="changes its arguments; work on copies"):
        core.ask(mutating, torch.ones(3))
    with pytest.raises(core.Wrong, match="changes its arguments"):
        core.ask(lambda d: d.pop("lr"), {"lr": 1})
    original = torch.ones(3)
    with pytest.raises(core.Wrong):
        core.ask(mutating, original)
    assert original.tolist() == [1, 1, 1]


def test_an_endless_answer_is_given_up():
    def endless(x):
        while True:
            x += 1

    began = time.monotonic()
    assert "did not end within 2 seconds" in sentence(endless)
    assert time.monotonic() - began < 3
    time.sleep(0.3)
    import threading

    assert threading.active_count() < 10, "the thread was stopped"


def test_many_slow_calls_share_the_limit():
    def slow(x):
        time.sleep(0.9)
        return x * x

    began = time.monotonic()
    assert "did not end within 2 seconds" in sentence(slow)
    assert time.monotonic() - began < 3


def test_a_slow_oracle_is_not_the_reader_s_fault():
    def slow_square(x):
        time.sleep(0.8)
        return x * x

    assert core.compare(square, slow_square, CASES[:3]) == 3


def test_a_first_import_is_waited_for(tmp_path, monkeypatch):
    for k in range(12):
        (tmp_path / f"slow_{k}.py").write_text("import time; time.sleep(0.2)")
    monkeypatch.syspath_prepend(tmp_path)

    def importing(x):
        for k in range(12):
            __import__(f"slow_{k}")
        return x * x

    assert core.ask(importing, 3) == 9


def test_the_random_state_is_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    check_square.judge(lambda x: float(torch.rand(1)))
    assert torch.equal(torch.rand(2), expected)


def test_arrays_are_compared_by_shape_and_value():
    def oracle(x):
        return x + 1

    cases = [(torch.zeros(2),), (torch.arange(3.0),)]
    assert core.compare(lambda x: (x + 1).tolist(), oracle, cases) == 2
    with pytest.raises(core.Wrong, match=r"shape \(1,\); expected an array of shape"):
        core.compare(lambda x: x[:1], oracle, cases)
    with pytest.raises(core.Wrong, match=r"returns \[0, 0\]; expected \[1, 1\]"):
        core.compare(lambda x: x, oracle, cases)


def test_values_are_shown_short():
    assert core.show(0.123456) == "0.1235"
    assert core.show(torch.zeros(100)) == "an array of shape (100,)"
    assert core.show((1, [2.5, None])) == "[1, [2.5, None]]"
    assert core.show(square) == "square"
