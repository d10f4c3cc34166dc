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
import pikepdf

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "_build" / "singlehtml" / "index.html"
TARGET = ROOT / "_build" / "descent.pdf"
FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; color: #555; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def print_page(tab):
    """Return the PDF of a tab's page."""
    content = tab.pdf(
        prefer_css_page_size=True,
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER,
        outline=True,
        tagged=True,
    )
    return pikepdf.open(BytesIO(content))


# The outline takes the text of headings: without permanent links, and of chapters only.
PREPARE = """() => {
  document.querySelectorAll(".headerlink").forEach((link) => link.remove());
  document.querySelectorAll(".book-contents [role=heading]").forEach((caption) =>
    caption.removeAttribute("role"));
  return [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => {
    const words = heading.cloneNode(true);
    words.querySelectorAll("annotation").forEach((tex) => tex.remove());
    return [+heading.tagName[1], words.textContent.replace(/\\s+/g, " ").trim()];
  });
}"""

NUMBER_CONTENTS = """(pages) => {
  for (const link of document.querySelectorAll(".book-contents a")) {
    const title = link.textContent.replace(/\\s+/g, " ").trim();
    if (title in pages) link.dataset.page = pages[title];
    else throw new Error(`the contents name ${title}, which begins on no page`);
  }
}"""


def entries(items):
    """Yield the entries of a PDF's outline in reading order."""
    for item in items:
        yield item
        yield from entries(item.children)


def squeezed(title):
    """Return a title without spaces, its mathematical letters as plain ones."""
    return "".join(unicodedata.normalize("NFKC", title).split())


def restore_titles(pdf, headings):
    """Give the outline the headings' own words.

    Chromium takes them line by line and drops the space where a heading wraps.

    Raises: RuntimeError where outline and headings do not belong together.
    """
    with pdf.open_outline(max_depth=9) as outline:
        for entry, heading in zip(entries(outline.root), headings, strict=True):
            if squeezed(entry.title) != squeezed(heading):
                raise RuntimeError(f"the outline has {entry.title!r} for {heading!r}")
            entry.title = heading


def chapter_pages(pdf, chapters):
    """Return {title: page, from 1} of the chapters, the outline's top entries."""
    numbers = {page.obj.objgen: number for number, page in enumerate(pdf.pages, start=1)}
    with pdf.open_outline() as outline:
        pages = [numbers[entry.destination[0].objgen] for entry in outline.root]
    return dict(zip(chapters, pages, strict=True))


def make(source, target):
    """Print the one page `source` into the PDF `target`; return the number of pages."""
    with browsers.tab() as tab:
        tab.emulate_media(media="print", color_scheme="light")
        tab.goto(source.as_uri())
        tab.wait_for_function("[...document.images].every((image) => image.complete)")
        headings = tab.evaluate(PREPARE)
        chapters = [title for level, title in headings if level == 1]
        tab.evaluate(NUMBER_CONTENTS, chapter_pages(print_page(tab), chapters))
        pdf = print_page(tab)
        title, author = tab.title(), tab.get_attribute("meta[name=author]", "content")
    restore_titles(pdf, [title for _, title in headings])
    pdf.docinfo["/Title"], pdf.docinfo["/Author"] = title, author
    aside = target.with_suffix(".new")
    pdf.save(aside, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    os.replace(aside, target)
    return len(pdf.pages)


if __name__ == "__main__":
    if not SOURCE.exists():
        sys.exit(f"{SOURCE} is missing; run 'make pdf', which builds it first.")
    count = make(SOURCE, TARGET)
    print(f"{TARGET}: {count} pages, {TARGET.stat().st_size / 2**20:.1f} MB")
