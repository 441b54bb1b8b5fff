"""``wauth migrate-settings``: another package's settings become ours, and ours work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import wauth_core
from wauth_core import Wauth
from wauth_core.cli.app import wauth
from wauth_core.testing.embedded import EmbeddedDirectory

DJANGO_AUTH_LDAP = r"""
import os
import ldap
from django_auth_ldap.config import GroupOfNamesType, LDAPGroupQuery, LDAPSearch

AUTH_LDAP_SERVER_URI = "ldap://dc1.example.local ldaps://dc2.example.local:636"
AUTH_LDAP_BIND_DN = "EXAMPLE\\svc_web"
AUTH_LDAP_BIND_PASSWORD = "hunter2"
BASE = "DC=example,DC=local"
AUTH_LDAP_USER_SEARCH = LDAPSearch(BASE, ldap.SCOPE_SUBTREE, "(&(objectClass=person)(sAMAccountName=%(user)s))")
AUTH_LDAP_GROUP_SEARCH = LDAPSearch(BASE, ldap.SCOPE_SUBTREE, "(objectClass=group)")
AUTH_LDAP_GROUP_TYPE = GroupOfNamesType(name_attr="cn")
AUTH_LDAP_REQUIRE_GROUP = LDAPGroupQuery("CN=Web Users,DC=x") | LDAPGroupQuery("CN=Web Editors,DC=x")
AUTH_LDAP_DENY_GROUP = "CN=Out,DC=x"
AUTH_LDAP_USER_ATTR_MAP = {"first_name": "givenName"}
AUTH_LDAP_USER_FLAGS_BY_GROUP = {"is_staff": "CN=Staff,DC=x", "is_editor": ["CN=Web Editors,DC=x"]}
AUTH_LDAP_FIND_GROUP_PERMS = True
AUTH_LDAP_MIRROR_GROUPS_EXCEPT = ["secret"]
AUTH_LDAP_NO_NEW_USERS = True
AUTH_LDAP_CACHE_TIMEOUT = 3600
AUTH_LDAP_SOMETHING_NEW = 1
"""
PYTHON3_LDAP = """
LDAP_AUTH_URL = ["ldap://dc1.example.local:389"]
LDAP_AUTH_USE_TLS = True
LDAP_AUTH_SEARCH_BASE = "DC=example,DC=local"
LDAP_AUTH_OBJECT_CLASS = "organizationalPerson"
LDAP_AUTH_USER_FIELDS = {"username": "sAMAccountName", "email": "mail"}
LDAP_AUTH_USER_LOOKUP_FIELDS = ("username",)
LDAP_AUTH_FORMAT_USERNAME = "django_python3_ldap.utils.format_username_active_directory"
LDAP_AUTH_ACTIVE_DIRECTORY_DOMAIN = "EXAMPLE"
LDAP_AUTH_CONNECTION_USERNAME = "svc_web"
LDAP_AUTH_CONNECTION_PASSWORD = os.environ["LDAP_PASSWORD"]
LDAP_AUTH_CONNECT_TIMEOUT = 3
"""
FLASK = """
app.config["LDAP_HOST"] = "dc1.example.local"
app.config["LDAP_BASE_DN"] = "DC=example,DC=local"
app.config["LDAP_USER_DN"] = "OU=Staff"
app.config.update(LDAP_BIND_USER_DN="CN=svc,DC=example,DC=local", LDAP_BIND_USER_PASSWORD="hunter2")
app.config["LDAP_USER_LOGIN_ATTR"] = "sAMAccountName"
app.config["LDAP_GROUP_DN"] = "OU=Groups"
"""
WINDOWSAUTH = r"""
WAUTH_DOMAINS = {
    "EXAMPLE": {
        "SERVER": "example.local",
        "SEARCH_BASE": "DC=example,DC=local",
        "USERNAME": "EXAMPLE\\svc_web",
        "PASSWORD": "hunter2",
        "SUPERUSER_GROUPS": "Domain Admins",
        "MY_OWN": 1,
    }
}
WAUTH_RESYNC_DELTA = 60
WAUTH_OLD = True
"""


def run(text: str, folder: Path, *arguments: str) -> Result:
    """The command, on a file with that text."""
    path = folder / "settings.py"
    path.write_text(text, "utf-8")
    return CliRunner().invoke(wauth, ["migrate-settings", str(path), *arguments])


def ours(text: str, folder: Path) -> tuple[dict[str, Any], str]:
    """What the printed settings are when they are run, and the comments."""
    done = run(text, folder)
    assert done.exit_code == 0, done.output
    assert "hunter2" not in done.output
    names: dict[str, Any] = {"app": type("App", (), {"config": {}})(), "os": __import__("os")}
    exec(done.output, names)
    return {**names, **names["app"].config}, done.output


def test_django_auth_ldap(tmp_path: Path) -> None:
    """Servers, search, fields, flags, groups; flags that nobody had are nobody's; the rest is noted."""
    names, said = ours(DJANGO_AUTH_LDAP, tmp_path)
    domain = names["WAUTH_DOMAINS"]["EXAMPLE"]
    assert callable(domain.pop("PASSWORD"))
    assert domain == {
        "SERVER": ["dc1.example.local", "dc2.example.local"],
        "USERNAME": "EXAMPLE\\svc_web",
        "SEARCH_BASE": "DC=example,DC=local",
        "USER_QUERY_FILTER": "(objectClass=person)",
        "USER_FIELD_MAP": {"username": "sAMAccountName", "first_name": "givenName"},
        "STAFF_GROUPS": "CN=Staff,DC=x",
        "SUPERUSER_GROUPS": None,
        "FLAG_MAP": {"is_editor": ["CN=Web Editors,DC=x"]},
        "REQUIRE_GROUPS": ["CN=Web Users,DC=x", "CN=Web Editors,DC=x"],
        "DENY_GROUPS": "CN=Out,DC=x",
        "MIRROR_GROUPS": ["!secret"],
    }
    assert names["WAUTH_CREATE_USERS"] is False
    assert names["WAUTH_RESYNC_DELTA"] == 3600
    for name in ("SERVER_URI", "BIND_PASSWORD", "GROUP_SEARCH", "GROUP_TYPE", "FIND_GROUP_PERMS", "SOMETHING_NEW"):
        assert f"# - AUTH_LDAP_{name}: " in said


def test_django_python3_ldap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computed password stays as it is computed; the domain's name is AD's."""
    monkeypatch.setenv("LDAP_PASSWORD", "x")
    names, said = ours(PYTHON3_LDAP, tmp_path)
    assert names["WAUTH_DOMAINS"] == {
        "EXAMPLE": {
            "SERVER": "dc1.example.local",
            "START_TLS": True,
            "USERNAME": "EXAMPLE\\svc_web",
            "PASSWORD": "x",
            "SEARCH_BASE": "DC=example,DC=local",
            "USER_FIELD_MAP": {"username": "sAMAccountName", "email": "mail"},
            "USER_QUERY_FIELD": "username",
            "USER_QUERY_FILTER": "(objectClass=organizationalPerson)",
            "CONNECT_TIMEOUT": 3,
            "STAFF_GROUPS": None,
            "SUPERUSER_GROUPS": None,
        }
    }
    assert "# - LDAP_AUTH_FORMAT_USERNAME: " in said


def test_flask_ldap3_login(tmp_path: Path) -> None:
    """`app.config[…]` and `app.config.update(…)` are read; the search base is the two DNs in one."""
    names, said = ours(FLASK, tmp_path)
    domain = names["WAUTH_DOMAINS"]["EXAMPLE"]
    assert domain["SERVER"] == "dc1.example.local"
    assert domain["SEARCH_BASE"] == "OU=Staff,DC=example,DC=local"
    assert domain["USER_FIELD_MAP"]["username"] == "sAMAccountName"
    assert "# - LDAP_GROUP_DN: " in said
    assert 'app.config["WAUTH_DOMAINS"]' in said


def test_django_windowsauth(tmp_path: Path) -> None:
    """Everything stays, but the password; what we do not have is noted."""
    names, said = ours(WINDOWSAUTH, tmp_path)
    assert names["WAUTH_RESYNC_DELTA"] == 60
    assert names["WAUTH_DOMAINS"]["EXAMPLE"]["SUPERUSER_GROUPS"] == "Domain Admins"
    assert "WAUTH_OLD" not in names
    for noted in ("WAUTH_OLD", "EXAMPLE: MY_OWN", "EXAMPLE: PASSWORD", "windows_auth"):
        assert f"# - {noted}: " in said


@pytest.mark.parametrize("text", [DJANGO_AUTH_LDAP, FLASK], ids=["django-auth-ldap", "flask-ldap3-login"])
def test_what_is_printed_finds_people(
    text: str, tmp_path: Path, directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the directory's own address the settings have no problem, and find somebody."""
    monkeypatch.setenv("AD_PASSWORD", directory.settings()["PASSWORD"])
    names, _ = ours(text, tmp_path)
    here = directory.settings()
    domain = {**names["WAUTH_DOMAINS"]["EXAMPLE"], **{name: here[name] for name in ("SERVER", "CA_FILE", "USERNAME")}}
    with Wauth({"EXAMPLE": domain}) as made:
        assert made.problems() == []
        assert made.manager("EXAMPLE").user("alice").email == "alice@example.local"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("this is not", "is not Python", id="no-python"),
        pytest.param("DEBUG = True", "has no settings of", id="no-ldap"),
        pytest.param("__import__('os').abort()\nAUTH_LDAP_X = 1", "", id="is-not-run"),
        pytest.param("AUTH_LDAP_USER_SEARCH = make_search()", "could not be read", id="a-search-of-ones-own"),
        pytest.param("AUTH_LDAP_REQUIRE_GROUP = a & b", "more than 'in one of'", id="an-and-of-groups"),
    ],
)
def test_other_files(text: str, words: str, tmp_path: Path) -> None:
    """What cannot be understood is said, and nothing in the file is run."""
    assert words in run(text, tmp_path).output


def test_the_pages_name_what_the_command_knows() -> None:
    """Each setting in the pages' tables is one that the command translates or notes."""
    source = "".join(
        path.read_text("utf-8") for path in (Path(wauth_core.__file__).parent / "cli" / "migrate").glob("*.py")
    )
    pages = sorted((Path(__file__).parents[3] / "docs" / "howto").glob("from-*.md"))
    assert len(pages) == 3
    named = [
        name
        for page in pages
        for row in re.findall(r"^\| (`.*?) \| .* \|$", page.read_text("utf-8"), re.M)
        for name in re.findall(r"`([A-Z_]+)`", row)
        if not name.endswith("_")
    ]
    assert len(named) > 30
    assert [name for name in named if f'"{name}"' not in source] == []
