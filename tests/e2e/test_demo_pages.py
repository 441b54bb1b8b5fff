"""The demo's pages in a real browser: what its visitor clicks, and what both sites then show."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.running import demo
from tests.e2e.browser import Browser

PICTURES = os.environ.get("WAUTH_DEMO_PICTURES")  # a folder: write the README's screenshots there
SITES = ('iframe[src="/django/"]', 'iframe[src="/flask/"]')


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The running demo."""
    with demo() as found:
        yield found


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    """A browser for all of these tests."""
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(url: str, opened: Browser) -> Browser:
    """The browser, showing the demo to nobody."""
    opened.resize(1500, 1000)
    opened.call("Network.clearBrowserCookies")
    assert opened.go(url) == 200
    return opened


def picture(browser: Browser, name: str) -> None:
    """Keep what is to be seen, where asked for."""
    if PICTURES:
        browser.screenshot(Path(PICTURES) / f"{name}.png")


def arrive(browser: Browser, person: str) -> None:
    """Choose *person* and open both sites."""
    browser.run(f"document.querySelector('select').value = {person!r}")
    browser.click("button.main")


def test_a_visitor_is_promoted_disabled_and_let_in_again(browser):
    """Each click in the directory shows on both sites with the next page."""
    for site in SITES:
        assert "Please sign in" in browser.text(site)
    arrive(browser, "ada")
    picture(browser, "demo-arrived")
    for site in SITES:
        text = browser.text(site)
        assert "Ada Lovelace" in text
        assert "Superuser: no" in text
        assert "through Web Developers" in text
    browser.click("button[value='add:Domain Admins']")
    picture(browser, "demo-promoted")
    for site in SITES:
        assert "Superuser: yes" in browser.text(site)
        assert "no → yes" in browser.text(site)
    browser.click("button[value='remove:Domain Admins']")
    browser.click("button[value='disable']")
    for site in SITES:
        assert "may not sign in" in browser.text(site)
    browser.click("button[value='enable']")
    for site in SITES:
        assert "Superuser: no" in browser.text(site)


def test_the_attack_is_refused_everywhere(browser):
    """Every forged header is refused, by both sites."""
    browser.click("form[action='/attack'] button")
    picture(browser, "demo-attack")
    text = browser.text()
    assert text.count("refused") == 10
    assert "LET IN" not in text


def test_an_outage_shows_the_last_known_rights(browser):
    """While the directory is down, who was there goes on; afterwards all is as before."""
    arrive(browser, "grace")
    browser.click("button[value='outage']")
    for site in SITES:
        assert "These are the last known rights" in browser.text(site)
    browser.click("button[value='outage']")
    for site in SITES:
        assert "does not answer" not in browser.text(site)


@pytest.mark.parametrize("person", ["zoë.ünal", "ohara", "penny(f)", "li.wei", "nguyễn"])
def test_any_name_arrives_whole(browser, person):
    """Names with letters from anywhere are shown as they are, as text."""
    arrive(browser, person)
    for site in SITES:
        assert f"EXAMPLE\\{person}" in browser.text(site)


@pytest.mark.parametrize(("width", "columns"), [(1500, 2), (900, 1), (420, 1)])
def test_the_page_fits_wide_and_narrow_windows(browser, width, columns):
    """The sites stand side by side where there is room, one above the other where not; nothing sticks out."""
    arrive(browser, "ada")
    browser.resize(width, 1000)
    places = browser.run("[...document.querySelectorAll('iframe')].map(f => f.getBoundingClientRect().left)")
    assert len(set(places)) == columns
    assert browser.run("document.documentElement.scrollWidth") <= width
    for site in SITES:
        body = f"document.querySelector({site!r}).contentDocument.documentElement"
        assert browser.run(f"{body}.scrollWidth <= {body}.clientWidth")


def test_the_page_can_be_used_without_a_mouse(browser):
    """Every control has a name that a screen reader can say, and text stands out from its ground."""
    arrive(browser, "ada")
    unnamed = """[...document.querySelectorAll('button, select, iframe')]
        .filter(e => !(e.innerText || e.title || e.getAttribute('aria-label')).trim()).length"""
    assert browser.run(unnamed) == 0
    assert browser.run("document.documentElement.lang") == "en"
