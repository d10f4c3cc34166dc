"""What every page of the book has around its text: description, buttons, addresses."""

import os
import re
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes

import repository

DARK_CODE = "a11y-high-contrast-dark"
SCRIPTS = ["documentation_options.js", "clipboard.min.js", "copybutton.js", "book.js"]
# Style sheets of a page, in order; the build joins them, so that a page loads one.
STYLES = [
    "pygments.css", "styles/furo.css", "styles/furo-extensions.css", "copybutton.css",
    "book.css",
]  # fmt: skip
# Roles that Sphinx gives a bibliography's entries: deprecated, and a list of no items.
BIBLIOGRAPHY_ROLES = re.compile(r' role="(doc-biblioentry|doc-backlink|list)"')
# A table's empty corner is no header of anything.
EMPTY_HEADERS = re.compile(r"<th[^>]*>\s*(<p>\s*</p>)?\s*</th>")
DESCRIPTION = 155  # characters of a page's description that search engines show


def description(doctree, title):
    """Return a sentence or two on what a page is about, without formulas.

    That is what the reader can do after a chapter, else the page's first paragraphs.

    Args:
        doctree: the page's document, as Sphinx hands it to its writer.
        title: the page's title.
    """
    if title.startswith("Solutions: "):
        chapter = title.removeprefix("Solutions: ")
        return (
            f"Worked solutions to the exercises on {chapter}: proofs, code that "
            f"passes the checks, and what the experiments show."
        )
    words = ""
    for node in doctree.findall(nodes.paragraph):
        if next(node.findall(nodes.math), None) or inside(node, (nodes.table,)):
            continue
        shown = [
            n.astext() for n in node.findall(nodes.Text) if not inside(n, (nodes.raw,))
        ]
        text = " ".join("".join(shown).split())
        if text.endswith("you can"):
            text += ":"
        words = f"{words} {text}".strip()
        if len(words) > DESCRIPTION // 2:
            break
    if len(words) <= DESCRIPTION:
        return words
    return words[:DESCRIPTION].rpartition(" ")[0].rstrip(",;:") + " …"


def inside(node, kinds):
    """Say whether a node stands inside a node of one of the kinds, or is one."""
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def add_context(app, pagename, templatename, context, doctree):
    """Put what the templates need into a page's context."""
    title = context.get("title", "")
    context["page_description"] = description(doctree, title) if doctree else ""
    source = Path(app.srcdir) / f"{pagename}.ipynb"
    context["notebook"] = f"{pagename}.ipynb" if source.exists() else None
    context["notebook_links"] = notebook_links(app.repository, context["notebook"])
    context["author"] = app.config.author
    context["book_version"] = version(app.confdir)
    context["site"] = app.repository.site
    context["site_root"] = urlsplit(app.repository.site or "/").path
    body = BIBLIOGRAPHY_ROLES.sub("", context.get("body", ""))
    context["body"] = EMPTY_HEADERS.sub("<td></td>", body)
    context["book_scripts"] = SCRIPTS
    # The captions of the contents are no headings of the page.
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace(' role="heading"', "")


def dark_code(app):
    """Set the colours of code in the dark before the theme reads them."""
    app.config.pygments_dark_style = DARK_CODE


def notebook_links(repository, notebook):
    """Return [(name, address)] of the places where a notebook can be opened.

    Empty while the book's repository has no address: no button is better than a dead
    one.
    """
    places = [
        ("Open in Colab", repository.colab),
        ("Run on Binder", repository.binder),
        ("Source", repository.source),
    ]
    found = [(name, place(notebook)) for name, place in places if notebook]
    return [(name, address) for name, address in found if address]


def read_repository(app):
    """Read the repository's address, from which the site's follows."""
    app.repository = repository.read(app.confdir)
    app.config.html_baseurl = app.repository.site or ""


def write_sitemap(app, exception):
    """Write sitemap.xml, where the site's full address, which it needs, is known."""
    if exception or app.builder.name != "html" or not app.repository.site:
        return
    addresses = (
        app.repository.site + app.builder.get_target_uri(docname)
        for docname in sorted(app.env.found_docs)
    )
    entries = "".join(f"  <url><loc>{escape(a)}</loc></url>\n" for a in addresses)
    write_aside(
        Path(app.outdir) / "sitemap.xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{entries}</urlset>\n",
    )


def version(folder):
    """Return the book's version, as its citation file states it."""
    text = (Path(folder) / "CITATION.cff").read_text(encoding="utf-8")
    return re.search(r"^version: *(\S+)", text, re.MULTILINE)[1]


def join_styles(app, exception):
    """Write the style sheets of all pages into one file, _static/all.css."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    text = "\n".join((static / name).read_text(encoding="utf-8") for name in STYLES)
    write_aside(static / "all.css", re.sub(r"/\*# sourceMapping.*?\*/", "", text))


def one_page(builder):
    """Say whether all chapters stand on one page, which is printed."""
    return builder.name == "singlehtml"


def write_aside(path, text):
    """Write a text file so that it is whole or not there at all."""
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)


def setup(app):
    """Register with Sphinx."""
    app.connect("builder-inited", dark_code, priority=100)
    app.connect("builder-inited", read_repository)
    app.connect("html-page-context", add_context, priority=900)  # after the theme
    app.connect("build-finished", join_styles, priority=900)
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
