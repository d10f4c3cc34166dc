"""State about how high each section is, so that it can wait to be laid out.

A browser that has not laid out a section yet must take its height from somewhere: the
scroll bar and the place of all that follows depend on it. The build counts lines and
figures, for a phone and for a wide screen, and rounds up: in a place that is too high
nothing overlaps.
"""

import math
import re

from docutils import nodes

# In pixels: width of the text, and of a letter of it, of code, and heights of lines.
NARROW, WIDE = 370, 736
LETTER, LINE, CODE_LINE = 8.2, 29, 22
GAP = 18  # between two paragraphs or other blocks


def words(node):
    """Return about how many letters a paragraph is long, with its formulas."""
    letters = 0
    for part in node.findall(nodes.Text):
        text = part.astext()
        if isinstance(part.parent, nodes.math):  # a command is one sign
            text = re.sub(r"\\[a-zA-Z]+|[{}^_\\\s]", "x", text)
        letters += len(text)
    return letters


def height(node, width):
    """Return the height of a node in pixels in a column that is `width` wide."""
    if isinstance(node, nodes.raw):
        return raw_height(node.astext(), width)
    if isinstance(node, nodes.literal_block):
        return GAP + CODE_LINE * (node.astext().count("\n") + 2)
    if isinstance(node, nodes.math_block):
        rows = 1 + node.astext().count(r"\\")
        return 2 * GAP + 52 * rows
    if isinstance(node, nodes.table):
        rows = sum(row_height(row, width) for row in node.findall(nodes.row))
        return 2 * GAP + rows
    if isinstance(node, nodes.title):
        return 2 * GAP + 1.5 * LINE * lines(1.6 * words(node), width)
    if isinstance(node, nodes.paragraph):
        return GAP + LINE * lines(words(node), width)
    if isinstance(node, (nodes.bullet_list, nodes.enumerated_list)):
        width -= 40
    if isinstance(node, nodes.Element):
        return sum(height(child, width) for child in node.children)
    return 0


def lines(letters, width):
    return math.ceil(letters * LETTER / width) or 1


def row_height(row, width):
    """Return the height of a table's row: that of its highest cell."""
    cells = list(row.findall(nodes.entry))
    share = max(width / len(cells) - 16, 100)  # less the padding
    return 16 + LINE * max(lines(words(cell), share) for cell in cells)


def raw_height(text, width):
    """Return the height of a figure or a playground, which stands there as HTML."""
    stated = re.search(r'style="--narrow: (\d+)px; --wide: (\d+)px"', text)
    if stated:
        return int(stated[2 if width > NARROW else 1])
    size = re.search(r'width="(\d+)" height="(\d+)"', text)
    return GAP + int(size[2]) if size else 0


def visit_section(translator, node):
    """Open a section; within another one it states how high it may become."""
    translator.section_level += 1
    style = {}
    if isinstance(node.parent, nodes.section):
        narrow, wide = (round(height(node, width)) for width in (NARROW, WIDE))
        style = {"style": f"--narrow: {narrow}px; --wide: {wide}px"}
    translator.body.append(translator.starttag(node, "section", **style))


def depart_section(translator, node):
    """Close a section."""
    translator.section_level -= 1
    translator.body.append("</section>\n")


def setup(app):
    """Register with Sphinx."""
    app.add_node(nodes.section, override=True, html=(visit_section, depart_section))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
