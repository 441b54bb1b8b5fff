"""What an application hears: who came, who was turned away and why, what a sync did."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.flask_app.applications import ALICE
from wauth_flask import ldap_user_sync, user_refused, user_signed_in


@contextmanager
def heard(app):
    """Everything that is sent for *app*: (signal's name, what came with it)."""
    sent = []
    signals = {"sync": ldap_user_sync, "in": user_signed_in, "refused": user_refused}
    receivers = [lambda sender, _name=name, **with_it: sent.append((_name, with_it)) for name in signals]
    for signal, receiver in zip(signals.values(), receivers, strict=True):
        signal.connect(receiver, app)
    yield sent
    for signal, receiver in zip(signals.values(), receivers, strict=True):
        signal.disconnect(receiver, app)


def test_a_session_is_told_of_once(make):
    """The first request is a sync and a sign-in, the next one neither."""
    app = make()
    client = app.test_client()
    with heard(app) as sent:
        client.get("/", environ_base=ALICE)
        client.get("/", environ_base=ALICE)
    assert [name for name, _ in sent] == ["sync", "in"]
    assert str(sent[1][1]["identity"]) == "EXAMPLE\\alice"
    assert sent[1][1]["source"] == "ServerIdentity"
    assert sent[1][1]["result"].status.value == "created"


def test_every_refusal_is_told_with_its_reason(make, directory):
    """A name that is none, an unknown person, a disabled one, a directory that is down: each has its reason."""
    app = make()
    client = app.test_client()
    with heard(app) as sent:
        client.get("/", environ_base={"REMOTE_USER": "alice"})
        client.get("/", environ_base={"REMOTE_USER": "EXAMPLE\\nobody"})
        client.get("/", environ_base={"REMOTE_USER": "EXAMPLE\\dan"})
        with directory.faults.outage():
            client.get("/", environ_base=ALICE)
    told = [(name, str(with_it["identity"]), with_it["reason"]) for name, with_it in sent]
    assert [(name, who) for name, who, _ in told] == [
        ("refused", "None"),
        ("refused", "EXAMPLE\\nobody"),
        ("refused", "EXAMPLE\\dan"),
        ("refused", "EXAMPLE\\alice"),
    ]
    for reason, word in zip(
        [reason for *_, reason in told], ["DOMAIN", "", "disabled", "cannot be reached"], strict=True
    ):
        assert reason
        assert word in reason


def test_another_application_hears_nothing(make):
    """The sender is the application: who listens to one does not hear the other."""
    one, other = make(), make()
    with heard(one) as sent:
        other.test_client().get("/", environ_base=ALICE)
    assert sent == []


def test_connections_are_closed_at_the_end_of_the_process():
    """An application that nobody closes leaves no connection open: the interpreter's end closes its `Wauth`."""
    code = (
        "from flask import Flask\n"
        "from wauth_core import Wauth\n"
        "from wauth_flask import WindowsAuth\n"
        "Wauth.close = lambda self: print('closed')\n"
        "app = Flask('x', root_path='/')\n"
        "WindowsAuth(app)\n"
        "app.extensions['wauth'].wauth\n"
        "print('the end')\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["the end", "closed"]
