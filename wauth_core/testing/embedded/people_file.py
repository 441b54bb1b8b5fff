"""People from a YAML or TOML file, from a mapping of the same shape, or from a generator.

The file is short::

    domain: EXAMPLE                 # NetBIOS name; default EXAMPLE
    realm: example.local            # DNS name; default example.local
    password: Passw0rd!x            # for everyone who has none of their own
    users:
      alice: {name: Alice Liddell, email: alice@example.local, ou: Staff/IT, title: Engineer, groups: [Web Team]}
      dan:   {name: Dan Gone, disabled: true}
    groups:
      Web Team:   {members: [bob], ou: Groups}
      Web Admins: {members: [Web Team], description: may do all}
      Domain Admins: {members: [alice]}     # a well-known group just gains members
    computers: [PC-0001]

A user may have: name, given_name, surname, display_name, email, upn, password, ou, groups, manager, primary_group,
disabled, locked, expires (a date), must_change_password, password_expired, password_never_expires, and any
attribute of AD's schema. A group: name (its CN), ou, scope (global, local, universal), security (false: a
distribution list), members, and any attribute.
"""

from __future__ import annotations

import difflib
import gc
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timezone
from importlib import resources
from pathlib import Path
from typing import Any

from wauth_core.exceptions import ConfigurationError

from .hosted_domain import Domain

People = Mapping[str, Any]
DEFAULT_PASSWORD = "Passw0rd!x"  # noqa: S105 - everybody's, in a directory for development

_TOP = ("domain", "realm", "password", "users", "groups", "computers", "ous")
_USER = (
    "name",
    "given_name",
    "surname",
    "display_name",
    "email",
    "upn",
    "password",
    "ou",
    "groups",
    "manager",
    "primary_group",
    "disabled",
    "locked",
    "expires",
    "must_change_password",
    "password_expired",
    "password_never_expires",
)
_GROUP = ("name", "ou", "scope", "security", "members")


def read_people(people: str | Path | People | None) -> People:
    """The mapping in a file; None means the example company."""
    if isinstance(people, Mapping):
        return people
    if people is None:
        source = resources.files(__package__) / "data" / "example_company.yaml"
        return _mapping(_yaml(source.read_text(encoding="utf-8")), "the example company")
    path = Path(people)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigurationError(f"The people file cannot be read: {exc}") from exc
    return _mapping(_toml(text) if path.suffix.lower() == ".toml" else _yaml(text), str(path))


def _mapping(found: object, where: str) -> People:
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"{where} must hold a table with users and groups.")
    return found


def _yaml(text: str) -> object:
    try:
        import yaml
    except ImportError as exc:
        raise ConfigurationError(
            'Reading YAML needs PyYAML: pip install "windowsauth[directory]". A .toml file needs none.'
        ) from exc
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ConfigurationError(f"The people file is not YAML: {exc}") from exc


def _toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"The people file is not TOML: {exc}") from exc


def load_people(domain: Domain, people: People) -> None:
    """Put everyone into the domain: first the accounts, then who is in which group."""
    with _no_garbage_collection():
        _load(domain, people)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause garbage collection: it takes a quarter of the time for a hundred thousand entries, and finds nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load(domain: Domain, people: People) -> None:
    _check_keys(people, _TOP, "the people file", None)
    default = str(people.get("password", DEFAULT_PASSWORD))
    for path in people.get("ous", ()):
        domain.add_ou(path)
    users: Mapping[str, Any] = people.get("users") or {}
    groups: Mapping[str, Any] = people.get("groups") or {}
    schema = domain.store.schema.attributes
    for sam, fields in users.items():
        fields = fields or {}
        _check_keys(fields, _USER, f"user {sam!r}", schema)
        own: dict[str, Any] = {
            name: value
            for name, value in fields.items()
            if name not in ("groups", "manager", "primary_group", "expires")
        }
        own.setdefault("password", default)
        own |= _split_name(own)
        domain.add_user(str(sam), **own, expires=_moment(fields.get("expires"), sam))
    for name in people.get("computers", ()):
        domain.add_computer(str(name))
    for sam, fields in groups.items():
        fields = fields or {}
        _check_keys(fields, _GROUP, f"group {sam!r}", schema)
        if domain.store.principal(str(sam)) is None:
            domain.add_group(str(sam), **{key: value for key, value in fields.items() if key != "members"})
    for sam, fields in groups.items():
        group = domain.find(sam)
        for member in (fields or {}).get("members", ()):
            domain.store.load_link(group, "member", domain.find(member))
    for sam, fields in users.items():
        for group_name in (fields or {}).get("groups", ()):
            domain.store.load_link(domain.find(group_name), "member", domain.find(sam))
        manager = (fields or {}).get("manager")
        if manager:
            domain.store.load_link(domain.find(sam), "manager", domain.find(manager))
        if (fields or {}).get("primary_group"):
            domain.set_primary_group(sam, fields["primary_group"])


def _check_keys(fields: object, known: object, where: str, schema: Mapping[str, Any] | None) -> None:
    if not isinstance(fields, Mapping):
        raise ConfigurationError(f"{where} must be a table of fields, not {fields!r}.")
    names = list(known)  # type: ignore[call-overload]
    for key in fields:
        if key in names or (schema is not None and str(key).lower() in schema):
            continue
        near = difflib.get_close_matches(str(key), names, 1)
        hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(names)}."
        raise ConfigurationError(f"{where} has an unknown field {key!r}.{hint}")


def _split_name(fields: Mapping[str, Any]) -> dict[str, Any]:
    """givenName and sn out of ``name``, if they are not given."""
    words = str(fields.get("name", "")).split()
    found = {}
    if len(words) > 1 and "," not in str(fields["name"]):
        if "given_name" not in fields and "givenName" not in fields:
            found["given_name"] = words[0]
        if "surname" not in fields and "sn" not in fields:
            found["surname"] = " ".join(words[1:])
    return found


def _moment(value: object, sam: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value if value is None or value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return datetime.combine(value, time(), timezone.utc)
    try:
        return _moment(datetime.fromisoformat(str(value)), sam)
    except ValueError as exc:
        raise ConfigurationError(f"user {sam!r}: expires must be a date like 2030-12-31.") from exc


def generate(users: int, groups: int = 0) -> People:
    """A company of any size: ``user00000`` and so on. Each group has its share; groups are nested ten deep."""
    groups = groups or max(1, users // 100)
    return {"users": dict(_users(users)), "groups": dict(_groups(users, groups))}


def _users(count: int) -> Iterator[tuple[str, dict[str, str]]]:
    width = max(5, len(str(count - 1)))
    for number in range(count):
        sam = f"user{number:0{width}d}"
        yield (
            sam,
            {
                "name": f"Given{number} Sur{number}",
                "email": f"{sam}@example.local",
                "ou": "Staff",
                "title": "Clerk",
                "department": f"Department {number % 40}",
            },
        )


def _groups(users: int, groups: int) -> Iterator[tuple[str, dict[str, Any]]]:
    width = max(5, len(str(users - 1)))
    for number in range(groups):
        members = [f"user{user:0{width}d}" for user in range(number, users, groups)]
        if number % 10:
            members.append(f"Group {number - 1:05d}")
        yield f"Group {number:05d}", {"members": members, "ou": "Groups"}
