"""Everything that a site on a bad day may lose: two controllers, databases, caches, name servers, disk and clock."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ad.samba import DomainController
from tests.chaos.crowd import Crowd
from tests.chaos.sites import STAFF
from tests.databases import REDIS, Daemon, MariaDB, PostgreSQL, running_daemon, running_mariadb, running_postgres
from tests.e2e.servers import Process, free_port

DEADLINE = 3  # seconds: WAUTH_REQUEST_DEADLINE of every site
NAME_SERVER = "127.20.0.53"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
WORKERS = 8
CLOCK = "clock"
"""A second Django site, whose clock may be wrong. Nothing else strikes it: in libfaketime a sleep may fail."""

SERVERS = {
    "gunicorn": [
        *("gunicorn", "--preload", f"--workers={WORKERS}", "--worker-class=gthread", "--threads=2"),
        *("--worker-tmp-dir=/dev/shm", "--bind=127.0.0.1:{port}", "tests.chaos.sites:flask()"),
    ],
    "waitress": ["waitress", "--threads=4", "--listen=127.0.0.1:{port}", "--call", "tests.chaos.sites:django"],
    "uvicorn": [
        *("uvicorn", "--workers=2", "--port={port}", "--no-proxy-headers", "--log-level=warning"),
        *("--factory", "tests.chaos.sites:asgi"),
    ],
}
OWN_FILES = "mount --bind {hosts} /etc/hosts && mount --bind {resolv} /etc/resolv.conf && "


def is_staff(person: str) -> bool:
    """Whether a person of `tests.ad.people.bulk_users` is in `STAFF`: in one of ten groups, that hold one another."""
    return person.startswith("user") and int(person[4:]) % 50 < 10


def user(number: int) -> str:
    """A person of the domain."""
    return f"user{number:05d}"


@dataclass(frozen=True)
class Held:
    """What one process holds: octets of memory, open descriptors, and connections to controllers."""

    memory: int
    files: int
    connections: int


@dataclass(eq=False)
class Site:
    """A running site. *has_rows* says that the application keeps users of its own."""

    name: str
    process: Process
    has_rows: bool

    def crowd(self, first: int, last: int, threads: int = 4) -> Crowd:
        """People of the domain, from one number up to another."""
        return Crowd(self.name, self.process.port, (user(number) for number in range(first, last)), is_staff, threads)

    @property
    def processes(self) -> list[int]:
        """The numbers of its processes, the first one first."""
        return _with_children(self.process.pid)

    def serves(self) -> bool:
        """Whether it answers somebody whom no source names."""
        try:
            return bool(self.process.get("/").status in (200, 401))
        except OSError:
            return False

    def held(self) -> list[Held]:
        """What each of its processes holds."""
        return [held for pid in self.processes if (held := _held(pid)) is not None]

    def log_lines(self) -> int:
        """How many lines its log has."""
        with open(self.process.log, "rb") as file:
            return sum(1 for _ in file)


@dataclass
class Town:
    """What there is. Every part may be killed, and started again."""

    folder: Path
    controllers: tuple[DomainController, DomainController]
    postgres: PostgreSQL
    mariadb: MariaDB
    redis: Daemon
    memcached: Daemon
    account: str
    sites: dict[str, Site] = field(default_factory=dict)
    authorities: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    # -- the parts that are files

    @property
    def secret(self) -> Path:
        """The file that holds the password of the service account."""
        return self.folder / "secret"

    @property
    def ca_file(self) -> Path:
        """The file of the authorities that sites trust."""
        return self.folder / "ca.pem"

    @property
    def clock(self) -> Path:
        """The file that says how wrong the clock of the Django site is."""
        return self.folder / "clock"

    @property
    def disk(self) -> Path:
        """A small disk, on which sites keep what their processes share."""
        return self.folder / "disk"

    def name_controllers(self, named: bool) -> None:
        """Let names be resolved by /etc/hosts; or by a name server that is silent."""
        lines = [f"{each.address} {each.host}\n" for each in self.controllers] if named else []
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))

    def trust(self) -> None:
        """Write `ca_file` anew."""
        self.ca_file.write_bytes(b"".join(Path(each.ca_file).read_bytes() for each in self.controllers))

    # -- sites

    def start(self, name: str, kind: str | None = None, command: list[str] | None = None, **options: Any) -> Site:
        """Start a site called *name*: one of `SERVERS`, or *command* with `{port}`. *options* change what it finds."""
        kind = kind or name
        port = free_port()
        arguments = [part.format(port=port) for part in command or SERVERS[kind]]
        files = OWN_FILES.format(hosts=self.folder / "hosts", resolv=self.folder / "resolv.conf")
        whole = ["unshare", "--mount", "sh", "-c", f'{files} exec "$@"', "sh", sys.executable, "-m", *arguments]
        environment = {"CHAOS": json.dumps(self.told(kind) | options), "TMPDIR": str(self.disk)}
        if name == CLOCK:
            environment |= {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        process = Process(whole, self.folder / f"{name}.log", port, environment, name=name)
        site = Site(name, self._stack.enter_context(process), has_rows=kind != "uvicorn")
        self.sites[name] = site
        return site

    def told(self, kind: str) -> dict[str, Any]:
        """What a site finds in its environment."""
        domain = {
            "SERVER": [each.host for each in self.controllers],
            "USERNAME": self.account,
            "SEARCH_BASE": self.controllers[0].base_dn,
            "CA_FILE": str(self.ca_file),
            "STAFF_GROUPS": STAFF,
            "USER_QUERY_FILTER": "(!(employeeType=hidden))",
        }
        settings = {"WAUTH_DOMAINS": {"EXAMPLE": domain}, "WAUTH_RESYNC_DELTA": 0, "WAUTH_REQUEST_DEADLINE": DEADLINE}
        if kind == "uvicorn":
            del domain["STAFF_GROUPS"]
        databases: dict[str, Any] = {
            "gunicorn": f"{self.postgres.sqlalchemy_url('postgres')}&connect_timeout=2",
            "waitress": {
                "ENGINE": "django.db.backends.mysql",
                "NAME": "chaos",
                "HOST": str(self.mariadb.socket),
                "USER": "root",
            },
        }
        return {
            "settings": settings,
            "secret": str(self.secret),
            "keytab": self.controllers[0].http_keytab,
            "database": databases.get(kind),
            "cache": str(self.memcached.socket if kind == "waitress" else self.redis.socket),
        }

    def stop(self, name: str) -> None:
        """End a site for good."""
        self.sites.pop(name).process.__exit__()

    def kill_workers(self, site: Site) -> None:
        """Kill every process of *site* but the one that starts them."""
        for pid in site.processes[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def renew_workers(self) -> None:
        """Kill the workers of all sites, and wait until others serve, who know nothing."""
        for site in self.sites.values():
            self.kill_workers(site)
        for site in self.sites.values():
            wait_until(site.serves, 60, f"new workers of {site.name}")

    def password_failures(self) -> tuple[int, int]:
        """How often a wrong password of the service account was counted, and whether it is locked (0 if not)."""
        sam = self.account.partition("\\")[2]
        values = self.controllers[0].entry(sam, ("badPwdCount", "lockoutTime"))["raw_attributes"]
        return int((values.get("badPwdCount") or [0])[0]), int((values.get("lockoutTime") or [0])[0])


@contextmanager
def town(first: DomainController, second: DomainController) -> Iterator[Town]:
    """Everything, for the block."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="wauth-chaos-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        sam = first.create_user("svcch", ou="CN=Users")
        stack.callback(first.delete, sam)
        second.replicate_from(first)
        made = Town(
            folder,
            (first, second),
            stack.enter_context(running_postgres()),
            stack.enter_context(running_mariadb()),
            stack.enter_context(running_daemon("Redis", *REDIS)),
            stack.enter_context(running_daemon("memcached", "memcached", "-u", "root", "-s", "{socket}", "-m", "64")),
            f"{first.netbios}\\{sam}",
        )
        made.mariadb.emptied("chaos")
        made.secret.write_text(first.password)
        made.clock.write_text("+0\n")
        made.trust()
        made.name_controllers(True)
        (folder / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\noptions timeout:10 attempts:2\n")
        silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        silent.bind((NAME_SERVER, 53))
        made.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(made.disk)], check=True)
        stack.callback(subprocess.run, ["umount", "--lazy", str(made.disk)], check=False)
        stack.enter_context(made._stack)
        yield made


def why_not() -> str | None:
    """Why there can be no town here, or None."""
    if FAKETIME is None:
        return "libfaketime is not installed"
    return next((f"{name} is not installed" for name in ("memcached", "unshare") if shutil.which(name) is None), None)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for *condition*; the seconds that it took. Raises AssertionError."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)
    return time.monotonic() - began


def _with_children(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _held(pid: int) -> Held | None:
    """None for a process that has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None
    files = []
    for each in descriptors:
        with suppress(OSError):  # closed meanwhile
            files.append(os.readlink(each))
    ldaps = {
        f"socket:[{fields[9]}]"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[2].endswith(f":{636:04X}")
    }
    return Held(pages * os.sysconf("SC_PAGE_SIZE"), len(files), sum(each in ldaps for each in files))
