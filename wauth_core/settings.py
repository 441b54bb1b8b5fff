"""Settings of one domain (`LDAPSettings`), of all domains together (`DomainSettings`) and of a site (`SiteSettings`).

`LDAPSettings` keeps the manual's names and defaults. A value may be a callable; it is called with the domain each time
the value is used, so that a secret is fetched when it is needed and not before.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from wauth_core.exceptions import ConfigurationError, UnknownDomain, explained_at
from wauth_core.identity import canonical_domain
from wauth_core.setting_checks import boolean, check, imported, problem_with, username_format

DEFAULT_DOMAIN = "__default__"
NAME_FIELD = "username"
DEFAULT_FIELDS = {NAME_FIELD: "sAMAccountName", "first_name": "givenName", "last_name": "sn", "email": "mail"}
_SECRET = frozenset({"PASSWORD", "SERVER_OPTIONS", "CONNECTION_OPTIONS"})  # ldap3's options may hold passwords
WHEN_STALE = ("strip", "refuse")

Groups = str | Iterable[str] | None


class ConfigurationWarning(UserWarning):
    """A setting that looks wrong: most often a misspelt name, which the text sets right."""

    def __str__(self) -> str:
        return f"{super().__str__()} See {explained_at('ConfigurationWarning')}"


@dataclass(repr=False)
class LDAPSettings:
    """How to reach one domain, and what its people become. The manual's section 1.14, and more.

    Instances are frozen once made. Subclass it for defaults of your own or for extra settings; a field overridden
    without an annotation counts too. Raises `ConfigurationError` for a value that cannot work.
    """

    # -- the manual's
    SERVER: Any = ""
    USERNAME: str = ""
    PASSWORD: str = field(default="", repr=False)
    SEARCH_BASE: Any = ""
    USE_SSL: bool = True
    READ_ONLY: bool = True
    COLLECT_METRICS: bool = True
    SERVER_OPTIONS: dict[str, Any] = field(default_factory=dict)
    CONNECTION_OPTIONS: dict[str, Any] = field(default_factory=dict, repr=False)
    PRELOAD_DEFINITIONS: Any = (("user", ["sAMAccountName"]), "group")
    USER_FIELD_MAP: dict[str, Any] = field(  # field: an attribute, or a function of the DirectoryUser
        default_factory=lambda: dict(DEFAULT_FIELDS)
    )
    USER_QUERY_FIELD: str = NAME_FIELD
    GROUP_ATTRS: Any = "cn"
    SUPERUSER_GROUPS: Groups = "Domain Admins"
    STAFF_GROUPS: Groups = "Administrators"
    ACTIVE_GROUPS: Groups = None
    GROUP_MAP: dict[str, Any] = field(default_factory=dict)
    # -- release 1.4's
    USER_QUERY_FILTER: Any = None  # an LDAP filter, or a dict of attribute: value, that a user must match too
    PROPAGATE_GROUPS: bool = True  # superusers are staff, staff are active; an unset flag stays untouched
    FLAG_MAP: dict[str, Any] = field(default_factory=dict)
    # -- ours
    TLS_VERIFY: bool = True
    CA_FILE: str | None = None
    START_TLS: bool = False
    ALLOW_INSECURE_PLAINTEXT_BIND: bool = False
    AUTHENTICATION: str = "SIMPLE"
    CLIENT_KEYTAB: str | None = None  # with KERBEROS: a file of keys, from which tickets are got; not on Windows
    POOL_SIZE: int = 8
    CONNECT_TIMEOUT: int = 5  # seconds
    OPERATION_TIMEOUT: int = 10  # seconds
    PAGE_SIZE: int = 500  # entries; AD's MaxPageSize is 1,000
    MEMBERSHIP: str = "auto"
    ACCOUNT_STATE: bool = True  # a disabled, expired or deleted AD account deactivates the user
    REQUIRE_GROUPS: Groups = None
    DENY_GROUPS: Groups = None
    GC: Any = None  # the forest's Global Catalog: host names or URLs, or "dns:" and the forest's name
    MIRROR_GROUPS: Any = False  # True: all the user's groups; a pattern or patterns (fnmatch): those

    _domain: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        known = {f.name for f in dataclasses.fields(cls)}  # the parents': this class is not processed yet
        annotations = inspect.get_annotations(cls)
        for name, value in list(vars(cls).items()):
            if not name.isupper():
                continue
            if name in known and name not in annotations:
                annotations[name] = "Any"
            elif name not in annotations and (close := suggestion(name, known)):
                warnings.warn(
                    f"{cls.__name__}.{name} is not a setting. Did you mean {close}?",
                    ConfigurationWarning,
                    stacklevel=2,
                )
            if name in annotations and isinstance(value, dict | list | set):
                setattr(cls, name, field(default_factory=_Copy(value)))
        cls.__annotations__ = annotations
        cls.__repr__ = LDAPSettings.__repr__  # type: ignore[method-assign]
        # A plain subclass becomes a dataclass here. A decorated one is processed once more by its decorator,
        # which must find the fields that this first pass consumed.
        defaults = {name: value for name, value in vars(cls).items() if isinstance(value, dataclasses.Field)}
        dataclass(cls)
        for name, value in defaults.items():
            setattr(cls, name, value)

    def __new__(cls, *args: Any, **kwargs: Any) -> LDAPSettings:
        known = [f.name for f in dataclasses.fields(cls)]
        for name in kwargs:
            if name not in known:
                raise ConfigurationError(unknown_setting(name, known, "LDAPSettings"))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not callable(value):
                check(name, value)
        if not self.SERVER:
            raise ConfigurationError("SERVER is required: the host name or URL of a domain controller.")
        if not self.SEARCH_BASE:
            raise ConfigurationError('SEARCH_BASE is required: a DN such as "DC=example,DC=local".')
        if self.CLIENT_KEYTAB and self.AUTHENTICATION in ("SIMPLE", "NTLM") and not self.CONNECTION_OPTIONS:
            raise ConfigurationError("CLIENT_KEYTAB means something with AUTHENTICATION='KERBEROS' only.")
        object.__setattr__(self, "_sealed", True)

    @property
    def search_bases(self) -> tuple[str, ...]:
        """SEARCH_BASE, of which there may be several."""
        return names(self.SEARCH_BASE)

    def __setattr__(self, name: str, value: Any) -> None:
        if "_sealed" in vars(self):
            raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r}: settings are frozen")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete {name!r}: settings are frozen")

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if callable(value) and name.isupper():
            domain = object.__getattribute__(self, "_domain")
            if domain is not None:
                value = value(domain)
                if wrong := problem_with(name, value):
                    del value  # a debug page shows the values of local variables
                    raise ConfigurationError(wrong)
        return value

    def for_domain(self, domain: str) -> LDAPSettings:
        """These settings, bound to *domain*: from here on callables answer with their value for it."""
        bound = copy.copy(self)
        object.__setattr__(bound, "_domain", domain)
        return bound

    def __repr__(self) -> str:
        # By name too: a subclass that overrides PASSWORD makes a field of its own, which would be shown.
        shown = [f.name for f in dataclasses.fields(self) if f.repr and f.name not in _SECRET and f.name in vars(self)]
        return f"{type(self).__name__}({', '.join(f'{name}={vars(self)[name]!r}' for name in shown)})"


class _Copy:
    """A default factory that hands out copies of one mutable default."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return copy.deepcopy(self.value)


def names(value: Groups) -> tuple[str, ...]:
    """A setting that may be None, one text or many, as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def mapped_attributes(field_map: Mapping[str, Any]) -> tuple[str, ...]:
    """The attributes that USER_FIELD_MAP names."""
    return tuple(dict.fromkeys(source for source in field_map.values() if isinstance(source, str)))


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The known name that *name* most likely means."""
    close = difflib.get_close_matches(name.upper(), list(known), n=1, cutoff=0.75)
    return close[0] if close else None


def unknown_setting(name: str, known: Iterable[str], where: str) -> str:
    """The one sentence for a setting that nobody knows."""
    close = suggestion(name, known)
    return f"Unknown setting {name!r} in {where}." + (f" Did you mean {close!r}?" if close else "")


@dataclass(frozen=True)
class Problem:
    """Something wrong in the settings of *domain* (or of the site, where None) that does not stop the program."""

    domain: str | None
    setting: str
    message: str


class DomainSettings:
    """The settings of all domains (the manual's WAUTH_DOMAINS), resolved when a domain is asked for.

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
        """The settings of *domain*, bound to it. Raises `UnknownDomain` or `ConfigurationError`."""
        settings, _ = self.resolve(domain)
        return settings

    def problems(self) -> list[Problem]:
        """What looks wrong in each listed domain; resolves mappings, calls no field's callable."""
        found: list[Problem] = []
        for name in self:
            try:
                _, unknown = self.resolve(name)
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
        """The settings of *domain*, bound to it, and what looks wrong in them. Raises as subscription does."""
        if domain not in self:
            raise UnknownDomain(domain, tuple(self))
        settings, problems = self._read(domain)
        if isinstance(settings, str):  # raised here, because a debug page shows the local variables of a frame
            raise ConfigurationError(settings)
        return settings.for_domain(self.canonical(domain)), problems

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


@dataclass(frozen=True, kw_only=True)
class SiteSettings:
    """The site's own settings: ``WAUTH_*`` in Django, Flask and TOML, lower-case keywords of `wauth_core.Wauth`.

    Section 1.13 of the manual gives their meaning. Durations are timedeltas; None means "never by itself".
    """

    use_spn: bool = False
    resync_delta: timedelta | None = timedelta(minutes=10)
    use_cache: bool = False
    require_resync: bool = False
    error_response: Any = None
    lowercase_username: bool = True
    ignore_setting_warnings: bool = False
    preload_domains: Any = None
    simulate_user: str | None = None
    max_staleness: timedelta | None = timedelta(days=1)
    when_stale: str = "strip"
    username_format: str | Callable[..., str] = "{username}"
    create_users: bool = True
    before_sync: Any = None
    adopt_existing_users: bool = False
    require_login: bool = False
    sources: Any = None
    request_deadline: timedelta | None = timedelta(seconds=8)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All options, in lower case."""
        return tuple(f.name for f in dataclasses.fields(cls))

    @classmethod
    def from_keywords(cls, given: Mapping[str, Any]) -> SiteSettings:
        """Read lower-case keywords, durations in any of the manual's spellings. Raises `ConfigurationError`."""
        known = cls.names()
        for name in given:
            if name not in known:
                raise ConfigurationError(unknown_option(name, known))
        values = dict(given)
        for name in ("resync_delta", "max_staleness", "request_deadline"):
            if name in values:
                values[name] = duration(f"WAUTH_{name.upper()}", values[name])
        options = cls(**values)
        for each in dataclasses.fields(cls):
            if each.type == "bool":
                boolean(f"WAUTH_{each.name.upper()}", getattr(options, each.name))
        if options.when_stale not in WHEN_STALE:
            raise ConfigurationError(
                f"WAUTH_WHEN_STALE must be one of {', '.join(WHEN_STALE)}; not {options.when_stale!r}."
            )
        username_format(options.username_format)
        if isinstance(options.before_sync, str):
            options = dataclasses.replace(options, before_sync=imported(options.before_sync, "WAUTH_BEFORE_SYNC"))
        if options.before_sync is not None and not callable(options.before_sync):
            raise ConfigurationError(
                f"WAUTH_BEFORE_SYNC must be a function or the dotted path of one, not {options.before_sync!r}."
            )
        return options


def unknown_option(name: str, known: Iterable[str]) -> str:
    """The one sentence for a ``WAUTH_…`` setting that nobody knows."""
    return unknown_setting(f"WAUTH_{name.upper()}", [f"WAUTH_{k.upper()}" for k in known], "the settings")


def duration(name: str, value: object) -> timedelta | None:
    """A duration as the manual allows it: a timedelta, seconds as a number or a text, or None / False for never.

    Raises `ConfigurationError` for anything else, and for less than zero.
    """
    if value is None or value is False:
        return None
    seconds: float
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    else:
        try:
            seconds = int(value)  # type: ignore[call-overload]
        except (TypeError, ValueError, OverflowError):
            seconds = -1
    if not 0 <= seconds <= timedelta.max.total_seconds() or value is True:
        raise ConfigurationError(f"{name} must be a number of seconds, a timedelta or None, not {value!r}.")
    return timedelta(seconds=seconds)
