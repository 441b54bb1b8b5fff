"""Our pages and forms under a strict Content-Security-Policy, in a real browser."""

from __future__ import annotations

import json
import sys

import pytest

from tests.e2e.browser import Browser
from tests.e2e.policed_sites import PASSWORD, STRICT
from tests.e2e.servers import Process
from tests.e2e.test_form import FILL, PRESS_AND_READ
from tests.ports import free_port

STYLED = "getComputedStyle(document.querySelector(%r)).%s"
VIOLATIONS = """new Promise(done => {
  const found = [];
  new ReportingObserver(reports => found.push(...reports.map(r => r.body.effectiveDirective)),
                        {types: ['csp-violation'], buffered: true}).observe();
  setTimeout(() => done(found), 100);
})"""


@pytest.fixture(scope="module")
def sites(web_folder):
    """Start a site by its kind, once."""
    running = {}

    def started(kind):
        if kind not in running:
            port = free_port()
            command = [sys.executable, "-m", "tests.e2e.policed_sites", kind, str(port)]
            running[kind] = Process(command, web_folder / f"policed-{kind}.log", port)
            running[kind].__enter__()
        return f"http://127.0.0.1:{running[kind].port}"

    yield started
    for site in running.values():
        site.__exit__()


@pytest.fixture
def browser():
    """A browser without a ticket."""
    with Browser() as opened:
        yield opened


def fill(browser, password):
    """Type alice's name, and this."""
    browser.run(FILL % json.dumps({"username": "EXAMPLE\\alice", "password": password}))


@pytest.mark.parametrize("kind", ["wsgi", "flask", "django"])
def test_the_sources_form_works(sites, browser, kind):
    """Its script runs, its style shows, and a password that is wrong is told of."""
    assert browser.go(sites(kind)) == 401
    assert browser.run(VIOLATIONS) == []
    assert browser.run(STYLED % ("label", "display")) == "block"
    fill(browser, "wrong")
    assert "password is wrong" in browser.run(PRESS_AND_READ)


@pytest.mark.parametrize(
    ("languages", "title", "wrong"),
    [
        pytest.param("de-AT,de,en", "Anmelden", "Kennwort ist falsch", id="german"),
        pytest.param("ja,fr", "Se connecter", "mot de passe est incorrect", id="the-second-choice"),
        pytest.param("ja", "Sign in", "password is wrong", id="none-of-ours"),
    ],
)
def test_the_sources_form_speaks_the_browsers_language(sites, languages, title, wrong):
    """The first of its languages that we have."""
    with Browser(f"--accept-lang={languages}") as browser:
        browser.go(sites("wsgi"))
        assert browser.run("[document.title, document.querySelector('button').textContent]") == [title, title]
        fill(browser, "wrong")
        assert wrong in browser.run(PRESS_AND_READ)


def test_the_sources_form_signs_in(sites, browser):
    """And the page behind it comes."""
    browser.go(sites("wsgi"))
    fill(browser, PASSWORD)
    browser.click("button")
    assert browser.text() == "Hello EXAMPLE\\alice"


@pytest.mark.parametrize(
    ("path", "status"), [("/login", 200), ("/no/403", 403), ("/no/503", 503)], ids=["login", "403", "503"]
)
def test_flasks_pages_are_whole(sites, browser, path, status):
    """The form and the pages have their style, and nothing of them is refused."""
    assert browser.go(sites("flask") + path) == status
    assert browser.run(VIOLATIONS) == []
    assert browser.run(STYLED % ("body", "display")) == "grid"


def test_the_policy_of_the_site_would_forbid_it(sites, browser):
    """The same page under the site's policy alone: this test can fail."""
    browser.go(sites("flask") + "/login")
    page = browser.run("document.documentElement.outerHTML")
    with_policy = page.replace("<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{STRICT}">')
    browser.run(f"document.open(); document.write({json.dumps(with_policy)}); document.close()")
    assert browser.run(STYLED % ("body", "display")) != "grid"
