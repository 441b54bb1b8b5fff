"""LDAPPanel: what a request asked of the directory, escaped, without secrets, in sync and async stacks."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from wauth_core.directory import Operation
from wauth_core.directory.tracing import ENTRIES_KEPT
from wauth_core.directory.wire import RawEntry
from wauth_django.conf import get_wauth
from wauth_django.panels import LDAPPanel, advice


class Toolbar:
    """As much of the toolbar as a panel uses."""

    def __init__(self, request):
        self.request, self.request_id, self.store = request, "1", self
        self.stats, self.server_timing_stats = {}, {}

    def save_panel(self, request_id, panel_id, stats):
        """The store keeps what JSON can hold."""
        import json

        json.dumps(stats)


def ask_twice():
    """The same search twice, with a hostile text in it."""
    manager = get_wauth().manager("EXAMPLE")
    for _ in range(2):
        list(manager.users({"description": "<script>alert(1)</script>"}))


def panel_after(view, request):
    """The panel when *view* has answered *request*, by whichever way it answers."""
    panel = LDAPPanel(Toolbar(request), view)
    response = panel.process_request(request)
    if not isinstance(response, HttpResponse):
        response = async_to_sync(_wait)(response)
    panel.generate_stats(request, response)
    panel.generate_server_timing(request, response)
    return panel


async def _wait(awaitable):
    return await awaitable


def sync_view(request):
    """Blocks."""
    ask_twice()
    return HttpResponse("")


async def async_view(request):
    """Awaits."""
    from asgiref.sync import sync_to_async

    await sync_to_async(ask_twice)()
    return HttpResponse("")


@pytest.mark.parametrize(
    ("view", "factory"), [(sync_view, RequestFactory), (async_view, AsyncRequestFactory)], ids=["sync", "async"]
)
def test_every_operation_is_shown(shared_directory, view, factory):
    """Domain, filter, scope, entries, time, stack and usage; hostile text escaped; no password anywhere."""
    panel = panel_after(view, factory().get("/"))
    content = panel.content
    assert panel.is_async
    assert "EXAMPLE" in content
    assert "description=&lt;script&gt;" in content
    assert "<script>" not in content
    assert "ask_twice" in content
    assert "made 2 times" in content
    assert "Usage of this process" in content
    assert shared_directory.bind_password not in content
    assert "operations in" in panel.nav_subtitle
    asked = [operation for operation in panel.get_stats()["operations"] if "description" in operation["filter"]]
    assert len(asked) == 2


def test_a_request_without_ldap_says_so(shared_directory):
    """Nothing asked, nothing shown."""
    panel = panel_after(lambda request: HttpResponse(""), RequestFactory().get("/"))
    assert "asked the directory nothing" in panel.content
    assert panel.nav_subtitle == "none"


def test_the_panel_sits_in_the_real_toolbar(client, shared_directory, settings):
    """With django-debug-toolbar's middleware, a page of ours carries the panel."""
    settings.DEBUG = True
    settings.INTERNAL_IPS = ["127.0.0.1"]
    settings.DEBUG_TOOLBAR_PANELS = ["wauth_django.panels.LDAPPanel"]
    settings.MIDDLEWARE = ["debug_toolbar.middleware.DebugToolbarMiddleware", *settings.MIDDLEWARE]
    settings.ROOT_URLCONF = "tests.django_app.project.toolbar_urls"
    from debug_toolbar.toolbar import DebugToolbar

    DebugToolbar._panel_classes = None
    try:
        response = client.get("/page/", REMOTE_USER="EXAMPLE\\alice")
    finally:
        DebugToolbar._panel_classes = None
    assert 'id="djdt-LDAPPanel"' in response.content.decode()
    assert "LDAPPanel_ldap_time" in response.headers["Server-Timing"]


ADVICE = [
    pytest.param({"filter": "(member:1.2.840.113556.1.4.1941:=CN=x)"}, "1941", id="rule-1941"),
    pytest.param({"filter": "(cn=*smith)"}, "index", id="leading-star"),
    pytest.param({"attributes": ("*",)}, "All attributes", id="all-attributes"),
    pytest.param({"duration": 0.5}, "500 ms", id="slow"),
]


@pytest.mark.parametrize(("details", "text"), ADVICE)
def test_advice(details, text):
    """Searches that cost more than they must are told of; ordinary ones are not."""
    plain = {"filter": "(sAMAccountName=alice)", "attributes": ("cn",), "scope": "SUBTREE"}
    assert advice([Operation("EXAMPLE", "search", **plain)]) == []
    [line] = advice([Operation("EXAMPLE", "search", **{**plain, **details})])
    assert text in line


def test_advice_on_the_same_search_for_other_attributes():
    """Two searches that one could have been."""
    found = advice(
        [
            Operation("EXAMPLE", "search", filter="(cn=x)", attributes=(name,), scope="SUBTREE")
            for name in ("mail", "title")
        ]
    )
    assert found == ["The search for '(cn=x)' in EXAMPLE was made for different attributes: ask for all at once."]


@pytest.mark.parametrize(
    "name",
    [
        "unicodePwd",
        "userPassword",
        "ms-Mcs-AdmPwd",
        "msLAPS-EncryptedPasswordHistory",
        "msDS-ManagedPassword;range=0-1",
    ],
)
def test_secret_attributes_are_left_out(name):
    """Whatever is a password or a key by its name is kept nowhere; what only speaks of passwords is."""
    noted = Operation("EXAMPLE", "search")
    noted.answered(0, [RawEntry("CN=x", {name: [b"Tr0ub4dor"], "pwdLastSet": [b"0"], "jpegPhoto": [b"..."]})])
    assert noted.entries == 1
    assert noted.found[0].attributes == {"pwdLastSet": [b"0"]}


def test_of_a_long_answer_the_first_entries_are_kept():
    """A page of a whole domain does not fill the memory; all are counted."""
    noted = Operation("EXAMPLE", "search")
    noted.answered(0, [RawEntry(f"CN={number}", {}) for number in range(ENTRIES_KEPT + 5)])
    assert (noted.entries, len(noted.found)) == (ENTRIES_KEPT + 5, ENTRIES_KEPT)


def test_a_view_that_watches_by_itself_hides_nothing_from_the_panel(shared_directory):
    """Traces nest, and each collects."""
    from wauth_core.directory import trace
    from wauth_django.ldap import get_ldap_manager

    with trace() as outer:
        with trace() as inner:
            get_ldap_manager("EXAMPLE").user("alice")
        get_ldap_manager("EXAMPLE").user("bob")
    assert inner == outer[: len(inner)] != []
    assert len(outer) > len(inner)
