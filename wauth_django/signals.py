"""Signals for the project: what a sync did, who signed in, who was refused and why."""

from __future__ import annotations

from django.dispatch import Signal

__all__ = ["ldap_user_sync", "user_refused", "user_signed_in"]

ldap_user_sync = Signal()
"""After each successful sync. *sender* is the `LDAPUser`; *ldap_user* its ldap3 ``Entry`` and *group_reader* the ldap3
``Reader`` of its groups (both ask the directory when they are first used); *result* the `SyncResult`."""

user_signed_in = Signal()
"""Somebody signed in. *sender* is the user model; *request*, *user*, *identity*, *result* (the `SyncResult`)."""

user_refused = Signal()
"""Somebody was not signed in, or a session was ended. *sender* is the user model; *request*, *identity* (None where
what came in names nobody), *reason* (for a log, not for the person)."""
