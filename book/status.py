"""A directive that lists when, with what and how long each notebook was executed.

    ```{executions}
    ```

It reads chapters/executions.json, which `make refresh` keeps, and _toc.yml for the
order, and makes a table when the book is built. Every notebook links to its page.
"""

import json
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

RECORD = "chapters/executions.json"
PACKAGES = ("Python", "torch", "numpy", "matplotlib")
LOG = logging.getLogger(__name__)


def pages(entry):
    """Yield the pages under an entry of the table of contents, in the book's order."""
    if "file" in entry:
        yield entry["file"]
    for key in ("parts", "chapters", "sections"):
        for below in entry.get(key, []):
            yield from pages(below)


def rows(record, toc):
    """Return [page, date, seconds, *versions] of each notebook, in the book's order.

    Args:
        record: what executions.json holds, a dict from page to entry.
        toc: what _toc.yml holds.
    """
    listed = [page for page in pages(toc) if page in record]
    return [
        [page, entry["date"], f"{entry['seconds']:.0f}"]
        + [entry["versions"][package] for package in PACKAGES]
        for page, entry in ((page, record[page]) for page in listed)
    ]


class Executions(SphinxDirective):
    """The table of executions."""

    def run(self):
        source = Path(self.env.srcdir)
        for name in (RECORD, "_toc.yml"):
            self.env.note_dependency(str(source / name))
        record = json.loads((source / RECORD).read_text(encoding="utf-8"))
        toc = yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))
        found = rows(record, toc)
        self._compare_with_the_book(record)
        seconds = sum(record[page]["seconds"] for page, *_ in found)
        total = (
            f"{len(found)} notebooks, executed in {seconds / 60:.0f} minutes in all."
        )
        head = ["Notebook", "Executed", "Seconds", *PACKAGES]
        return [nodes.paragraph("", total), self._table(head, found)]

    def _compare_with_the_book(self, record):
        """Warn of a chapter without a record, and of a record without a chapter."""
        chapters = {page for page in self.env.found_docs if self._is_chapter(page)}
        for page in sorted(chapters ^ set(record)):
            what = "no notebook" if page in record else "no record"
            text = "%s: there is %s of the name %s; run `make refresh`"
            LOG.warning(text, RECORD, what, page, location=self.get_location())

    def _is_chapter(self, page):
        notebook = self.env.doc2path(page).endswith(".ipynb")
        return notebook and page.startswith("chapters/")

    def _table(self, head, found):
        body = nodes.tbody()
        for page, *cells in found:
            body += self._row([self._link(page), *map(self._text, cells)])
        group = nodes.tgroup(cols=len(head))
        group += [nodes.colspec(colwidth=1) for _ in head]
        group += nodes.thead("", self._row([self._text(name) for name in head]))
        group += body
        return nodes.table("", group)

    @staticmethod
    def _row(contents):
        entries = [nodes.entry("", nodes.paragraph("", "", node)) for node in contents]
        return nodes.row("", *entries)

    @staticmethod
    def _text(text):
        return nodes.Text(text)

    def _link(self, page):
        """A reference to a page, which Sphinx completes with the page's title."""
        return addnodes.pending_xref(
            "",
            nodes.inline(),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{page}",
            refdoc=self.env.docname,
            refexplicit=False,
            refwarn=True,
        )


def setup(app):
    app.add_directive("executions", Executions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
