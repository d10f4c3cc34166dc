"""The built pages in a real browser: what an audit of them promises, on every page."""

import gzip

import pytest
from axe_playwright_python.sync_playwright import Axe

import pages

NAMES = pages.names()
CHAPTERS = [n for n in NAMES if n.startswith("chapters/") and "/solutions/" not in n]
each_page = pytest.mark.parametrize("name", NAMES)
TEXT_WEIGHT, CHAPTER_WEIGHT = 350_000, 600_000  # bytes, gzipped
SHIFT = 0.02  # cumulative layout shift

WATCH_SHIFTS = """
  globalThis.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput) shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
"""


# The page has laid out all its sections; the page for lost readers has no script.
LAID_OUT = """document.documentElement.classList.contains("whole")
  || !document.querySelector("script[src]")"""


def lay_out(tab):
    """Give the sign that a reader is there; wait until the whole page is laid out."""
    tab.mouse.move(200, 200)
    tab.wait_for_function(LAID_OUT)


# Formulas and code are built alike everywhere, and are most of a page's elements: two
# pages are judged with them, of all others only what is around them.
WITH_CODE = ("chapters/training-script.html", "chapters/solutions/yogi.html")
EMPTY_CODE = """() => {
  document.querySelectorAll("math").forEach((formula) => formula.replaceChildren("x"));
  document.querySelectorAll(".highlight pre").forEach((pre) => {
    pre.textContent = pre.textContent;
  });
}"""
# Two long pages, looked at while most of their sections wait to be laid out.
LONG = ("chapters/momentum.html", "chapters/gradient-descent.html")


@pytest.fixture(scope="module")
def site():
    with pages.served() as address:
        yield address


class Visit:
    """A page opened in a browser, with what it asked for and complained of."""

    def __init__(self, chromium, address, **options):
        self.context = chromium.new_context(**options)
        self.tab = self.context.new_page()
        self.complaints, self.requested = [], []
        self.tab.on("console", self._heard)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on(
            "requestfailed", lambda r: self.complaints.append(f"failed {r.url}")
        )
        self.tab.on("response", self._answered)
        self.tab.add_init_script(WATCH_SHIFTS)
        self.tab.goto(address)

    def _heard(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _answered(self, response):
        self.requested.append(response.url)
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def read_through(self):
        """Scroll down the whole page, so that everything that waits for it loads."""
        lay_out(self.tab)
        self.tab.evaluate(
            """async () => {
                for (let y = 0; y < document.documentElement.scrollHeight; y += 700) {
                    scrollTo(0, y);
                    await new Promise((done) => setTimeout(done, 16));
                }
                scrollTo(0, 0);
                await new Promise((done) => setTimeout(done, 50));
            }"""
        )
        self.tab.wait_for_load_state("networkidle")

    def close(self):
        self.context.close()


@pytest.fixture
def visit(chromium):
    opened = []

    def open_page(address, **options):
        opened.append(Visit(chromium, address, **options))
        return opened[-1]

    yield open_page
    for page in opened:
        page.close()


def weight(urls, site):
    """Return the gzipped bytes of the files behind some addresses."""
    total = 0
    for url in set(urls):
        content = (pages.HTML / url.removeprefix(site).partition("?")[0]).read_bytes()
        total += len(gzip.compress(content))
    return total


@each_page
def test_page_keeps_its_promises(name, visit, site):
    page = visit(
        site + name, color_scheme="light", viewport={"width": 1400, "height": 900}
    )
    page.read_through()
    assert not too_high(page.tab, "--wide")
    assert page.tab.evaluate("shifts") <= SHIFT
    assert not page.complaints
    assert all(url.startswith(site) for url in page.requested if url.startswith("http"))
    limit = CHAPTER_WEIGHT if name in CHAPTERS else TEXT_WEIGHT
    assert weight(page.requested, site) <= limit

    if name not in WITH_CODE:
        page.tab.evaluate(EMPTY_CODE)
    assert not violations(page.tab)
    page.tab.emulate_media(color_scheme="dark")
    assert not violations(page.tab, "color-contrast")


def violations(tab, *rules):
    """Return (rule, element) of what axe finds: with all its rules, or with some."""
    options = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    found = Axe().run(tab, None, options).response["violations"]
    return [(v["id"], v["nodes"][0]["target"]) for v in found]


def too_high(tab, reserve):
    """Return the sections that are higher than the place they had while they waited."""
    return tab.evaluate(
        """(reserve) => [...document.querySelectorAll("article section > section")]
            .map((section) => [section.id, section.getBoundingClientRect().height,
                parseFloat(section.style.getPropertyValue(reserve))])
            .filter(([, height, reserved]) => !(height <= 1.02 * reserved))""",
        reserve,
    )


@each_page
def test_page_fits_a_phone_and_works_from_a_disk(name, visit):
    page = visit((pages.HTML / name).as_uri(), viewport={"width": 390, "height": 844})
    if name in LONG:
        rules = ("target-size", "scrollable-region-focusable")
        assert not violations(page.tab, *rules)
    page.read_through()
    assert not too_high(page.tab, "--narrow")
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.tab.evaluate("shifts") <= SHIFT
    assert not page.complaints
    assert all(u.startswith(("file:", "data:", "blob:")) for u in page.requested)
    loaded = page.tab.evaluate("document.fonts.ready.then(() => document.fonts.size)")
    assert loaded == (1 if page.tab.query_selector("math") else 0)
    # what is wider than the screen scrolls, and the keyboard can reach it
    unreachable = page.tab.evaluate(
        """() => [...document.querySelectorAll("article *")].filter((box) =>
            box.scrollWidth > box.clientWidth + 1 && box.clientWidth
            && ["auto", "scroll"].includes(getComputedStyle(box).overflowX)
            && box.tabIndex < 0).map((box) => box.outerHTML.slice(0, 120))"""
    )
    assert not unreachable
    # and what is not wider is no stop for the keyboard
    needless = page.tab.evaluate(
        """() => [...document.querySelectorAll("article [role=group][tabindex]")]
            .filter((box) => box.scrollWidth <= box.clientWidth + 1).length"""
    )
    assert not needless


def chapter(name):
    return (pages.HTML / "chapters" / f"{name}.html").as_uri()


def test_formulas_are_drawn_in_the_books_font_and_can_be_selected(visit):
    tab = visit(chapter("momentum")).tab
    assert tab.evaluate('document.fonts.check("16px Descent Mathematics", "∇𝑥")')
    text = tab.evaluate(
        """() => {
            const formula = document.querySelector("#equation-2 math");
            getSelection().selectAllChildren(formula);
            return getSelection().toString();
        }"""
    )
    assert "𝐯" in text and "𝛽" in text


def test_search_finds_sections_with_excerpts_from_a_disk(visit):
    tab = visit((pages.HTML / "search.html").as_uri()).tab
    tab.get_by_label("Words that a section").fill("bias corrections")
    results = tab.locator("#search-results li")
    results.first.wait_for()
    assert results.count() > 5
    assert "bias" in results.first.inner_text().lower()
    assert tab.locator("#search-results mark").count() > 5
    assert "sections" in tab.locator("#search-status").inner_text()
    results.first.get_by_role("link").click()
    tab.wait_for_url("**/chapters/**")
    assert "Adam" in tab.title()


def test_search_says_what_to_do_when_nothing_is_found(visit, site):
    tab = visit(site + "search.html?q=xyzzy<b>").tab
    tab.wait_for_function('document.getElementById("search-status").textContent')
    said = tab.locator("#search-status").inner_text()
    assert said.startswith("No section contains “xyzzy<b>”") and "fewer words" in said


def test_search_field_of_a_chapter_leads_to_the_search(visit):
    tab = visit(chapter("adam"), viewport={"width": 1400, "height": 900}).tab
    tab.get_by_label("Search the book").fill("heavy ball")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=heavy+ball")
    tab.locator("#search-results li").first.wait_for()


def test_theme_switch_changes_page_and_figures_and_is_remembered(visit):
    tab = visit(chapter("sgd"), color_scheme="light").tab
    ground = "getComputedStyle(document.body).backgroundColor"
    figure = tab.locator(".figure img:visible").first
    bright = tab.evaluate(ground)
    assert "-light" in figure.get_attribute("src")
    switch = tab.locator(".theme-toggle:visible")
    switch.click()
    assert tab.evaluate(ground) == bright  # light, by choice
    switch.click()
    assert tab.evaluate(ground) != bright
    assert "-dark" in tab.locator(".figure img:visible").first.get_attribute("src")
    tab.reload()
    assert tab.evaluate("document.body.dataset.theme") == "dark"


def test_card_shows_the_equation_that_a_link_means(visit):
    tab = visit(chapter("momentum")).tab
    link = tab.locator('a.equation-link[href="#equation-2"]').first
    card = tab.locator("#card")
    assert not card.is_visible()
    link.hover()
    card.wait_for(state="visible")
    assert card.locator("math").count() == 1 and "(2)" in card.inner_text()
    tab.keyboard.press("Escape")
    assert not card.is_visible()


def test_card_shows_the_cited_work_to_the_keyboard_too(visit):
    tab = visit(chapter("momentum")).tab
    tab.locator("h1").click()
    for _ in range(200):
        tab.keyboard.press("Tab")
        if tab.evaluate('document.activeElement.classList.contains("citation-link")'):
            break
    card = tab.locator("#card")
    card.wait_for(state="visible")
    assert "Polyak" in card.inner_text()
    described = tab.evaluate('document.activeElement.getAttribute("aria-describedby")')
    assert described == "card"


def test_copy_button_copies_code_and_nothing_else(visit, site):
    permissions = ["clipboard-read", "clipboard-write"]
    page = visit(site + "chapters/momentum.html", permissions=permissions)
    cell = page.tab.locator(".cell_input").first
    cell.hover()
    cell.locator("button.copybtn").click()
    copied = page.tab.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("import math\n\nimport torch\n\nimport descent\n")
    assert ">>>" not in copied and "step 20" not in copied
    assert page.tab.locator(".cell_output button.copybtn").count() == 0


def test_contents_drawer_of_a_phone_by_keyboard(visit):
    tab = visit(chapter("adam"), viewport={"width": 390, "height": 844}).tab
    inside = tab.locator(".sidebar-drawer a").first
    assert not inside.is_visible()
    button = tab.get_by_role("button", name="Contents of the book")
    button.focus()
    tab.keyboard.press("Enter")
    inside.wait_for(state="visible")
    assert button.get_attribute("aria-expanded") == "true"
    tab.keyboard.press("Escape")
    inside.wait_for(state="hidden")
    assert tab.evaluate("document.activeElement.dataset.drawer") == "__navigation"


def test_contents_of_the_page_follow_the_reader(visit):
    tab = visit(chapter("adam"), viewport={"width": 1400, "height": 900}).tab
    lay_out(tab)
    tab.evaluate('document.getElementById("summary").scrollIntoView()')
    tab.wait_for_function(
        """() => document.querySelector(".toc-tree .scroll-current")
            ?.textContent.includes("Summary")"""
    )


def test_page_can_be_read_without_scripts(visit):
    page = visit(
        chapter("adam"),
        java_script_enabled=False,
        viewport={"width": 390, "height": 844},
    )
    assert page.tab.locator("math").first.is_visible()
    assert page.tab.locator(".sidebar-drawer a").first.is_visible()
    assert page.tab.locator(".figure img:visible").count() > 0


def test_printed_page_has_no_frame(visit):
    tab = visit(chapter("adam")).tab
    tab.emulate_media(media="print")
    for part in (
        ".sidebar-drawer",
        ".toc-drawer",
        ".related-pages",
        ".copybtn",
        ".page-actions",
    ):
        assert tab.locator(f"{part}:visible").count() == 0, part
    assert tab.locator("article math:visible").count() > 50
