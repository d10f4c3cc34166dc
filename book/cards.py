"""Give each citation the full reference, to be shown beside it.

Chapters cite in plain Markdown: a link to the work's DOI, arXiv number or address. The
build finds the entry of references.bib with that address and puts it, formatted, at
the end of the page, where the page's script and a printout find it.
"""

import re
from pathlib import Path

from docutils import nodes
from pybtex.database import parse_file
from pybtex.plugin import find_plugin
from sphinx.transforms.post_transforms import SphinxPostTransform


def address_key(address):
    """Return what identifies a work: the DOI or arXiv number in an address, or it."""
    address = address.strip().lower()
    work = re.search(r"(?:doi\.org|arxiv\.org/(?:abs|pdf))/(.+)$", address)
    return work[1] if work else re.sub(r"^https?://|/$", "", address)


def addresses(entry):
    """Yield every key under which a work may be cited."""
    fields = entry.fields
    for field in ("doi", "url", "eprint"):
        if field in fields:
            yield address_key(fields[field])


def load(path):
    """Return {address key: (citation key, reference as HTML)} of a BibTeX file."""
    bibliography = parse_file(path)
    style = find_plugin("pybtex.style.formatting", "plain")()
    backend = find_plugin("pybtex.backends", "html")()
    known = {}
    for entry in style.format_entries(bibliography.entries.values()):
        html = entry.text.render(backend)
        for key in addresses(bibliography.entries[entry.key]):
            known[key] = (entry.key, html)
    return known


class Citations(SphinxPostTransform):
    """Mark the links to cited works, and put their references at the page's end."""

    default_priority = 710
    formats = ("html",)

    def run(self, **_):
        cited = {}
        for node in self.document.findall(nodes.reference):
            work = self.app.cited_works.get(address_key(node.get("refuri", "")))
            if work is None or self.env.docname == "references":
                continue
            key, html = work
            cited[key] = html
            node["classes"].append("citation-link")
            node["classes"].append(f"cites-{css_name(key)}")
        if cited and self.app.builder.name == "html":
            self.document.append(nodes.raw("", references(cited), format="html"))


def css_name(key):
    """Return a citation key as part of a class name and an id."""
    return re.sub(r"[^a-z0-9]+", "-", key.lower())


def references(cited):
    """Return the HTML of the references that belong to a page's citations."""
    items = "".join(
        f'<li id="reference-{css_name(key)}">{html}</li>' for key, html in cited.items()
    )
    return f'<ul class="page-references" hidden>{items}</ul>'


def read_bibliography(app):
    """Read the bibliography once a build."""
    (name,) = app.config.bibtex_bibfiles
    app.cited_works = load(Path(app.confdir) / name)


def setup(app):
    """Register with Sphinx."""
    app.connect("builder-inited", read_bibliography)
    app.add_post_transform(Citations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
