"""The page for readers of d2l: each name exists, each claim of it is tried out."""

import inspect
import re

import notebooks
import pytest
import torch

import descent
from reference import d2l
from test_notebooks import claims_in, numbers_in

PAGE = (notebooks.ROOT / "coming-from-d2l.md").read_text(encoding="utf-8")


def table(title):
    """The rows of the table under a heading of the page, as lists of cells."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)[1:]
    assert len(rows) > 5, title
    return [row.split(" | ") for row in rows if not row.startswith("---")]


def names(text):
    return re.findall(r"`([A-Za-z_]\w*)`", text)


SAME = {names(row[0])[0]: row[1] for row in table("Calls with the same name")}
OTHER = table("Calls with another name, or none")


def test_every_name_that_both_have_is_listed():
    assert set(SAME) == {name for name in descent.__all__ if hasattr(d2l, name)}


def parameters(function):
    found = inspect.signature(function).parameters.values()
    return [(p.name, None if p.default in ([], None) else p.default) for p in found]


@pytest.mark.parametrize("name", set(SAME) - {"plt"})
def test_arguments_are_as_the_page_says(name):
    theirs, ours = (parameters(getattr(module, name)) for module in (d2l, descent))
    if SAME[name] == "the same":
        assert ours == theirs
    elif SAME[name] == "other defaults":
        assert ours != theirs and [n for n, _ in ours] == [n for n, _ in theirs]
    else:
        (extra,) = re.findall(r"also takes `(\w+)=`", SAME[name])
        assert ours[: len(theirs)] == theirs
        assert [n for n, _ in ours[len(theirs) :]] == [extra]


def test_plt_is_the_same_module():
    assert d2l.plt is descent.plt


@pytest.mark.parametrize("row", OTHER, ids=lambda row: row[0])
def test_other_names_exist(row):
    for name in names(row[0]):
        assert hasattr(d2l, name), name
        assert name not in descent.__all__, f"{name} is in both, so not missing"
        if name in ("zeros", "arange", "matmul", "reshape"):
            assert hasattr(torch, name)


def test_every_name_of_ours_on_the_page_exists():
    found = re.findall(r"`descent\.([\w.]+)`", PAGE)
    assert len(found) > 10
    import descent.checks
    import descent.train_images

    for dotted in found:
        thing = descent
        for part in dotted.split("."):
            thing = getattr(thing, part)


def test_numbers_are_in_the_outputs_of_the_notebooks_that_are_named():
    lines = [line for line in PAGE.splitlines() if line.startswith("- ")]
    claimed = 0
    for line in lines:
        linked = re.findall(r"\]\((chapters/[\w/-]+\.ipynb)\)", line)
        claims = claims_in(re.sub(r"\$[^$]*\$", " ", line))
        claimed += len(claims)
        assert linked or not claims, line
        known = set()
        for path in linked:
            for cell in notebooks.code_cells(notebooks.read(notebooks.ROOT / path)):
                for output in cell.outputs:
                    known |= numbers_in(output.get("text", ""))
        for claim in claims:
            assert float(claim) in known, f"{claim} is in no output of {linked}"
    assert claimed >= 10


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        if not target.startswith("https://"):
            assert (notebooks.ROOT / target).exists(), target


def sgd(params, states, hyperparams):
    for p in params:
        p.data.sub_(hyperparams["lr"] * p.grad)
        p.grad.data.zero_()


def records(module, batch_size, num_epochs):
    """How many losses a run of a module's loop from scratch returns."""
    data_iter, feature_dim = module.get_data_ch11(batch_size)
    run = (sgd, None, {"lr": 0.001}, data_iter, feature_dim, num_epochs)
    losses = module.train_ch11(*run)[1]
    module.plt.close("all")
    return len(losses)


def test_what_is_said_of_recording():
    assert records(d2l, 64, 2) == 1
    assert records(d2l, 1500, 4) == 2
    with pytest.raises(TypeError):
        records(d2l, 1500, 1)
    assert records(descent, 64, 2) == 2 * 15 + 1
    assert records(descent, 1500, 4) == 4 + 1


def test_what_is_said_of_what_is_returned(capsys):
    data_iter, _ = d2l.get_data_ch11(100)
    hyperparams = {"lr": 0.01}
    assert d2l.train_concise_ch11(torch.optim.SGD, hyperparams, data_iter) is None
    times, losses = descent.train_concise_ch11(torch.optim.SGD, hyperparams, data_iter)
    assert len(times) == len(losses)
    for module, word in ((d2l, "epoch"), (descent, "step")):
        capsys.readouterr()
        module.train_2d(lambda x1, x2, s1, s2: (x1, x2, s1, s2))
        assert capsys.readouterr().out.startswith(f"{word} 20, x1: -5.0")
    descent.plt.close("all")


def test_what_is_said_of_batches_larger_than_the_data():
    tensors = (torch.zeros(4, 5), torch.zeros(4))
    assert len(list(d2l.load_array(tensors, 9))) == 1
    with pytest.raises(ValueError, match="batch_size is 9"):
        descent.load_array(tensors, 9)


def test_the_sections_of_the_book_are_all_there():
    chapters = {path.stem for path in (notebooks.ROOT / "chapters").glob("*.ipynb")}
    found = PAGE.partition("## Where to find a section")[2]
    linked = set(re.findall(r"\(chapters/([\w-]+)\.ipynb\)", found))
    ours = {"playground", "training-script"}  # no such section in d2l's chapter
    assert linked == chapters - ours
