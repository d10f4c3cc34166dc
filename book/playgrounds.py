"""Put the live playground where a notebook shows its still picture.

`descent.playground.show` stores two things in a notebook: a picture, and the setting
it was made with. The build wraps the picture in a placeholder that carries the
setting; the page's script mounts the playground there when it comes into view. Where
scripts are off, the picture stays.
"""

import importlib.util
import json
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

from pages import write_aside

PACKAGE = Path(__file__).resolve().parent.parent / "code" / "descent"
PAGE = "chapters/playground"  # the page that a chapter's playground links to


def load_module():
    """Return descent.playground, loaded by its path: the build has no torch."""
    specification = importlib.util.spec_from_file_location(
        "descent_playground", PACKAGE / "playground.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


MARK = '<script type="application/json" class="playground-setting">'


def mark_outputs(app, docname, source):
    """Put the setting of every stored playground before its picture, as it is read."""
    mime = load_module().MIME
    if mime not in source[0]:
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        outputs = []
        for output in cell.get("outputs", []):
            stored = output.get("data", {}).pop(mime, None)
            if stored is not None:
                text = json.dumps(stored).replace("</", "<\\/")
                data = {"text/html": f"{MARK}{text}</script>"}
                mark = {"output_type": "display_data", "metadata": {}, "data": data}
                outputs.append(mark)
            outputs.append(output)
        if "outputs" in cell:
            cell["outputs"] = outputs
    source[0] = json.dumps(notebook)


class Placeholders(SphinxPostTransform):
    """Join a setting and the picture behind it into a place for the playground."""

    default_priority = 4  # before illustrations.Pictures takes the picture
    formats = ("html",)

    def run(self, **_):
        for mark in list(self.document.findall(nodes.raw)):
            if not mark.astext().startswith(MARK):
                continue
            picture = mark.next_node(nodes.image, siblings=True, ascend=True)
            if picture is None:
                raise ExtensionError(f"{self.env.docname}: a playground has no picture")
            if self.app.builder.name == "html":
                setting = mark.astext().removeprefix(MARK).removesuffix("</script>")
                opening = self.opening(json.loads(setting))
                picture.parent.insert(
                    picture.parent.index(picture),
                    nodes.raw("", opening, format="html"),
                )
                picture.parent.insert(
                    picture.parent.index(picture) + 1,
                    nodes.raw("", "</div>", format="html"),
                )
            mark.parent.remove(mark)

    def opening(self, stored):
        """Return the placeholder's opening tag, which carries the setting."""
        docname = self.env.docname
        options = stored.get("options", {})
        if docname == PAGE:  # its address carries the setting
            options = {**options, "hash": True}
        else:
            page = self.app.builder.get_relative_uri(docname, PAGE)
            options = {**options, "page": page}
        attributes = {"config": stored["config"], "options": options}
        if stored.get("moments"):
            attributes["moments"] = stored["moments"]
        written = " ".join(
            f'data-{name}="{escape(json.dumps(value, separators=(",", ":")))}"'
            for name, value in attributes.items()
        )
        kind = "compact" if options.get("compact") else "full"
        narrow, wide = room(kind, len(stored["config"].get("methods", [])) or 1)
        style = f"--narrow: {narrow}px; --wide: {wide}px"
        return f'<div class="descent-playground {kind}" style="{style}" {written}>'


def room(kind, methods):
    """Return the heights, in pixels, that a playground needs: on a phone, on a screen.

    Args:
        kind: "full", or "compact" as in chapters.
        methods: how many are on; each has a row.
    """
    if kind == "full":
        return 1170, 1510
    return 531 + 69 * methods, 606 + 39 * methods


def write_script(app, exception):
    """Write the playground's module as a script, which a page on a disk may run."""
    if exception or app.builder.name != "html":
        return
    script = load_module().classic_script()
    write_aside(Path(app.outdir) / "_static" / "playground.js", script)


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(Placeholders)
    app.connect("source-read", mark_outputs)
    app.connect("build-finished", write_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
