"""Helpers for the mappings that `LDAPManager.users` and others take: safe conditions without filter syntax.

    {"department": any_of("Sales", "IT"), "title": not_("Trainee"), "lastLogonTimestamp": older_than(days=90)}

All conditions of a mapping must hold. Values are escaped. `filter_text` shows the LDAP filter that a mapping becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from wauth_core.directory import decode, encode, filters
from wauth_core.exceptions import ConfigurationError

__all__ = [
    "Term",
    "after",
    "all_of",
    "any_of",
    "before",
    "contains",
    "ends_with",
    "filter_text",
    "has_flag",
    "missing",
    "newer_than",
    "not_",
    "older_than",
    "present",
    "starts_with",
]


@dataclass(frozen=True)
class Term:
    """One condition: on the attribute that is its key in a mapping, or on whole mappings."""

    says: str
    render: Callable[[str | None], str]

    def for_attribute(self, name: str | None) -> str:
        """The filter for attribute *name*; None if the term stands for a whole mapping."""
        return self.render(name)

    def __repr__(self) -> str:
        return self.says


def any_of(*values: Any) -> Term:
    """One of *values* holds: values or terms of an attribute, or whole mappings."""
    return _joined("any_of", values, filters.any_of)


def all_of(*values: Any) -> Term:
    """All of *values* hold: ``all_of(after(start), before(end))``."""
    return _joined("all_of", values, lambda conditions: filters.all_of(*conditions))


def not_(value: Any) -> Term:
    """*value* (a value, a term, or a whole mapping) does not hold. An entry without the attribute matches too."""
    return Term(f"not_({value!r})", lambda name: f"(!{_condition(name, value)})")


def present() -> Term:
    """The attribute has a value."""
    return Term("present()", lambda name: filters.present(_named(name)))


def missing() -> Term:
    """The attribute has no value."""
    return not_(present())


def starts_with(text: str) -> Term:
    """The value begins with *text*."""
    return Term(f"starts_with({text!r})", lambda name: filters.substring(_named(name), initial=text))


def ends_with(text: str) -> Term:
    """The value ends with *text*. Slow on a large directory: there is no index for that."""
    return Term(f"ends_with({text!r})", lambda name: filters.substring(_named(name), final=text))


def contains(text: str) -> Term:
    """The value contains *text*. Slow on a large directory: there is no index for that."""
    return Term(f"contains({text!r})", lambda name: filters.substring(_named(name), within=text))


def has_flag(bits: int) -> Term:
    """All *bits* are set in a number: ``{"userAccountControl": has_flag(0x10000)}`` (MS-ADTS 3.1.1.3.4.4.1)."""
    return Term(f"has_flag({bits:#x})", lambda name: filters.has_bits(_named(name), bits))


def before(moment: datetime) -> Term:
    """At *moment* (aware) or earlier; "never" is not earlier."""
    return Term(f"before({moment.isoformat()})", lambda name: _until(_named(name), moment))


def after(moment: datetime) -> Term:
    """At *moment* (aware) or later; "never" is not later."""
    return Term(f"after({moment.isoformat()})", lambda name: _since(_named(name), moment))


def older_than(*, days: float, or_never: bool = False) -> Term:
    """Longer ago than *days*; with *or_never* also never.

    lastLogonTimestamp is up to 14 days late, see `DirectoryUser.last_logon`: add those to *days*.
    """
    old = before(_ago(days))
    term = any_of(old, missing(), "0") if or_never else old
    return Term(f"older_than({days:g} days{', or never' if or_never else ''})", term.render)


def newer_than(*, days: float) -> Term:
    """At most *days* ago."""
    return Term(f"newer_than({days:g} days)", after(_ago(days)).render)


def filter_text(condition: Any) -> str:
    """The LDAP filter (RFC 4515) that a mapping, a term or a filter's text becomes. Raises `ConfigurationError`."""
    return filters.given(condition)


def _ago(days: float) -> datetime:
    return datetime.now(timezone.utc) - timedelta(days=days)


def _joined(word: str, values: tuple[Any, ...], join: Callable[[list[str]], str]) -> Term:
    if not values:
        raise ConfigurationError(f"{word}() needs at least one value.")
    return Term(f"{word}({', '.join(map(repr, values))})", lambda name: join([_condition(name, v) for v in values]))


def _condition(name: str | None, value: Any) -> str:
    return filters.given(value) if name is None else filters.given({name: value})


def _named(name: str | None) -> str:
    if name is None:
        raise ConfigurationError('This term belongs beside an attribute: {"title": starts_with("Head")}.')
    return name


def _until(name: str, moment: datetime) -> str:
    [octets] = encode.values(name, moment)
    condition = filters.at_most(name, octets.decode())
    # 0 is "never", or "at once"
    return filters.all_of(filters.at_least(name, "1"), condition) if decode.is_filetime(name) else condition


def _since(name: str, moment: datetime) -> str:
    [octets] = encode.values(name, moment)
    condition = filters.at_least(name, octets.decode())
    if decode.is_filetime(name):
        return filters.all_of(condition, filters.at_most(name, str(decode.NEVER - 1)))
    return condition
