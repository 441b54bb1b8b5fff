"""Where the controllers stand, and whether this machine can run them."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.ad import hosts
from tests.ad.people import EXAMPLE, OTHER, Domain

PROGRAMS = ("samba", "samba-tool", "kinit")
PORTS = (88, 389, 636)


@dataclass(frozen=True)
class Place:
    """Which controller of which domain, and where it listens."""

    name: str
    domain: Domain
    address: str

    @property
    def host(self) -> str:
        """Its full host name."""
        return f"{self.name}.{self.domain.dns_name}"


DC1 = Place("dc1", EXAMPLE, "127.20.0.1")
DC2 = Place("dc2", EXAMPLE, "127.20.0.2")
OTHER_DC = Place("dc1", OTHER, "127.20.0.3")


def why_not() -> str | None:
    """Why a controller can't run here, or None."""
    if sys.platform != "linux":
        return "a Samba domain controller needs Linux"
    if os.geteuid() != 0:
        return "a Samba domain controller needs root"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (.ci/packages.txt lists the packages)"
    if not Path("/usr/share/samba/setup/ad-schema").is_dir():
        return "not installed: samba-ad-provision"
    if not hosts.writable():
        return "/etc/hosts can't be written"
    return None


def busy_port(address: str) -> int | None:
    """A port that the controller needs and something else holds, or None."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return port
    return None


def accepts(address: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


def is_samba(pid: int) -> bool:
    """Whether the process is there, and is Samba rather than another one that got an old number."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.startswith(f"{pid} (samba") and ") Z " not in status
