"""What a migration comes to, and how it is printed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from wauth_core.cli.migrate.settings_file import Call, SourceText

_DOMAIN = re.compile(r"dc=([^,]+)", re.IGNORECASE)
SECRET = SourceText('secrets.env("AD_PASSWORD")')


@dataclass
class Migrated:
    """Our settings: the *domain*'s, the *site*'s, and *notes* on what has no equal here."""

    package: str
    flask: bool = False
    name: str = ""
    domain: dict[str, Any] = field(default_factory=dict)
    site: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, name: str, text: str) -> None:
        """Say what becomes of the setting *name*."""
        self.notes.append(f"{name}: {text}")

    def password(self, name: str, given: object) -> None:
        """Never printed: a computed one stays as it is computed, a written one becomes a secret."""
        if isinstance(given, SourceText | Call):
            self.domain["PASSWORD"] = given
        elif given:
            self.domain["PASSWORD"] = SECRET
            self.note(name, "the password stood in the file. Put it into the environment variable AD_PASSWORD.")

    def server(self, name: str, uris: object, start_tls: bool) -> None:
        """Hosts of ``ldap://`` and ``ldaps://`` URIs. TLS stays on, whatever it was."""
        if isinstance(uris, SourceText | Call):
            self.domain["SERVER"] = uris
            return
        urls = uris.split() if isinstance(uris, str) else [str(each) for each in uris or ()]  # type: ignore[attr-defined]
        plain = [url for url in urls if url.lower().startswith("ldap://")]
        hosts = [re.sub(r"^ldaps?://|/$|:(389|636)/?$", "", re.sub(r":(389|636)/?$", "", url)) for url in urls]
        self.domain["SERVER"] = hosts[0] if len(hosts) == 1 else hosts
        if start_tls:
            self.domain["START_TLS"] = True
        elif plain:
            self.note(name, "it was not encrypted. Now it is (LDAPS, port 636): the controllers need a certificate.")

    def groups(self, name: str, given: object) -> Any:
        """A group's DN, several of them, or a query of which only "one of" has an equal."""
        if isinstance(given, Call) and given.name == "|":
            return [dn for each in given.arguments for dn in _listed(self.groups(name, each))]
        if isinstance(given, Call) and given.name == "LDAPGroupQuery" and given.arguments:
            return given.arguments[0]
        if isinstance(given, SourceText | Call):
            self.note(name, f"{given!r} asks for more than 'in one of'. Make a group in the directory that says it.")
            return None
        return given

    def printed(self) -> str:
        """The settings as Python, with the notes as comments above."""
        name = self.name or _netbios(self.domain)
        lines = [f"# From {self.package}'s settings, by wauth migrate-settings. Read it before you use it."]
        lines += [f"# - {note}" for note in self.notes]
        if "secrets.env" in repr((self.domain, self.site)):
            lines += ["from wauth_core import secrets"]
        values = {**({"WAUTH_DOMAINS": {name: self.domain}} if self.domain else {}), **self.site}
        for key, value in values.items():
            target = f'app.config["{key}"]' if self.flask else key
            lines += ["", f"{target} = {_python(value)}"]
        return "\n".join(lines) + "\n"


def _python(value: Any, indent: str = "") -> str:
    if isinstance(value, dict) and value:
        inner = f"{indent}    "
        rows = [f"{inner}{_python(key)}: {_python(each, inner)},\n" for key, each in value.items()]
        return "{\n" + "".join(rows) + indent + "}"
    if isinstance(value, list):
        return f"[{', '.join(_python(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value] if value is not None else []


def _netbios(domain: dict[str, Any]) -> str:
    user = str(domain.get("USERNAME", ""))
    if "\\" in user:
        return user.partition("\\")[0].upper()
    found = _DOMAIN.search(str(domain.get("SEARCH_BASE", "")))
    return found[1].upper() if found else "EXAMPLE"
