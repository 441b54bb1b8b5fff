"""An Apache of the tests' own: Kerberos by mod_auth_gssapi, WSGI by mod_wsgi, and a proxy that names the user.

It runs as root with workers of www-data, as Debian's does, so everything it reads is copied where that account may.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from pathlib import Path

from tests.e2e.servers import ROOT, Process
from tests.ports import free_port

MODULES = Path("/usr/lib/apache2/modules")
NEEDED = ("mod_auth_gssapi.so", "mod_wsgi.so", "mod_proxy_http.so", "mod_headers.so")
DISTRIBUTIONS = ("asgiref", "itsdangerous", "ldap3", "pyasn1", "cachetools")

# One rule turns alice@EXAMPLE.LOCAL into EXAMPLE\alice, as GssapiLocalName asks for.
AUTH_TO_LOCAL = "  auth_to_local = RULE:[1:EXAMPLE\\$1]\n"

CONFIGURATION = r"""
ServerRoot {folder}
ServerName intranet.example.local
Listen 127.0.0.1:{port}
PidFile {folder}/httpd.pid
ErrorLog {folder}/error.log
LogLevel warn auth_gssapi:info
Mutex posixsem
User {user}
Group {user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule auth_gssapi_module {modules}/mod_auth_gssapi.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LoadModule wsgi_module {modules}/mod_wsgi.so
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
WSGIPythonPath {library}
WSGISocketPrefix {folder}/wsgi
WSGIApplicationGroup %{{GLOBAL}}
WSGIScriptAlias /mod_wsgi {folder}/app.wsgi
WSGIScriptAlias /open/mod_wsgi {folder}/app.wsgi
LimitRequestFieldSize 65536

<Location />
  AuthType GSSAPI
  AuthName "Windows"
  GssapiCredStore keytab:{keytab}
  GssapiAllowedMech krb5
  GssapiLocalName On
  GssapiNameAttributes PAC_LOGON_INFO urn:mspac:logon-info
  Require valid-user
  RequestHeader set RemoteUser expr=%{{REMOTE_USER}}
  RequestHeader set WauthSecret "known to the proxy"
</Location>
<Location /open>
  AuthType None
  Require all granted
  RequestHeader unset RemoteUser
</Location>
{proxies}
"""

PROXY = """
ProxyPass /{name}/ http://127.0.0.1:{port}/
ProxyPass /open/{name}/ http://127.0.0.1:{port}/
"""


def why_not():
    """Why Apache cannot run here, or None."""
    if os.geteuid() != 0:
        return "Apache switches accounts, which takes root"
    if shutil.which("apache2") is None:
        return "apache2 is not installed"
    lacking = [name for name in NEEDED if not (MODULES / name).exists()]
    return f"Apache lacks {', '.join(lacking)}" if lacking else None


def apache(folder, domain, backends):
    """A running Apache for the domain controller *domain*; *backends* maps a name to the port it is a proxy for."""
    folder.mkdir(mode=0o755)
    port = free_port()
    library = _library(folder / "lib")
    keytab = folder / "http.keytab"
    shutil.copyfile(domain.http_keytab, keytab)
    shutil.chown(keytab, "www-data")
    keytab.chmod(0o400)
    scratch = folder / "tmp"  # of the replay cache, which the workers write
    scratch.mkdir(mode=0o700)
    shutil.chown(scratch, "www-data")
    krb5_conf = folder / "krb5.conf"
    realm = f" {domain.realm} = {{\n"
    krb5_conf.write_text(Path(domain.krb5_conf).read_text().replace(realm, realm + AUTH_TO_LOCAL))
    (folder / "app.wsgi").write_text("from tests.e2e.application import wsgi\napplication = wsgi()\n")
    configuration = folder / "httpd.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            port=port,
            user="www-data",
            modules=MODULES,
            library=library,
            keytab=keytab,
            proxies="".join(PROXY.format(name=name, port=number) for name, number in backends.items()),
        )
    )
    return Process(
        ["apache2", "-f", str(configuration), "-D", "FOREGROUND"],
        folder / "out.log",
        port,
        {
            "KRB5_CONFIG": str(krb5_conf),
            "TMPDIR": str(scratch),
            "E2E_PAC": "PAC_LOGON_INFO",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
        },
    )


def _library(target):
    """Our packages and what they import, copied; mod_wsgi brings its own Python of another build."""
    for package in ("wauth_core", "wauth_wsgi"):
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    (target / "tests/e2e").mkdir(parents=True)
    shutil.copyfile(ROOT / "tests/e2e/application.py", target / "tests/e2e/application.py")
    for name in DISTRIBUTIONS:
        for file in importlib.metadata.distribution(name).files or ():
            if file.suffix == ".py" and ".." not in file.parts:
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), target / file)
    return target
