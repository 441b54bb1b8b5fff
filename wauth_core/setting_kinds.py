"""What a setting is: the kinds of values that settings take, and the one place where a setting is declared.

`setting` declares one. What reads, checks, lists or explains settings goes by that declaration: the constructors,
the TOML reader, the system checks, "did you mean", and the tables of docs/reference/settings.md.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from wauth_core.exceptions import ConfigurationError

Read = Callable[[str, Any], Any]
"""Called with a setting's name and a value. Returns the value to keep. Raises `ConfigurationError`."""


class InTOML(Enum):
    """How the TOML reader takes a domain's setting."""

    VALUE = "as it stands; a table such as {env = …} is a secret"
    TABLE = "a table, as it stands"
    PATH = "the path of a file; a relative one starts at the settings file's folder"
    ACCOUNT = "the name of an account, in which a backslash may have been read as an escape"


@dataclass(frozen=True)
class SettingKind:
    """What values a setting takes. *shown* is the kind's name in the documentation."""

    shown: str
    read: Read
    in_toml: InTOML = InTOML.VALUE
    is_hidden: bool = False  # no repr shows it
    is_lazy: bool = False  # a function that is given for it is called at each use, and not before


@dataclass(frozen=True)
class Declared:
    """A setting, as it was declared. *what* is Markdown: its consequence. *example* is a value to copy.

    *required* says what is missing where there is no value. *only* names the one front end that reads the setting.
    """

    name: str
    kind: SettingKind
    default: Any
    what: str
    example: Any
    required: str
    only: str


class _Copies:
    """A default factory that makes copies of one mutable default."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return copy.deepcopy(self.value)


def default_of(value: Any, **more: Any) -> Any:
    """A dataclass field with the default *value*, which no two instances share."""
    if isinstance(value, dict | list | set):
        return dataclasses.field(default_factory=_Copies(value), **more)
    return dataclasses.field(default=value, **more)


def setting(kind: SettingKind, default: Any, what: str, *, example: Any, required: str = "", only: str = "") -> Any:
    """Declare a setting: a dataclass field with its kind, default and consequence. See `Declared`."""
    about = {"kind": kind, "default": default, "what": what, "example": example, "required": required, "only": only}
    return default_of(default, repr=not kind.is_hidden, metadata={"declared": about})


def declared(owner: type) -> dict[str, Declared]:
    """The settings that the dataclass *owner* declares, by name, in their order."""
    return {
        each.name: Declared(each.name, **each.metadata["declared"])
        for each in dataclasses.fields(owner)
        if "declared" in each.metadata
    }


# -- names that nobody knows


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The known name that *name* most likely means."""
    close = difflib.get_close_matches(name.upper(), list(known), n=1, cutoff=0.75)
    return close[0] if close else None


def unknown_setting(name: str, known: Iterable[str], where: str) -> str:
    """The one sentence for a setting that nobody knows."""
    close = suggestion(name, known)
    return f"Unknown setting {name!r} in {where}." + (f" Did you mean {close!r}?" if close else "")


# -- what each kind takes


def imported(path: str, what: str) -> Any:
    """The object of the dotted *path* that an operator wrote. Raises `ConfigurationError`, which calls it *what*."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"There is no {what} {path!r}: {error}.") from error


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


def _if(fits: Callable[[Any], bool], must_be: str, *, show: bool = True) -> Read:
    """A `Read` that keeps a value for which *fits* is true. *show* is False if the value may hold a password."""

    def read(name: str, value: Any) -> Any:
        if not fits(value):
            raise ConfigurationError(f"{name} must be {must_be}" + (f", not {value!r}." if show else "."))
        return value

    return read


def one_of(*allowed: str) -> SettingKind:
    """One of some words."""

    def read(name: str, value: Any) -> Any:
        if value not in allowed:
            raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}; not {value!r}.")
        return value

    return SettingKind("`str`", read)


def _are_names(value: object) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str | None) or (isinstance(value, Iterable) and not isinstance(value, Mapping | bytes))


def _server(name: str, value: Any) -> Any:
    if not _are_names(value):  # which is not shown: it may hold a password, as a URL can
        raise ConfigurationError(f"{name} must be the host name or URL of a domain controller, or a list of them.")
    listed = value if isinstance(value, list | tuple | set | frozenset) else (value,)
    if any(isinstance(one, str) and "@" in one for one in listed):
        raise ConfigurationError(f"{name} holds an account: write the account in USERNAME and PASSWORD, not in a URL.")
    return value


def _is_names_by_name(value: object) -> bool:
    return value is None or (
        isinstance(value, Mapping) and all(isinstance(key, str) and _are_names(one) for key, one in value.items())
    )


def _is_field_map(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and (isinstance(source, str) or callable(source)) for key, source in value.items()
    )


def _are_definitions(value: object) -> bool:
    return (
        value is None
        or value is False
        or (isinstance(value, list | tuple) and all(isinstance(one, str) or _is_definition(one) for one in value))
    )


def _is_definition(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], list | tuple | set | frozenset)
        and all(isinstance(name, str) for name in value[1])
    )


def _is_username_format(value: Any) -> bool:
    try:
        return callable(value) or (isinstance(value, str) and "\0" in value.format(username="\0", domain="d"))
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        return False


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_names_or_boolean(value: object) -> bool:
    return isinstance(value, bool) or _are_names(value)


def _is_status(value: object) -> bool:
    return value is None or callable(value) or (isinstance(value, int) and not isinstance(value, bool))


def _hook(name: str, value: Any) -> Any:
    found = imported(value, name) if isinstance(value, str) else value
    if found is not None and not callable(found):
        raise ConfigurationError(f"{name} must be a function or the dotted path of one, not {found!r}.")
    return found


BOOLEAN = SettingKind("`bool`", _if(lambda value: isinstance(value, bool), "True or False"))
POSITIVE = SettingKind(
    "`int`",
    _if(_is_positive, "a whole number of at least 1"),
)
TEXT = SettingKind("`str`", _if(lambda value: isinstance(value, str | None), "a text"))
ACCOUNT = dataclasses.replace(TEXT, in_toml=InTOML.ACCOUNT)
SECRET = SettingKind(
    "`str` or [secret](#secrets)",
    _if(
        lambda value: isinstance(value, str | bytes | None),
        'a text or a secret: secrets.env("AD_PASSWORD"), in TOML {env = "AD_PASSWORD"}; or file, or keyring with '
        "service and name",
        show=False,
    ),
    is_hidden=True,
    is_lazy=True,
)
PATH = SettingKind(
    "path", _if(lambda value: isinstance(value, str | os.PathLike | None), "the path of a file"), InTOML.PATH
)
SERVERS = SettingKind("`str` or several", _server)
NAMES = SettingKind("`str` or several", _if(_are_names, "a name or a list of names"))
GROUPS = dataclasses.replace(NAMES, shown="Groups")
PATTERNS = SettingKind(
    "`bool` or patterns",
    _if(_is_names_or_boolean, "True, False, or patterns of names"),
)
GROUPS_BY_NAME = SettingKind("`dict`", _if(_is_names_by_name, "a dictionary (in TOML a table) of names"), InTOML.TABLE)
FIELD_MAP = SettingKind(
    "`dict`",
    _if(_is_field_map, "a dictionary (in TOML a table) of texts, or of functions of the DirectoryUser"),
    InTOML.TABLE,
)
FILTER = SettingKind(
    "`str` or `dict`",
    _if(
        lambda value: isinstance(value, str | Mapping | None),
        "an LDAP filter, or a dictionary (in TOML a table) of attribute to value",
    ),
)
DEFINITIONS = SettingKind(
    "several",
    _if(_are_definitions, 'a list of object classes, each a text or a pair such as ("user", ["title"])'),
)
LDAP3_OPTIONS = SettingKind(
    "`dict`",
    _if(lambda value: isinstance(value, Mapping | None), "a dictionary (in TOML a table)", show=False),
    InTOML.TABLE,
    is_hidden=True,
)
DURATION = SettingKind("seconds, `timedelta` or None", duration)
STATUS = SettingKind("`int` or callable", _if(_is_status, "a status, a function of the request and the error, or None"))
DOMAINS = SettingKind(
    "several, `bool` or None",
    _if(_is_names_or_boolean, "names of domains, or None"),
)
SOURCES = SettingKind("several", _if(lambda value: not isinstance(value, bool | int | Mapping), "a list of sources"))
HOOK = SettingKind("callable or dotted path", _hook)
USERNAME_FORMAT = SettingKind(
    "`str` or callable",
    _if(
        _is_username_format,
        "a text that holds {username}, and may hold {domain}, or a function of the DirectoryUser",
    ),
)
