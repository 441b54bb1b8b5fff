"""Runs the application in a server that has no command of its own: ``python -m tests.e2e.run_server NAME PORT``."""

from __future__ import annotations

import sys

from tests.e2e.application import wsgi


def cheroot(port):
    """CherryPy's server."""
    from cheroot.wsgi import Server

    Server(("127.0.0.1", port), wsgi()).start()


def gevent(port):
    """gevent's server."""
    from gevent.pywsgi import WSGIServer

    WSGIServer(("127.0.0.1", port), wsgi(), log=None).serve_forever()


def a2wsgi(port):
    """A WSGI application in an ASGI server."""
    import uvicorn
    from a2wsgi import WSGIMiddleware

    uvicorn.run(WSGIMiddleware(wsgi()), port=port, proxy_headers=False)


if __name__ == "__main__":
    {"cheroot": cheroot, "gevent": gevent, "a2wsgi": a2wsgi}[sys.argv[1]](int(sys.argv[2]))
