"""Any user model works: a table of models by operations, each in a project of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BY_MAIL = {"alice": "alice@example.local", "alicia": "alicia@example.local", "carol": "carol@example.local"}
KINDS = ["email", "bare", "bare-email", "uuid", "text", "inherited", "no-manager", "hidden"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_model(kind):
    """Signing in, by password too, renaming, disabling, making, the bulk sync, the admin."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.django_app.user_models.run"],
        cwd=ROOT,
        env={**os.environ, "WAUTH_TEST_USER_MODEL": kind, "DJANGO_SETTINGS_MODULE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout[ran.stdout.index("{") :])
    by_mail = "email" in kind

    def name(sam):
        return f"{sam}@example.local" if by_mail else sam

    assert said["errors"] == []
    for step, sam in {
        "first": "alice",
        "again": "alice",
        "password": "alice",
        "created": "carol",
        "no mail": "svc_web",
        "renamed": "alicia",
        "bob": "bob",
        "bob enabled": "bob",
    }.items():
        assert said[step] == name(sam), step
    assert (said["dan"], said["bob disabled"]) == ("", "")
    assert said["count"] == 3
    assert said["same"] is True
    assert said["link"] == "EXAMPLE\\alicia"
    assert "0 failed" in said["bulk"]
    assert said["links"] is True
    assert said.get("superuser", True) is True
    assert said.get("admin", 200) == 200
