"""Servers that several tests of this folder share."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil

import pytest

from tests.ad.fixtures import unavailable
from tests.e2e import servers


@pytest.fixture(scope="session")
def web_folder(tmp_path_factory):
    """Logs and configuration of the servers, readable by a web server's own account."""
    folder = tmp_path_factory.mktemp("web")
    folder.chmod(0o755)
    for path in folder.parents:
        if "pytest" in path.name:  # pytest makes these for its own account alone
            path.chmod(0o755)
    return folder


def required(what):
    """Skip, or fail where the AD tests are required: there everything is installed."""
    if what is not None:
        unavailable(what)


@pytest.fixture(scope="session")
def curl_installed():
    """The client of most tests."""
    required(None if shutil.which("curl") else "curl is not installed")


@pytest.fixture(scope="session")
def plain_servers(web_folder):
    """Start a Python server by its name, once; with every source that needs no domain."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def started(name):
            reason = servers.missing(name)
            if reason:
                pytest.skip(reason)
            log = web_folder / f"{name}.log"
            return stack.enter_context(servers.python_server(name, log, {"E2E_PROXY": "127.0.0.1"}))

        yield started


@pytest.fixture(params=list(servers.COMMANDS))
def plain_server(request, plain_servers):
    """Each Python server in turn."""
    return plain_servers(request.param)


@pytest.fixture(params=[name for name, (kind, _) in servers.COMMANDS.items() if kind == servers.WSGI])
def wsgi_server(request, plain_servers):
    """Each of those that speak WSGI."""
    return plain_servers(request.param)


@pytest.fixture(scope="session", params=list(servers.COMMANDS))
def kerberos_server(request, web_folder, samba, curl_installed):
    """Each Python server, with `Negotiate` and the domain's keytab."""
    required(servers.missing("gssapi"))
    reason = servers.missing(request.param)
    if reason:
        pytest.skip(reason)
    environment = {
        "E2E_KEYTAB": samba.http_keytab,
        "E2E_LDAP": json.dumps({"WAUTH_DOMAINS": {"EXAMPLE": samba.settings()}}),
        "KRB5_CONFIG": samba.krb5_conf,
    }
    with servers.python_server(request.param, web_folder / f"{request.param}-krb5.log", environment) as server:
        yield server
