"""The pictures in README and docs, of the running demo: ``python -m tests.e2e.pictures [FOLDER]``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.demo.running import ROOT, demo
from tests.e2e.browser import Browser

IMAGES = ROOT / "docs" / "images"


@contextmanager
def visitor() -> Iterator[tuple[Browser, str]]:
    """Somebody at the demo, for whom it has just opened, and its address."""
    with demo() as url, Browser(width=1500, height=1000) as browser:
        assert browser.go(url) == 200
        yield browser, url


def step(browser: Browser, url: str, number: int) -> None:
    """Go to that step of the tour, and do what it says."""
    browser.go(f"{url}?step={number}")
    browser.click(".tour button")


def open_panel(browser: Browser, url: str) -> None:
    """The LDAP panel of Ada's page on Django."""
    toolbar = "document.querySelector('#djDebugRoot').shadowRoot"
    browser.go(f"{url}django/?toolbar")
    browser.wait_for(f"{toolbar}?.querySelector('#djdt-LDAPPanel a')")
    browser.run(f"{toolbar}.querySelector('#djdt-LDAPPanel a').click()")
    browser.wait_for(f"{toolbar}.querySelector('#LDAPPanel table')")


def make(folder: Path) -> None:
    """Take all pictures."""
    with visitor() as (browser, url):
        step(browser, url, 2)
        browser.screenshot(folder / "demo.png")
        browser.resize(1280, 900)
        browser.go(f"{url}django/why/ada")
        browser.run("document.querySelector('.field-rights').closest('fieldset').scrollIntoView()")
        browser.screenshot(folder / "demo-why.png")
        open_panel(browser, url)
        browser.screenshot(folder / "demo-panel.png")
        browser.resize(1500, 1000)
        step(browser, url, 4)
        step(browser, url, 6)
        browser.screenshot(folder / "demo-attack.png")
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        step(browser, url, 5)
        browser.screenshot(folder / "demo-outage.png")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if sys.argv[1:] else IMAGES)
