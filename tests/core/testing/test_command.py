"""The embedded directory as a command."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from wauth_core import ConfigurationError, Wauth
from wauth_core.cli.init import FILES
from wauth_core.testing import EmbeddedDirectory, handout
from wauth_core.testing.directory_command import banner, directory


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process on Windows")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop(sent):
    """It says that it is for development, how to connect, and ends cleanly with nothing left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wauth_core.testing", "--generate", "20", "--port", "0", "--tls-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    assert "DEVELOPMENT ONLY" in said
    port = int(re.search(r"ldap://127\.0\.0\.1:(\d+)", said)[1])
    ca_file = Path(re.search(r"CA +(\S+)", said)[1])
    assert ca_file.is_file()
    socket.create_connection(("127.0.0.1", port), 5).close()
    process.send_signal(sent)
    rest, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "nothing of it is left" in rest
    assert "Traceback" not in said + rest
    assert not ca_file.exists()


def test_the_printed_configuration_works(tmp_path):
    """The wauth.toml that it prints is taken by Wauth as it stands."""
    with EmbeddedDirectory() as running:
        text = banner(running)
        lines = text.split("wauth.toml:\n")[1].split("\n\n")[0].splitlines()
        config = tmp_path / "wauth.toml"
        config.write_text("\n".join(line.strip() for line in lines), encoding="utf-8")
        with Wauth.from_toml(config) as wauth:
            assert wauth.manager("EXAMPLE").user("alice").email == "alice@example.local"


def test_mistakes_are_said_plainly(tmp_path):
    """A bad file, a port that is taken, two sources of people: one line each, exit code not zero."""
    people = tmp_path / "people.yaml"
    people.write_text("usres: {}", encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments, text in (
            (["--people", str(people)], "Did you mean 'users'"),
            (["--port", port, "--generate", "1"], "Cannot listen"),
            (["--people", str(people), "--generate", "1"], "exclude one another"),
        ):
            done = CliRunner().invoke(directory, arguments)
            assert done.exit_code != 0
            assert text in done.output


@pytest.mark.parametrize("kind", ["wauth.toml", "django", "flask"])
def test_written_settings_connect(tmp_path, monkeypatch, kind):
    """They are good at the next start too, and nobody's own file is lost."""
    monkeypatch.chdir(tmp_path)
    with EmbeddedDirectory(tls_folder=tmp_path / "ca") as running:
        assert f"Wrote {FILES[kind]}." in handout.write(running, kind)
        assert handout.write(running, kind)  # the same again
        if kind == "wauth.toml":
            wauth = Wauth.from_toml("wauth.toml")
        else:
            names: dict = {}
            exec(Path("wauth_settings.py").read_text("utf-8"), names)
            assert names["WAUTH_SIMULATE_USER"] == "EXAMPLE\\bob"
            wauth = Wauth(names["WAUTH_DOMAINS"])
        with wauth:
            assert wauth.manager("EXAMPLE").user("bob").enabled
        Path(FILES[kind]).write_text("mine", "utf-8")
        with pytest.raises(ConfigurationError, match="says something else"):
            handout.write(running, kind)
        assert Path(FILES[kind]).read_text("utf-8") == "mine"


def test_its_people_are_listed_with_passwords_that_work():
    """And with what each is good for: rights, or the trouble that the account is in."""
    with EmbeddedDirectory() as running, Wauth({"EXAMPLE": running.settings()}) as wauth:
        listed = {name: (password, what) for name, password, what in handout.people(running)}
        assert listed["bob"][1] == "domain administrator; Systems Administrator"
        assert listed["dan"][1] == "Account Manager; cannot sign in: disabled"
        for name in ("bob", "dora"):
            assert wauth.authenticate(name, listed[name][0]).ok
        assert not wauth.authenticate("dan", listed["dan"][0]).ok
        assert "domain administrator" in banner(running)
