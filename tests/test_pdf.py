"""The whole book as one PDF: `make pdf`, looked at as a file."""

import re
import subprocess
import sys
from pathlib import Path

import notebooks
import pikepdf
import pytest
import yaml

import browser
import make_pdf


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    """The PDF, printed anew from a one-page build of its own."""
    browser.require()
    folder = tmp_path_factory.mktemp("pdf")
    builder = Path(sys.executable).with_name("jupyter-book")
    command = [str(builder), "build", str(notebooks.ROOT), "--path-output", str(folder)]
    command += ["--builder", "singlehtml", "--quiet", "-n", "-W", "--keep-going"]
    subprocess.run(command, check=True, capture_output=True)
    target = folder / "descent.pdf"
    make_pdf.make(folder / "_build" / "singlehtml" / "index.html", target)
    with pikepdf.open(target) as opened:
        yield opened


def outline_titles(items):
    for item in items:
        yield item.title
        yield from outline_titles(item.children)


def test_outline_has_every_chapter_in_order(pdf):
    toc = yaml.safe_load((notebooks.ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [c["file"] for part in toc["parts"] for c in part["chapters"]]
    expected = []
    for file in files:
        path = notebooks.ROOT / f"{file}.ipynb"
        if path.exists():
            expected.append(notebooks.read(path).cells[0].source.split("\n")[0])
        else:
            text = path.with_suffix(".md").read_text(encoding="utf-8")
            expected.append(text.split("\n")[0])
    with pdf.open_outline() as outline:
        titles = [item.title.replace("’", "'") for item in outline.root]
    assert titles[1:] == [
        line.removeprefix("# ").replace("’", "'") for line in expected
    ]


def test_outline_has_every_heading(pdf):
    headings = 0
    for path in notebooks.paths():
        for cell in notebooks.read(path).cells:
            if cell.cell_type == "markdown":
                source = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
                headings += len(re.findall(r"^#+ ", source, re.MULTILINE))
    with pdf.open_outline(max_depth=9) as outline:
        titles = list(outline_titles(outline.root))
    assert len(titles) >= headings > 200
    assert all(title == " ".join(title.split()) for title in titles)


def links(pdf):
    for page in pdf.pages:
        for annotation in page.get("/Annots", []):
            if annotation.get("/Subtype") == "/Link":
                yield annotation


def test_links_within_the_book_lead_to_its_pages(pdf):
    names = pdf.Root.Names.Dests if "/Names" in pdf.Root else None
    known = set(pikepdf.NameTree(names)) if names is not None else set()
    known |= {str(name).lstrip("/") for name in pdf.Root.get("/Dests", {})}
    inside = outside = 0
    for link in links(pdf):
        if "/Dest" in link:
            inside += 1
            destination = link.Dest
            if not isinstance(destination, pikepdf.Array):
                assert str(destination).lstrip("/") in known, destination
            continue
        address = str(link.A.get("/URI", ""))
        outside += 1
        assert re.match(r"https?://", address), f"{address} is no link for a reader"
    assert inside > 300 and outside > 100


def test_pages_and_document_are_named(pdf):
    assert len(pdf.pages) > 200
    assert str(pdf.docinfo["/Title"]).startswith("Descent")
    assert pdf.Root.get("/MarkInfo", {}).get("/Marked"), (
        "no structure for screen readers"
    )
    assert str(pdf.Root.Lang) == "en"
