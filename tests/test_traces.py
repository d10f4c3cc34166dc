"""Paths of two variables: how they are run, and the window they are drawn in."""

import math

import pytest
import torch

from descent import figures, traces


def bowl(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def gradient(x1, x2):
    return 0.2 * x1, 4 * x2


def descend(rate):
    def trainer(x1, x2, s1, s2, f_grad):
        g1, g2 = f_grad(x1, x2)
        return x1 - rate * g1, x2 - rate * g2, s1, s2

    return trainer


@pytest.fixture(autouse=True)
def close_figures():
    yield
    figures.plt.close("all")


def test_path_is_the_update_applied(capsys):
    path = traces.train_2d(descend(0.4), 20, gradient)
    expected = [(-5 * 0.92**k, -2 * (-0.6) ** k) for k in range(21)]
    assert path == [pytest.approx(point, rel=1e-12) for point in expected]
    x1, x2 = expected[-1]
    assert capsys.readouterr().out == f"step 20, x1: {x1:f}, x2: {x2:f}\n"


def test_state_is_handed_on_and_starts_at_zero():
    seen = []

    def trainer(x1, x2, s1, s2):
        seen.append((s1, s2))
        return x1, x2, s1 + 1, s2 + 2

    traces.train_2d(trainer, 3)
    assert seen == [(0, 0), (1, 2), (2, 4)]


def test_start_can_be_chosen():
    assert traces.train_2d(descend(0.1), 1, gradient, start=(1, 3))[0] == (1, 3)


def test_stops_where_it_is_no_longer_finite(capsys):
    path = traces.train_2d(descend(1e200), 20, gradient)
    assert all(math.isfinite(x) for point in path for x in point)
    assert capsys.readouterr().out == f"diverged at step {len(path)}\n"


@pytest.mark.parametrize("steps", [0, -3, 2.5, None])
def test_steps_must_be_a_whole_number(steps):
    with pytest.raises(ValueError, match=f"steps is {steps}; expected a whole number"):
        traces.train_2d(descend(0.1), steps, gradient)


def test_trainer_must_return_four_values():
    with pytest.raises(ValueError, match=r"returned \(1, 2\) at step 1; expected four"):
        traces.train_2d(lambda x1, x2, s1, s2: (1, 2))


def window():
    axes = figures.plt.gca()
    return *axes.get_xlim(), *axes.get_ylim()


def test_window_holds_the_path_and_the_minimum():
    path = traces.train_2d(descend(0.05), 3, gradient)  # stops far from the minimum
    traces.show_trace_2d(bowl, path)
    left, right, bottom, top = window()
    assert left < -5 and right > 0 and bottom < -2 and top > 0
    assert right - left < 8 and top - bottom < 4


def test_window_follows_other_starts():
    path = traces.train_2d(descend(0.1), 30, gradient, start=(40, 30))
    traces.show_trace_2d(bowl, path)
    left, right, bottom, top = window()
    assert right > 40 and top > 30 and left < 0 and bottom < 0


def test_a_path_that_runs_away_is_followed_for_a_while():
    path = traces.train_2d(descend(0.6), 20, gradient)  # |x2| grows to 1600
    traces.show_trace_2d(bowl, path)
    left, right, bottom, top = window()
    assert top - bottom < 40
    outside = [k for k, (_, x2) in enumerate(path) if not bottom <= x2 <= top]
    title = figures.plt.gca().get_title()
    assert title == f"leaves the picture at step {outside[0]}"


def test_a_function_without_minimum_has_a_window():
    path = traces.train_2d(descend(0.1), 5, lambda x1, x2: (2 * x1, -2 * x2))
    traces.show_trace_2d(lambda x1, x2: x1**2 - x2**2, path)
    left, right, bottom, top = window()
    assert left < -5 and bottom < -2 and right - left < 30


def test_a_constant_function_is_drawn():
    traces.show_trace_2d(lambda x1, x2: torch.tensor(1.0), [(0, 0), (1, 1)])


def test_several_paths_have_their_methods_colours():
    path = traces.train_2d(descend(0.4), 5, gradient)
    traces.show_trace_2d(bowl, {"momentum": path, "adam": path[:3]})
    lines = figures.plt.gca().get_lines()
    assert [line.get_label() for line in lines] == ["momentum", "adam"]
    assert lines[0].get_color() == figures.style("momentum")[0]
    assert lines[1].get_color() == figures.style("adam")[0]


def test_long_paths_are_thinned_but_keep_their_ends():
    path = [(-5 + k / 1000, -2 + k / 5000) for k in range(5001)]
    traces.show_trace_2d(bowl, path)
    (line,) = figures.plt.gca().get_lines()
    drawn = line.get_xydata()
    assert len(drawn) < 500
    assert drawn[0].tolist() == [-5, -2] and drawn[-1].tolist() == [0, -1]


@pytest.mark.parametrize("results", [[], [(1, 2, 3)], [("a", "b")], 7])
def test_bad_paths_get_a_sentence(results):
    with pytest.raises(ValueError, match="a path is a list of .x1, x2. pairs"):
        traces.show_trace_2d(bowl, results)
