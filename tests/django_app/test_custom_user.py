"""Manual 1.6: a custom user model with fields of its own, none of Django's flags and groups, another name field."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_custom_user_model_is_filled_and_kept_in_step():
    """The mapped fields are read from the directory, too long ones are cut, and later changes arrive."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.django_app.custom_user.run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout[ran.stdout.index("{") :])
    alice, petra = found["users"]
    assert alice == {
        "login": "alice",
        "telephone": "+44 20 7946 0001",
        "country_code": 826,
        "job_title": "Managing Director",
        "department": "Mana",
        "is_active": True,
    }
    assert (petra["login"], petra["telephone"], petra["job_title"]) == ("petra", "", "Forklift Driver")
    assert found["title"] == "Chairwoman"
    assert found["link"] == "EXAMPLE\\alice"
