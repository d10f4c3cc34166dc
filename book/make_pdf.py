"""Print the whole book into one PDF: _build/descent.pdf.

    python book/make_pdf.py        (what `make pdf` calls, after the one-page build)

A Chromium prints the one page that Sphinx's singlehtml builder made, once to learn on
which page each chapter begins, and once with these numbers in the contents. Headings
become the PDF's outline, and links within the book stay links.
"""

import os
import sys
import unicodedata
from io import BytesIO
from pathlib import Path

import browsers
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "_build" / "singlehtml" / "index.html"
TARGET = ROOT / "_build" / "descent.pdf"
FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; color: #555; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def print_page(tab):
    """Return the PDF of a tab's page, as bytes."""
    return tab.pdf(
        prefer_css_page_size=True,
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER,
        outline=True,
        tagged=True,
    )


# The outline takes the text of headings: without permanent links, and of chapters only.
PREPARE = """() => {
  document.querySelectorAll(".headerlink").forEach((link) => link.remove());
  document.querySelectorAll(".contents [role=heading]").forEach((caption) =>
    caption.removeAttribute("role"));
  return [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => {
    const words = heading.cloneNode(true);
    words.querySelectorAll("annotation").forEach((tex) => tex.remove());
    return [+heading.tagName[1], words.textContent.replace(/\\s+/g, " ").trim()];
  });
}"""

NUMBER_CONTENTS = """(pages) => {
  for (const link of document.querySelectorAll(".contents a")) {
    const title = link.textContent.replace(/\\s+/g, " ").trim();
    if (title in pages) link.dataset.page = pages[title];
    else throw new Error(`the contents name ${title}, which begins on no page`);
  }
}"""


def entries(outline):
    """Yield the entries of a PDF's outline in reading order, as dictionaries."""
    entry = outline.get("/First")
    while entry is not None:
        entry = entry.get_object()
        yield entry
        yield from entries(entry)
        entry = entry.get("/Next")


def squeezed(title):
    """Return a title without spaces, its mathematical letters as plain ones."""
    return "".join(unicodedata.normalize("NFKC", title).split())


def restore_titles(writer, headings):
    """Give the outline the headings' own words.

    Chromium takes them line by line and drops the space where a heading wraps.

    Raises: RuntimeError where outline and headings do not belong together.
    """
    found = list(entries(writer.root_object["/Outlines"]))
    for entry, heading in zip(found, headings, strict=True):
        if squeezed(entry["/Title"]) != squeezed(heading):
            raise RuntimeError(f"the outline has {entry['/Title']!r} for {heading!r}")
        entry[NameObject("/Title")] = TextStringObject(heading)


def chapter_pages(pdf, chapters):
    """Return {title: page, from 1} of the chapters, the outline's top entries."""
    reader = PdfReader(BytesIO(pdf))
    top = [entry for entry in reader.outline if not isinstance(entry, list)]
    pages = (reader.get_destination_page_number(entry) + 1 for entry in top)
    return dict(zip(chapters, pages, strict=True))


def main():
    if not SOURCE.exists():
        sys.exit(f"{SOURCE} is missing; run 'make pdf', which builds it first.")
    with browsers.tab() as tab:
        tab.emulate_media(media="print", color_scheme="light")
        tab.goto(SOURCE.as_uri())
        tab.wait_for_function("[...document.images].every((image) => image.complete)")
        headings = tab.evaluate(PREPARE)
        chapters = [title for level, title in headings if level == 1]
        tab.evaluate(NUMBER_CONTENTS, chapter_pages(print_page(tab), chapters))
        pdf = print_page(tab)
        title, author = tab.title(), tab.get_attribute("meta[name=author]", "content")
    writer = PdfWriter(clone_from=BytesIO(pdf))
    restore_titles(writer, [title for _, title in headings])
    writer.add_metadata({"/Title": title, "/Author": author, "/Creator": "Descent"})
    aside = TARGET.with_suffix(".new")
    with aside.open("wb") as file:
        writer.write(file)
    os.replace(aside, TARGET)
    pages = len(writer.pages)
    print(f"{TARGET}: {pages} pages, {TARGET.stat().st_size / 2**20:.1f} MB")


if __name__ == "__main__":
    main()
