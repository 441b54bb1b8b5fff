"""All that the checks of `iis_doctor` read, read once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from wauth_core.iis.apphost import AUTHENTICATION, Application, ApplicationHost, ApplicationPool
from wauth_core.iis.machine import Machine


@dataclass(frozen=True)
class CheckedSite:
    """One application of a server, and the server around it."""

    machine: Machine
    server: ApplicationHost
    application: Application
    pool: ApplicationPool
    config: ElementTree.Element

    @property
    def uses_httpplatform(self) -> bool:
        """Whether HttpPlatformHandler runs it, and not FastCGI."""
        return self.config.find("system.webServer/httpPlatform") is not None

    def authentication(self, kind: str) -> dict[str, str]:
        """The settings of an authentication for this application."""
        section = f"{AUTHENTICATION}/{kind}"
        own = self.config.find(section)
        return self.server.settings(section, self.application.location) | (dict(own.attrib) if own is not None else {})

    def expanded(self, path: str) -> str:
        """*path* with the server's variables replaced."""
        return expanded(self.machine, path)


def expanded(machine: Machine, path: str) -> str:
    """*path*. Each ``%NAME%`` that the server knows is replaced."""
    return re.sub(r"%([^%]+)%", lambda found: machine.variable(found[1]) or found[0], path)
