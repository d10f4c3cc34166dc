"""Write what the search page looks through: the book's text, a section at a time.

Sphinx's own search shows its excerpts by fetching every page it finds, which browsers
refuse where a book is opened from a disk. Ours is one script with all sections'
titles and prose, which the search page loads.
"""

import html
import json
import re
import unicodedata
from pathlib import Path

from docutils import nodes

from mathematics import to_mathml
from pages import write_aside

SKIPPED = (nodes.literal_block, nodes.math_block, nodes.raw, nodes.comment, nodes.image)


def prose(node):
    """Return the text of a node without code, displayed formulas and sub-sections."""
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, (*SKIPPED, nodes.section)):
        return ""
    if isinstance(node, nodes.math):
        return formula_text(node.astext())
    inline = isinstance(node, (nodes.Inline, nodes.TextElement))
    return ("" if inline else " ").join(prose(child) for child in node.children)


def formula_text(tex):
    """Return an inline formula as the letters and signs that it shows."""
    shown = re.sub(r"<annotation.*?</annotation>", "", to_mathml(tex), flags=re.DOTALL)
    letters = html.unescape(re.sub(r"<[^>]+>", "", shown))
    return unicodedata.normalize("NFKC", letters).strip()


def sections(doctree):
    """Yield (identifier, headings, text) of every section of a document, in order.

    `headings` are the titles from the page's down to the section's own.
    """

    def walk(section, above):
        title = section.next_node(nodes.title)
        headings = [*above, title.astext()]
        body = (c for c in section.children if not isinstance(c, nodes.title))
        text = " ".join(" ".join(prose(child) for child in body).split())
        yield section["ids"][0], headings, text
        for child in section.children:
            if isinstance(child, nodes.section):
                yield from walk(child, headings)

    for section in doctree.children:
        if isinstance(section, nodes.section):
            yield from walk(section, [])


def entries(env, builder):
    """Return a list of [address, headings, text], in the book's order of pages."""
    found = []
    for docname in reading_order(env):
        address = builder.get_target_uri(docname)
        for position, (name, headings, text) in enumerate(
            sections(env.get_doctree(docname))
        ):
            anchor = f"#{name}" if position else ""
            found.append([address + anchor, headings, text])
    return found


def reading_order(env):
    """Return the names of all documents as the contents list them, the root first."""
    order, pending = [], [env.config.root_doc]
    while pending:
        docname = pending.pop(0)
        if docname not in order:
            order.append(docname)
            pending = [*env.toctree_includes.get(docname, []), *pending]
    return order


def write(app, exception):
    """Write search-texts.js beside the other static files of a finished build."""
    if exception or app.builder.name != "html":
        return
    path = Path(app.outdir) / "_static" / "search-texts.js"
    text = json.dumps(entries(app.env, app.builder), ensure_ascii=False)
    write_aside(path, f"globalThis.searchTexts = {text};\n")


def without_sphinx_search(app):
    """Keep Sphinx from building its own index."""
    app.builder.search = False


def setup(app):
    """Register with Sphinx."""
    app.connect("builder-inited", without_sphinx_search)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
