"""What a newcomer sees of `wauth`: verdicts, tables, and mistakes, each answered in one line."""

from __future__ import annotations

import codecs
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wauth_core import Wauth
from wauth_core.cli import init
from wauth_core.cli.app import wauth
from wauth_core.directory.discovery import Record
from wauth_core.testing import EmbeddedDirectory

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def directory(shared_directory):
    """The example company."""
    return shared_directory


def write(path: Path, directory: EmbeddedDirectory, **other: str) -> Path:
    """A good wauth.toml, but for *other*."""
    settings = {**directory.settings(), **other}
    lines = [f"{name} = '{value}'" for name, value in settings.items() if isinstance(value, str)]
    path.write_text("\n".join(["[domains.EXAMPLE]", *lines, ""]), "utf-8")
    return path


@pytest.fixture
def config(tmp_path, directory):
    """A good one."""
    return write(tmp_path / "wauth.toml", directory)


def run(config: Path, *args: str) -> Result:
    """Run `wauth`."""
    return CliRunner().invoke(wauth, ["--config", str(config), *args])


def one_line(result: Result) -> str:
    """The error, which is one line, and the address of the page that explains it."""
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit)
    lines = [line for line in result.stderr.splitlines() if "https://" not in line]
    [said] = [line for line in lines if line.startswith("Error: ")]
    assert len(lines) == 1 or lines[0].startswith("Usage: ")
    return said


TOML = "[domains.EXAMPLE]\nSERVER = 'dc1.example.local'\nSEARCH_BASE = 'DC=example,DC=local'\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(TOML + 'USERNAME = "EXAMPLE\\svc"\n', "single quotes: USERNAME = 'EXAMPLE\\svc_web'", id="svc"),
        pytest.param(TOML + 'USERNAME = "EXAMPLE\\user"\n', "single quotes", id="user"),
        pytest.param(TOML + 'USERNAME = "EXAMPLE\\bob"\n', "single quotes", id="bob-is-a-backspace"),
        pytest.param("a = " + "[" * 5000, "nested too deeply", id="nested"),
        pytest.param("[domains.EXAMPLE]\nSERVR = 'dc1'\n", "SERVER is required", id="no-server"),
        pytest.param("domains = 3\n", "such as [domains.EXAMPLE]", id="no-table"),
        pytest.param("SERVER 'dc1'\n", "is not TOML", id="no-toml"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path, text, said):
    """With the remedy in it, and no traceback."""
    (tmp_path / "wauth.toml").write_text(text, "utf-8")
    assert said in one_line(run(tmp_path / "wauth.toml", "user", "bob"))


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(lambda text: codecs.BOM_UTF8 + text.encode(), id="utf-8-with-a-mark"),
        pytest.param(lambda text: text.encode("utf-16"), id="utf-16"),
        pytest.param(lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"), id="utf-16-be"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="line-ends-of-windows"),
    ],
)
def test_what_notepad_saves_is_read(config, encoded):
    """By the mark at the file's beginning."""
    config.write_bytes(encoded(config.read_text("utf-8")))
    assert "Bob Builder" in run(config, "user", "bob").output


def test_another_encoding_is_named(config):
    """Latin-1 with an umlaut cannot be told from others."""
    config.write_bytes("# für uns\n".encode("latin-1") + config.read_bytes())
    assert "Save it in the encoding UTF-8" in one_line(run(config, "user", "bob"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param(("usr", "bob"), "Did you mean 'user'?", id="command"),
        pytest.param(("ad", "contrllers"), "Did you mean 'controllers'?", id="command-of-a-group"),
        pytest.param(("user", "carl"), "Did you mean 'carol'?", id="person"),
        pytest.param(("user", "EXAMPLE\\carl"), "Did you mean 'carol'?", id="person-with-domain"),
        pytest.param(("members", "Domain Admin"), "Did you mean 'Domain Admins'?", id="group"),
    ],
)
def test_a_misspelt_name_gets_the_nearest(config, typed, said):
    """As settings do."""
    assert one_line(run(config, *typed)).endswith(said)


def test_nothing_is_guessed_for_a_name_like_no_other(config):
    """The error stays as it is."""
    assert "Did you mean" not in one_line(run(config, "user", "zz"))
    assert "Did you mean" not in one_line(run(config, "user", "(cn=*)"))


def test_a_refused_connection_has_advice(tmp_path, directory):
    """The port, and what listens where."""
    config = write(tmp_path / "w.toml", directory, SERVER="ldaps://127.0.0.1:1")
    assert "Nothing listens there. Check SERVER and its port" in one_line(run(config, "user", "bob"))


def test_a_misspelt_search_base_is_told_as_doctor_tells_it(tmp_path, directory):
    """What the server holds is in the line."""
    config = write(tmp_path / "w.toml", directory, SEARCH_BASE="DC=exmaple,DC=local")
    held = "This server holds: CN=Configuration,DC=example,DC=local;"
    assert held in one_line(run(config, "user", "bob"))
    assert held in run(config, "doctor").output


def test_doctor_ends_with_a_verdict(config, tmp_path, directory):
    """Each step has its mark, advice stands below its step, and the last line says it all."""
    good = run(config, "doctor").output.splitlines()
    assert good[0] == "EXAMPLE"
    assert {line[0] for line in good[1:-1]} <= {"✓", "–"}
    assert good[-1] == "All is well."
    bad = run(write(tmp_path / "b.toml", directory, SERVER="ldaps://127.0.0.1:1"), "doctor")
    lines = bad.output.splitlines()
    [failed] = [number for number, line in enumerate(lines) if line.startswith("✗")]
    assert lines[failed + 1].startswith("  Check the firewall")
    checks = sum(line[0] in "✓✗–!" for line in lines)
    assert (bad.exit_code, lines[-1]) == (1, f"Of {checks} checks 1 failed.")


def test_a_pipe_gets_tabs_and_no_padding(config):
    """So that cut and awk read it."""
    lines = run(config, "members", "Domain Admins").output.splitlines()
    assert lines[0].split("\t") == ["username", "display_name", "email", "enabled", "dn"]
    assert all(len(line.split("\t")) == 5 and line == line.rstrip() for line in lines)
    assert "  " not in "".join(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_no_table_is_wider_than_the_terminal(config):
    """At 60 columns names are wrapped, and none is lost."""
    import pty  # which Windows does not have

    shown, inner = pty.openpty()
    environment = {**os.environ, "COLUMNS": "60", "TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "wauth_core",
        "--config",
        str(config),
        "search",
        "(department=Sales)",
        "-a",
        "mail",
    ]
    with subprocess.Popen(command, stdout=inner, stderr=inner, env=environment) as process:
        os.close(inner)
        text = b""
        while True:
            try:
                text += os.read(shown, 65536)
            except OSError:  # the other end is closed
                break
        assert process.wait() == 0
    os.close(shown)
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())  # colours, and the progress that is wiped off
    assert "Reading: " in said
    assert "carol@example.local" in said
    assert max(len(line.rstrip()) for line in said.splitlines()) <= 60


@pytest.mark.parametrize("kind", ["wauth.toml", "django", "flask"])
def test_init_writes_settings_that_work(tmp_path, monkeypatch, directory, kind):
    """What it asks for is tried, and the password stays out of the file."""
    monkeypatch.chdir(tmp_path)
    settings = directory.settings()
    asked = ["example.local", "", "", settings["USERNAME"], settings["PASSWORD"], settings["CA_FILE"]]
    command = ["init", "--server", settings["SERVER"], "--write", kind]
    done = CliRunner().invoke(wauth, command, input="\n".join([*asked, ""]))
    assert done.exit_code == 0, done.output
    assert "All is well." in done.output
    path = tmp_path / ("wauth.toml" if kind == "wauth.toml" else "wauth_settings.py")
    written = path.read_text("utf-8")
    assert settings["PASSWORD"] not in written + done.output
    monkeypatch.setenv("AD_PASSWORD", settings["PASSWORD"])
    names: dict = {}
    if kind != "wauth.toml":
        exec(written, names)
    with Wauth(names["WAUTH_DOMAINS"]) if names else Wauth.from_toml(path) as made:
        assert made.manager("EXAMPLE").user("bob").enabled
    assert "is there already" in one_line(CliRunner().invoke(wauth, command))


def test_init_asks_before_it_writes_what_does_not_work(tmp_path, monkeypatch, directory):
    """The doctor's verdict is shown, and no is an answer."""
    monkeypatch.chdir(tmp_path)
    asked = ["example.local", "", "", "EXAMPLE\\svc_wauth", "wrong", directory.ca_file, "n"]
    done = CliRunner().invoke(wauth, ["init", "--server", directory.ldaps_url], input="\n".join([*asked, ""]))
    assert "failed." in done.output
    assert done.exit_code == 1
    assert not (tmp_path / "wauth.toml").exists()


def test_init_finds_the_domain_by_dns(monkeypatch):
    """SRV records, as a computer of the domain looks for its controllers; no answer is no error."""
    asked = []

    def lookup(name, timeout):
        asked.append(name)
        return ([Record("dc1.example.local", 389, 0, 100)] if "example" in name else []), 60.0

    monkeypatch.setattr(init, "lookup_srv", lookup)
    assert init.found("example.local") == "dns:example.local"
    assert init.found("nowhere.local") is None
    assert asked[0] == "_ldap._tcp.dc._msdcs.example.local"
