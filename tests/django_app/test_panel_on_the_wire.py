"""What the wire saw is what the panel says: every kind of operation, by whichever way it was sent."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import ldap3
import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import RequestFactory
from ldap3.core.exceptions import LDAPExceptionError

import wauth_django
from tests.ad.tap import Tap
from tests.django_app.test_panel import panel_after
from tests.e2e.browser import Browser
from wauth_core.exceptions import BindError, DirectoryError
from wauth_django.conf import get_wauth
from wauth_django.ldap import get_ldap_manager
from wauth_django.models import LDAPUser

pytestmark = pytest.mark.ad
NEW_PASSWORD = "Summer-in-Heidelberg-7"
WRONG_PASSWORD = "not hers"
TAP_NAMES = {"modifydn": "rename"}


@pytest.fixture
def tap(db, samba, ad_authority, settings):
    """The project's EXAMPLE is Samba's, by a tap, and may be written to."""
    with Tap(samba, ad_authority.issue("panel-tap", hosts=("localhost",))) as tap:
        settings.WAUTH_DOMAINS = {
            "EXAMPLE": samba.settings(
                SERVER=tap.url,
                CA_FILE=str(ad_authority.ca_file),
                USERNAME=samba.admin_user,
                PASSWORD=samba.admin_password,
                READ_ONLY=False,
            )
        }
        yield tap
        get_wauth().close()


@pytest.fixture
def link():
    """Alice's, as a site has it."""
    return LDAPUser.objects.create(
        user=get_user_model().objects.create_user("alice"), domain="EXAMPLE", username="alice"
    )


def everything(tap, link):
    """Uses every kind of operation, ours and ldap3's."""
    manager = get_ldap_manager("EXAMPLE")
    controller = tap.controller
    base = controller.base_dn

    def view(request):
        manager.user("alice", attributes=("thumbnailPhoto",))
        len(list(manager.users()))
        manager.get_reader("computer").search()
        link.get_ldap_groups()
        link.get_ldap_attr("mail")
        assert not manager.authenticate("alice", WRONG_PASSWORD)
        assert manager.authenticate("alice", controller.password)
        with contextlib.suppress(DirectoryError):
            manager.changes()
        connection = manager.connection
        dn = f"CN=panel-test,CN=Users,{base}"
        connection.add(dn, ["user"], {"sAMAccountName": "panel-test"})
        connection.modify(dn, {"description": [(ldap3.MODIFY_REPLACE, ["<b>seen</b>"])]})
        connection.modify(dn, {"unicodePwd": [(ldap3.MODIFY_REPLACE, [f'"{NEW_PASSWORD}"'.encode("utf-16-le")])]})
        connection.compare(dn, "description", "another")
        connection.modify_dn(dn, "CN=panel-test-2")
        connection.delete(f"CN=panel-test-2,CN=Users,{base}")
        connection.extend.standard.who_am_i()
        connection.search(f"CN=nowhere,{base}", "(objectClass=*)", ldap3.LEVEL)
        with contextlib.suppress(LDAPExceptionError):
            list(connection.extend.standard.paged_search(base, "(objectClass=group)", paged_size=20))
        connection.abandon(0)
        connection.unbind()
        manager.close()
        return HttpResponse("")

    return view


def test_what_the_wire_saw_is_what_the_panel_says(tap, link):
    """Each request that passed the tap is shown once, octet for octet as long as it was, and nothing else."""
    panel = panel_after(everything(tap, link), RequestFactory().get("/"))
    shown = [each for each in panel.get_stats()["operations"] if each["kind"] != "connect"]
    tap.drain()
    assert Counter((TAP_NAMES.get(each["kind"], each["kind"]), each["sent"]) for each in shown) == Counter(
        (seen.kind, len(seen.octets)) for seen in tap.seen
    )
    assert {each["kind"] for each in shown} == {
        *("bind", "search", "add", "modify", "modifydn", "delete", "compare", "extended", "abandon", "unbind")
    }
    assert Counter((each["base"], each["scope"], tuple(each["attributes"])) for each in shown if each["scope"]) == (
        Counter((seen.base, seen.scope, seen.attributes) for seen in tap.searches())
    )
    connects = [each for each in panel.get_stats()["operations"] if each["kind"] == "connect"]
    assert len(connects) == tap.accepted


def test_what_came_and_what_changed_is_shown_and_no_secret(tap, link):
    """Entries, changes, results and controls; no password of anybody's, no photo."""
    controller = tap.controller
    panel = panel_after(everything(tap, link), RequestFactory().get("/"))
    content = panel.content
    operations = panel.get_stats()["operations"]
    assert "&lt;b&gt;seen&lt;/b&gt;" in content
    assert "replace unicodePwd: (not shown)" in content
    assert "Controls: paged" in content
    for secret in (controller.password, controller.admin_password, NEW_PASSWORD, WRONG_PASSWORD):
        assert secret not in content
        assert secret not in repr(operations)
    found = [dict(values) for each in operations for _, values in each["found"]]
    assert any(values.get("sAMAccountName") == ["alice"] for values in found)
    assert not any("thumbnailPhoto" in values for values in found)
    assert "49 invalidCredentials" in {each["result"] for each in operations if each["kind"] == "bind"}
    assert "32 noSuchObject" in {each["result"] for each in operations}
    assert "5 compareFalse" in {each["result"] for each in operations}
    assert all(each["error"] == "" for each in operations if each["result"] in ("0 success", "5 compareFalse"))
    assert all(each["stack"] for each in operations)
    assert panel.get_stats()["received"] > panel.get_stats()["sent"] > 0


def test_the_metrics_count_every_operation(tap, link):
    """`get_usage` counts what the tap counts, with each octet, and every socket that was closed."""
    panel_after(everything(tap, link), RequestFactory().get("/"))
    usage = get_ldap_manager("EXAMPLE").get_usage()
    tap.drain()
    seen = Counter(request.kind for request in tap.seen)
    counted = {
        kind: getattr(usage, f"{name}_operations")
        for kind, name in {
            **{kind: kind for kind in ("search", "bind", "add", "modify", "delete", "compare", "extended", "abandon")},
            "rename": "modify_dn",
            "unbind": "unbind",
        }.items()
    }
    assert counted == {kind: seen[kind] for kind in counted}
    assert usage.operations == len(tap.seen)
    assert usage.bytes_transmitted == sum(len(request.octets) for request in tap.seen)
    assert usage.open_sockets == usage.closed_sockets == usage.wrapped_sockets == tap.accepted


def test_a_service_account_that_is_refused_is_seen(tap, settings):
    """Connections on which nobody could sign in: in the panel and in the metrics as on the wire."""
    domain = settings.WAUTH_DOMAINS["EXAMPLE"]
    settings.WAUTH_DOMAINS = {"EXAMPLE": {**domain, "PASSWORD": WRONG_PASSWORD}}

    def view(request):
        with pytest.raises(BindError):
            get_ldap_manager("EXAMPLE").user("alice")
        return HttpResponse("")

    panel = panel_after(view, RequestFactory().get("/"))
    shown = [(each["kind"], each["result"]) for each in panel.get_stats()["operations"]]
    tap.drain()
    seen = Counter(request.kind for request in tap.seen)
    assert shown == [("connect", ""), ("bind", "49 invalidCredentials"), ("unbind", "")]
    assert seen == {"bind": 1, "unbind": 1}
    assert WRONG_PASSWORD not in panel.content
    usage = get_ldap_manager("EXAMPLE").get_usage()
    assert (usage.bind_operations, usage.unbind_operations, usage.operations) == (1, 1, 2)
    assert usage.open_sockets == usage.closed_sockets == tap.accepted == 1
    assert usage.bytes_transmitted == sum(len(request.octets) for request in tap.seen)


def test_the_panel_fits_a_screen_of_1280_pixels(tap, link, tmp_path):
    """Beside the toolbar's own 220 px nothing sticks out, long names and opened details included."""
    panel = panel_after(everything(tap, link), RequestFactory().get("/"))
    style = Path(wauth_django.__file__).with_name("static") / "wauth_django" / "panel.css"
    page = tmp_path / "panel.html"
    page.write_text(
        f"<!DOCTYPE html><meta charset=utf-8><style>{style.read_text('utf-8')}</style><body style='margin:0'>"
        f"<div id=djDebug><div id=panel class=djdt-panelContent style='width:1060px;overflow:auto'>{panel.content}",
        encoding="utf-8",
    )
    with Browser(width=1280) as browser:
        browser.go(page.as_uri())
        browser.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert browser.run("document.querySelectorAll('details[open]').length") > 50
        assert browser.run("document.getElementById('panel').scrollWidth") <= 1060
