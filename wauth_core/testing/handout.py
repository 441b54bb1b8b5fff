"""What ``wauth directory`` writes and prints: settings that connect to it, its people and their passwords."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wauth_core.cli.init import FILES, toml_text
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import ConfigurationError
from wauth_core.settings import LDAPSettings

from .embedded import EmbeddedDirectory

MANY = 60  # people; if there are more, they are not listed
_ADMIN = "domain administrator"
_NOBODY = ("Guest", "krbtgt")
_BUILT_IN = ("Administrator", "svc_wauth")

_USE = {
    "wauth.toml": "Wauth.from_toml('wauth.toml'), and the wauth command in this folder, find it.",
    "django": "At the end of your settings: from wauth_settings import *  (the file is beside manage.py). "
    "MIDDLEWARE also wants SimulateWindowsAuthMiddleware.",
    "flask": "After app = Flask(…): app.config.from_pyfile('wauth_settings.py'), in the folder of the application.",
}


def as_toml(running: EmbeddedDirectory) -> str:
    """A ``wauth.toml``."""
    lines = [f"{name} = {toml_text(str(value))}" for name, value in running.settings().items()]
    return "\n".join([f"[domains.{running.domain}]", *lines, ""])


def as_python(running: EmbeddedDirectory) -> str:
    """A module of settings for Django and Flask. In debug mode the first domain administrator, if any, is signed in."""
    known = [(name, what) for name, _, what in people(running) if name not in _BUILT_IN]
    who = next((name for name, what in known if what.startswith(_ADMIN)), known[0][0] if known else _BUILT_IN[0])
    lines = [f"        {name!r}: {str(value)!r}," for name, value in running.settings().items()]
    domain = f"    {running.domain!r}: {{"
    simulated = f"{running.domain}\\{who}"
    return "\n".join(
        [
            "WAUTH_DOMAINS = {",
            domain,
            *lines,
            "    },",
            "}",
            f"WAUTH_SIMULATE_USER = {simulated!r}  # in debug mode",
            "",
        ]
    )


def write(running: EmbeddedDirectory, kind: str) -> str:
    """Write the settings of *kind* (a key of `FILES`) into this folder. Returns how to use them.

    Raises `ConfigurationError` if a file of that name has other content.
    """
    path, text = Path(FILES[kind]), as_toml(running) if kind == "wauth.toml" else as_python(running)
    if path.exists() and path.read_text("utf-8") != text:
        raise ConfigurationError(f"{path} is there already, and says something else. Move it away first.")
    path.write_text(text, "utf-8")
    return f"Wrote {path}. {_USE[kind]}"


def people(running: EmbeddedDirectory) -> Iterator[tuple[str, str, str]]:
    """Everybody's name and password, and what the person is an example of."""
    with LDAPManager(LDAPSettings(**running.settings()), running.domain) as manager:
        admins = {user.username for user in manager.members("Domain Admins", recursive=True)}
        for user in manager.users(attributes=["title", "description"]):
            if user.username in _NOBODY:
                continue
            is_admin = _ADMIN if user.username in admins else ""
            about = user.attributes.get("title") or user.attributes.get("description") or ""
            trouble = ", ".join(user.state.reasons)
            what = [is_admin, str(about), f"cannot sign in: {trouble}" if trouble else ""]
            yield user.username, running.password_of(user.username), "; ".join(filter(None, what))


def listing(running: EmbeddedDirectory) -> str:
    """`people` as lines; empty if they are too many."""
    if running.people_count > MANY:
        return ""
    rows = list(people(running))
    wide, wider = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"  {name:<{wide}}  {password:<{wider}}  {what}".rstrip() for name, password, what in rows)
