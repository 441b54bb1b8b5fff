"""The subcommands, as typed."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from tests.core.iis import rules
from wauth_core.iis import arguments, here, iis_commands, taskscheduler


def run(command: Any, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a space and a letter outside ASCII, as current folder."""
    folder = tmp_path / "Zoë's shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_quick_start(site: Path) -> None:
    """``-s -m -w`` makes the three files of the manual, which IIS accepts, and says what must be unlocked."""
    result = run(iis_commands.webconfig, "shop.wsgi:application", "-s", "-m", "-w", "--handler", "httpplatform")
    assert result.exit_code == 0, result.output
    written = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    assert written == ["media/web.config", "static/web.config", "web.config"]
    for path in site.rglob("web.config"):
        assert rules.problems(path.read_bytes()) == []
    assert "anonymousAuthentication" in result.output


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (["-n", "My handler"], ["--name", "My handler"]),
        (["-s"], ["--static"]),
        (["-m"], ["--media"]),
        (["-w"], ["--windowsauth"]),
        (["-l", "logs/a.log"], ["--logs", "logs/a.log"]),
    ],
)
def test_short_and_long_options(site: Path, short: list[str], long: list[str]) -> None:
    """The manual's short and long options mean the same."""
    outputs = [
        run(iis_commands.webconfig, "shop.wsgi:application", "--dry-run", *given).output for given in (short, long, [])
    ]
    assert outputs[0] == outputs[1] != outputs[2]
    assert list(site.iterdir()) == []


def test_override(site: Path) -> None:
    """A file that is there is kept until ``-f``, which keeps a backup."""
    (site / "web.config").write_text("by hand")
    refused = run(iis_commands.webconfig, "shop.wsgi:application")
    assert refused.exit_code == 1
    assert "--override (-f)" in refused.output
    assert (site / "web.config").read_text() == "by hand"
    assert run(iis_commands.webconfig, "shop.wsgi:application", "-f").exit_code == 0
    assert (site / "web.config.bak").read_text() == "by hand"


def test_log_folder_is_made(site: Path) -> None:
    """The folder of the log exists afterwards, below the site."""
    result = run(iis_commands.webconfig, "shop.wsgi:application", "-l", "logs/python.log")
    assert result.exit_code == 0, result.output
    assert (site / "logs").is_dir()
    assert str(site / "logs/python.log") in (site / "web.config").read_text(encoding="utf-8")


def test_works_without_a_virtual_environment(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter that runs is the one that is named; VIRTUAL_ENV is not asked."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    assert run(iis_commands.webconfig, "shop.wsgi:application", "--handler", "httpplatform").exit_code == 0
    platform = ElementTree.parse(site / "web.config").find(".//httpPlatform")
    assert platform is not None
    assert platform.get("processPath") == here.interpreter()


@pytest.mark.parametrize(
    ("arguments", "module", "install"),
    [
        (["shop.wsgi:app"], "waitress", '"windowsauth[iis]"'),
        (["shop.wsgi:app", "-w"], "itsdangerous", '"windowsauth[iis]"'),
        (["shop.asgi:app", "--interface", "asgi"], "uvicorn", '"windowsauth[iis-asgi]"'),
        (["shop.asgi:app", "--interface", "asgi", "--server", "hypercorn"], "hypercorn", "pip install hypercorn"),
        (["shop.asgi:app", "--interface", "asgi", "--server", "granian"], "granian", "pip install granian"),
    ],
)
def test_an_interpreter_that_lacks_what_it_would_run(
    site: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], module: str, install: str
) -> None:
    """web.config is not written for a Python that cannot run it; --python names one of another machine."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else found(name))
    result = run(iis_commands.webconfig, *arguments, "--handler", "httpplatform")
    assert result.exit_code == 1
    assert f"lacks {module}" in result.output.replace("\n", " ")
    assert install in result.output
    assert list(site.iterdir()) == []
    elsewhere = run(iis_commands.webconfig, *arguments, "--handler", "httpplatform", "--python", r"C:\py\python.exe")
    assert elsewhere.exit_code == 0, elsewhere.output


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (r"C:\Program Files\Python313\python.exe", None),
        (r"D:\Sites\shop\.venv\Scripts\python.exe", None),
        (r"C:\Users\Public\site\python.exe", None),
        ("/usr/bin/python3", None),
        (
            r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.13_3.13.2544.0_x64__qbz5n2kf\python.exe",
            "Microsoft Store",
        ),
        (r"C:\Users\ken\AppData\Local\Microsoft\WindowsApps\python.exe", "Microsoft Store"),
        (r"C:\Users\ken\AppData\Local\Programs\Python\Python313\python.exe", "Install for all users"),
        (r"C:\Users\ken\AppData\Local\Python\pythoncore-3.14-64\python.exe", "py install --target"),
        (r"C:\Users\ken\AppData\Roaming\uv\python\cpython-3.13.1-windows-x86_64-none", "UV_PYTHON_INSTALL_DIR"),
        (r"c:/users/ken/src/site/.venv/Scripts/python.exe", "person's profile"),
    ],
)
def test_interpreters_that_a_pool_cannot_read(path: str, says: str | None) -> None:
    """Each installer that puts Python into a person's profile is known by its folder, with its own cure."""
    found = here.out_of_reach(path)
    assert (found is None) if says is None else (found is not None and says in found)


def test_a_store_python_is_refused(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that no pool can run ends the command; one that needs rights is a note."""
    monkeypatch.setattr(here, "interpreter", lambda: r"C:\Users\k\AppData\Local\Microsoft\WindowsApps\python.exe")
    refused = run(iis_commands.webconfig, "shop.wsgi:app", "--handler", "httpplatform")
    assert refused.exit_code == 1
    assert "Microsoft Store" in refused.output
    assert list(site.iterdir()) == []
    monkeypatch.setattr(here, "interpreter", lambda: r"C:\Users\k\site\.venv\Scripts\python.exe")
    warned = run(iis_commands.webconfig, "shop.wsgi:app", "--handler", "httpplatform")
    assert warned.exit_code == 0
    assert "cannot read it" in warned.output


def test_limits_of_headers_are_printed(site: Path) -> None:
    """With Windows Authentication the lines that an administrator runs let big tickets through."""
    result = run(iis_commands.webconfig, "shop.wsgi:app", "-w", "--fastcgi-application", "--dry-run")
    assert r"Services\HTTP\Parameters /v MaxFieldLength /t REG_DWORD /d 65534 /f" in result.output
    assert "MaxRequestBytes" in result.output


@pytest.mark.parametrize(("installed", "handler"), [("/x/wfastcgi.py", "FastCgiModule"), ("", "httpPlatformHandler")])
def test_default_handler(site: Path, monkeypatch: pytest.MonkeyPatch, installed: str, handler: str) -> None:
    """FastCGI where wfastcgi is installed, HttpPlatformHandler elsewhere."""
    monkeypatch.setattr(here, "wfastcgi", lambda: installed)
    assert run(iis_commands.webconfig, "shop.wsgi:application").exit_code == 0
    added = ElementTree.parse(site / "web.config").find(".//handlers/add")
    assert added is not None
    assert added.get("modules") == handler


def test_for_another_machine(site: Path) -> None:
    """All paths can be the server's; the file itself is written where the root says."""
    arguments = [
        *("--root", r"D:\Sites\shop", "--python", r"D:\Sites\shop\.venv\Scripts\python.exe", "--dry-run"),
        *("--handler", "fastcgi", "--wfastcgi", r"D:\Sites\shop\.venv\Lib\site-packages\wfastcgi.py"),
        *("-s", "-l", r"logs\wfastcgi.log", "--fastcgi-application"),
    ]
    result = run(iis_commands.webconfig, "shop.wsgi:application", *arguments)
    assert result.exit_code == 0, result.output
    assert r"would write D:\Sites\shop\static\web.config" in result.output
    assert r'value="D:\Sites\shop\logs\wfastcgi.log"' in result.output
    assert "appcmd.exe set config /section:system.webServer/fastCgi" in result.output
    assert "Add-WebConfigurationProperty" in result.output
    assert "unlock config /section:system.webServer/handlers" in result.output


def test_setup_script(site: Path) -> None:
    """``--setup-script`` writes the script beside the rest, with the site's name and rights for this Python."""
    arguments = ["-w", "--setup-script", "setup.ps1", "--site", "Shop", "--host-name", "shop.example.com"]
    assert run(iis_commands.webconfig, "shop.wsgi:application", *arguments).exit_code == 0
    script = (site / "setup.ps1").read_text(encoding="utf-8-sig")
    assert "[string]$Site = 'Shop'" in script
    assert "shop.example.com" in script
    assert all(folder in script for folder in here.interpreter_folders())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shop.wsgi"], "module:attribute"),
        (["shop.wsgi:app", "--env", "NAME"], "NAME=VALUE"),
        (["shop.wsgi:app", "--request-minutes", "1440"], "less than a day"),
        (["shop.wsgi:app", "--max-upload", "5000"], "4294"),
        (["shop.wsgi:app", "--max-query", "-1"], "query string"),
        (["shop.wsgi:app", "--providers", "Kerberos"], "Unknown provider"),
        (["shop.asgi:app", "--interface", "asgi", "--server", "waitress", "--handler", "httpplatform"], "use uvicorn"),
        (["shop.wsgi:app", "--setup-script", "s.ps1", "--site", "a/b"], "IIS site"),
    ],
)
def test_mistakes(site: Path, arguments: list[str], says: str) -> None:
    """A mistake ends in one sentence and writes nothing."""
    result = run(iis_commands.webconfig, *arguments)
    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output
    assert list(site.iterdir()) == []


def test_task_elsewhere_writes_a_file(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off Windows the definition is written, with the line that registers it there."""
    monkeypatch.setattr(arguments.sys, "platform", "linux")
    result = run(iis_commands.task, "syncldap", "-p", "--manage", "manage.py", "-u", "NETWORK SERVICE")
    assert result.exit_code == 0, result.output
    root = ElementTree.fromstring((site / "syncldap.xml").read_bytes())
    text = {element.tag.rpartition("}")[2]: element.text for element in root.iter()}
    assert text["Arguments"] == f'"{site / "manage.py"}" syncldap'
    assert text["UserId"] == "S-1-5-20"
    assert text["WorkingDirectory"] == str(site)
    assert "schtasks /create /tn" in result.output


def test_task_on_windows_is_registered(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows the task is registered at once, unless a file is asked for."""
    called: list[list[str]] = []

    def fake(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        called.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(arguments.sys, "platform", "win32")
    register = taskscheduler.register
    monkeypatch.setattr(arguments.taskscheduler, "register", lambda wanted: register(wanted, fake))
    result = run(iis_commands.task, "sync EXAMPLE", "-i", "hours=1", "-f", "shop", "-n", "nightly")
    assert result.exit_code == 0, result.output
    assert result.output.strip() == r"registered \shop\nightly"
    assert called[0][0].endswith(("schtasks", "schtasks.exe"))
    assert called[0][1:4] == ["/create", "/tn", r"\shop\nightly"]
    assert list(site.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "program"),
    [
        ([], "-m wauth_core say hello"),
        (["--flask", "shop:app"], "-m flask --app shop:app say hello"),
    ],
)
def test_task_programs(site: Path, arguments: list[str], program: str) -> None:
    """The command is `wauth`'s own, or one of a Flask application."""
    result = run(iis_commands.task, "say hello", "--dry-run", *arguments)
    assert result.exit_code == 0, result.output
    assert f"<Arguments>{program}</Arguments>" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x", "-i", "1h"], "days=1,hours=12.5"),
        (["x", "-i", "days=400"], "not possible"),
        (["nope", "-p"], "clearsessions"),
        (["x", "-n", "a/b"], "name of a task"),
    ],
)
def test_task_mistakes(site: Path, arguments: list[str], says: str) -> None:
    """A mistake ends in one sentence."""
    result = run(iis_commands.task, "--dry-run", *arguments)
    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output


def test_serve_mistakes() -> None:
    """``wauth serve`` says what it cannot load."""
    result = run(iis_commands.serve, "no_such_package:app")
    assert result.exit_code == 1
    assert "no module 'no_such_package'" in result.output
