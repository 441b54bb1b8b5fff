"""What a whole sign-in by `Negotiate` costs beside a bare `gssapi` accept of the same kind of ticket.

    eval "$(python -m tests.ad env)"; kinit alice
    python -m benchmarks.negotiate_handshake KEYTAB HTTP/intranet.example.local@EXAMPLE.LOCAL

A sign-in is: the wrapper, the header, the handshake, the PAC, the session cookie signed; from the second handshake with
one ticket on, when its PAC has been read. Prints the best of
many rounds in milliseconds; exits with 1 where the sign-in takes more than 1.5 times as long.
"""

from __future__ import annotations

import base64
import sys
import time

from wauth_wsgi import Negotiate, WindowsAuthWSGI

LIMIT = 1.5
ROUNDS = 200
SPNEGO = "1.3.6.1.5.5.2"


def initiator(service):
    """A function that makes a fresh first token for *service*, from the ticket in the environment."""
    import gssapi

    name = gssapi.Name(service, gssapi.NameType.kerberos_principal)
    spnego = gssapi.OID.from_int_seq(SPNEGO)
    return lambda: gssapi.SecurityContext(name=name, mech=spnego, usage="initiate").step()


def bare_acceptor(keytab):
    """The least that accepts a ticket."""
    import gssapi

    mechs = [gssapi.OID.from_int_seq(SPNEGO), gssapi.MechType.kerberos]
    credentials = gssapi.Credentials(store={b"keytab": str(keytab).encode()}, mechs=mechs, usage="accept")
    gssapi.raw.set_neg_mechs(credentials, [gssapi.MechType.kerberos])

    def accept(token):
        context = gssapi.SecurityContext(creds=credentials, usage="accept")
        context.step(token)
        return str(context.initiator_name) if context.complete else None

    return accept


def application(environ, start_response):
    """The smallest application there is."""
    start_response("200 OK" if environ["wauth.identity"] else "401 Unauthorized", [])
    return []


def wrapped_acceptor(keytab):
    """A whole request through the wrapper."""
    app = WindowsAuthWSGI(application, sources=[Negotiate(keytab, secret_key="k" * 32)])

    def accept(token):
        statuses = []
        header = "Negotiate " + base64.b64encode(token).decode()
        app(
            {"REQUEST_METHOD": "GET", "REMOTE_ADDR": "127.0.0.1", "HTTP_AUTHORIZATION": header},
            lambda status, headers: statuses.append(status),
        )
        return statuses[0].startswith("200")

    return accept


def measure(keytab, service, rounds=ROUNDS):
    """Seconds of (a bare accept, a whole sign-in): the best of rounds taken side by side."""
    token_of, bare, wrapped = initiator(service), bare_acceptor(keytab), wrapped_acceptor(keytab)
    times = ([], [])
    for _ in range(rounds):
        for accept, taken in zip((bare, wrapped), times, strict=True):
            token = token_of()
            began = time.perf_counter()
            accepted = accept(token)
            taken.append(time.perf_counter() - began)
            if not accepted:
                raise RuntimeError("a ticket was not accepted")
    return tuple(min(taken) for taken in times)


def main(keytab, service):
    """Measure, print, judge."""
    bare, wrapped = measure(keytab, service)
    ratio = wrapped / bare
    print(f"bare {bare * 1e3:.3f} ms, sign-in {wrapped * 1e3:.3f} ms, {ratio:.2f} times (at most {LIMIT})")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
