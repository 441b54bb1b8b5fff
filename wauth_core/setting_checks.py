"""What kind of value each of a domain's settings takes. A value of another kind is told in one sentence."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wauth_core.exceptions import ConfigurationError

AUTHENTICATION_METHODS = ("SIMPLE", "KERBEROS", "NTLM")
MEMBERSHIP_METHODS = ("auto", "tokenGroups", "memberOf", "in_chain")

Check = Callable[[str, Any], None]


def check(name: str, value: object) -> None:
    """Raise `ConfigurationError` where *value* cannot be that of the setting *name*. Our own settings take anything."""
    if name in _CHECKS:
        _CHECKS[name](name, value)


def problem_with(name: str, value: object) -> str:
    """What `check` would raise, as a text; empty if nothing is wrong."""
    try:
        check(name, value)
    except ConfigurationError as error:
        return str(error)
    return ""


def boolean(name: str, value: object) -> None:
    """True or False; raises `ConfigurationError` for anything else."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {value!r}.")


def username_format(given: object) -> None:
    """Raise `ConfigurationError` where *given* cannot be WAUTH_USERNAME_FORMAT."""
    if callable(given):
        return
    try:
        usable = isinstance(given, str) and "\0" in given.format(username="\0", domain="d")
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        usable = False
    if not usable:
        raise ConfigurationError(
            f"WAUTH_USERNAME_FORMAT may hold {{username}}, which it must, and {{domain}}; or it is a function of the "
            f"DirectoryUser; not {given!r}."
        )


def imported(path: str, what: str) -> Any:
    """The object of the dotted *path* that an operator wrote. Raises `ConfigurationError`, which calls it *what*."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"There is no {what} {path!r}: {error}.") from error


def _positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{name} must be a whole number of at least 1, not {value!r}.")


def _one_of(*allowed: str) -> Check:
    def one_of(name: str, value: object) -> None:
        if value not in allowed:
            raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}; not {value!r}.")

    return one_of


def _text(name: str, value: object) -> None:
    if not isinstance(value, str | None):
        raise ConfigurationError(f"{name} must be a text, not {value!r}.")


def _path(name: str, value: object) -> None:
    if not isinstance(value, str | os.PathLike | None):
        raise ConfigurationError(f"{name} must be the path of a file, not {value!r}.")


def _secret(name: str, value: object) -> None:
    if not isinstance(value, str | bytes | None):  # which is not shown: it may hold what was meant
        raise ConfigurationError(
            f'{name} must be a text or a secret: secrets.env("AD_PASSWORD"), in TOML {{env = "AD_PASSWORD"}}; '
            f"or file, or keyring with service and name."
        )


def _names(name: str, value: object) -> None:
    if not _are_names(value):
        raise ConfigurationError(f"{name} must be a name or a list of names, not {value!r}.")


def _are_names(value: object) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str | None) or (isinstance(value, Iterable) and not isinstance(value, Mapping | bytes))


def _server(name: str, value: object) -> None:
    if not _are_names(value):  # which is not shown: it may hold a password, as a URL can
        raise ConfigurationError(f"{name} must be the host name or URL of a domain controller, or a list of them.")
    listed = value if isinstance(value, list | tuple | set | frozenset) else (value,)
    if any(isinstance(one, str) and "@" in one for one in listed):
        raise ConfigurationError(f"{name} holds an account: write the account in USERNAME and PASSWORD, not in a URL.")


def _names_or_boolean(name: str, value: object) -> None:
    if not isinstance(value, bool) and not _are_names(value):
        raise ConfigurationError(f"{name} must be True, False, or patterns of names, not {value!r}.")


def _names_by_name(name: str, value: object) -> None:
    if value is not None and not (
        isinstance(value, Mapping) and all(isinstance(key, str) and _are_names(one) for key, one in value.items())
    ):
        raise ConfigurationError(f"{name} must be a dictionary (in TOML a table) of names, not {value!r}.")


def _field_map(name: str, value: object) -> None:
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and (isinstance(source, str) or callable(source)) for key, source in value.items()
    ):
        raise ConfigurationError(
            f"{name} must be a dictionary (in TOML a table) of texts, or of functions of the DirectoryUser, "
            f"not {value!r}."
        )


def _filter(name: str, value: object) -> None:
    if not isinstance(value, str | Mapping | None):
        raise ConfigurationError(
            f"{name} must be an LDAP filter, or a dictionary (in TOML a table) of attribute to value, not {value!r}."
        )


def _definitions(name: str, value: object) -> None:
    if value is None or value is False:
        return
    if isinstance(value, list | tuple) and all(isinstance(one, str) or _is_definition(one) for one in value):
        return
    raise ConfigurationError(
        f'{name} must be a list of object classes, each a text or a pair such as ("user", ["title"]), not {value!r}.'
    )


def _is_definition(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], list | tuple | set | frozenset)
        and all(isinstance(name, str) for name in value[1])
    )


def _options(name: str, value: object) -> None:
    if not isinstance(value, Mapping | None):  # which is not shown: it may hold a password
        raise ConfigurationError(f"{name} must be a dictionary (in TOML a table).")


_CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(
        (
            "USE_SSL",
            "READ_ONLY",
            "COLLECT_METRICS",
            "PROPAGATE_GROUPS",
            "TLS_VERIFY",
            "START_TLS",
            "ALLOW_INSECURE_PLAINTEXT_BIND",
            "ACCOUNT_STATE",
        ),
        boolean,
    ),
    **dict.fromkeys(("POOL_SIZE", "CONNECT_TIMEOUT", "OPERATION_TIMEOUT", "PAGE_SIZE"), _positive),
    **dict.fromkeys(("USERNAME", "USER_QUERY_FIELD"), _text),
    **dict.fromkeys(
        (
            "SEARCH_BASE",
            "GROUP_ATTRS",
            "SUPERUSER_GROUPS",
            "STAFF_GROUPS",
            "ACTIVE_GROUPS",
            "REQUIRE_GROUPS",
            "DENY_GROUPS",
        ),
        _names,
    ),
    "SERVER": _server,
    "GC": lambda name, value: None if value is None else _server(name, value),
    "USER_FIELD_MAP": _field_map,
    **dict.fromkeys(("GROUP_MAP", "FLAG_MAP"), _names_by_name),
    **dict.fromkeys(("SERVER_OPTIONS", "CONNECTION_OPTIONS"), _options),
    "AUTHENTICATION": _one_of(*AUTHENTICATION_METHODS),
    "MEMBERSHIP": _one_of(*MEMBERSHIP_METHODS),
    **dict.fromkeys(("CA_FILE", "CLIENT_KEYTAB"), _path),
    "PASSWORD": _secret,
    "MIRROR_GROUPS": _names_or_boolean,
    "USER_QUERY_FILTER": _filter,
    "PRELOAD_DEFINITIONS": _definitions,
}
