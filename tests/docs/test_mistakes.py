"""A newcomer's mistakes: each ends in one line that names what is wrong and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_readme import Folder

ROOT = Path(__file__).parents[2]
DNS = (
    "from wauth_core import Wauth; Wauth({'X': {'SERVER': 'dns:x.lan', 'SEARCH_BASE': 'DC=x'}}).manager('X').user('a')"
)

SESSIONS = """
from types import SimpleNamespace as Acceptor
import wauth_wsgi
wauth_wsgi.Negotiate(secret_key="y" * 32, realms={}, acceptor=Acceptor(shows_pac=True))
"""


def last_line(code: str, folder: Path) -> str:
    """What Python says last when it fails on *code*, without the address of the page that explains it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout
    return [line for line in done.stderr.splitlines() if not line.startswith("See https://")][-1]


@pytest.mark.parametrize(
    ("lacking", "code", "extra"),
    [
        ("asgiref", "import wauth_wsgi as w; w.WindowsAuthASGI(None, sources=[w.Simulate('a', debug=True)])", "wsgi"),
        ("flask", "import wauth_flask", "flask"),
        ("cachelib", "import wauth_flask", "flask"),
        ("click", "from wauth_core.cli import main; main()", "cli"),
        ("dns", DNS, "discovery"),
        ("sqlalchemy", "import wauth_core.sync.sqlalchemy", "sqlalchemy"),
        ("itsdangerous", SESSIONS, "wsgi"),
        ("gssapi", "import wauth_wsgi as w; w.Negotiate(secret_key='y' * 32)", "kerberos"),
        ("keyring", "from wauth_core import secrets; secrets.keyring('site', 'ad')()", "secrets"),
        ("cryptography", "from wauth_core.testing import EmbeddedDirectory as E; E()", "directory"),
        (
            "yaml",
            "from wauth_core.testing import EmbeddedDirectory as E; open('p.yaml', 'w').close(); E('p.yaml')",
            "directory",
        ),
        ("debug_toolbar", "from wauth_core.testing.demo.demo_command import demo; demo([])", "demo"),
    ],
)
def test_a_missing_extra_is_named(lacking, code, extra, tmp_path):
    """By the line that a traceback ends with, where the program was not stopped without one."""
    said = last_line(f"import sys; sys.modules[{lacking!r}] = None\n{code}", tmp_path)
    assert lacking in said.lower()
    assert f'pip install "windowsauth[{extra}]"' in said


# What is wrong: in wauth.toml (what stands there, and what instead), a file that is missing, or the environment
SCRIPT = ("who.py",)
COMMAND = ("-m", "wauth_core")
FIFTEEN = {
    "no settings file": ({"lost": "wauth.toml"}, SCRIPT, "The settings file 'wauth.toml' cannot be read"),
    "no password": ({"AD_PASSWORD": None}, SCRIPT, "The environment variable 'AD_PASSWORD', which holds a secret, is"),
    "a wrong password": ({"AD_PASSWORD": "nope"}, SCRIPT, "wrong user name or password: check USERNAME and PASSWORD"),
    "a wrong account": ({"svc_wauth": "svc_wauht"}, SCRIPT, "no such account: check USERNAME."),
    "no directory runs": (
        {"127.0.0.1:PORT": "127.0.0.1:1"},
        SCRIPT,
        "Nothing listens there. Check SERVER and its port",
    ),
    "no such host": ({"127.0.0.1:PORT": "dc1.nowhere.invalid"}, SCRIPT, "cannot be resolved"),
    "the port of LDAP": (
        {"127.0.0.1:PORT": "127.0.0.1:PLAIN"},
        SCRIPT,
        "Check that the port speaks LDAPS (usually 636)",
    ),
    "no encryption": ({"ldaps://": "ldap://"}, SCRIPT, "unencrypted. Use USE_SSL=True or START_TLS=True"),
    "no file of that authority": ({"lost": "ca/ca.pem"}, SCRIPT, "cannot be read as PEM certificates"),
    "no authority": ({"CA_FILE": "# CA_FILE"}, SCRIPT, "Set CA_FILE to the certificate of your domain's"),
    "a wrong search base": ({"DC=example": "DC=exmaple"}, SCRIPT, "This server holds: CN=Configuration,DC=example"),
    "a setting that there is not": ({"SEARCH_BASE": "SEARCHBASE"}, SCRIPT, "Did you mean 'SEARCH_BASE'?"),
    "a name in double quotes": (
        {"'EXAMPLE\\svc_wauth'": '"EXAMPLE\\svc_wauth"'},
        SCRIPT,
        "Write names with a backslash in single quotes",
    ),
    "another domain": ({"domains.EXAMPLE": "domains.EXAMPEL"}, SCRIPT, "'EXAMPLE'. Configured: EXAMPEL."),
    "a misspelt person": (
        {},
        (*COMMAND, "user", "carl"),
        "No user 'carl' in the domain EXAMPLE. Did you mean 'carol'?",
    ),
}


@pytest.mark.parametrize("mistake", FIFTEEN)
def test_a_mistake_with_the_readmes_script_is_one_line(mistake, shared_directory, tmp_path):
    """It says what is wrong and what to do; no traceback."""
    wrong, command, said = FIFTEEN[mistake]
    folder = Folder(tmp_path, shared_directory)
    folder.write("who.py")
    settings = (tmp_path / "wauth.toml").read_text("utf-8")
    for what, instead in wrong.items():
        if what == "lost":
            (tmp_path / instead).unlink()
        elif what == "AD_PASSWORD":
            folder.environment.pop(what)
            folder.environment |= {what: instead} if instead else {}
        else:
            what = what.replace("PORT", str(shared_directory.tls_port))
            assert what in settings
            settings = settings.replace(what, instead.replace("PLAIN", str(shared_directory.port)))
            (tmp_path / "wauth.toml").write_text(settings, "utf-8")
    done = folder.run(*command)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("See https://")]
    assert said in line
