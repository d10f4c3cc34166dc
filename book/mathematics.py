"""Set the book's mathematics as MathML, and link what the text says of equations.

Browsers draw MathML themselves: no script, nothing that appears late, text that can
be selected and that screen readers know how to speak. The conversion is math-core's;
`\\tag{3}` becomes a number that is a link to its equation, and "(3)" in a sentence
becomes a link to that number.
"""

import re
from html import escape

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

from pages import inside, one_page

CONVERTER = LatexToMathML(annotation=True)
TAG = re.compile(r"\\tag\{([^{}]+)\}")
REFERENCE = re.compile(r"\((\d{1,2}|[A-Z]\d?)\)")


def to_mathml(tex, display=False):
    """Return LaTeX as one <math> element, with the LaTeX as its annotation.

    Raises: ExtensionError that shows the formula and what is wrong with it.
    """
    try:
        return CONVERTER.convert_with_local_state(tex, displaystyle=display)
    except LatexError as error:
        plain = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip()
        raise ExtensionError(f"the formula {tex!r} cannot be set: {plain}") from error


def equation_id(tag, docname=""):
    """Return the id of an equation: on its page, or in a book of one page."""
    page = re.sub(r"\W+", "-", docname) + "-" if docname else ""
    return f"{page}equation-{tag}"


def visit_math(translator, node):
    """Write an inline formula."""
    translator.body.append(to_mathml(node.astext()))
    raise nodes.SkipNode


def visit_displayed(translator, node):
    """Write a formula on lines of its own, with its number if it has one."""
    tex = node.astext()
    tag = TAG.search(tex)
    formula = to_mathml(TAG.sub("", tex).strip(), display=True)
    scroller = f'<div class="scroller">{formula}</div>'
    if tag is None:
        translator.body.append(f'<div class="equation">{scroller}</div>\n')
        raise nodes.SkipNode
    name = equation_id(tag[1], one_page(translator.builder) and docname_of(node))
    number = escape(tag[1])
    translator.body.append(
        f'<div class="equation" id="{name}">{scroller}<a class="number" '
        f'href="#{name}" aria-label="Equation {number}, permanent link">'
        f"({number})</a></div>\n"
    )
    raise nodes.SkipNode


def docname_of(node, root="index"):
    """Return the document that a node of a book of one page came from."""
    while node is not None:
        if node.tagname == "start_of_file":
            return node["docname"]
        node = node.parent
    return root


class EquationLinks(SphinxPostTransform):
    """Turn "(3)" in a sentence into a link to equation 3 of the page it speaks of.

    That page is the one linked next to it ("(14) of [Momentum](…)"), else its own,
    else, in solutions, the chapter's.
    """

    default_priority = 700

    def run(self, **_):
        known = self.env.equation_tags
        for text in list(self.document.findall(nodes.Text)):
            if not REFERENCE.search(text) or inside(text, UNLINKED):
                continue
            docname = self.env.docname
            if one_page(self.app.builder):
                docname = docname_of(text)
            parts = []
            rest = 0
            for found in REFERENCE.finditer(text):
                target = self.target(text, found, docname)
                if found[1] not in known.get(target, ()):
                    continue
                parts.append(nodes.Text(text[rest : found.start()]))
                parts.append(self.link(found[0], found[1], target, docname))
                rest = found.end()
            if parts:
                parts.append(nodes.Text(text[rest:]))
                text.parent.replace(text, [p for p in parts if p.astext()])

    def target(self, text, found, docname):
        """Return the name of the document whose equation a "(3)" means."""
        siblings = text.parent.children
        position = siblings.index(text)
        after = siblings[position + 1 : position + 2]
        if re.fullmatch(r"\s+of\s+", text[found.end() :]) and after:
            page = linked_page(after[0], docname)
            if page:
                return page
        own = self.env.equation_tags.get(docname, ())
        if found[1] not in own and "/solutions/" in docname:
            return docname.replace("/solutions/", "/")
        return docname

    def link(self, words, tag, target, docname):
        builder = self.app.builder
        if one_page(builder):
            address = "#" + equation_id(tag, target)
        else:
            page = (
                "" if target == docname else builder.get_relative_uri(docname, target)
            )
            address = f"{page}#{equation_id(tag)}"
        html = f'<a class="equation-link" href="{escape(address)}">{words}</a>'
        return nodes.raw("", html, format="html")


UNLINKED = (
    nodes.literal, nodes.literal_block, nodes.math, nodes.math_block,
    nodes.raw, nodes.reference, nodes.title,
)  # fmt: skip


def linked_page(node, docname):
    """Return the document that a link to a chapter leads to, or None."""
    if not isinstance(node, nodes.reference) or not node.get("internal"):
        return None
    address = node.get("refuri", "")
    if address.startswith("#document-"):  # in a book of one page
        return address.removeprefix("#document-")
    path = address.partition("#")[0]
    if not path:
        return None
    folder = docname.rpartition("/")[0].split("/") if "/" in docname else []
    for step in path.removesuffix(".html").split("/"):
        if step == "..":
            folder.pop()
        else:
            folder.append(step)
    return "/".join(folder)


def collect_tags(app, doctree):
    """Note which equations of a document have a number."""
    formulas = (node.astext() for node in doctree.findall(nodes.math_block))
    tags = [tag for formula in formulas for tag in TAG.findall(formula)]
    twice = {tag for tag in tags if tags.count(tag) > 1}
    if twice:
        raise ExtensionError(
            f"{app.env.docname}: equation {sorted(twice)} stands twice"
        )
    app.env.equation_tags[app.env.docname] = tags


def prepare(app, env, _):
    """Make room in the environment for the numbers of equations."""
    if not hasattr(env, "equation_tags"):
        env.equation_tags = {}


def forget(app, env, docname):
    """Drop what was noted of a document that is read anew."""
    env.equation_tags.pop(docname, None)


def merge(app, env, docnames, other):
    """Take over what a parallel reader noted."""
    env.equation_tags.update({d: other.equation_tags.get(d, []) for d in docnames})


def setup(app):
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displayed, None))
    app.add_post_transform(EquationLinks)
    app.connect("env-before-read-docs", prepare)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", collect_tags)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
