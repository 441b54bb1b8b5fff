"""Django's admin in a browser: signed in by Kerberos through Apache, promoted in AD, disabled in AD."""

from __future__ import annotations

import contextlib
import json
import sys

import pytest

from tests.ad.fixtures import unavailable
from tests.e2e import apache
from tests.e2e.servers import Process, chromium, negotiate
from tests.ports import free_port

pytestmark = pytest.mark.ad
ADMIN = "/admin-site/admin/"


@pytest.fixture(scope="module")
def httpd(samba, web_folder, tmp_path_factory, curl_installed):
    """Apache, with the tests' Django project behind it."""
    reason = apache.why_not()
    if reason:
        unavailable(reason)
    port = free_port()
    environment = {
        "E2E_LDAP": json.dumps(samba.settings()),
        "WAUTH_TEST_SQLITE": str(tmp_path_factory.mktemp("admin") / "site.sqlite3"),
        "DJANGO_SETTINGS_MODULE": "tests.django_app.settings",
    }
    command = ["-m", "waitress", f"--listen=127.0.0.1:{port}", "--call", "tests.e2e.django_site:application"]
    with contextlib.ExitStack() as stack:
        log = web_folder / "django-admin.log"
        stack.enter_context(Process([sys.executable, *command], log, port, environment))
        yield stack.enter_context(apache.apache(web_folder / "apache-admin", samba, {"admin-site": port}))


@pytest.fixture
def person(samba):
    """Somebody of the test's own, gone at its end."""
    name = samba.create_user("adm", givenName="Ada", sn="Ministrator")
    yield name
    samba.delete(name)


def test_a_person_promoted_in_ad_sees_the_admin(httpd, samba, person, tmp_path):
    """A browser with a ticket: no admin; promoted in AD, the admin and the links in it; disabled, nothing."""
    ticket = samba.kinit(person)
    who = "/admin-site/who/"
    assert negotiate(httpd.url(who), ticket).told["user"] == person
    assert negotiate(httpd.url(ADMIN), ticket).status == 302  # to the login page: not staff
    samba.add_member("Domain Admins", person)
    try:
        page = chromium(httpd.url(ADMIN), tmp_path / "profile", ticket)
        assert "Site administration" in page
        assert "LDAP users" in page
        links = chromium(httpd.url(ADMIN + "windows_auth/ldapuser/"), tmp_path / "profile", ticket)
        assert f"EXAMPLE\\{person}" in links
        assert "enabled" in links
        samba.disable(person)
        assert negotiate(httpd.url(who), ticket).told["user"] == ""
        assert negotiate(httpd.url(ADMIN), ticket).status == 302
    finally:
        samba.remove_member("Domain Admins", person)
