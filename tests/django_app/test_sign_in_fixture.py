"""The pytest fixture `windowsauth_sign_in` with a Django project."""

from __future__ import annotations


def test_somebody_is_signed_in_and_out(client, shared_directory, windowsauth_sign_in):
    """Requests are alice's, then bob's with his rights, then nobody's."""
    told = []
    for user in ("EXAMPLE\\alice", "EXAMPLE\\bob", None):
        windowsauth_sign_in(client, user)
        answer = client.get("/who/").json()
        told.append((answer["user"], answer["superuser"]))
    assert told == [("alice", False), ("bob", True), ("", False)]
