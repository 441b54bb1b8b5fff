"""An AD-shaped directory and other parts for development and tests. Never for production.

Names are imported when they are first used, so that the pytest plugin costs nothing where no test needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wauth_core.sync.memory import MemoryUser, MemoryUserRepository
    from wauth_core.testing.embedded import EmbeddedDirectory, LoggedOperation, generate
    from wauth_core.testing.signing_in import sign_in

__all__ = ["EmbeddedDirectory", "LoggedOperation", "MemoryUser", "MemoryUserRepository", "generate", "sign_in"]

_HOMES = {
    "EmbeddedDirectory": "wauth_core.testing.embedded",
    "MemoryUser": "wauth_core.sync.memory",
    "MemoryUserRepository": "wauth_core.sync.memory",
    "LoggedOperation": "wauth_core.testing.embedded",
    "generate": "wauth_core.testing.embedded",
    "sign_in": "wauth_core.testing.signing_in",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
