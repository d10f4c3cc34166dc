"""The figure style: what is drawn, and SVG that depends on nothing else."""

import re
import sys

import cover
import matplotlib
import numpy as np
import pytest
import torch

from descent import figures

WHITE, DARK_PAGE = "#ffffff", "#121212"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    figures.plt.close("all")


def luminance(color):
    channels = np.array(matplotlib.colors.to_rgb(color))
    linear = np.where(
        channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", [WHITE, DARK_PAGE])
def test_colours_stand_out_on_light_and_dark(page):
    colors = {name: color for name, (color, _) in figures.STYLES.items()}
    colors |= {f"cycle {i}": color for i, (color, _) in enumerate(figures.CYCLE)}
    low = {name: contrast(color, page) for name, color in colors.items()}
    assert {name: ratio for name, ratio in low.items() if ratio < 3} == {}


def seen_by(color, matrix):
    """A colour as seen with a colour vision deficiency, in linear RGB."""
    channels = np.array(matplotlib.colors.to_rgb(color)) ** 2.2
    return np.clip(matrix @ channels, 0, 1) ** (1 / 2.2)


# Machado, Oliveira and Fernandes (2009), doi 10.1109/TVCG.2009.113, severity 1.0
DEFICIENCIES = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_methods_differ_without_full_colour_vision(deficiency):
    """Two methods differ in dash, or in colour as everyone sees it."""
    matrix = np.array(DEFICIENCIES[deficiency])
    styles = list(figures.STYLES.items())
    for i, (one, (color_1, dash_1)) in enumerate(styles):
        for other, (color_2, dash_2) in styles[:i]:
            apart = np.abs(seen_by(color_1, matrix) - seen_by(color_2, matrix)).max()
            assert dash_1 != dash_2 or apart > 0.1, (one, other, apart)


def draw():
    x = np.linspace(0, 3, 50)
    figures.plot(x, [np.sin(x), np.cos(x)], "x", "value", ["adam", "other"])
    return figures.svg(figures.plt.gcf())


def test_svg_is_the_same_every_time():
    assert draw() == draw()


def test_svg_holds_no_date_version_or_random_name():
    text = draw()
    assert "metadata" not in text and matplotlib.__version__ not in text
    assert not re.search(r'id="[mp][0-9a-f]{10}"', text)
    assert not re.search(r"\d\.\d{3}", re.sub(r">[^<]*<", "><", text))


def test_svg_ignores_the_last_bits_and_shows_a_changed_curve():
    def drawn(shift):
        figures.plot([0, 1, 2], [1.2345 + shift, 2, 3])
        return figures.svg(figures.plt.gcf())

    assert drawn(0) == drawn(1e-12)
    assert drawn(0) != drawn(1e-2)


def test_svg_references_still_resolve():
    text = draw()
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert used and used <= ids


def test_svg_keeps_text_as_text_with_its_digits():
    figures.plot([0, 1], [0.24169, 0.5], "learning rate η", "loss")
    figures.plt.gca().set_yticks([0.24169], ["0.24169"])
    text = figures.svg(figures.plt.gcf())
    assert ">learning rate η</text>" in text and ">0.24169</text>" in text


def test_plot_of_one_curve_against_its_index():
    figures.plot([3.0, 1.0, 2.0])
    (line,) = figures.plt.gca().get_lines()
    assert line.get_xydata().tolist() == [[0, 3], [1, 1], [2, 2]]


def test_plot_of_many_curves():
    axes = figures.new_axes()[1]
    t = torch.linspace(0, 1, 5)
    figures.plot(t, [t, t**2], "t", "y", ["Adam", "mine"], (0, 1), (0, 2), axes=axes)
    adam, mine = axes.get_lines()
    assert adam.get_color() == figures.STYLES["adam"][0]
    assert mine.get_ydata().tolist() == (t**2).tolist()
    assert axes.get_xlim() == (0, 1) and axes.get_ylim() == (0, 2)
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["Adam", "mine"]


def test_plot_of_curves_with_their_own_x():
    axes = figures.new_axes()[1]
    xs, ys = [[1, 2], [1, 2, 3]], [[5, 6], [7, 8, 9]]
    figures.plot(xs, ys, xscale="log", yscale="log", fmts=("-", "m--"), axes=axes)
    assert [len(line.get_xdata()) for line in axes.get_lines()] == [2, 3]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_lines()[1].get_color() == "m"


def test_plot_refuses_curves_that_do_not_pair():
    with pytest.raises(ValueError, match=r"lengths \[3\].*lengths \[2\]; give every y"):
        figures.plot([1, 2, 3], [1, 2])


def test_unknown_method_has_no_style():
    assert figures.style("Yogi") == figures.STYLES["yogi"]
    with pytest.raises(ValueError, match="no style for 'lion'; the methods with"):
        figures.style("lion")


def test_cover_picture_is_current():
    """The picture on the first page is what benchmarks/cover.py draws today."""
    assert cover.PICTURE.read_text(encoding="utf-8") == cover.cover()


def test_importing_descent_changes_no_setting():
    import subprocess

    program = (
        "import matplotlib; before = dict(matplotlib.rcParams);"
        "import descent; assert before == dict(matplotlib.rcParams)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
