"""A store of users that is away is an outage: 503, and no traceback."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flask_app.applications import ALICE, bare, config
from wauth_core.exceptions import SyncError
from wauth_core.testing import EmbeddedDirectory, MemoryUserRepository
from wauth_flask import WindowsAuth


class Away(MemoryUserRepository):
    """It answers nothing."""

    def find(self, *_: Any, **__: Any) -> Any:
        raise SyncError("The database refused: connection refused")


@pytest.mark.parametrize(("required", "status"), [(False, 503), (True, 500)])
def test_a_store_that_is_away(directory: EmbeddedDirectory, required: bool, status: int) -> None:
    """503, to be tried again; the manual's 500 where a site requires syncs."""
    from flask import Flask

    app = Flask(__name__)
    app.config.update(config(directory, WAUTH_REQUIRE_RESYNC=required), TESTING=False)
    WindowsAuth(app, repository=Away())
    answer = bare(app).test_client().get("/member", environ_overrides=ALICE)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) is (status == 503)
