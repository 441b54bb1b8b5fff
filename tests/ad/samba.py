"""A real Active Directory domain controller (Samba) on loopback.

`DomainController` provisions, fills, starts, kills and restarts one. It needs root and Debian's packages:
`places.why_not()` says what is missing. Each controller has an address in 127.20.0.0/16 and a folder of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ad.cache import Kept
from tests.ad.certificates import Authority
from tests.ad.changes import Changes
from tests.ad.people import ADMIN, EXAMPLE, PASSWORD
from tests.ad.places import Place, accepts, busy_port, is_samba

FILL = ("/usr/bin/python3", "-I", str(Path(__file__).with_name("fill.py")))
"""The system's Python has Samba's modules; `-I` keeps this folder, with its own `samba`, out of its way."""
READY_WITHIN = 60.0
ENDED_WITHIN = 10.0
HTTP_PRINCIPALS = ("HTTP/intranet.example.local", "HTTP/www.example.local")


class SambaError(RuntimeError):
    """Samba did not do what the tests need; the text holds the end of its log."""


class DomainController(Changes):
    """One domain controller and what a test must know of it.

    Everything lives below `folder`. With `owned=False` another process started it (`python -m tests.ad up`).
    """

    def __init__(self, place: Place, folder: Path, authority: Authority | None = None, *, owned: bool = True) -> None:
        self.place = place
        self.folder = folder
        self.owned = owned
        self.name = place.name
        self.host = place.host
        self.address = place.address
        self.domain = place.domain
        self.netbios = place.domain.netbios
        self.realm = place.domain.realm
        self.base_dn = place.domain.base_dn
        self.dns_name = place.domain.dns_name
        self.ldaps_url = f"ldaps://{place.host}"
        self.ldap_url = f"ldap://{place.host}"
        self.bind_user = f"{self.netbios}\\svc_web"
        self.bind_password = self.password = self.admin_password = PASSWORD
        self.admin_user = f"{self.netbios}\\{ADMIN}"
        self.ca_file = str(folder / "tls" / "ca.pem")
        self.http_keytab = str(folder / "http.keytab")
        self.krb5_conf = str(folder / "krb5.conf")
        self._authority = authority
        self._smb_conf = folder / "etc" / "smb.conf"
        self._sam_ldb = folder / "private" / "sam.ldb"
        self._pid_file = folder / "run" / "samba.pid"
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<DomainController {self.host} {self.address}>"

    def settings(self, **overrides: Any) -> dict[str, Any]:
        """An entry for `WAUTH_DOMAINS`: verified LDAPS, simple bind of the service account."""
        return {
            "SERVER": self.host,
            "USERNAME": self.bind_user,
            "PASSWORD": self.bind_password,
            "SEARCH_BASE": self.base_dn,
            "CA_FILE": self.ca_file,
            **overrides,
        }

    # making one

    def prepare(self, cache: Path | None = None) -> None:
        """Provision and fill the domain, or take it from the cache; certificates are always fresh."""
        kept = None if cache is None else Kept(cache, self.domain, recipe=(Path(__file__), Path(FILL[-1])))
        if kept is None or not kept.restore(self.folder):
            self._provision()
            self._fill()
            self._finish()
            if kept is not None:
                kept.keep(self.folder)
        self._configure()

    def join(self, first: DomainController) -> None:
        """Become a further controller of a running domain, with a copy of all that it holds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_krb5_conf(first.address)
        options = {
            "server": first.host,
            "targetdir": str(self.folder),
            "dns-backend": "NONE",
            "username": ADMIN,
            "password": PASSWORD,
            "realm": self.realm,
        }
        smb_options = [f"--option={name} = {value}" for name, value in self._smb_options().items()]
        self._run("samba-tool", "domain", "join", self.dns_name, "DC", *_as_flags(options), *smb_options)
        self._finish()
        self._configure()

    def _provision(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "realm": self.realm,
            "domain": self.netbios,
            "host-name": self.name,
            "host-ip": self.address,
            "server-role": "dc",
            "adminpass": PASSWORD,
            "dns-backend": "NONE",
            "targetdir": str(self.folder),
            "option": f"posix:eadb={self.folder}/eadb.tdb",
        }
        self._run("samba-tool", "domain", "provision", *_as_flags(options))

    def _fill(self) -> None:
        people = json.dumps(self.domain.as_json()).encode()
        self._run(*FILL, str(self._smb_conf), str(self._sam_ldb), input=people)

    def _finish(self) -> None:
        """Allow Kerberos binds to this controller, and write the web server's keytab."""
        self.tool("spn", "add", f"ldap/{self.host}", f"{self.name.upper()}$")
        for principal in HTTP_PRINCIPALS if self.domain is EXAMPLE else ():
            self.tool("domain", "exportkeytab", self.http_keytab, f"--principal={principal}")
            os.chmod(self.http_keytab, 0o644)

    def _configure(self) -> None:
        """Write what does not come from the cache: certificates, and settings with paths in them."""
        if self._authority is None:
            self._authority = Authority(self.folder / "tls")
        else:
            (self.folder / "tls").mkdir(exist_ok=True)
            shutil.copy(self._authority.ca_file, self.ca_file)
        pair = self._authority.issue(
            f"{self.name}.{self.netbios.lower()}",
            hosts=(self.host, self.dns_name, "localhost"),
            addresses=(self.address,),
        )
        shutil.copy(pair.certificate, self.folder / "tls" / "cert.pem")
        shutil.copy(pair.key, self.folder / "tls" / "key.pem")
        lines = "".join(f"\t{name} = {value}\n" for name, value in self._smb_options().items())
        self._smb_conf.write_text(f"[global]\n{lines}", encoding="utf-8")
        self._write_krb5_conf(self.address)

    def _smb_options(self) -> dict[str, str]:
        return {
            "netbios name": self.name.upper(),
            "realm": self.realm,
            "workgroup": self.netbios,
            "server role": "active directory domain controller",
            "server services": "ldap, cldap, kdc, rpc",
            "interfaces": f"{self.address}/8",
            "bind interfaces only": "yes",
            "ldap server require strong auth": "allow_sasl_over_tls",
            "tls enabled": "yes",
            "tls keyfile": f"{self.folder}/tls/key.pem",
            "tls certfile": f"{self.folder}/tls/cert.pem",
            "tls cafile": f"{self.folder}/tls/ca.pem",
            "private dir": f"{self.folder}/private",
            "state directory": f"{self.folder}/state",
            "cache directory": f"{self.folder}/cache",
            "lock directory": f"{self.folder}/run",
            "pid directory": f"{self.folder}/run",
            "ncalrpc dir": f"{self.folder}/run/ncalrpc",
            "winbindd socket directory": f"{self.folder}/run/winbindd",
            "log file": f"{self.folder}/samba.log",
            "logging": "file",
            "posix:eadb": f"{self.folder}/eadb.tdb",
        }

    def _write_krb5_conf(self, kdc: str) -> None:
        Path(self.krb5_conf).write_text(
            f"[libdefaults]\n default_realm = {self.realm}\n dns_lookup_realm = false\n"
            f" dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n rdns = false\n"
            f"[realms]\n {self.realm} = {{\n  kdc = {kdc}\n }}\n"
            f"[domain_realm]\n .{self.dns_name} = {self.realm}\n {self.dns_name} = {self.realm}\n",
            encoding="utf-8",
        )

    # running it

    def start(self) -> None:
        """Start the process and wait until LDAPS and Kerberos answer.

        A controller that this process owns ends when its standard input closes, so it can't outlive a killed
        test run.
        """
        (self.folder / "run").mkdir(exist_ok=True)
        port = busy_port(self.address)
        if port is not None:
            raise SambaError(f"something else listens on {self.address}:{port}")
        command = ["samba", "--model=single", f"--configfile={self._smb_conf}"]
        if self.owned:
            with open(self.folder / "samba.out", "ab") as out:
                self._process = subprocess.Popen(
                    [*command, "--interactive"],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=out,
                    env=self._environment(),
                    start_new_session=True,
                )
        else:
            self._run(*command, "--daemon")
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not (self.answers() and accepts(self.address, 88)):
            if self._process is not None and self._process.poll() is not None:
                raise SambaError(f"samba ended with {self._process.returncode}:\n{self._log_end()}")
            if time.monotonic() > deadline:
                raise SambaError(f"{self.host} is not ready after {READY_WITHIN:.0f} s:\n{self._log_end()}")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it completes a verified TLS handshake on the LDAPS port."""
        context = ssl.create_default_context(cafile=self.ca_file)
        try:
            with socket.create_connection((self.address, 636), timeout=2) as plain:
                context.wrap_socket(plain, server_hostname=self.host).close()
        except OSError:
            return False
        return True

    @property
    def pid(self) -> int | None:
        """The process, if it is there."""
        if self._process is not None:
            return self._process.pid if self._process.poll() is None else None
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None
        return pid if is_samba(pid) else None

    def kill(self) -> None:
        """End it at once, as a power cut would: open connections are reset, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it, as a shutdown does."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Stop and start it: every open connection dies."""
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While this lasts, the server accepts connections and answers nothing."""
        pid = self.pid
        if pid is None:
            raise SambaError(f"{self.host} does not run")
        os.killpg(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            os.killpg(pid, how)
            _wait_for_end(self._process, pid)
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    # tools

    def tool(self, *arguments: str) -> str:
        """Run `samba-tool` on this controller's own database; its output."""
        return self._run("samba-tool", *arguments, f"--configfile={self._smb_conf}")

    def replicate_from(self, source: DomainController) -> None:
        """Take over what has changed on another controller of the domain; nothing does so by itself."""
        login = f"--username={ADMIN}%{PASSWORD}"
        self.tool("drs", "replicate", "--local", self.host, source.host, self.base_dn, login)

    def kinit(self, user: str, password: str | None = None) -> dict[str, str]:
        """Get a Kerberos ticket; the environment variables (KRB5_CONFIG, KRB5CCNAME) that use it.

        `user` may be `alice` or `alice@REALM`. Each call has a credential cache of its own.
        """
        caches = self.folder / "ccaches"
        caches.mkdir(exist_ok=True)
        environment = {
            "KRB5_CONFIG": self.krb5_conf,
            "KRB5CCNAME": f"FILE:{caches / os.urandom(8).hex()}",
        }
        secret = (self.password if password is None else password).encode()
        self._run("kinit", user, input=secret + b"\n", **environment)
        return environment

    def _run(self, *command: str, input: bytes | None = None, **environment: str) -> str:
        done = subprocess.run(
            command,
            env={**self._environment(), **environment},
            input=input,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = done.stdout.decode(errors="replace")
        if done.returncode:
            raise SambaError(f"{' '.join(command[:3])} … ended with {done.returncode}:\n{text[-3000:]}")
        return text

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "KRB5_CONFIG": self.krb5_conf, "TDB_NO_FSYNC": "1", "LC_ALL": "C.UTF-8"}

    def _log_end(self) -> str:
        return "\n".join(
            path.read_text(encoding="utf-8", errors="replace")[-3000:]
            for path in (self.folder / "samba.out", self.folder / "samba.log")
            if path.exists()
        )


def _as_flags(options: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _wait_for_end(process: subprocess.Popen[bytes] | None, pid: int) -> None:
    """Until the process is gone; killed if it takes too long."""
    deadline = time.monotonic() + ENDED_WITHIN
    while is_samba(pid) if process is None else process.poll() is None:
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
        time.sleep(0.01)
