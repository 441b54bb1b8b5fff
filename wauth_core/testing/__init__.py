"""An AD-shaped directory and other parts for development and tests. Never for production."""

from __future__ import annotations

from wauth_core.testing.memory import MemoryUser as MemoryUser
from wauth_core.testing.memory import MemoryUserRepository as MemoryUserRepository
