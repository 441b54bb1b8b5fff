"""The sign-in form of `Negotiate(fallback="form")`: a browser without a ticket, and a real directory behind it."""

from __future__ import annotations

import json

import pytest

from tests.e2e.browser import Browser

FILL = "for (const [name, value] of Object.entries(%s)) document.querySelector('#' + name).value = value"
PRESS_AND_READ = """new Promise(done => {
  const message = document.querySelector("[role=alert]");
  new MutationObserver(() => done(message.textContent)).observe(message, {childList: true});
  document.querySelector("button").click();
})"""


@pytest.fixture
def browser():
    """A browser that has no ticket, and would not use one."""
    with Browser() as opened:
        yield opened


def fill(browser, username, password):
    """Type into both fields."""
    browser.run(FILL % json.dumps({"username": username, "password": password}))


def test_a_person_without_a_ticket_types_a_password(kerberos_server, samba, browser):
    """The page comes with the 401, says so when the password is wrong, and signs in when it is right."""
    url = kerberos_server.url("/form/required")
    assert browser.go(url) == 401
    fill(browser, "EXAMPLE\\alice", "wrong")
    assert "password is wrong" in browser.run(PRESS_AND_READ)
    assert browser.run("document.cookie") == ""
    fill(browser, "EXAMPLE\\alice", samba.password)
    browser.click("button")
    assert json.loads(browser.text())["identity"] == "EXAMPLE\\alice"
    assert browser.go(url) == 200
    assert browser.run("document.cookie") == ""  # HttpOnly


def test_letters_of_every_kind_reach_the_directory(kerberos_server, samba, browser):
    """A name and a password beyond ASCII arrive as they were typed."""
    from tests.ad.people import EXAMPLE

    password = next(person.password for person in EXAMPLE.people if person.sam == "pw.umlaut")
    browser.go(kerberos_server.url("/form/required"))
    fill(browser, "pw.umlaut@example.local", password)
    browser.click("button")
    assert json.loads(browser.text())["identity"] == "EXAMPLE\\pw.umlaut"
