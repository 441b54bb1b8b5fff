"""What `WindowsAuthWSGI` adds to a request with `ServerIdentity`, beside the bare application.

    python -m benchmarks.wsgi_wrapper

Prints the best of many rounds for each, in microseconds; exits with 1 where the wrapper adds more than 5.
"""

from __future__ import annotations

import itertools
import sys
import time

from wauth_wsgi import WindowsAuthWSGI

LIMIT = 5.0  # microseconds
ROUNDS, CALLS = 60, 3_000
NAMES = [f"EXAMPLE\\user{number}" for number in range(200)]


def bare(environ, start_response):
    """The smallest application there is."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


def environ_of(name):
    """What a server hands over for a small request."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_USER": name,
        "AUTH_TYPE": "Negotiate",
        "HTTP_HOST": "localhost",
        "HTTP_ACCEPT": "*/*",
        "wsgi.url_scheme": "http",
    }


def start_response(status, headers, exc_info=None):
    """Throw the response away."""


def one_round(app):
    """Microseconds per call, each with a fresh environ made beforehand."""
    names = itertools.islice(itertools.cycle(NAMES), CALLS)
    environs = [environ_of(name) for name in names]
    began = time.perf_counter()
    for environ in environs:
        app(environ, start_response)
    return (time.perf_counter() - began) / CALLS * 1e6


def measure():
    """Best round of the bare and of the wrapped application, taken side by side."""
    wrapped = WindowsAuthWSGI(bare)
    rounds = [(one_round(bare), one_round(wrapped)) for _ in range(ROUNDS)]
    return min(b for b, _ in rounds), min(w for _, w in rounds)


def main():
    """Measure, print, judge."""
    plain, wrapped = measure()
    added = wrapped - plain
    print(f"bare {plain:.2f} us, wrapped {wrapped:.2f} us, added {added:.2f} us (at most {LIMIT:.0f})")
    return 0 if added <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
