"""From Django's settings to the one `Wauth` of this process.

Settings are read when they are used. The object lives on the app's `AppConfig`, is made at first use, and is closed and
dropped when a ``WAUTH_…`` setting changes (``override_settings``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings

from wauth_core.site_settings import PREFIX, SiteSettings, public_name

if TYPE_CHECKING:
    from wauth_core import Wauth

__all__ = ["get_wauth"]

DOMAINS = "WAUTH_DOMAINS"
KNOWN = frozenset({DOMAINS, *map(public_name, SiteSettings.names())})


def given() -> dict[str, Any]:
    """Every ``WAUTH_…`` setting that the site has set, known or not."""
    return {name: getattr(settings, name) for name in dir(settings) if name.startswith(PREFIX)}


def configuration() -> dict[str, Any]:
    """The known settings, with the default that only Django can know: WAUTH_USE_CACHE follows DEBUG."""
    known = {name: value for name, value in given().items() if name in KNOWN}
    known.setdefault("WAUTH_USE_CACHE", bool(settings.DEBUG))
    known[DOMAINS] = known.get(DOMAINS) or {}
    known["WAUTH_IGNORE_SETTING_WARNINGS"] = True  # the system checks tell of them; see `wauth_django.checks.ignored`
    return known


def get_wauth() -> Wauth:
    """The `Wauth` of this process. Raises `ConfigurationError`."""
    config: Any = apps.get_app_config("windows_auth")
    wauth: Wauth = config.wauth
    for call in config.at_use:
        call()
    return wauth


def is_dummy_cache() -> bool:
    """Whether the default cache keeps nothing: then what workers share stays in each process."""
    return str(settings.CACHES.get("default", {}).get("BACKEND", "")).endswith("DummyCache")


def forget(*, setting: str, **_: Any) -> None:
    """Receiver of ``setting_changed``: what was made by the old settings is closed."""
    if setting.startswith(PREFIX) or setting == "DEBUG":
        config: Any = apps.get_app_config("windows_auth")
        config.close()
