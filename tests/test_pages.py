"""The built pages as text: names, links, descriptions, formulas, figures."""

import base64
import io
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import notebooks
import pytest
import yaml
from fontTools.ttLib import TTFont

import make_font
import pages

NAMES = pages.names()
each_page = pytest.mark.parametrize("name", NAMES)


class Page(HTMLParser):
    """What the tests ask of a page: its elements in order, and its text by element."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.title = ""
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._in_title = tag == "title" and not self.title

    def handle_endtag(self, tag):
        self._in_title = False

    def handle_data(self, data):
        if self._in_title:
            self.title += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def meta(self, name):
        found = [
            a for a in self.all("meta") if name in (a.get("name"), a.get("property"))
        ]
        return found[0]["content"] if found else None

    def ids(self):
        return [a["id"] for _, a in self.elements if a.get("id")]


def text_of(name):
    return (pages.HTML / name).read_text(encoding="utf-8")


PARSED = {name: Page(text_of(name)) for name in NAMES}


def test_every_page_of_the_contents_was_built():
    toc = yaml.safe_load((notebooks.ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = {f"{c['file']}.html" for part in toc["parts"] for c in part["chapters"]}
    assert listed | {"index.html", "search.html", "404.html"} == set(NAMES)


def test_titles_and_descriptions_differ():
    for what in ("title", "description"):
        texts = [
            page.title if what == "title" else page.meta("description")
            for page in PARSED.values()
        ]
        assert all(text and len(text) >= 10 for text in texts)
        assert len(set(texts)) == len(texts), Counter(texts).most_common(1)


@each_page
def test_description_fits_a_search_engine(name):
    description = PARSED[name].meta("description")
    assert 50 <= len(description) <= 160, description
    assert not re.search(r"[\\{}$]", description), description


@each_page
def test_ids_are_unique(name):
    twice = [i for i, count in Counter(PARSED[name].ids()).items() if count > 1]
    assert not twice


@each_page
def test_links_within_the_book_lead_somewhere(name):
    for tag, attribute in (
        ("a", "href"),
        ("link", "href"),
        ("img", "src"),
        ("script", "src"),
    ):
        for attributes in PARSED[name].all(tag):
            address = attributes.get(attribute)
            if not address or re.match(r"\w+:", address) or address.startswith("#svg-"):
                continue
            target = urlsplit(urljoin(f"http://book/{name}", address))
            path = unquote(target.path).lstrip("/")
            assert (pages.HTML / path).is_file(), f"{tag} to {address}"
            if target.fragment and path in PARSED:
                assert unquote(target.fragment) in PARSED[path].ids(), address


@each_page
def test_nothing_is_loaded_from_another_host(name):
    page = PARSED[name]
    loaded = [
        a.get("src") for tag in ("script", "img", "iframe") for a in page.all(tag)
    ]
    loaded += [a.get("href") for a in page.all("link") if a.get("rel") != "canonical"]
    assert not [a for a in loaded if a and re.match(r"(https?:)?//", a)]


@each_page
def test_images_state_their_size_and_what_they_show(name):
    for image in PARSED[name].all("img"):
        assert int(image["width"]) > 0 and int(image["height"]) > 0
        decorative = image["src"].rpartition("/")[2].startswith("logo-")
        assert decorative == (image["alt"] == ""), image


@each_page
def test_headings_have_no_gap(name):
    levels = [
        int(tag[1]) for tag, _ in PARSED[name].elements if re.fullmatch("h[1-6]", tag)
    ]
    assert levels.count(1) == 1 and levels[0] == 1
    for above, below in zip(levels, levels[1:]):
        assert below <= above + 1, levels


@each_page
def test_no_formula_was_left_as_tex(name):
    text = re.sub(
        r"<(annotation|pre|code|script|style).*?</\1>", "", text_of(name), flags=re.S
    )
    words = re.sub(r"<[^>]+>", "", text)
    assert not re.search(r"\$\$|\\(frac|mathbf|tag|eta|beta)\b", words)


def chapter(name):
    source = notebooks.ROOT / name.replace(".html", ".ipynb")
    return notebooks.read(source) if source.exists() else None


@each_page
def test_equations_keep_their_numbers_and_references_are_links(name):
    notebook = chapter(name)
    if notebook is None:
        return
    cells = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    tags = [tag for source in cells for tag in re.findall(r"\\tag\{(\w+)\}", source)]
    ids = PARSED[name].ids()
    for tag in tags:
        assert f"equation-{tag}" in ids
    # "(3)" in a sentence is a link wherever this page or its chapter has equation 3
    own = PARSED.get(name.replace("/solutions/", "/")).ids() + ids
    text = re.sub(
        r"<(math|pre|code|a|h\d|script|style|title)\b.*?</\1>",
        "",
        text_of(name),
        flags=re.S,
    )
    body = text[text.index("<article") : text.index("</article>")]
    body = re.sub(r'<ul class="page-references".*', "", body, flags=re.S)
    for number in re.findall(r"\((\d{1,2})\)", re.sub(r"<[^>]+>", "", body)):
        assert f"equation-{number}" not in own, f"({number}) is no link"


@each_page
def test_set_up_cells_are_not_shown(name):
    assert "import_module(" not in text_of(name)


def font_characters():
    sheet = make_font.TARGET.read_text(encoding="ascii")
    data = base64.b64decode(re.search(r"base64,([^)]+)\)", sheet)[1])
    return {chr(code) for code in TTFont(io.BytesIO(data)).getBestCmap()}


def test_the_mathematics_font_has_every_symbol():
    wanted = make_font.symbols(text_of(name) for name in NAMES)
    missing = {c for c in wanted - font_characters() if c.isprintable() and c != " "}
    missing -= set("\u2061\u2062\u2063\u2064\ufe00")  # signs that show nothing
    assert not missing, f"{sorted(missing)}: run `make font`"


def test_search_texts_lead_to_sections_and_hold_the_book():
    import json

    script = (pages.HTML / "_static" / "search-texts.js").read_text(encoding="utf-8")
    entries = json.loads(script.removeprefix("globalThis.searchTexts = ").rstrip(";\n"))
    for address, headings, _ in entries:
        path, _, fragment = address.partition("#")
        assert headings and (not fragment or fragment in PARSED[path].ids()), address
    titles = {headings[-1] for _, headings, _ in entries}
    assert {"Momentum", "Notation", "Exercise 1: Other settings"} <= titles
    assert sum(len(text.split()) for *_, text in entries) > 50_000


def test_figures_come_light_and_dark():
    text = text_of("chapters/momentum.html")
    light = re.findall(r'src="([^"]+-light\.svg)"', text)
    light = [address for address in light if "_images" in address]
    assert len(light) > 8
    for address in light:
        bright, dark = (
            (
                pages.HTML / "chapters" / address.replace("-light", f"-{theme}")
            ).read_text()
            for theme in ("light", "dark")
        )
        assert "#ffffff" not in bright + dark and "fill: none" in dark
        assert "stroke: #000000" in bright and "stroke: #000000" not in dark


ADDRESS = "https://github.com/reader/descent"


@pytest.fixture(scope="module")
def with_repository(tmp_path_factory):
    """The book built in a copy of the tree in which the repository has an address."""
    copy = tmp_path_factory.mktemp("copy") / "book"
    subprocess.run(["git", "clone", "-q", str(notebooks.ROOT), str(copy)], check=True)
    listed = ["git", "ls-files", "-m", "-o", "--exclude-standard"]
    changed = subprocess.run(listed, cwd=notebooks.ROOT, capture_output=True, text=True)
    for path in changed.stdout.splitlines():
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if (notebooks.ROOT / path).exists():
            target.write_bytes((notebooks.ROOT / path).read_bytes())
    config = copy / "_config.yml"
    text = config.read_text(encoding="utf-8")
    set_url = re.sub(r'^  url: ""', f"  url: {ADDRESS}", text, flags=re.M)
    set_all = re.sub(r'^  revision: ""', f"  revision: {'a' * 40}", set_url, flags=re.M)
    assert set_all != set_url != text
    config.write_text(set_all, encoding="utf-8")
    builder = Path(sys.executable).with_name("jupyter-book")
    command = [str(builder), "build", ".", "--quiet", "-n", "-W"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    return copy / "_build" / "html"


def test_with_an_address_the_pages_have_buttons_and_full_addresses(with_repository):
    page = Page(
        (with_repository / "chapters" / "adam.html").read_text(encoding="utf-8")
    )
    links = [a["href"] for a in page.all("a")]
    colab = "https://colab.research.google.com/github/reader/descent/blob/main/"
    assert f"{colab}chapters/adam.ipynb" in links
    assert any(
        link.startswith("https://mybinder.org/v2/gh/reader/descent/") for link in links
    )
    assert f"{ADDRESS}/blob/main/chapters/adam.ipynb" in links
    site = "https://reader.github.io/descent/"
    assert page.meta("og:url") == f"{site}chapters/adam.html"
    card = page.meta("og:image")
    assert (with_repository / card.removeprefix(site)).is_file()
    sitemap = (with_repository / "sitemap.xml").read_text(encoding="utf-8")
    assert f"<loc>{site}chapters/adam.html</loc>" in sitemap
    assert sitemap.count("<loc>") == len(NAMES) - 2
    lost = Page((with_repository / "404.html").read_text(encoding="utf-8"))
    assert [a["href"] for a in lost.all("a")][0] == "/descent/index.html"


@each_page
def test_without_an_address_no_button_is_dead(name):
    config = yaml.safe_load(
        (notebooks.ROOT / "_config.yml").read_text(encoding="utf-8")
    )
    if config["repository"]["url"]:
        pytest.skip("the repository has an address")
    links = " ".join(a.get("href", "") for a in PARSED[name].all("a"))
    assert "colab.research" not in links and "mybinder" not in links
    assert not (pages.HTML / "sitemap.xml").exists()
