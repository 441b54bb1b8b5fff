"""Many requests of one person at once: only in the PostgreSQL run, since SQLite's database is one connection's own."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.django_app.asked import asked
from wauth_django.models import LDAPUser, SyncLock

WORKERS = 8


@pytest.fixture
def committed(test_database):
    """A database whose rows other threads see; emptied afterwards."""
    if connection.vendor != "postgresql":
        pytest.skip("needs a database that threads share; test_postgresql.py runs this")
    yield
    get_user_model().objects.all().delete()
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()


def at_once(path, **headers):
    """The answers to eight requests that begin together."""
    start, answers = threading.Barrier(WORKERS), []

    def ask():
        client = Client()
        start.wait(30)
        try:
            answers.append(client.get(path, **headers).json())
        except Exception as error:
            answers.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_eight_first_requests_make_one_user(committed, directory, settings):
    """Nobody is refused, nothing is a 500, one account is made."""
    settings.WAUTH_USE_CACHE = False
    expected = {"user": "bob", "superuser": True, "staff": True, "groups": []}
    assert at_once("/who/", REMOTE_USER="EXAMPLE\\bob") == [expected] * WORKERS
    assert get_user_model().objects.count() == LDAPUser.objects.count() == 1
    assert SyncLock.objects.count() == 0


def test_one_worker_synchronises_the_others_go_on(committed, directory, settings):
    """Eight requests of somebody whose sync is due: all are answered, and the directory is asked once or so."""
    settings.WAUTH_USE_CACHE = False
    at_once("/who/", REMOTE_USER="EXAMPLE\\bob")
    user = get_user_model().objects.get()
    LDAPUser.objects.update(last_sync=timezone.now() - timedelta(minutes=11))
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    before = len(asked(directory, "search"))
    browser = Client()
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    cookie = browser.cookies["sessionid"].value
    answers = at_once("/name/", HTTP_COOKIE=f"sessionid={cookie}")
    assert answers == [{"user": "bob"}] * WORKERS
    after = len(asked(directory, "search"))
    assert after - before < WORKERS
