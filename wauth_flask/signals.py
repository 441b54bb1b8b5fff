"""Signals (blinker), named as in `wauth_django`. The sender is the application; connect with keyword arguments."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

ldap_user_sync = _signals.signal("ldap-user-sync")
"""After each sync that let its user in. *identity*, *result* (the `SyncResult`)."""

user_signed_in = _signals.signal("windows-user-signed-in")
"""Somebody signed in: a new session, or a sync where there are no sessions. *identity*, *source*, *result*."""

user_refused = _signals.signal("windows-user-refused")
"""Somebody was not signed in, or a session was ended. *identity* (None where what came in names nobody), *reason*
(for a log, not for the person)."""
