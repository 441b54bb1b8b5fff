"""docs/howto/django-migrating.md: what it says is gone is gone, and what it names instead is there."""

from __future__ import annotations

import importlib.util
import logging
import re
from pathlib import Path

import pytest

from wauth_core.exceptions import ConfigurationError
from wauth_core.settings import LDAPSettings
from wauth_django import conf, ldap

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "django-migrating.md").read_text("utf-8")
ROWS = [
    line.strip("| ").split(" | ", 1)
    for line in PAGE.partition("## Gone from release 1.4")[2].partition("On IIS:")[0].splitlines()
    if line.startswith("| `")
]
GONE = ["utils", "scheduler", "predefined_tasks", "ldap_metrics.utils", "conf.WAUTH_USE_CACHE", "logger"]


@pytest.mark.parametrize("path", GONE)
def test_what_is_gone_is_listed(path):
    """No module or name of that path, and a row that says so."""
    assert f"`{path}" in "".join(then for then, _ in ROWS)
    home = importlib.import_module("wauth_django")
    *packages, name = path.split(".")
    for package in packages:
        home = importlib.import_module(f"{home.__name__}.{package}")
    assert not hasattr(home, name)
    assert importlib.util.find_spec(f"{home.__name__}.{name}") is None if hasattr(home, "__path__") else True


def test_what_is_named_instead_is_there(directory):
    """Each expression of the right column that can be evaluated is."""
    names = {
        "conf": conf,
        "ldap": ldap,
        "domain": "EXAMPLE",
        "logging": logging,
        "manager": ldap.get_ldap_manager("EXAMPLE"),
    }
    found = [text for _, now in ROWS for text in re.findall(r"`([a-z]+\.[^`…]+)`", now)]
    evaluated = [eval(text, dict(names)) for text in found if not text.startswith(("wauth_core", "manage"))]
    assert len(evaluated) >= 6
    for name in ("get_flag_map", "get_superuser_groups", "get_staff_groups", "get_active_groups"):
        assert not hasattr(LDAPSettings, name)


def test_use_ssl_false_alone_sends_no_password(directory, settings):
    """The manual's USE_SSL=False with a password is refused with the ways out that the page names."""
    plain = directory.settings(SERVER=directory.url, USE_SSL=False, START_TLS=False, CA_FILE=None)
    settings.WAUTH_DOMAINS = {"EXAMPLE": {**plain, "ALLOW_INSECURE_PLAINTEXT_BIND": False}}
    with pytest.raises(ConfigurationError, match=r"START_TLS.*KERBEROS.*ALLOW_INSECURE_PLAINTEXT_BIND"):
        ldap.get_ldap_manager("EXAMPLE").user("alice")
    settings.WAUTH_DOMAINS = {"EXAMPLE": {**plain, "ALLOW_INSECURE_PLAINTEXT_BIND": True}}
    assert ldap.get_ldap_manager("EXAMPLE").user("alice").username == "alice"
