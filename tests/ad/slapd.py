"""A directory that is not Active Directory: Debian's OpenLDAP as a private process on loopback.

Needs no root. It has TLS, the memberof overlay, a few people and nested groups, and no objectGUID, objectSid or
tokenGroups.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import ldap3
from ldap3.utils.dn import escape_rdn

from tests.ad.certificates import Authority
from tests.ad.client import connected
from tests.ports import free_port

PROGRAM = Path("/usr/sbin/slapd")
SCHEMAS = Path("/etc/ldap/schema")
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
READY_WITHIN = 20.0
PASSWORD = "Passw0rd!x"
BASE_DN = "dc=unix,dc=local"

PEOPLE: dict[str, str] = {
    "alice": "Alice Liddell",
    "bob": 'Bob (the "builder") *, O\'Hara',
    "carol": "Carol Lookalike",
    "zoë": "Zoë Ünal 李",
    "svc_web": "svc_web",
}
"""uid and cn."""

GROUPS: dict[str, tuple[str, ...]] = {
    "nested l2": ("alice",),
    "nested l1": ("nested l2",),
    "web admins": ("nested l1",),
    "former web admins": ("carol",),
    "loop a": ("loop b", "bob"),
    "loop b": ("loop a",),
    "odd, group (x) *": ("bob", "zoë"),
}
"""cn, and the people (by uid) and groups (by cn) in it."""

CONFIGURATION = """\
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
pidfile {folder}/slapd.pid
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
security simple_bind=128
database mdb
suffix "{base_dn}"
rootdn "cn=admin,{base_dn}"
rootpw {password}
directory {folder}/data
dbnosync
index objectClass,uid,cn,member,memberOf eq
access to attrs=userPassword by anonymous auth by * none
access to * by users read
overlay memberof
memberof-refint TRUE
"""


def why_not() -> str | None:
    """Why OpenLDAP can't run here, or None."""
    if not PROGRAM.exists() or not SCHEMAS.is_dir():
        return "not installed: slapd"
    return None


class OpenLDAP:
    """One slapd and what a test must know of it."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder = folder
        self.host = "localhost"
        self.port = free_port()
        self.url = f"ldaps://{self.host}:{self.port}"
        self.base_dn = BASE_DN
        self.ca_file = str(authority.ca_file)
        self.password = self.bind_password = self.admin_password = PASSWORD
        self.bind_user = self.user_dn("svc_web")
        self.admin_user = f"cn=admin,{BASE_DN}"
        self._authority = authority
        self._process: subprocess.Popen[bytes] | None = None

    def user_dn(self, uid: str) -> str:
        """A person's DN."""
        return f"uid={escape_rdn(uid)},ou=people,{self.base_dn}"

    def group_dn(self, cn: str) -> str:
        """A group's DN."""
        return f"cn={escape_rdn(cn)},ou=groups,{self.base_dn}"

    def settings(self, **overrides: Any) -> dict[str, Any]:
        """An entry for `WAUTH_DOMAINS`."""
        return {
            "SERVER": self.url,
            "USERNAME": self.bind_user,
            "PASSWORD": self.bind_password,
            "SEARCH_BASE": self.base_dn,
            "CA_FILE": self.ca_file,
            "USER_FIELD_MAP": {"username": "uid", "first_name": "givenName", "last_name": "sn", "email": "mail"},
            **overrides,
        }

    def connect(self) -> AbstractContextManager[ldap3.Connection]:
        """The administrator's bound ldap3 connection."""
        return connected(self.host, self.port, self.ca_file, self.admin_user, self.admin_password)

    def start(self) -> None:
        """Start it on an empty database and fill it."""
        data = self.folder / "data"
        data.mkdir(parents=True)
        pair = self._authority.issue("openldap", hosts=(self.host,), addresses=("127.0.0.1",))
        configuration = self.folder / "slapd.conf"
        configuration.write_text(
            CONFIGURATION.format(
                schemas=SCHEMAS,
                folder=self.folder,
                ca=self.ca_file,
                certificate=pair.certificate,
                key=pair.key,
                base_dn=self.base_dn,
                password=PASSWORD,
            ),
            encoding="utf-8",
        )
        # a copy, since Debian's AppArmor profile keeps the installed program inside /var/lib/ldap
        program = Path(shutil.copy(PROGRAM, self.folder / "slapd"))
        with open(self.folder / "slapd.log", "ab") as log:
            # a debug level, even 0, keeps slapd in the foreground
            # setpriv lets it end with a test run that is killed
            command = [*DIES_WITH_US, program, "-d", "0", "-f", configuration, "-h", f"ldaps://127.0.0.1:{self.port}"]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
            self._fill()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        context = ssl.create_default_context(cafile=self.ca_file)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=2) as plain:
                    context.wrap_socket(plain, server_hostname=self.host).close()
                    return
            except OSError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    log = (self.folder / "slapd.log").read_text(encoding="utf-8", errors="replace")
                    raise RuntimeError(f"slapd is not ready: {error}\n{log[-3000:]}") from None
                time.sleep(0.02)

    def _fill(self) -> None:
        with self.connect() as admin:
            admin.add(self.base_dn, ["dcObject", "organization"], {"dc": "unix", "o": "Unix"})
            for unit in ("people", "groups"):
                admin.add(f"ou={unit},{self.base_dn}", "organizationalUnit")
            for uid, cn in PEOPLE.items():
                given, _, surname = cn.partition(" ")
                person = {"cn": cn, "givenName": given, "sn": surname or cn, "userPassword": PASSWORD}
                # in OpenLDAP's schema a mail address is ASCII
                mail = {"mail": f"{uid}@unix.local"} if uid.isascii() else {}
                admin.add(self.user_dn(uid), "inetOrgPerson", {**person, **mail})
            # a group must have a member, so each gets its people when it is made and its groups when all are there
            for cn, members in GROUPS.items():
                people = [self.user_dn(member) for member in members if member in PEOPLE]
                admin.add(self.group_dn(cn), "groupOfNames", {"member": people or [self.group_dn(cn)]})
            for cn, members in GROUPS.items():
                dns = [self.user_dn(name) if name in PEOPLE else self.group_dn(name) for name in members]
                admin.modify(self.group_dn(cn), {"member": [(ldap3.MODIFY_REPLACE, dns)]})
