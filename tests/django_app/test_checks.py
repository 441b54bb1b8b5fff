"""The system checks: each says what is wrong, and nothing where nothing is."""

from __future__ import annotations

import io

import pytest
from django.core import checks
from django.core.management import call_command

from tests.django_app import settings as settings_of_tests
from wauth_core import secrets
from wauth_core.settings import LDAPSettings

STOCK = "django.contrib.auth.middleware.RemoteUserMiddleware"
OURS = "wauth_django.middleware.WindowsAuthMiddleware"
SYNC = "wauth_django.middleware.UserSyncMiddleware"
SIMULATE = "wauth_django.middleware.SimulateWindowsAuthMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
MODEL = "django.contrib.auth.backends.ModelBackend"
BACKEND = "wauth_django.backends.WindowsAuthBackend"
GOOD = {
    "SERVER": "example.local",
    "SEARCH_BASE": "DC=example,DC=local",
    "USERNAME": "u",
    "PASSWORD": lambda domain: "p",
}


def found(**options):
    """The ids and texts of our messages."""
    return {
        message.id: message.msg for message in checks.run_checks(**options) if (message.id or "").startswith("wauth.")
    }


@pytest.fixture(autouse=True)
def good(settings):
    """A project in which nothing is wrong."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": GOOD}


def test_a_good_project_has_nothing_to_say():
    """No message of ours."""
    assert found() == {}


def test_the_manuals_own_stack_is_good(settings):
    """The quick start's middleware has no message either."""
    settings.MIDDLEWARE = [STOCK if name == OURS else name for name in settings.MIDDLEWARE]
    assert found() == {}


WRONG = [
    pytest.param({"WAUTH_RESYNC_DETLA": 5}, "wauth.W001", "WAUTH_RESYNC_DELTA", id="unknown-setting"),
    pytest.param({"WAUTH_RESYNC_DELTA": "soon"}, "wauth.E001", "WAUTH_RESYNC_DELTA", id="impossible-duration"),
    pytest.param({"WAUTH_USERNAME_FORMAT": "{user}"}, "wauth.E001", "WAUTH_USERNAME_FORMAT", id="impossible-format"),
    pytest.param({"WAUTH_SOURCES": ["no.such.Source"]}, "wauth.E002", "no.such.Source", id="unknown-source"),
    pytest.param(
        {"WAUTH_SOURCES": ["wauth_wsgi.ServerIdentity"], "MIDDLEWARE": [SESSIONS, AUTHENTICATION, STOCK, SYNC]},
        "wauth.W002",
        "WAUTH_SOURCES",
        id="sources-unread",
    ),
    pytest.param({"WAUTH_DOMAINS": {}}, "wauth.W003", "WAUTH_DOMAINS", id="no-domain"),
    pytest.param({"WAUTH_DOMAINS": {"EXAMPLE": {**GOOD, "SERVRE": 1}}}, "wauth.W004", "'SERVER'", id="unknown-key"),
    pytest.param({"WAUTH_DOMAINS": {"EXAMPLE": {"SERVER": "x"}}}, "wauth.E003", "SEARCH_BASE", id="missing-key"),
    pytest.param({"WAUTH_DOMAINS": {"EXAMPLE": {**GOOD, "USE_SSL": False}}}, "wauth.W005", "EXAMPLE", id="no-tls"),
    pytest.param(
        {"WAUTH_DOMAINS": {"EXAMPLE": {**GOOD, "TLS_VERIFY": False}}}, "wauth.W006", "EXAMPLE", id="unverified"
    ),
    pytest.param(
        {"WAUTH_DOMAINS": {"EXAMPLE": LDAPSettings(**{**GOOD, "PASSWORD": "a key for tests"})}},
        "wauth.W007",
        "EXAMPLE",
        id="password-in-the-settings-file",
    ),
    pytest.param(
        {"MIDDLEWARE": [SESSIONS, OURS, AUTHENTICATION, SYNC]}, "wauth.E004", OURS, id="before-authentication"
    ),
    pytest.param({"MIDDLEWARE": [SESSIONS, AUTHENTICATION, SYNC, OURS]}, "wauth.E005", SYNC, id="sync-too-early"),
    pytest.param(
        {"MIDDLEWARE": [SESSIONS, AUTHENTICATION, OURS, SIMULATE, SYNC]}, "wauth.E006", SIMULATE, id="simulate-too-late"
    ),
    pytest.param({"AUTHENTICATION_BACKENDS": [MODEL]}, "wauth.E007", OURS, id="no-backend"),
    pytest.param({"MIDDLEWARE": [SESSIONS, AUTHENTICATION]}, "wauth.W008", "no middleware", id="nobody-signs-in"),
    pytest.param({"MIDDLEWARE": [SESSIONS, AUTHENTICATION, OURS]}, "wauth.W009", "sign-in only", id="no-sync"),
    pytest.param(
        {"MIDDLEWARE": [SESSIONS, AUTHENTICATION, STOCK, SYNC], "ASGI_APPLICATION": "x.y"},
        "wauth.E008",
        "Remote-User",
        id="remote-user-under-asgi",
    ),
    pytest.param({"MIDDLEWARE": [SESSIONS, AUTHENTICATION, STOCK]}, "wauth.W010", "two domains", id="twins"),
    pytest.param(
        {"MIDDLEWARE": [SESSIONS, AUTHENTICATION, SIMULATE, OURS, SYNC]}, "wauth.W011", SIMULATE, id="simulate"
    ),
    pytest.param({"WAUTH_SIMULATE_USER": "EXAMPLE\\bob"}, "wauth.W012", "WAUTH_SIMULATE_USER", id="simulated-user"),
    pytest.param(
        {"WAUTH_SIMULATE_USER": "EXAMPLE\\bob", "DEBUG": True}, "wauth.W019", "nothing reads it", id="nobody-simulates"
    ),
    pytest.param(
        {"AUTHENTICATION_BACKENDS": ["windows_auth.backends.WindowsAuthBackend", MODEL]},
        "wauth.E009",
        "does not exist",
        id="the-ancestors-backend",
    ),
    *(
        pytest.param(
            {"WAUTH_DOMAINS": {"EXAMPLE": {**GOOD, setting: value}}},
            "wauth.E010",
            f"{setting} speaks of 'nickname', which the user model auth.User does not have",
            id=f"no-such-{what}",
        )
        for what, setting, value in [
            ("field", "USER_FIELD_MAP", {"username": "sAMAccountName", "nickname": "displayName"}),
            ("flag", "FLAG_MAP", {"nickname": "Web Editors"}),
            ("query-field", "USER_QUERY_FIELD", "nickname"),
        ]
    ),
    pytest.param(
        {"WAUTH_DOMAINS": {"EXAMPLE": {**GOOD, "USER_QUERY_FILTER": "(cn=x"}}},
        "wauth.E011",
        "USER_QUERY_FILTER",
        id="no-filter",
    ),
    pytest.param(
        {"WAUTH_DOMAINS": {"EXAMPLE": {**GOOD, "USER_QUERY_FILTER": 5}}}, "wauth.E003", "LDAP filter", id="filter-type"
    ),
    pytest.param(
        {"WAUTH_DOMAINS": {"EXAMPLE": {**GOOD, "PASSWORD": secrets.env("WAUTH_NO_SUCH_VARIABLE")}}},
        "wauth.W021",
        "PASSWORD: The environment variable 'WAUTH_NO_SUCH_VARIABLE'",
        id="secret-not-set",
    ),
    pytest.param(
        {"WAUTH_DOMAINS": {"EXAMPLE": {**GOOD, "PASSWORD": secrets.file("/no/such/file")}}},
        "wauth.W021",
        "cannot be read",
        id="secret-file-missing",
    ),
]


@pytest.mark.parametrize(("changed", "id_", "text"), WRONG)
def test_what_is_wrong_is_said(settings, changed, id_, text):
    """The message has its id and names the setting or what it is about."""
    for name, value in changed.items():
        setattr(settings, name, value)
    assert text in found()[id_]


# Django 6.1 obeys LOGGING when a test sets it, so it must be whole
KEPT = {"version": 1, "disable_existing_loggers": False, "handlers": {"file": {"class": "logging.NullHandler"}}}

GOOD_FOR_DEPLOYMENT = {
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://x"}},
    "ALLOWED_HOSTS": ["shop.example.com"],
    "LOGGING": {**KEPT, "loggers": {"wauth": {"handlers": ["file"]}}},
    "SESSION_COOKIE_AGE": 86400,
}
DEPLOYED = [
    pytest.param({"CACHES": settings_of_tests.CACHES}, "wauth.W014", "LocMemCache", id="a-cache-for-each-process"),
    pytest.param({"ALLOWED_HOSTS": ["a.example", "*"]}, "wauth.W016", "every host", id="any-host"),
    pytest.param({"LOGGING": {}}, "wauth.W017", "'wauth'", id="no-log"),
    pytest.param(
        {"LOGGING": {**KEPT, "loggers": {"wauth": {"level": "INFO"}}}}, "wauth.W017", "'wauth'", id="no-handler"
    ),
    pytest.param({"SESSION_COOKIE_SAMESITE": "None"}, "wauth.W020", "SESSION_COOKIE", id="session-on-other-sites"),
    pytest.param({"CSRF_COOKIE_SAMESITE": False}, "wauth.W020", "CSRF_COOKIE", id="csrf-cookie-on-other-sites"),
    pytest.param({"SESSION_COOKIE_AGE": 1209600}, "wauth.W018", "lasts for 14 days on a", id="long-sessions"),
    pytest.param({"SESSION_COOKIE_AGE": 90060}, "wauth.W018", "for 1 day and 1 hour on a", id="a-day-and-an-hour"),
]


def deployed(settings, **changed):
    """What ``check --deploy`` says of a good project with these changes; the tests' database may be SQLite."""
    for name, value in {**GOOD_FOR_DEPLOYMENT, **changed}.items():
        setattr(settings, name, value)
    messages = found(include_deployment_checks=True)
    assert ("wauth.W015" in messages) == settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    return {id_: text for id_, text in messages.items() if id_ != "wauth.W015"}


@pytest.mark.parametrize(("changed", "id_", "text"), DEPLOYED)
def test_what_is_wrong_for_deployment_is_said(settings, changed, id_, text):
    """Only with ``--deploy``, and only this."""
    messages = deployed(settings, **changed)
    assert list(messages) == [id_]
    assert text in messages[id_]
    assert found() == {}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="all-good"),
        pytest.param({"LOGGING": {**KEPT, "root": {"handlers": ["file"]}}}, id="root-logger"),
        pytest.param({"SESSION_COOKIE_AGE": 1209600, "SESSION_EXPIRE_AT_BROWSER_CLOSE": True}, id="until-closed"),
    ],
)
def test_a_good_deployment_has_nothing_to_say(settings, changed):
    """No message of ours, but for the tests' own SQLite."""
    assert deployed(settings, **changed) == {}


def test_a_secret_that_is_fetched_is_not_fetched_by_a_check(settings):
    """Callables are left alone; no check prints a password."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": {**GOOD, "PASSWORD": lambda domain: pytest.fail("fetched")}}
    assert found() == {}
    settings.WAUTH_DOMAINS = {"EXAMPLE": {**GOOD, "PASSWORD": "a key for tests", "TLS_VERIFY": "no"}}
    assert not any("a key for tests" in text for text in found().values())


def test_users_of_an_unknown_domain_are_told_of(db, settings):
    """With the database's checks, which migrate runs; WAUTH_IGNORE_SETTING_WARNINGS silences them."""
    from django.contrib.auth import get_user_model

    from wauth_django.models import LDAPUser

    LDAPUser.objects.create(user=get_user_model().objects.create_user("x"), domain="GONE")
    text = found(databases=["default"])["wauth.W013"]
    assert "GONE" in text
    assert "1 users" in text
    settings.WAUTH_IGNORE_SETTING_WARNINGS = True
    assert found(databases=["default"]) == {}


def test_warnings_about_settings_can_be_silenced(settings):
    """WAUTH_IGNORE_SETTING_WARNINGS: unknown settings, and nothing that is an error."""
    settings.WAUTH_IGNORE_SETTING_WARNINGS = True
    settings.WAUTH_DOMAINS = {"EXAMPLE": {**GOOD, "SERVRE": 1}, "OTHER": {"SERVER": "x"}}
    settings.WAUTH_NONSENSE = 1
    assert set(found()) == {"wauth.E003"}


def test_a_site_without_domains_can_use_the_iis_commands(settings, tmp_path):
    """No WAUTH_DOMAINS, none of our middleware: no message, and createwebconfig works."""
    settings.WAUTH_DOMAINS = None
    settings.MIDDLEWARE = [SESSIONS, AUTHENTICATION]
    settings.AUTHENTICATION_BACKENDS = [MODEL]
    settings.BASE_DIR, settings.WSGI_APPLICATION = tmp_path, "mysite.wsgi.application"
    assert found() == {}
    call_command("createwebconfig", stdout=io.StringIO(), stderr=io.StringIO())
    assert (tmp_path / "web.config").exists()
