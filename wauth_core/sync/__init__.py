"""Keeping an application's users in step with the directory."""

from __future__ import annotations

from wauth_core.sync.repository import (
    Change as Change,
)
from wauth_core.sync.repository import (
    Key as Key,
)
from wauth_core.sync.repository import (
    Link as Link,
)
from wauth_core.sync.repository import (
    UserRepository as UserRepository,
)
from wauth_core.sync.repository import (
    UserSnapshot as UserSnapshot,
)
from wauth_core.sync.repository import (
    Wanted as Wanted,
)
from wauth_core.sync.result import BulkResult, SyncResult, SyncStatus
from wauth_core.sync.sqlite import SQLiteUserRepository

__all__ = [
    "BulkResult",
    "Change",
    "Key",
    "Link",
    "SQLiteUserRepository",
    "SyncResult",
    "SyncStatus",
    "UserRepository",
    "UserSnapshot",
    "Wanted",
]
