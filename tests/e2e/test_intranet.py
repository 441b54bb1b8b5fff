"""The example intranets on a real domain: Apache with Kerberos in front, tickets, a browser, changes in AD."""

from __future__ import annotations

import contextlib
import html
import json
import sys

import pytest

from tests.ad.fixtures import unavailable
from tests.databases import postgres  # noqa: F401
from tests.e2e import apache
from tests.e2e.servers import Process, chromium, curl, negotiate
from tests.ports import free_port

SITES = ("flask", "django")
pytestmark = pytest.mark.ad


@pytest.fixture(scope="module")
def httpd(samba, web_folder, tmp_path_factory, postgres, curl_installed):  # noqa: F811
    """Apache, with the Flask intranet on PostgreSQL and the Django intranet on SQLite behind it."""
    reason = apache.why_not()
    if reason:
        unavailable(reason)
    domain = json.dumps(samba.settings())
    databases = {
        "flask": postgres.sqlalchemy_url(postgres.create()),
        "django": str(tmp_path_factory.mktemp("django") / "intranet.sqlite3"),
    }
    with contextlib.ExitStack() as stack:
        backends = {}
        for site in SITES:
            backends[site] = free_port()
            command = ["-m", "waitress", f"--listen=127.0.0.1:{backends[site]}", "--call", f"tests.e2e.intranet:{site}"]
            environment = {"E2E_LDAP": domain, "E2E_DATABASE": databases[site]}
            log = web_folder / f"intranet-{site}.log"
            stack.enter_context(Process([sys.executable, *command], log, backends[site], environment))
        yield stack.enter_context(apache.apache(web_folder / "apache-intranet", samba, backends))


@pytest.fixture
def person(samba):
    """Somebody of the test's own, gone at its end."""
    name = samba.create_user("intra", displayName="Ingrid <b>Intra</b>", mail="ingrid@example.local")
    yield name
    samba.delete(name)


def page(httpd, site, ticket, *arguments):
    """The person's page as data, or the status of what came instead."""
    answer = negotiate(httpd.url(f"/{site}/?format=json"), ticket, *arguments)
    return json.loads(answer.body) if answer.status == 200 else answer.status


def flags(found):
    """The flags of a page."""
    return {flag["name"]: flag["on"] for flag in found["flags"]}


@pytest.mark.parametrize("site", SITES)
def test_a_browser_signs_in_by_its_ticket(httpd, samba, person, site, tmp_path):
    """Chromium with a Kerberos ticket arrives signed in: no form, no password, the names as text."""
    seen = chromium(httpd.url(f"/{site}/"), tmp_path / "profile", samba.kinit(person))
    assert f"EXAMPLE\\{person}" in seen
    assert html.escape("Ingrid <b>Intra</b>") in seen


@pytest.mark.parametrize("site", SITES)
def test_rights_follow_the_domain(httpd, samba, person, site, tmp_path):
    """Promoted in AD, through a nested group, and demoted: the running session sees it at the next sync."""
    ticket, jar = samba.kinit(person), ("--cookie-jar", str(tmp_path / "jar"), "--cookie", str(tmp_path / "jar"))
    found = page(httpd, site, ticket, *jar)
    assert found["sync"]["status"] == "created"
    assert flags(found) == {"is_active": True, "is_staff": False, "is_superuser": False}
    group = samba.create_group()
    samba.add_member(group, person)
    samba.add_member("Domain Admins", group)
    try:
        found = page(httpd, site, ticket, *jar)
        assert flags(found)["is_superuser"] is True
        assert {"name": "Domain Admins", "how": group, "nested": True} in found["groups"]
        assert negotiate(httpd.url(f"/{site}/rooms/2"), ticket, *jar).status == 200
    finally:
        samba.delete(group)
    assert flags(page(httpd, site, ticket, *jar))["is_superuser"] is False
    assert negotiate(httpd.url(f"/{site}/rooms/2"), ticket, *jar).status == 403


@pytest.mark.parametrize("site", SITES)
def test_a_disabled_person_is_out_at_the_next_sync(httpd, samba, person, site, tmp_path):
    """The ticket is still good for Apache; the site turns its bearer away, session and all."""
    ticket, jar = samba.kinit(person), ("--cookie-jar", str(tmp_path / "jar"), "--cookie", str(tmp_path / "jar"))
    assert page(httpd, site, ticket, *jar)["identity"] == f"EXAMPLE\\{person}"
    samba.disable(person)
    assert page(httpd, site, ticket, *jar) == 403
    samba.enable(person)
    assert page(httpd, site, ticket, *jar)["identity"] == f"EXAMPLE\\{person}"


@pytest.mark.parametrize("name", ["Zoë.Ünal", "a(b)c&d"])
@pytest.mark.parametrize("site", SITES)
def test_names_that_hurt_arrive_whole(httpd, samba, site, name):
    """Letters and signs of any kind come through ticket, proxy, LDAP and database as they are."""
    assert page(httpd, site, samba.kinit(name))["identity"] == f"EXAMPLE\\{name.lower()}"


@pytest.mark.parametrize("site", SITES)
def test_without_a_ticket_nobody_comes_in(httpd, site):
    """Apache asks for a ticket; past Apache, a forged header is nobody's word."""
    assert curl(httpd.url(f"/{site}/")).status == 401
    forged = httpd.get(f"/open/{site}/", [("RemoteUser", "EXAMPLE\\alice"), ("Remote-User", "EXAMPLE\\alice")])
    assert forged.status == 401
