"""The settings of all domains together, the manual's WAUTH_DOMAINS: dictionaries, objects and functions, mixed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wauth_core.exceptions import ConfigurationError, UnknownDomain
from wauth_core.identity import canonical_domain
from wauth_core.setting_kinds import unknown_setting
from wauth_core.settings import LDAPSettings

DEFAULT_DOMAIN = "__default__"


@dataclass(frozen=True)
class Problem:
    """Something wrong in the settings of *domain* (or of the site, where None) that does not stop the program."""

    domain: str | None
    setting: str
    message: str


class DomainSettings:
    """The settings of all domains (the manual's WAUTH_DOMAINS), read when a domain is asked for.

    An entry is a mapping, an `LDAPSettings` object, or a callable that gives either when called with the domain.
    A mapping takes what it does not say from ``__default__``, which also serves every domain that is not listed.
    """

    def __init__(self, domains: Mapping[str, Any] | None) -> None:
        self._default: Any = None
        self._entries: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        for name, entry in (domains or {}).items():
            if name == DEFAULT_DOMAIN:
                self._default = entry
            else:
                self._entries[canonical_domain(name)] = entry
                self._names[canonical_domain(name)] = name

    def __iter__(self) -> Iterator[str]:
        """The listed domains, as they were written."""
        return iter(self._names.values())

    def __contains__(self, domain: str) -> bool:
        return canonical_domain(domain) in self._entries or self._default is not None

    def canonical(self, domain: str) -> str:
        """*domain* as it is written in the settings; for one that ``__default__`` serves, in its canonical form."""
        return self._names.get(canonical_domain(domain), canonical_domain(domain))

    def __getitem__(self, domain: str) -> LDAPSettings:
        """The settings of *domain*, resolved for it. Raises `UnknownDomain` or `ConfigurationError`."""
        settings, _ = self.resolve(domain)
        return settings

    def problems(self) -> list[Problem]:
        """What looks wrong in each listed domain. Calls no function that is given for a single setting."""
        found: list[Problem] = []
        for name in self:
            try:
                _, unknown = self.written(name)
            except ConfigurationError as error:
                found.append(Problem(name, "", str(error)))
            else:
                found += unknown
        return found

    def is_listed(self, domain: str) -> bool:
        """Whether *domain* has an entry of its own."""
        return canonical_domain(domain) in self._entries

    @property
    def default_is_fixed(self) -> bool:
        """Whether ``__default__`` means one directory, and no function makes an address of the name of a domain."""
        default = self._default
        if default is None or (callable(default) and not isinstance(default, LDAPSettings)):
            return False
        values = vars(default) if isinstance(default, LDAPSettings) else default
        return not any(callable(values.get(name)) for name in ("SERVER", "SEARCH_BASE"))

    def resolve(self, domain: str) -> tuple[LDAPSettings, list[Problem]]:
        """The settings of *domain*, resolved for it, and what looks wrong in them. Raises as subscription does."""
        settings, problems = self.written(domain)
        return settings.for_domain(self.canonical(domain)), problems

    def written(self, domain: str) -> tuple[LDAPSettings, list[Problem]]:
        """The same before the functions in it are called: what was written, its defaults mixed in."""
        if domain not in self:
            raise UnknownDomain(domain, tuple(self))
        settings, problems = self._read(domain)
        if isinstance(settings, str):  # raised here, because a debug page shows the local variables of a frame
            raise ConfigurationError(settings)
        return settings, problems

    def _read(self, domain: str) -> tuple[LDAPSettings | str, list[Problem]]:
        """The settings of *domain*, or why there are none; and what looks wrong in them."""
        name = self.canonical(domain)
        try:
            entry = _called(self._entries.get(canonical_domain(domain), {}), name)
            if isinstance(entry, LDAPSettings):
                return entry, []
            default = _called(self._default if self._default is not None else {}, name)
            base: type[LDAPSettings] = LDAPSettings
            merged: dict[str, Any] = {}
            if isinstance(default, LDAPSettings):
                base = type(default)
                merged.update({f.name: vars(default)[f.name] for f in dataclasses.fields(default)})
            else:
                merged.update(_mapping(default, DEFAULT_DOMAIN))
            merged.update(_mapping(entry, name))
        except ConfigurationError as error:
            return str(error), []
        known = {f.name for f in dataclasses.fields(base)}
        unknown = [
            Problem(name, key, unknown_setting(key, known, f"the domain {name}")) for key in merged if key not in known
        ]
        try:
            return base(**{key: value for key, value in merged.items() if key in known}), unknown
        except ConfigurationError as error:
            return " ".join((f"Domain {name}: {error}", *(each.message for each in unknown))), unknown


def _called(entry: Any, domain: str) -> Any:
    return entry(domain) if callable(entry) and not isinstance(entry, LDAPSettings) else entry


def _mapping(entry: object, domain: str) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(
            f"Domain {domain}: settings must be a dictionary or an LDAPSettings object, not {type(entry).__name__}."
        )
    return entry
