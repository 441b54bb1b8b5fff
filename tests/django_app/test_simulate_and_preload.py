"""SimulateWindowsAuthMiddleware for development, and WAUTH_PRELOAD_DOMAINS at a server's start."""

from __future__ import annotations

import logging

import pytest
from asgiref.sync import async_to_sync

from wauth_django import preload
from wauth_django.conf import get_wauth

SIMULATE = "wauth_django.middleware.SimulateWindowsAuthMiddleware"
OURS = "wauth_django.middleware.WindowsAuthMiddleware"
STOCK = "django.contrib.auth.middleware.RemoteUserMiddleware"


@pytest.fixture(params=[OURS, STOCK], ids=["ours", "stock"])
def simulated(request, settings):
    """Bob comes with every request, before either middleware."""
    settings.WAUTH_SIMULATE_USER = "EXAMPLE\\bob"
    chain = []
    for name in settings.MIDDLEWARE:
        chain += [SIMULATE, request.param] if name == OURS else [name]
    settings.MIDDLEWARE = chain


def test_every_request_comes_from_the_simulated_user(client, shared_directory, settings, simulated):
    """With DEBUG the whole way runs: sign-in, sync, session."""
    settings.DEBUG = True
    assert client.get("/who/").json() == {"user": "bob", "superuser": True, "staff": True, "groups": []}


def test_in_an_async_stack_too(db, shared_directory, settings, simulated):
    """Under ASGI, by either middleware."""
    from django.test import AsyncClient

    settings.DEBUG = True
    client = AsyncClient()
    for _ in range(2):
        assert async_to_sync(client.get)("/awho/").json() == {"user": "bob", "superuser": True, "staff": True}


def test_without_debug_it_is_not_there(client, shared_directory, settings, simulated):
    """In production the middleware removes itself."""
    assert client.get("/who/").json()["user"] == ""


SERVERS = [
    pytest.param(["manage.py", "runserver"], True, set(), True, id="runserver-child"),
    pytest.param(["manage.py", "runserver"], False, set(), False, id="runserver-watcher"),
    pytest.param(["manage.py", "runserver", "--noreload"], False, set(), True, id="runserver-noreload"),
    pytest.param(["manage.py", "migrate"], False, set(), False, id="migrate"),
    pytest.param(["/usr/bin/django-admin", "check"], False, set(), False, id="check"),
    pytest.param(["manage.py"], False, set(), False, id="manage-alone"),
    pytest.param([""], False, {("django.core.wsgi", "get_wsgi_application")}, True, id="wsgi-server"),
    pytest.param(["uvicorn"], False, {("django.core.asgi", "get_asgi_application")}, True, id="asgi-server"),
    pytest.param(["script.py"], False, {("script", "main")}, False, id="script"),
    pytest.param([], False, set(), False, id="embedded"),
]


@pytest.mark.parametrize(("argv", "reloaded", "callers", "expected"), SERVERS)
def test_only_servers_preload(argv, reloaded, callers, expected):
    """migrate, check, scripts and the autoreloader's watcher connect nowhere."""
    assert preload.is_server(argv, reloaded, callers) is expected


CHOSEN = [
    pytest.param(None, ("EXAMPLE", "OTHER"), id="none-is-all"),
    pytest.param(True, ("EXAMPLE", "OTHER"), id="true-is-all"),
    pytest.param(False, (), id="false-is-none"),
    pytest.param(("OTHER",), ("OTHER",), id="listed"),
    pytest.param("OTHER", ("OTHER",), id="text"),
    pytest.param(("LAZY", "__default__"), ("LAZY",), id="served-by-default"),
]


@pytest.mark.parametrize(("value", "expected"), CHOSEN)
def test_which_domains_are_preloaded(settings, value, expected):
    """WAUTH_PRELOAD_DOMAINS: None and True mean all that are listed; __default__ is no domain."""
    entry = {"SERVER": "x", "SEARCH_BASE": "DC=x"}
    settings.WAUTH_DOMAINS = {"__default__": {}, "EXAMPLE": entry, "OTHER": entry}
    settings.WAUTH_PRELOAD_DOMAINS = value
    assert preload.domains_to_preload(get_wauth()) == expected


def _start(monkeypatch):
    from django.apps import apps

    monkeypatch.setattr("sys.argv", ["manage.py", "runserver", "--noreload"])
    thread = preload.start(apps.get_app_config("windows_auth"))
    if thread is not None:
        thread.join(30)
    return thread


def test_a_server_connects_in_the_background(shared_directory, settings, monkeypatch):
    """The connection and PRELOAD_DEFINITIONS are there before the first request."""
    before = len(shared_directory.operations)
    assert _start(monkeypatch) is not None
    assert any(operation.op == "bind" for operation in shared_directory.operations[before:])


def test_a_directory_that_is_down_breaks_no_start(directory, settings, monkeypatch, caplog):
    """The server starts; the log says which domain was not preloaded."""
    directory.close()
    with caplog.at_level(logging.WARNING, "wauth"):
        assert _start(monkeypatch) is not None
    assert "EXAMPLE was not preloaded" in caplog.text


def test_nothing_is_preloaded_where_nothing_is_wanted(shared_directory, settings, monkeypatch):
    """False, and a site without domains, start no thread."""
    settings.WAUTH_PRELOAD_DOMAINS = False
    assert _start(monkeypatch) is None
    settings.WAUTH_PRELOAD_DOMAINS = None
    settings.WAUTH_DOMAINS = {}
    assert _start(monkeypatch) is None
