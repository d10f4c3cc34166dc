"""Make the chapters of a one-page book its top level, as on pages of their own.

Sphinx's singlehtml builder puts them inside the preface's section, one heading deeper.
"""

from sphinx.transforms.post_transforms import SphinxPostTransform

from pages import one_page


class ChaptersToTheTop(SphinxPostTransform):
    """Move every included document to the end of the page, in order."""

    default_priority = 4

    def run(self, **_):
        if not one_page(self.app.builder):
            return
        chapters = [n for n in self.document.findall() if n.tagname == "start_of_file"]
        for chapter in chapters:
            chapter.parent.remove(chapter)
            self.document.append(chapter)
            for child in chapter.children:
                child.parent = chapter  # Sphinx leaves it at the chapter's own document


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(ChaptersToTheTop)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
