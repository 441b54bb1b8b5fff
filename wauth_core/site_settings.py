"""The settings of a site: `SiteSettings`, the manual's section 1.13 and more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from wauth_core import setting_kinds as kinds
from wauth_core.exceptions import ConfigurationError
from wauth_core.setting_kinds import declared, one_of, setting, unknown_setting


@dataclass(frozen=True, kw_only=True)
class SiteSettings:
    """The site's own settings: ``WAUTH_*`` in Django, Flask and TOML, lower-case keywords of `wauth_core.Wauth`.

    Section 1.13 of the manual gives their meaning. Durations are timedeltas; None means "never by itself".
    """

    use_spn: bool = setting(
        kinds.BOOLEAN,
        False,
        r"Sign-ins come as `user@domain.fqdn` instead of `DOMAIN\user`. Domains are then keyed by their FQDN. The "
        "suffix may be any UPN suffix of the forest: the person is looked for in all configured domains and must be "
        "one, else the sign-in is refused.",
        example=True,
    )
    resync_delta: timedelta | None = setting(
        kinds.DURATION,
        timedelta(minutes=10),
        "A signed-in user is synchronised again when this time has passed. 0 means on every request, None or False "
        "never.",
        example=300,
    )
    use_cache: bool = setting(
        kinds.BOOLEAN,
        False,
        "Note in the cache, instead of a table, who is just being synchronised. Its default in Django is that of "
        "debug mode.",
        example=True,
        only="Django",
    )
    require_resync: bool = setting(
        kinds.BOOLEAN,
        False,
        "A sync that fails fails the request, with `WAUTH_ERROR_RESPONSE`. Otherwise the last known rights hold, up "
        "to `WAUTH_MAX_STALENESS`.",
        example=True,
    )
    error_response: Any = setting(
        kinds.STATUS,
        None,
        "What to answer then: a status, or a function of the request and the error. None raises the error.",
        example=503,
    )
    lowercase_username: bool = setting(
        kinds.BOOLEAN,
        True,
        "Lower-case user names, since AD compares without case and databases do not.",
        example=False,
    )
    ignore_setting_warnings: bool = setting(
        kinds.BOOLEAN, False, "Say nothing about unknown settings and domains.", example=True
    )
    preload_domains: Any = setting(
        kinds.DOMAINS,
        None,
        "Connect to these when a server starts, in the background. None and True mean all, False none.",
        example=["EXAMPLE"],
        only="Django",
    )
    simulate_user: str | None = setting(
        kinds.TEXT,
        None,
        "Development only: every request comes from this user. Ignored unless the application is in debug mode.",
        example=r"EXAMPLE\alice",
    )
    max_staleness: timedelta | None = setting(
        kinds.DURATION,
        timedelta(days=1),
        "How long last known rights hold while the directory cannot be asked. None: for ever.",
        example=timedelta(hours=4),
    )
    when_stale: str = setting(
        one_of("strip", "refuse"),
        "strip",
        "What follows after that: `strip` takes what the settings own from the user's row until the next good sync, "
        "`refuse` answers 503.",
        example="refuse",
    )
    username_format: str | Callable[..., str] = setting(
        kinds.USERNAME_FORMAT,
        "{username}",
        'The name in the application. `"{username}@{domain}"` keeps people of the same name in two domains apart. A '
        "function makes it of the `DirectoryUser`; see [hooks](#hooks).",
        example="{username}@{domain}",
    )
    create_users: bool = setting(
        kinds.BOOLEAN,
        True,
        "A sign-in makes the user who is not there yet. False: only those may sign in whom you made or linked.",
        example=False,
    )
    before_sync: Any = setting(
        kinds.HOOK,
        None,
        "Asked before anything is written about a user; see [hooks](#hooks).",
        example="intranet.hooks.no_trainees",
    )
    adopt_existing_users: bool = setting(
        kinds.BOOLEAN,
        False,
        "Let a person take the existing local account of the same name. **Whoever has that name in any configured "
        "domain then has that account.**",
        example=True,
    )
    require_login: bool = setting(kinds.BOOLEAN, False, "Every page needs somebody signed in.", example=True)
    sources: Any = setting(
        kinds.SOURCES,
        None,
        "Where identities come from, in order: [sources](../howto/sources.md) or their dotted paths. None means the "
        "server's own `REMOTE_USER` under WSGI, and nothing under ASGI.",
        example=["wauth_wsgi.IISToken"],
    )
    request_deadline: timedelta | None = setting(
        kinds.DURATION,
        timedelta(seconds=8),
        "How long one request may wait for directories: its sign-in, sync, group checks and the look-up of a server's "
        "name together. The time that your own code takes does not count. None: `OPERATION_TIMEOUT` for each question "
        "alone.",
        example=5,
    )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All of them, in lower case."""
        return tuple(declared(cls))

    @classmethod
    def from_keywords(cls, given: Mapping[str, Any]) -> SiteSettings:
        """Read lower-case keywords, durations in any of the manual's spellings. Raises `ConfigurationError`."""
        known = declared(cls)
        for name in given:
            if name not in known:
                raise ConfigurationError(unknown_site_setting(name, known))
        return cls(**{name: known[name].kind.read(public_name(name), value) for name, value in given.items()})


PREFIX = "WAUTH_"


def public_name(name: str) -> str:
    """The name by which a site sets what `SiteSettings` calls *name*."""
    return PREFIX + name.upper()


def unknown_site_setting(name: str, known: Iterable[str]) -> str:
    """The one sentence for a ``WAUTH_…`` setting that nobody knows."""
    return unknown_setting(public_name(name), map(public_name, known), "the settings")
