"""The manual of django-windowsauth, section by section, as printed but for names, on a real Active Directory.

In its snippets ``windows_auth.`` is ``wauth_django.``, and domain and account are Samba's. These run in the tests' own
project; what needs one made by ``startproject`` is in test_manual_projects.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import ldap3
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group
from django.core.cache import cache
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.generic import TemplateView

from wauth_core.exceptions import BindError, ReadOnlyError
from wauth_django.decorators import domain_required, ldap_sync_required
from wauth_django.ldap import get_ldap_manager
from wauth_django.models import LDAPUser
from wauth_django.settings import LDAPSettings

pytestmark = pytest.mark.ad


@pytest.fixture
def domain(db, samba, settings):
    """The project's EXAMPLE is Samba's, configured as a dictionary."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": samba.settings()}
    return samba


def who(client, name="alice"):
    """Who is signed in by what the web server says."""
    return client.get("/who/", REMOTE_USER=f"EXAMPLE\\{name}").json()


def test_1_4_migration_of_an_existing_project(domain):
    """Links made by hand in the shell, then all synchronised."""
    for name in ("alice", "bob"):
        get_user_model().objects.create_user(name)
    for user in get_user_model().objects.all():
        LDAPUser.objects.create(user=user, domain="EXAMPLE")
    for user in LDAPUser.objects.all():
        user.sync()
    assert list(get_user_model().objects.order_by("pk").values_list("username", "first_name")) == [
        ("alice", "Alice"),
        ("bob", 'Bob (the "builder") *'),
    ]


def test_1_6_mappings(client, domain, settings):
    """USER_FIELD_MAP as a dictionary's entry, and as a default of a class of one's own."""
    fields = {"username": "sAMAccountName", "first_name": "displayName", "last_name": "sn", "email": "mail"}
    settings.WAUTH_DOMAINS = {"EXAMPLE": domain.settings(USER_FIELD_MAP=fields)}
    who(client)
    expected = get_user_model().objects.get(username="alice").first_name
    assert expected == get_ldap_manager("EXAMPLE").user("alice").display_name

    class MyLDAPSettings(LDAPSettings):
        USER_FIELD_MAP = fields

    settings.WAUTH_DOMAINS = {"EXAMPLE": MyLDAPSettings(**domain.settings())}
    LDAPUser.objects.create_user("EXAMPLE\\bob")
    assert (
        get_user_model().objects.get(username="bob").first_name == get_ldap_manager("EXAMPLE").user("bob").display_name
    )


def test_1_7_ldap_in_code(domain, settings):
    """The manager, its connection, ldap3's Reader and Writer; read-only by default."""
    manager = get_ldap_manager("EXAMPLE")
    assert manager.connection.bound
    reader = manager.get_reader("computer")
    reader.search("name")
    assert "DC1" in {str(computer.name) for computer in reader}
    name = str(reader[0].name)
    assert manager.get_reader("computer", f"name: {name}", ["description"]).search()[0].entry_dn == reader[0].entry_dn
    for read_only in (True, False):
        settings.WAUTH_DOMAINS = {
            "EXAMPLE": domain.settings(USERNAME=domain.admin_user, PASSWORD=domain.admin_password, READ_ONLY=read_only)
        }
        reader = get_ldap_manager("EXAMPLE").get_reader("computer")
        reader.search("name")
        writer = ldap3.Writer.from_cursor(reader)
        computer = writer.match("name", name)[0]
        computer.description = "Hello world!"
        if read_only:
            with pytest.raises(ReadOnlyError):
                writer.commit()
        else:
            writer.commit()
    found = get_ldap_manager("EXAMPLE").get_reader("computer", f"name: {name}").search()[0]
    assert str(found.description) == "Hello world!"


SECURED = [
    pytest.param({"USE_SSL": True}, id="ssl"),
    pytest.param(
        {
            "USERNAME": "",
            "PASSWORD": "",
            "USE_SSL": True,
            "CONNECTION_OPTIONS": {"authentication": ldap3.SASL, "sasl_mechanism": ldap3.KERBEROS},
        },
        id="kerberos",
    ),
]


def test_1_9_ntlm_is_tried(domain, settings):
    """Samba has no NTLM bind: what comes back is its refusal of just that."""
    options = {"USE_SSL": True, "CONNECTION_OPTIONS": {"authentication": ldap3.NTLM}}
    settings.WAUTH_DOMAINS = {"EXAMPLE": LDAPSettings(**domain.settings(**options))}
    with pytest.raises(BindError, match="NTLM"):
        get_ldap_manager("EXAMPLE").user("alice")


@pytest.mark.parametrize("options", SECURED)
def test_1_9_securing_connections(domain, settings, monkeypatch, options):
    """TLS, and Kerberos with the process's own ticket."""
    if not options.get("USERNAME", "given"):
        pytest.importorskip("gssapi")
        for name, value in domain.kinit("svc_web").items():
            monkeypatch.setenv(name, value)
    settings.WAUTH_DOMAINS = {"EXAMPLE": LDAPSettings(**domain.settings(**options))}
    assert get_ldap_manager("EXAMPLE").user("alice").username == "alice"


def test_1_11_the_panel_stands_where_the_manual_puts_it(client, domain, settings):
    """Its dotted path is one of a panel, whose page tells of the request's operations: see test_panel.py."""
    settings.DEBUG_TOOLBAR_PANELS = ["wauth_django.panels.LDAPPanel"]
    from debug_toolbar.toolbar import DebugToolbar

    DebugToolbar._panel_classes = None
    try:
        [panel] = DebugToolbar.get_panel_classes()
    finally:
        DebugToolbar._panel_classes = None
    assert panel.title == "LDAP"


def age(minutes):
    """Let the last syncs be so long ago."""
    LDAPUser.objects.update(last_sync=timezone.now() - timedelta(minutes=minutes))
    cache.clear()


@pytest.mark.parametrize("delta", [timedelta(minutes=5), 300, "300"], ids=["timedelta", "int", "str"])
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "database"])
def test_1_13_resync_delta(client, domain, settings, delta, use_cache):
    """A request after that time synchronises; an earlier one does not; None never does."""
    settings.WAUTH_RESYNC_DELTA, settings.WAUTH_USE_CACHE = delta, use_cache
    name = domain.create_user("manual", givenName="Before")
    try:
        who(client, name)
        domain.modify(name, givenName="After")
        for minutes, expected in ((4, "Before"), (6, "After")):
            if not use_cache:
                age(minutes)
            elif minutes == 6:
                cache.clear()
                age(minutes)
            who(client, name)
            assert get_user_model().objects.get(username=name).first_name == expected
        domain.modify(name, givenName="Never")
        settings.WAUTH_RESYNC_DELTA = None
        age(60)
        who(client, name)
        assert get_user_model().objects.get(username=name).first_name == "After"
    finally:
        domain.delete(name)


ERRORS = [
    pytest.param(503, lambda response: response.status_code == 503, id="int"),
    pytest.param(
        lambda request, exception: HttpResponse(type(exception).__name__, status=418),
        lambda response: response.status_code == 418 and b"Unavailable" in response.content,
        id="function",
    ),
]


@pytest.mark.parametrize(("answer", "is_right"), ERRORS)
def test_1_13_require_resync(client, domain, settings, answer, is_right):
    """A sync that fails fails the request, by WAUTH_ERROR_RESPONSE; without the setting it goes on."""
    who(client)
    settings.WAUTH_DOMAINS = {"EXAMPLE": domain.settings(SERVER="ldaps://127.0.0.1:1")}
    age(20)
    assert who(client)["user"] == "alice"
    settings.WAUTH_REQUIRE_RESYNC, settings.WAUTH_ERROR_RESPONSE = True, answer
    age(20)
    assert is_right(client.get("/who/", REMOTE_USER="EXAMPLE\\alice"))


def test_1_13_use_spn_and_lowercase(client, domain, settings):
    """Domains by FQDN and names as name@domain; user names in lower case unless told otherwise."""
    assert who(client, "ALICE")["user"] == "alice"
    settings.WAUTH_USE_SPN = True
    settings.WAUTH_DOMAINS = {"example.local": domain.settings()}
    assert client.get("/who/", REMOTE_USER="bob@example.local").json()["user"] == "bob"
    assert str(LDAPUser.objects.get(username="bob")) == "bob@example.local"
    settings.WAUTH_LOWERCASE_USERNAME = False
    assert client.get("/who/", REMOTE_USER="Zoë.Ünal@example.local".encode().decode("latin-1")).json()["user"] == (
        "Zoë.Ünal"
    )


def test_1_14_ways_to_configure(domain, settings):
    """Dictionaries with callbacks and defaults, objects, classes of one's own with extra settings."""
    given = domain.settings()
    server, base = given.pop("SERVER"), given.pop("SEARCH_BASE")

    class MyLDAPSettings(LDAPSettings):
        EXTRA_SETTING: str = "Hello, world!"

    for domains in (
        {"EXAMPLE": {**given, "SERVER": lambda name: server, "SEARCH_BASE": base}},
        {"__default__": {**given, "SEARCH_BASE": base}, "EXAMPLE": {"SERVER": server}},
        {"EXAMPLE": LDAPSettings(**given, SERVER=server, SEARCH_BASE=base)},
        {"EXAMPLE": MyLDAPSettings(**given, SERVER=server, SEARCH_BASE=base)},
    ):
        settings.WAUTH_DOMAINS = domains
        assert get_ldap_manager("EXAMPLE").user("alice").username == "alice"
    assert get_ldap_manager("EXAMPLE").settings.EXTRA_SETTING == "Hello, world!"


def test_1_14_2_defaults(domain, settings):
    """``__default__`` for what a domain does not say, and a class with defaults of one's own."""
    settings.WAUTH_DOMAINS = {
        "__default__": {
            "USE_SSL": True,
        },
        "EXAMPLE1": {
            "SERVER": "example.local",
            "SEARCH_BASE": "DC=example,DC=local",
            "USERNAME": "EXAMPLE\\bind_account",
            "PASSWORD": "********",
            "USE_SSL": False,
        },
        "EXAMPLE2": {
            "SERVER": "example.local",
            "SEARCH_BASE": "DC=example,DC=local",
            "USERNAME": "EXAMPLE\\bind_account",
            "PASSWORD": "********",
        },
    }
    assert get_ldap_manager("EXAMPLE1").settings.USE_SSL is False
    assert get_ldap_manager("EXAMPLE2").settings.USE_SSL is True

    @dataclass()
    class MyLDAPSettings(LDAPSettings):
        COLLECT_METRICS: bool = False
        EXTRA_SETTING: str = "Hello, world!"

    settings.WAUTH_DOMAINS = {"EXAMPLE": MyLDAPSettings(**domain.settings())}
    manager = get_ldap_manager("EXAMPLE")
    assert manager.settings.EXTRA_SETTING == "Hello, world!"
    assert manager.user("alice").username == "alice"
    assert manager.get_usage() is None


def test_1_14_groups(client, domain, settings):
    """Flags and groups by one name or several, by more than one attribute; a missing Django group is created."""
    settings.WAUTH_DOMAINS = {
        "EXAMPLE": domain.settings(
            GROUP_ATTRS=("cn", "sAMAccountName"),
            SUPERUSER_GROUPS=("Nested L1", "No Such Group"),
            STAFF_GROUPS="OddGroup",
            ACTIVE_GROUPS=None,
            GROUP_MAP={"Editors": ["Nested L2", "Empty Group"], "Readers": "Empty Group"},
        )
    }
    Group.objects.create(name="Ours")
    told = who(client)
    assert (told["superuser"], told["staff"], told["groups"]) == (True, True, ["Editors"])
    user = get_user_model().objects.get(username="alice")
    user.groups.add(Group.objects.get(name="Ours"), Group.objects.get_or_create(name="Readers")[0])
    user.ldap.sync()
    assert {group.name for group in user.groups.all()} == {"Editors", "Ours"}
    assert who(client, "bob")["staff"] is True
    assert who(client, "tim") == {"user": "tim", "superuser": False, "staff": False, "groups": []}


def test_1_15_decorators(domain):
    """On functions and, by method_decorator, on classes; with every documented argument."""

    @domain_required
    def my_view(request):
        return HttpResponse("in")

    @method_decorator(domain_required, name="dispatch")
    class MyView(TemplateView):
        def get(self, request, *args, **kwargs):
            return HttpResponse("in")

    @domain_required(domain="OTHER", login_url="/elsewhere/", bypass_superuser=False)
    def others_only(request):
        return HttpResponse("in")

    @ldap_sync_required(timedelta=timedelta(minutes=1), login_url="/", allow_non_ldap=False, raise_exception=False)
    def fresh(request):
        return HttpResponse(request.user.first_name)

    tim = LDAPUser.objects.create_user("EXAMPLE\\tim")
    local = get_user_model().objects.create_user("local")

    def status(view, user):
        request = RequestFactory().get("/")
        request.user = user
        return view(request).status_code

    for view in (my_view, MyView.as_view()):
        assert [status(view, user) for user in (tim, local, AnonymousUser())] == [200, 302, 302]
    assert status(others_only, tim) == 302
    assert [status(fresh, user) for user in (tim, local)] == [200, 302]


def test_1_16_model(client, domain):
    """Each documented method and text of LDAPUser."""
    who(client)
    user = get_user_model().objects.get(username="alice")
    assert (user.ldap.domain, str(user.ldap)) == ("EXAMPLE", "EXAMPLE\\alice")
    assert user.ldap.get_ldap_manager() is get_ldap_manager("EXAMPLE")
    assert user.ldap.get_ldap_attr("mail") == "alice@example.local"
    assert user.ldap.get_ldap_attr("mail", as_list=True) == ["alice@example.local"]
    assert user.ldap.get_ldap_user().entry_dn == domain.dn("alice")
    assert {"Nested L2", "Nested L1", "Domain Users"} <= {str(group.cn) for group in user.ldap.get_ldap_groups()}
    user.ldap.sync()
