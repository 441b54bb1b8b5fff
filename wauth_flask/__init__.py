"""Windows Authentication and Active Directory for Flask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wauth_flask.repository import SQLAlchemyUserRepository as SQLAlchemyUserRepository


def __getattr__(name: str) -> Any:
    """SQLAlchemy is loaded by those who use it."""
    if name == "SQLAlchemyUserRepository":
        from wauth_flask.repository import SQLAlchemyUserRepository

        return SQLAlchemyUserRepository
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
