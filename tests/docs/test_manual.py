"""The built manual: every page is there, leads somewhere, and can be read on any screen."""

from __future__ import annotations

import html.parser
import importlib.metadata
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import remctl.backend
import remctl.testing
from sphinx.util.inventory import InventoryFile

from tests.docs.browser import Browser

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = Path(__file__).parents[2] / "build" / "docs" / "pictures"
SOURCES = sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md"))
PAGES = [path.with_suffix(".html").as_posix() for path in SOURCES] + [
    "genindex.html",
    "search.html",
]

# The first sentence of a page: whom it is for, and what it says to them.
FOR_WHOM = re.compile(r"This (page|part|manual) is for [^:.]+: .+\.")

TYPINGS = ("Annotated", "Literal")  # described by Python's own documentation

# Servers that cannot be asked from here: a new one is looked at by a person first.
OUTSIDE = {
    "clustershell.readthedocs.io",
    "docs.python.org",
    "github.com",  # the theme's
    "keepachangelog.com",
    "semver.org",
    "web.mit.edu",
    "www.eyrie.org",
}


class Page(html.parser.HTMLParser):
    """What a page refers to, and the places in it that can be referred to."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note links and places."""
        for name, value in attributes:
            if name == "id" and value:
                self.places.add(value)
            if name in ("href", "src", "data") and tag != "data" and value:
                self.links.append(value)


class Opening(html.parser.HTMLParser):
    """The first paragraph below the title of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.text = ""
        self._titled = self._inside = self._done = False
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note where it begins: the first paragraph after the title."""
        self._titled |= tag == "h1"
        self._inside |= tag == "p" and self._titled and not self._done

    def handle_endtag(self, tag: str) -> None:
        """Note where it ends."""
        if tag == "p" and self._inside:
            self._inside, self._done = False, True

    def handle_data(self, data: str) -> None:
        """Keep its text."""
        if self._inside:
            self.text += data


@pytest.fixture(scope="module")
def pages(html: Path) -> dict[Path, Page]:
    return {file: Page(file) for file in html.rglob("*.html") if "_static" not in file.parts}


def broken(html: Path, pages: dict[Path, Page]) -> list[str]:
    """The links that lead nowhere, each with the page that it is on."""

    def leads_somewhere(file: Path, link: str) -> bool:
        url = urlsplit(link)
        if url.scheme or url.netloc:
            return url.hostname in OUTSIDE
        path, place = unquote(url.path), unquote(url.fragment)
        target = (file.parent / path).resolve() if path else file
        if not target.exists() or not target.is_relative_to(html):
            return False
        return not place or target not in pages or place in pages[target].places

    return [
        f"{file.relative_to(html)}: {link}"
        for file, page in pages.items()
        for link in page.links
        if not leads_somewhere(file, link)
    ]


def test_no_page_is_missing(html: Path) -> None:
    assert [page for page in PAGES if not (html / page).exists()] == []


def first_sentence(file: Path) -> str:
    """The first paragraph of a page on one line."""
    return " ".join(Opening(file).text.split())


def test_each_page_begins_with_whom_it_is_for(html: Path) -> None:
    openings = {page: first_sentence(html / page) for page in PAGES[: len(SOURCES)]}
    wrong = {page: text for page, text in openings.items() if not FOR_WHOM.fullmatch(text)}
    assert wrong == {}
    several = {page: text for page, text in openings.items() if re.search(r"\.\s", text)}
    assert several == {}


def test_a_page_without_a_first_sentence_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>menu</p><h1>Title</h1><h2>Part</h2><p>Some <b>text</b>.</p><p>x</p>")
    assert first_sentence(page) == "Some text."
    assert not FOR_WHOM.fullmatch("Some text.")


def test_no_link_leads_nowhere(html: Path, pages: dict[Path, Page]) -> None:
    assert broken(html, pages) == []


def test_the_installation_page_names_every_extra() -> None:
    page = (DOCS / "installation.md").read_text()
    extras = importlib.metadata.metadata("pyremctl").get_all("Provides-Extra") or []
    assert [extra for extra in extras if f"`pyremctl[{extra}]`" not in page] == []


def test_every_public_name_has_a_place(html: Path) -> None:
    inventory = InventoryFile.loads((html / "objects.inv").read_bytes(), uri="").data
    places = {name for kind in inventory.values() for name in kind}
    wanted = [
        *(f"remctl.{name}" for name in remctl.__all__ if name != "__version__"),
        *(f"remctl.Remctl.{name}" for name in dir(remctl.Remctl) if not name.startswith("_")),
        *(f"remctl.testing.{name}" for name in remctl.testing.__all__),
        *(f"remctl.backend.{name}" for name in remctl.backend.__all__ if name not in TYPINGS),
        *(f"_remctl.{name}" for name in dir(remctl._remctl) if name.startswith("remctl")),
    ]
    assert [name for name in wanted if name not in places] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_read(address: str, browser: Browser, page: str) -> None:
    browser.open(f"{address}/{page}")
    assert browser.complaints() == []
    name = page.removesuffix(".html").replace("/", "-")
    for width in (1280, 390):
        for colours in ("light", "dark"):
            browser.look(width, colours)
            assert browser.overhang() == 0
            browser.save(PICTURES / f"{name}-{width}-{colours}.png")


def test_the_colours_are_those_that_are_asked_for(address: str, browser: Browser) -> None:
    grounds = []
    for colours in ("light", "dark"):
        browser.look(1280, colours)
        browser.open(f"{address}/index.html")
        grounds.append(browser.run("return getComputedStyle(document.body).backgroundColor"))
    light, dark = grounds
    assert light == "rgb(255, 255, 255)"
    assert dark != light


def test_the_search_finds(address: str, browser: Browser) -> None:
    browser.look(1280, "light")
    browser.open(f"{address}/search.html?q=set_timeout")
    links = browser.wait_for("#search-results ul.search a[href]")
    assert any("reference/remctl.html" in link for link in links)


def test_a_fault_is_seen(address: str, browser: Browser, html: Path) -> None:
    """The tests above would see a page that is wrong."""
    wrong = html / "wrong.html"
    wrong.write_text(
        "<!doctype html><script>nothing()</script><img src=lost.png>"
        "<a href=lost.html>x</a><a href='#lost'>x</a><a href='https://lost.invalid/'>x</a>"
        "<p style='width: 2000px'>wide</p>"
    )
    try:
        assert len(broken(html, {wrong: Page(wrong)})) == 4
        browser.look(1280, "light")
        browser.open(f"{address}/wrong.html")
        complaints = "\n".join(browser.complaints())
        assert "nothing is not defined" in complaints
        assert "lost.png" in complaints
        assert browser.overhang() > 0
    finally:
        wrong.unlink()
