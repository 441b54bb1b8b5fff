"""An AD-shaped directory and other parts for development and tests. Never for production.

Names are imported when they are first used, so that the pytest plugin costs nothing if no test needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wauth_core.sync.memory import MemoryUser, MemoryUserRepository
    from wauth_core.testing.embedded import EmbeddedDirectory, LoggedOperation, generate
    from wauth_core.testing.signing_in import sign_in

__all__ = ["EmbeddedDirectory", "LoggedOperation", "MemoryUser", "MemoryUserRepository", "generate", "sign_in"]

_HOMES = ("wauth_core.sync.memory", "wauth_core.testing.embedded", "wauth_core.testing.signing_in")


def __getattr__(name: str) -> object:
    for home in _HOMES if name in __all__ else ():
        module = import_module(home)
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
