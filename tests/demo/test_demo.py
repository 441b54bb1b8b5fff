"""``wauth demo``: one command, two sites, and a tour that must go well."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from tests.demo.running import ROOT, run


def test_the_tour_goes_well_on_both_sites():
    """--check takes every step on both sites, inside and in the frame, prints each, ends with 0, and has no errors."""
    done = run("--check", DJANGO_SETTINGS_MODULE="a.site.of.the.visitors.own")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  ok      Django") == done.stdout.count("  ok      Flask") > 8
    assert done.stdout.count("  ok      Inside") > 3
    assert done.stdout.count("  ok      Frame") > 2
    assert "FAILED" not in done.stdout
    assert done.stderr == ""


def test_a_step_that_fails_fails_the_command():
    """Where a site lets the wrong person in, --check says which step failed and ends with 1."""
    broken = (
        "import wauth_core.testing.demo.tour as tour\n"
        "def wrong(visitor):\n    '''Always wrong.'''\n    raise tour.Failed('as expected')\n"
        "tour.STEPS = (tour.nobody, wrong)\n"
        "tour.INSIDE = tour.FRAME = ()\n"
        "from wauth_core.testing.demo.demo_command import demo\n"
        "demo(['--check'])\n"
    )
    done = subprocess.run([sys.executable, "-c", broken], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FAILED  Flask   Always wrong. as expected" in done.stdout
    assert "2 of 4 steps failed." in done.stdout


def test_a_port_in_use_is_said_plainly():
    """Instead of a traceback the command names the port and the way out."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]), "--no-browser")
    assert done.returncode == 1
    assert "--port 0" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_carries_both_example_sites(tmp_path):
    """`pip install windowsauth[demo]` brings the sites along, so that `wauth demo` works without a checkout."""
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "wauth_core/testing/demo/examples/flask_intranet/app.py" in names
    assert "wauth_core/testing/demo/examples/django_intranet/settings.py" in names
    assert "wauth_core/testing/demo/templates/demo/portal.html" in names
    assert "wauth_core/testing/demo/static/demo.css" in names
    assert "wauth_django/static/wauth_django/admin.css" in names
    assert "wauth_django/templates/wauth_django/admin/change_form.html" in names
    assert "wauth_core/web/pages/wauth/403.html" in names
    assert "wauth_core/locale/de/LC_MESSAGES/wauth.mo" in names
    assert "wauth_django/locale/fr/LC_MESSAGES/django.mo" in names
    assert "wauth_flask/templates/wauth/login.html" in names
