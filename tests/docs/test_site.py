"""The documentation as a site: it builds without a warning, and a reader's browser asks no other host."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
REQUIRED = os.environ.get("WAUTH_REQUIRE_SITE") == "1"
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "link": "href"}


class Page(HTMLParser):
    """What a page loads, where it leads, and the places in it that can be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag in LOADED and LOADED[tag] in given and given.get("rel") not in {"canonical", "next", "prev"}:
            self.loads.append(given[LOADED[tag]])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; every warning is an error."""
    missing = [name for name, there in (("Sphinx", _has_sphinx()), ("Graphviz' dot", shutil.which("dot"))) if not there]
    if missing:
        (pytest.fail if REQUIRED else pytest.skip)(f"not installed: {', '.join(missing)}")
    target = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", f"{target}/trees"]
    done = subprocess.run([*build, "docs", f"{target}/html"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return target / "html"


def _has_sphinx() -> bool:
    return subprocess.run([sys.executable, "-c", "import sphinx, furo, myst_parser"], check=False).returncode == 0


def test_no_page_loads_anything_from_another_host(site):
    """Scripts, styles, fonts and pictures come with the site."""
    foreign = [
        f"{path.name}: {url}" for path in site.rglob("*.html") for url in Page(path).loads if urlsplit(url).netloc
    ]
    foreign += [
        f"{path.name}: {url}"
        for path in site.rglob("*.css")
        for url in re.findall(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)", path.read_text("utf-8"))
    ]
    assert foreign == []


def test_every_link_leads_to_a_place_that_exists(site):
    """Within the site: pages, pictures and anchors."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids
            ):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_what_a_message_names_is_there(site):
    """The anchors that errors, warnings and checks lead to."""
    from wauth_core.exceptions import DOCUMENTATION, UserNotFound, explained_at

    ids = Page(site / "reference" / "errors.html").ids
    [note] = UserNotFound("x", "EXAMPLE").__notes__
    for address in (note.removeprefix("See "), explained_at("ConfigurationWarning"), explained_at("wauth.W007")):
        assert address.startswith(f"{DOCUMENTATION}reference/errors.html#")
        assert address.partition("#")[2] in ids


def test_a_reader_can_search_and_choose_dark(site):
    """Search works without a server, the theme follows the system or the reader's choice, and pages fit a phone."""
    assert "UserNotFound" in (site / "searchindex.js").read_text("utf-8")
    front = (site / "index.html").read_text("utf-8")
    assert "theme-toggle" in front
    assert 'name="viewport"' in front
