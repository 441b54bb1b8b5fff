r"""pytest fixtures for applications that sign people in with windowsauth.

Installed with windowsauth, by the entry point ``windowsauth``. ``windowsauth_directory`` is an AD-shaped directory
of its own for the test that asks for it, filled with the example company::

    def test_leavers_lose_access(windowsauth_directory):
        settings = windowsauth_directory.settings()     # an entry for WAUTH_DOMAINS
        windowsauth_directory.disable("alice")

``windowsauth_sign_in`` lets a test client of Django, Flask, WebTest or Starlette make its requests as
somebody, until the end of the test (see `wauth_core.testing.sign_in`)::

    def test_alice_sees_her_name(client, windowsauth_sign_in):
        windowsauth_sign_in(client, "EXAMPLE\\alice")
        assert "alice" in client.get("/").text

`windowsauth_directory` needs the extra ``directory``; nothing is imported before a test asks for the fixture. Override
``windowsauth_people`` to fill it with other people: a file, or a mapping of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .embedded import EmbeddedDirectory

__all__ = ["windowsauth_directory", "windowsauth_people", "windowsauth_sign_in"]

pytest.register_assert_rewrite("wauth_core.testing.repository_contract", "wauth_core.testing.source_contract")


@pytest.fixture
def windowsauth_people() -> Any:
    """Who is in `windowsauth_directory`: None for the example company; override it in your conftest.py."""
    return None


@pytest.fixture
def windowsauth_directory(windowsauth_people: Any) -> Iterator[EmbeddedDirectory]:
    """A running directory, fresh for every test."""
    from .embedded import EmbeddedDirectory

    with EmbeddedDirectory(windowsauth_people) as directory:
        yield directory


@pytest.fixture
def windowsauth_sign_in() -> Iterator[Callable[..., None]]:
    """`sign_in(client, user)`, which signs everybody out at the end of the test."""
    from .signing_in import sign_in

    signed_in: list[tuple[Any, dict[str, Any]]] = []

    def remember(client: Any, user: str | None, **options: Any) -> None:
        sign_in(client, user, **options)
        signed_in.append((client, options))

    yield remember
    for client, options in signed_in:
        sign_in(client, None, **options)
