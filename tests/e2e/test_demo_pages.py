"""The demo's pages in a real browser: what its visitor clicks, what both sites then show, and who can use them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo.running import ROOT
from tests.e2e import pictures
from tests.e2e.axe import violations
from tests.e2e.browser import Browser

SITES = ('iframe[src="/django/"]', 'iframe[src="/flask/"]')
OPEN = ("", "?step=7", "django/", "django/login/", "django/rooms/0", "django/rooms/2", "flask/", "flask/rooms/2")
LINKS = "django/admin/windows_auth/ldapuser/"
FOR_STAFF = ("django/admin/", "django/why/ada", LINKS, f"{LINKS}add/?q=li", "django/admin/ldap_metrics/ldapusage/")


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Browser, str]]:
    """A browser, and the address of the demo."""
    with pictures.visitor() as found:
        yield found


@pytest.fixture
def url(running: tuple[Browser, str]) -> str:
    """The demo's address."""
    return running[1]


@pytest.fixture
def browser(running: tuple[Browser, str]) -> Browser:
    """The browser of somebody who comes for the first time."""
    found, address = running
    found.call("Network.clearBrowserCookies")
    found.call("Log.enable")
    found.resize(1500, 1000)
    assert found.go(address) == 200
    return found


def arrive(browser: Browser, person: str) -> None:
    """Choose *person* and open both sites."""
    browser.run(f"document.querySelector('select').value = {person!r}")
    browser.click("button[value='arrive']")


def test_the_tour_shows_what_it_says(browser, url):
    """It opens as Ada; each step's button does what it says, and both sites show it with their next page."""
    for site in SITES:
        text = browser.text(site)
        assert "Ada Lovelace" in text
        assert "Superuser: no" in text
        assert "through Web Developers" in text
    pictures.step(browser, url, 2)
    for site in SITES:
        assert "Superuser: yes" in browser.text(site)
        assert "no → yes" in browser.text(site)
    browser.go(f"{url}?step=3")
    browser.click(".tour a.button.main")
    assert "Why each right is set" in browser.text()
    assert "Domain Admins › Administrators" in browser.text()
    browser.click("button[name='preview']")
    assert "EXAMPLE\\ada: unchanged" in browser.text()
    pictures.step(browser, url, 4)
    for site in SITES:
        assert "yes → no" in browser.text(site)
    pictures.step(browser, url, 5)
    for site in SITES:
        text = browser.text(site)
        assert "These are the last known rights, and the doors that they open." in text
        assert "Editors' room\nopen" in text
        assert "Server room\nclosed" in text
    pictures.step(browser, url, 5)
    for site in SITES:
        assert "does not answer" not in browser.text(site)
    pictures.step(browser, url, 6)
    assert browser.text().count("refused") == 10
    assert "LET IN" not in browser.text()
    pictures.step(browser, url, 7)
    assert "Sign in with name and password" in browser.text(SITES[0])
    assert "Please sign in" in browser.text(SITES[1])


def test_who_is_disabled_is_out_until_enabled(browser):
    """On both sites, with the next page."""
    browser.click("button[value='disable']")
    for site in SITES:
        assert "may not sign in" in browser.text(site)
    browser.click("button[value='enable']")
    for site in SITES:
        assert "Superuser: no" in browser.text(site)


@pytest.mark.parametrize("person", ["zoë.ünal", "ohara", "penny(f)", "li.wei", "nguyễn"])
def test_any_name_arrives_whole(browser, person):
    """Names with letters from anywhere are shown as they are, as text."""
    arrive(browser, person)
    for site in SITES:
        assert f"EXAMPLE\\{person}" in browser.text(site)


def test_the_clock_is_the_visitors(browser, url):
    """Times are told by the browser's own clock, on the sites and in Django's admin."""
    browser.call("Emulation.setTimezoneOverride", timezoneId="Asia/Kathmandu")  # 5:45 from Greenwich
    browser.go(url)
    told = browser.run("document.querySelector('iframe').contentDocument.querySelector('time').textContent")
    meant = browser.run(
        "new Date(document.querySelector('iframe').contentDocument.querySelector('time').dateTime)"
        ".toLocaleTimeString('en-US', {timeZone: 'Asia/Kathmandu'})"
    )
    assert told == meant
    pictures.step(browser, url, 2)
    browser.go(f"{url}django/why/ada")
    minute = browser.run("new Date().toLocaleTimeString('en-US', {timeZone: 'UTC'})").split(":")[1]
    shown = browser.run("document.querySelector('.field-last_sync .readonly').textContent")
    assert (int(shown.split(":")[1][:2]) - int(minute)) % 60 in (44, 45)
    pictures.step(browser, url, 4)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_can_be_read_by_everybody(browser, url, width, scheme):
    """axe-core finds nothing, nothing sticks out, and no page breaks its own policy: no inline code, no other host."""
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.resize(width, 900)
    for path in (*OPEN, "django/admin/login/"):
        assert_can_be_read(browser, f"{url}{path}", width)
    pictures.step(browser, url, 2)
    for path in FOR_STAFF:
        assert_can_be_read(browser, f"{url}{path}", width)
    if width == 1280:
        pictures.open_panel(browser, url)
        assert [text for text in browser.log() if "Content Security Policy" in text] == []
    pictures.step(browser, url, 4)


def assert_can_be_read(browser: Browser, address: str, width: int) -> None:
    """One page."""
    browser.go(address)
    assert browser.run("document.documentElement.scrollWidth") <= width, address
    if width == 1280:  # a table that scrolls cuts its last column; on a telephone it may
        cut = "[...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1"
        assert browser.run(f"{cut} && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).length") == 0, address
    assert [text for text in browser.log() if "Content Security Policy" in text] == [], address
    asked = {request["url"] for request in browser.requests()}
    assert {each.partition("//")[2].partition("/")[0] for each in asked if "//" in each} == {address.split("/")[2]}
    assert violations(browser) == [], address


def test_the_pictures_are_of_this_demo(tmp_path):
    """The script makes every picture that README and docs show, and no other."""
    pictures.make(tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {path.name for path in pictures.IMAGES.iterdir()}
    told = (ROOT / "README.md").read_text("utf-8") + "".join(p.read_text("utf-8") for p in ROOT.glob("docs/**/*.md"))
    assert [name for name in made if f"images/{name}" not in told] == []
