"""Whose certificate a directory's server may show."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wauth_core.directory.dialer import Dialer
from wauth_core.directory.endpoints import endpoints
from wauth_core.exceptions import TLSError
from wauth_core.settings import LDAPSettings
from wauth_core.testing.embedded.tls import make_certificates, server_context


@contextlib.contextmanager
def tls_server(server_file: Path) -> Iterator[int]:
    """A server that shakes hands once; gives its port."""
    context = server_context(server_file)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                plain, _ = listener.accept()
                with plain, contextlib.suppress(ssl.SSLError), context.wrap_socket(plain, server_side=True) as opened:
                    opened.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(10)


def shake_hands(folder: Path, names: list[str]) -> None:
    """Connect to a server of the common name ``localhost``, whose certificate names *names* besides."""
    ca_file, server_file = make_certificates(folder, names)
    with tls_server(server_file) as port:
        settings = LDAPSettings(SERVER=f"ldaps://localhost:{port}", SEARCH_BASE="DC=example", CA_FILE=str(ca_file))
        dialer = Dialer(settings, "EXAMPLE")
        (endpoint,) = endpoints(settings)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            dialer._encrypted(plain, endpoint, time.monotonic() + 5).close()


def test_a_name_in_the_certificate_counts(tmp_path: Path) -> None:
    """A subjectAltName is a name of the server."""
    shake_hands(tmp_path, ["localhost"])


def test_a_common_name_does_not_count(tmp_path: Path) -> None:
    """A name that stands in the subject alone is not one that the authority checked as a host's (RFC 9525 6.3)."""
    with pytest.raises(TLSError, match="another name"):
        shake_hands(tmp_path, ["127.0.0.1"])


def test_a_file_that_was_renewed_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new CA_FILE counts for the next connection; one that is just being written leaves the old one in force."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    ca_file, _ = make_certificates(first, ["localhost"])
    other, _ = make_certificates(second, ["localhost"])
    dialer = Dialer(LDAPSettings(SERVER="dc1", SEARCH_BASE="DC=example", CA_FILE=str(ca_file)), "EXAMPLE")
    before = dialer.context()
    assert dialer.context() is before
    ca_file.write_text("-----BEGIN CERT")
    assert dialer.context() is before
    assert "What it held before is used" in caplog.text
    ca_file.write_bytes(Path(other).read_bytes())
    after = dialer.context()
    assert after is not before
    assert after.get_ca_certs() != before.get_ca_certs()
