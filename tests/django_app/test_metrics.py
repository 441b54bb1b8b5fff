"""LDAP metrics: rows that are kept while a process lives, are whole when it has ended, and can be cleaned."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from wauth_django.ldap import get_ldap_manager
from wauth_django.ldap_metrics import collect
from wauth_django.ldap_metrics.admin import LDAPUsageAdmin
from wauth_django.ldap_metrics.collect import EVERY, Collector
from wauth_django.ldap_metrics.models import LDAPUsage
from wauth_django.models import LDAPUser

MOMENTS = (
    "initial_connection_start_time",
    "open_socket_start_time",
    "connection_stop_time",
    "last_transmitted_time",
    "last_received_time",
)
PROCESS = """
import os, signal, sys
import tests.django_app.setup
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from wauth_core.testing import EmbeddedDirectory
from wauth_django.ldap_metrics import collect

call_command("migrate", verbosity=0)
collect.EVERY = -1.0
directory = EmbeddedDirectory()
settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings()}
if sys.argv[1] == "killed":
    Client().get("/who/", REMOTE_USER="EXAMPLE\\\\alice")
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
from wauth_django.ldap import get_ldap_manager
get_ldap_manager("EXAMPLE").user("alice")
if sys.argv[1] == "killed worker":
    get_ldap_manager("EXAMPLE")
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


@pytest.fixture
def admin(client):
    """A browser that a local superuser is signed in with."""
    from django.contrib.auth import get_user_model

    client.force_login(get_user_model().objects.create_superuser("root"), "django.contrib.auth.backends.ModelBackend")
    return client


def test_a_closed_process_leaves_a_whole_row(admin, directory, settings):
    """Counters, all moments in order and in this day's time, every socket closed; read-only in the admin."""
    LDAPUser.objects.create_user("EXAMPLE\\alice")
    assert Collector().at_end() == 1
    usage = LDAPUsage.objects.get()
    assert (usage.domain, usage.search_operations > 0, usage.bytes_received > 0) == ("EXAMPLE", True, True)
    assert 0 < usage.open_sockets == usage.closed_sockets
    moments = [getattr(usage, name) for name in MOMENTS]
    assert all(abs(datetime.now(timezone.utc) - moment) < timedelta(minutes=1) for moment in moments)
    assert usage.initial_connection_start_time <= usage.last_received_time <= usage.connection_stop_time
    page = admin.get("/admin/ldap_metrics/ldapusage/").content.decode()
    assert '<td class="field-elapsed_time">0:00:0' in page
    assert admin.get(f"/admin/ldap_metrics/ldapusage/{usage.pk}/change/").status_code == 200
    assert admin.get("/admin/ldap_metrics/ldapusage/add/").status_code == 403


def test_no_row_without_collect_metrics(db, directory, settings):
    """COLLECT_METRICS=False."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings(COLLECT_METRICS=False)}
    LDAPUser.objects.create_user("EXAMPLE\\alice")
    assert Collector().at_end() == 0


def test_metrics_never_disturb_the_end_of_a_process(directory, monkeypatch, caplog):
    """Nothing was used, and a database that is gone: the latter is a line in the log."""

    def gone(self):
        raise OperationalError("the database is gone")

    monkeypatch.setattr(LDAPUsage, "save", gone)
    from wauth_django.ldap import close_connections, get_ldap_manager

    close_connections()
    assert Collector().at_end() == 0
    get_ldap_manager("EXAMPLE").user("alice")
    assert Collector().at_end() == 0
    assert "the database is gone" in caplog.text


def test_a_living_process_updates_its_one_row(db, directory):
    """After a request, at most every five minutes; always the same row."""
    now = 1000.0
    collector = Collector(clock=lambda: now)
    user = LDAPUser.objects.create_user("EXAMPLE\\alice")
    collector.after_request()
    before = LDAPUsage.objects.get()
    assert LDAPUsageAdmin.elapsed_time(None, before) == timedelta(0)
    user.ldap.sync()
    collector.after_request()
    assert LDAPUsage.objects.get().operations == before.operations
    now += EVERY
    collector.after_request()
    after = LDAPUsage.objects.get()
    assert (after.pk, after.operations) > (before.pk, before.operations)
    assert after.pk == before.pk


def test_a_process_without_requests(db, directory, monkeypatch):
    """Between two uses, at most every five minutes; not in a transaction, nor in an event loop, nor beside requests."""
    now = 1000.0
    collector = Collector(clock=lambda: now)
    LDAPUser.objects.create_user("EXAMPLE\\alice")

    async def in_a_loop():
        collector.at_use()

    now += EVERY
    collector.at_use()  # in the transaction of the test
    monkeypatch.setattr(collect, "connections", {"default": SimpleNamespace(in_atomic_block=False)})
    asyncio.run(in_a_loop())
    assert not LDAPUsage.objects.exists()
    collector.at_use()
    before = LDAPUsage.objects.get()
    get_ldap_manager("EXAMPLE").user("alice")
    collector.at_use()
    assert LDAPUsage.objects.get().operations == before.operations
    now += EVERY
    collector.at_use()
    assert LDAPUsage.objects.get().operations > before.operations
    collector.after_request()
    get_ldap_manager("EXAMPLE").user("alice")
    now += EVERY
    collector.at_use()
    assert LDAPUsage.objects.get().search_operations == get_ldap_manager("EXAMPLE").get_usage().search_operations - 1


@pytest.mark.parametrize("end", ["killed", "killed worker", "exits"])
def test_a_real_process(tmp_path, end):
    """One that is killed leaves the row of its last request, or use, one that exits a whole one."""
    database = tmp_path / "site.sqlite3"
    run = subprocess.run(
        [sys.executable, "-c", PROCESS, end],
        env={**os.environ, "WAUTH_TEST_SQLITE": str(database), "WAUTH_TEST_POSTGRESQL": ""},
        capture_output=True,
        timeout=60,
        check=False,
    )
    killed = signal.SIGTERM if sys.platform == "win32" else -signal.SIGKILL  # there that ends a process at once
    assert run.returncode == (0 if end == "exits" else killed), run.stderr.decode()
    with closing(sqlite3.connect(database)) as connection:
        [(opened, closed, searches)] = connection.execute(
            "SELECT open_sockets, closed_sockets, search_operations FROM ldap_metrics_ldapusage"
        )
    assert searches > 0
    assert closed == (opened if end == "exits" else 0)


def test_old_rows_are_cleaned(db, capsys):
    """By the day of their last word."""
    for days in (10, 100):
        row = LDAPUsage.objects.create(domain="EXAMPLE", pid=days)
        LDAPUsage.objects.filter(pk=row.pk).update(timestamp=datetime.now(timezone.utc) - timedelta(days=days))
    call_command("clearldapmetrics")
    assert "1 rows deleted" in capsys.readouterr().out
    assert [row.pid for row in LDAPUsage.objects.all()] == [10]
    call_command("clearldapmetrics", days=5)
    assert not LDAPUsage.objects.exists()
    with pytest.raises(CommandError, match="at least 1"):
        call_command("clearldapmetrics", days=0)
