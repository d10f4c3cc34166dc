"""Show the book's figures in the page's own light or dark, at any width.

A figure is committed once, dark on white. From it the build writes two pictures, one
for each theme, and the page shows the one that fits; neither is loaded before it comes
into view. Width and height are stated, so nothing moves when a picture arrives.
"""

import hashlib
import posixpath
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

from pages import one_page, write_aside

# What is ink and what is paper in a figure, and what becomes of it in the dark.
DARK = {
    "#000000": "#dadada",
    "#222222": "#cfcfcf",
    "#ffffff": "none",
    "#b0b0b0": "#8a8a8a",
}
LIGHT = {"#ffffff": "none"}
INK = {"light": "#1a1a1a", "dark": "#dadada"}
FONTS = "'DejaVu Sans', Verdana, sans-serif"
WIDE = (
    560  # pixels: figures wider than this scroll on a phone, so that they stay legible
)


def recoloured(svg, theme):
    """Return a figure's SVG text in the colours of a theme, "light" or "dark".

    Only ink and paper change: black and dark grey lines and letters, and the white
    ground, which becomes the page's. The colours of the methods have contrast enough
    on both.
    """
    colours = DARK if theme == "dark" else LIGHT

    def replace(match):
        attribute, colour = match[1], match[2].lower()
        return f"{attribute}: {colours.get(colour, colour)}"

    svg = re.sub(r"\b(fill|stroke): ?(#[0-9a-fA-F]{6})", replace, svg)
    svg = svg.replace("font-family: 'DejaVu Sans'", f"font-family: {FONTS}")
    return svg.replace("</style>", f" text{{fill: {INK[theme]}}}</style>", 1)


def size(svg):
    """Return (width, height) of an SVG in CSS pixels, from its stated size."""
    found = re.search(r'<svg[^>]*?\bwidth="([\d.]+)(pt|px)?" height="([\d.]+)', svg)
    if not found:
        raise ExtensionError(f"a figure states no size: {svg[:200]!r}")
    scale = 4 / 3 if found[2] == "pt" else 1
    return round(float(found[1]) * scale), round(float(found[3]) * scale)


def write_pictures(svg, folder):
    """Write both pictures of a figure into `folder`; return their names by theme."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(svg.encode()).hexdigest()[:16]
    names = {}
    for theme in ("light", "dark"):
        names[theme] = f"{digest}-{theme}.svg"
        path = folder / names[theme]
        text = recoloured(svg, theme)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_aside(path, text)
    return names


def html(svg, alt, builder, docname, lazy=True):
    """Return the HTML that shows a figure on a page.

    Args:
        svg: the figure's SVG text.
        alt: what it shows, in words.
        builder: Sphinx's builder, in whose output folder the pictures are written.
        docname: the page, from which the pictures' addresses are relative.
        lazy: whether to wait until the figure comes near the screen.
    """
    names = write_pictures(svg, Path(builder.outdir) / builder.imagedir)
    if one_page(builder):  # to be printed: all at once, and light
        names, lazy = {"light": names["light"]}, False
    width, height = size(svg)
    up = posixpath.relpath(
        builder.imagedir, posixpath.dirname(page_of(builder, docname))
    )
    loading = 'loading="lazy" decoding="async"' if lazy else 'fetchpriority="high"'
    pictures = "".join(
        f'<img class="only-{theme}" src="{up}/{names[theme]}" width="{width}" '
        f'height="{height}" alt="{escape(alt)}" {loading}>'
        for theme in names
    )
    kind = "figure wide" if width > WIDE else "figure"
    return f'<div class="{kind}"><div class="scroller">{pictures}</div></div>'


def page_of(builder, docname):
    """Return the page that a document is written to, relative to the output folder."""
    return "index.html" if one_page(builder) else f"{docname}.html"


class Pictures(SphinxPostTransform):
    """Replace the figures of a document by light and dark pictures of them."""

    default_priority = 5  # before Sphinx copies or converts images
    formats = ("html",)

    def run(self, **_):
        first = True
        for node in list(self.document.findall(nodes.image)):
            if not node["uri"].endswith(".svg"):
                continue
            path = Path(self.env.srcdir) / node["uri"]
            docname = self.env.docname
            if not node.get("alt", "").strip():
                raise ExtensionError(f"{docname}: a figure has no alternative text")
            svg = path.read_text(encoding="utf-8")
            text = html(svg, node["alt"], self.app.builder, docname, lazy=not first)
            node.parent.replace(node, nodes.raw("", text, format="html"))
            first = False


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(Pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
