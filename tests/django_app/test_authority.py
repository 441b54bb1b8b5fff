"""What somebody may do: every door says the same, whatever happened, and whether the directory answers or not."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.contrib.auth import get_user_model
from django.http import HttpRequest, JsonResponse
from django.template import Context, Template
from django.test import AsyncClient, Client
from django.urls import path

from tests.django_app.sources import Answers
from wauth_core import Identity
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.web.outcomes import Anonymous, SignedIn
from wauth_django.links import windows_user
from wauth_django.models import LDAPUser

BOB = SignedIn(Identity("EXAMPLE", "bob"), "test")
PASSWORD = "Passw0rd!of-bob"
NOBODY = ("", False, False)


def doors(request: HttpRequest) -> JsonResponse:
    """Who is there; what each door of sync code calls them; whether they are in the group that makes a superuser (None
    where that cannot be known)."""
    user = request.user
    said = {
        "user": user.is_superuser,
        "has_perm": user.has_perm("auth.delete_user"),
        "has_module_perms": user.has_module_perms("auth"),
        "all permissions": "auth.delete_user" in user.get_all_permissions(),
        "template": Template("{{ user.is_superuser }}").render(Context({"user": user})) == "True",
        "row": get_user_model().objects.filter(pk=user.pk, is_superuser=True).exists(),
    }
    try:
        inside = windows_user(user).in_group("Domain Admins")
    except DirectoryUnavailable:
        inside = None
    return JsonResponse({"who": user.get_username(), "said": said, "inside": inside})


async def adoors(request: HttpRequest) -> JsonResponse:
    """The same by async code, and what ``request.user`` is there."""
    user = await request.auser()
    said = {
        "auser": user.is_superuser,
        "request.user": await sync_to_async(lambda: request.user.is_superuser)(),
        "ahas_perm": await user.ahas_perm("auth.delete_user"),
        "ahas_module_perms": await user.ahas_module_perms("auth"),
    }
    told = await sync_to_async(doors)(request)
    answer = json.loads(told.content)
    return JsonResponse({**answer, "said": {**answer["said"], **said}})


urlpatterns = [path("doors/", doors), path("adoors/", adoors)]


class Clock:
    """The site's time, which goes on when it is told to."""

    def __init__(self):
        self.late = timedelta(0)

    def __call__(self):
        return datetime.now(timezone.utc) + self.late


@pytest.fixture
def site(db, directory, settings):
    """A site whose superusers are Domain Admins, with ten minutes between two syncs, and an hour at most."""
    from django.core.cache import cache

    from wauth_core import Wauth
    from wauth_django.conf import configuration
    from wauth_django.signin import after_sync

    directory.set_password("bob", PASSWORD)
    directory.add_group("Contractors")
    settings.ROOT_URLCONF = __name__
    settings.WAUTH_DOMAINS = {
        "EXAMPLE": directory.settings(SUPERUSER_GROUPS="Domain Admins", DENY_GROUPS="Contractors")
    }
    settings.WAUTH_SOURCES = [Answers(Anonymous())]
    settings.WAUTH_MAX_STALENESS = 3600
    settings.AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend", "wauth_django.backends.LDAPBackend"]
    clock = Clock()
    wauth = Wauth.from_mapping(configuration(), after_sync=after_sync, cache=cache, clock=clock)
    apps.get_app_config("windows_auth")._wauth = wauth
    return clock


def seen(client, path, outcome, settings):
    """What the doors say; they must agree."""
    settings.WAUTH_SOURCES[0].outcome = outcome
    get = client.get if isinstance(client, Client) else async_to_sync(client.get)
    answer = get(path)
    if answer.status_code != 200:
        return answer.status_code
    told = answer.json()
    [superuser] = set(told["said"].values())
    return told["who"], superuser, told["inside"]


def nothing(directory):
    """Nothing happened."""


def demoted(directory):
    directory.remove_member("Domain Admins", "bob")


def denied(directory):
    directory.add_member("Contractors", "bob")


def disabled(directory):
    directory.disable("bob")


def expired(directory):
    directory.expire("bob")


def deleted(directory):
    directory.delete("bob")


def reused(directory):
    directory.delete("bob")
    directory.add_user("bob", name="Bob the Second")


def password(directory):
    directory.set_password("bob", "An0ther-Passw0rd")


def ended(directory):
    LDAPUser.objects.get(username="bob").end_sessions()


ADMIN, USER, LAPSED = ("bob", True, True), ("bob", False, False), ("bob", False, None)
MINUTES = {"fresh": 1, "due": 11, "stale": 90}

# what happened, how old the last sync is: what is seen with the directory up, and with the directory down
TABLE = [
    (nothing, "fresh", ADMIN, ADMIN),
    (nothing, "due", ADMIN, ADMIN),
    (nothing, "stale", ADMIN, LAPSED),
    (demoted, "fresh", ADMIN, ADMIN),
    (demoted, "due", USER, ADMIN),
    (demoted, "stale", USER, LAPSED),
    (denied, "due", NOBODY, ADMIN),
    (denied, "stale", NOBODY, LAPSED),
    (disabled, "due", NOBODY, ADMIN),
    (disabled, "stale", NOBODY, LAPSED),
    (expired, "due", NOBODY, ADMIN),
    (deleted, "due", NOBODY, ADMIN),
    (deleted, "stale", NOBODY, LAPSED),
]
BY_SOURCE = [*TABLE, (reused, "due", USER, ADMIN), (password, "due", ADMIN, ADMIN), (ended, "fresh", ADMIN, ADMIN)]
BY_PASSWORD = [
    *TABLE,
    (reused, "due", NOBODY, ADMIN),
    (password, "due", NOBODY, ADMIN),
    (ended, "fresh", NOBODY, NOBODY),
]
STACKS = {"wsgi": (Client, "/doors/"), "wsgi-async": (Client, "/adoors/"), "asgi": (AsyncClient, "/adoors/")}
STACKS["asgi-sync"] = (AsyncClient, "/doors/")
ROWS = [
    pytest.param(
        *STACKS[stack],
        way,
        *row[:2],
        row[2 + down],
        down,
        id=f"{stack}-{way}-{row[0].__name__}-{row[1]}-{'down' if down else 'up'}",
    )
    for stack in STACKS
    for way, table in (("source", BY_SOURCE), ("password", BY_PASSWORD))
    for row in table
    for down in (False, True)
]


@pytest.mark.parametrize(("kind", "path", "way", "happens", "age", "expected", "down"), ROWS)
def test_every_door_says_the_same(site, directory, settings, kind, path, way, happens, age, expected, down):
    """Nobody keeps a right that the directory took, beyond the time that the settings name; an outage gives nothing."""
    client, outcome = kind(), BOB if way == "source" else Anonymous()
    if way == "password":
        assert client.login(username="bob", password=PASSWORD)
    assert seen(client, path, outcome, settings) == ADMIN
    happens(directory)
    site.late += timedelta(minutes=MINUTES[age])
    with directory.faults.outage() if down else nullcontext():
        first = seen(client, path, outcome, settings)
        assert first == (NOBODY if happens is reused and way == "source" and not down else expected)
        assert seen(client, path, outcome, settings) == expected


@pytest.mark.parametrize(("kind", "path"), STACKS.values(), ids=STACKS)
def test_what_lapsed_comes_back_with_the_directory(site, directory, settings, kind, path):
    """Rights that lapsed in an outage are there again after the next answer."""
    client = kind()
    assert seen(client, path, BOB, settings) == ADMIN
    site.late += timedelta(minutes=90)
    with directory.faults.outage():
        assert seen(client, path, BOB, settings) == LAPSED
    assert seen(client, path, BOB, settings) == ADMIN
