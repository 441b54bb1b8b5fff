"""The pytest fixture `windowsauth_sign_in` with a Flask application."""

from __future__ import annotations


def test_somebody_is_signed_in_and_out(make, windowsauth_sign_in):
    """Requests are alice's, then bob's with his rights, then nobody's."""
    client = make(WAUTH_RESYNC_DELTA=0).test_client()
    told = []
    for user in ("EXAMPLE\\alice", "EXAMPLE\\bob", None):
        windowsauth_sign_in(client, user)
        answer = client.get("/").json
        told.append((answer["identity"], answer["superuser"]))
    assert told == [("EXAMPLE\\alice", False), ("EXAMPLE\\bob", True), (None, False)]
