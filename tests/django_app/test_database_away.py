"""A database that is away is an outage: 503, and no traceback."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

ALICE = {"REMOTE_USER": "EXAMPLE\\alice"}


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, db: Any) -> None:
    """Whatever is asked of the database fails, as a lost server does."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)


@pytest.mark.usefixtures("away")
def test_a_database_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """503, to be tried again, and one line of ours."""
    answer = Client().get("/who/", **ALICE)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    ours = [record for record in caplog.records if record.name == "wauth.django"]
    assert len([record for record in ours if "database fails" in record.getMessage()]) <= 1
    assert all(record.exc_info is None for record in ours)


@pytest.mark.usefixtures("away")
def test_a_site_that_requires_syncs_gets_the_error(settings: Any) -> None:
    """The manual's 500."""
    settings.WAUTH_REQUIRE_RESYNC = True
    with pytest.raises(OperationalError):
        Client().get("/who/", **ALICE)
