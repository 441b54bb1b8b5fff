"""The Django application. It keeps django-windowsauth's label, and holds the process's one `Wauth`."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.core.signals import setting_changed
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from wauth_core import Wauth


class WindowsAuthConfig(AppConfig):
    """``"wauth_django"`` in INSTALLED_APPS."""

    name = "wauth_django"
    label = "windows_auth"
    verbose_name = _("Windows Authentication")
    default_auto_field = "django.db.models.AutoField"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wauth: Wauth | None = None
        self._loaded: dict[str, Any] = {}
        self._lock = threading.RLock()
        self.at_end: list[Callable[[], object]] = []
        """Called when the process ends, before the connections are given up."""
        self.at_use: list[Callable[[], object]] = []
        """Called when something is about to use the directory."""

    def ready(self) -> None:
        """Register checks and receivers; nothing connects here."""
        from django.contrib.auth.signals import user_logged_in, user_login_failed

        from wauth_django import checks, conf, current_visit, preload, session_owner

        checks.register_all()
        user_logged_in.connect(session_owner.note_owner, dispatch_uid="wauth_django.session_owner")
        user_login_failed.connect(current_visit.note_failure, dispatch_uid="wauth_django.current_visit")
        setting_changed.connect(conf.forget, dispatch_uid="wauth_django.conf")
        atexit.register(self._end)
        preload.start(self)

    @property
    def wauth(self) -> Wauth:
        """The `Wauth` of this process, made at first use. Raises `ConfigurationError`."""
        if (wauth := self._wauth) is None:
            with self._lock:
                if (wauth := self._wauth) is None:
                    from django.contrib.auth import get_user_model
                    from django.core.cache import cache

                    from wauth_core import Wauth
                    from wauth_django.conf import configuration, is_dummy_cache
                    from wauth_django.signin import after_sync

                    wauth = self._wauth = Wauth.from_mapping(
                        configuration(),
                        name_field=get_user_model().USERNAME_FIELD,
                        after_sync=after_sync,
                        cache=None if is_dummy_cache() else cache,
                    )
        return wauth

    def loaded(self, name: str, load: Callable[[], Any]) -> Any:
        """What *load* gave for these settings the first time it was asked for."""
        try:
            return self._loaded[name]
        except KeyError:
            with self._lock:
                if name not in self._loaded:
                    self._loaded[name] = load()
                return self._loaded[name]

    def usage(self, *, closed: bool = False) -> dict[str, Any]:
        """ldap3's usage counters of every domain that was used in this process (COLLECT_METRICS).

        With *closed* all connections are closed first, so that this is counted, too.
        """
        if self._wauth is None:
            return {}
        usage = dict(self._wauth.usage())
        if closed:
            managers = {domain: self._wauth.manager(domain) for domain in usage}
            self._wauth.close()
            usage = {domain: manager.get_usage() for domain, manager in managers.items()}
        return usage

    def _end(self) -> None:
        for call in self.at_end:
            call()
        self.close()

    def close(self) -> None:
        """Close the process's `Wauth`; the next use makes a new one."""
        with self._lock:
            wauth, self._wauth = self._wauth, None
            self._loaded = {}
        if wauth is not None:
            wauth.close()
