"""The reference lists what the code has, and the code has what the reference lists."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import re
import sys
from pathlib import Path

import pytest

from wauth_core.exceptions import ConfigurationError, UserNotFound, WauthError, explained_at
from wauth_core.settings import ConfigurationWarning
from wauth_core.web.pages import context

ROOT = Path(__file__).parents[2]
ERRORS = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
API = ROOT / "docs" / "reference" / "api"
CODE = [path for package in ("core", "wsgi", "django", "flask") for path in (ROOT / f"wauth_{package}").rglob("*.py")]
NOT_HERE = ("win32", "__main__", "ldap_metrics", "migrations")  # other systems' modules, programs, Django's


def from_code():
    """The documentation's own extension; without Sphinx its tests cannot run."""
    pytest.importorskip("sphinx", reason='pip install ".[docs]"')
    sys.path.insert(0, str(ROOT / "docs" / "_ext"))
    try:
        return importlib.import_module("from_code")
    finally:
        sys.path.pop(0)


def our_errors() -> set[str]:
    """Every public class below WauthError, wherever it is defined."""
    for package in ("wauth_core", "wauth_wsgi"):
        home = importlib.import_module(package)
        for module in pkgutil.walk_packages(home.__path__, f"{package}."):
            if not any(part in module.name for part in NOT_HERE):
                try:
                    importlib.import_module(module.name)
                except ImportError:  # an extra that is not installed, such as Kerberos
                    continue
    found, todo = {WauthError}, [WauthError]
    for cls in todo:
        todo += cls.__subclasses__()
        found |= set(cls.__subclasses__())
    return {cls.__name__ for cls in found if cls.__module__.startswith("wauth_") and not cls.__name__.startswith("_")}


def test_every_error_has_a_section_and_every_section_an_error():
    """By the class's name: it is the anchor that the error's note leads to."""
    sections = set(re.findall(r"^### (\w+)$", ERRORS, re.M))
    assert sections == our_errors() | {ConfigurationWarning.__name__}


def test_every_check_is_explained_and_every_explanation_has_a_check():
    """By id; and an id means one thing."""
    ours = [path.read_text("utf-8") for path in CODE if "wauth_django" in path.parts]
    raised = re.findall(r'id="(wauth\.\w+)"', "\n".join(ours))
    assert sorted(raised) == sorted(set(raised))
    rows = re.findall(r"^\| \[`(wauth\.\w+)`\]\{#(wauth-\w+)\} \| (.+) \| (.+) \|$", ERRORS, re.M)
    assert [row[0] for row in rows] == sorted(raised)
    assert all(explained_at(row[0]).endswith(f"#{row[1]}") for row in rows)


def test_an_error_leads_to_its_section():
    """A traceback ends with the address; a subclass of somebody else's leads to ours."""

    class Mine(ConfigurationError):
        pass

    assert UserNotFound("x", "EXAMPLE").__notes__ == [f"See {explained_at('UserNotFound')}"]
    assert Mine("x").__notes__ == [f"See {explained_at('ConfigurationError')}"]
    assert str(ConfigurationWarning("Wrong.")) == f"Wrong. See {explained_at('ConfigurationWarning')}"


def test_every_log_message_is_listed():
    """The list that the site shows is as long as what a plain search finds, and all loggers are children of ours."""
    events = from_code().log_events()
    assert all(name.startswith("wauth") for name in events)
    call = r"\b(?:logger|log|audit)\.(?:debug|info|warning|error|exception|critical|log)\("
    calls = sum(len(re.findall(call, path.read_text("utf-8"))) for path in CODE)
    assert calls * 0.8 < sum(map(len, events.values())) <= calls  # the same text may be logged in two places
    assert logging.getLogger("wauth").name == "wauth"


def test_what_an_error_page_is_given_is_listed():
    """In the guide, for whoever writes one; and nothing else is."""
    guide = (ROOT / "docs" / "howto" / "error-pages.md").read_text("utf-8")
    given = guide.partition("It gets ")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", given)) == set(context(503))


def test_every_signal_is_documented():
    """Django's and Flask's, in their guides."""
    for front, guide in (("wauth_django", "django"), ("wauth_flask", "flask")):
        text = (ROOT / "docs" / "howto" / f"{guide}.md").read_text("utf-8")
        source = (ROOT / front / "signals.py").read_text("utf-8")
        names = re.findall(r"^(\w+) = ", source, re.M)
        assert names
        assert [name for name in names if not name.startswith("_") and name not in text] == []
