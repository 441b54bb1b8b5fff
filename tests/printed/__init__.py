"""Guides as they are printed: the host names in them lead to an embedded directory, which has the service account that
they name and the password that the environment holds. Nothing is added to a snippet.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.printed.sitecustomize import PORT, leading_to
from wauth_core.exceptions import WauthError
from wauth_core.testing import EmbeddedDirectory

ROOT = Path(__file__).parents[2]
HERE = str(Path(__file__).parent)


def environment(directory: EmbeddedDirectory) -> dict[str, str]:
    """What a process of its own needs to find *directory* at ``example.local``, and this checkout."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "WAUTH_"))}
    return own | {
        PORT: str(directory.tls_port),
        "SSL_CERT_FILE": directory.ca_file,
        "AD_PASSWORD": directory.bind_password,
        "PYTHONPATH": f"{HERE}{os.pathsep}{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def here(directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for this process."""
    monkeypatch.setattr(socket, "getaddrinfo", leading_to(directory.tls_port))
    for name in ("SSL_CERT_FILE", "AD_PASSWORD"):
        monkeypatch.setenv(name, environment(directory)[name])


def account(directory: EmbeddedDirectory, name: str, *, password: str | None = None, writes: bool = False) -> None:
    """The service account *name*, who may write if *writes*; *password* is $AD_PASSWORD by default."""
    try:
        directory.set_password(name, password or directory.bind_password)
    except WauthError:
        directory.add_user(name, password=password or directory.bind_password, password_never_expires=True)
    if writes:
        directory.add_member("Account Operators", name)
