"""Reading IIS's configuration: applicationHost.config, and the web.config of one site. Text in, facts out.

The elements and their defaults are those of Microsoft's ``IIS_schema.xml`` (https://learn.microsoft.com/en-us/iis/configuration/).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from wauth_core.exceptions import ConfigurationError

AUTHENTICATION = "system.webServer/security/authentication"


@dataclass(frozen=True)
class Binding:
    """One binding: *information* is ``ADDRESS:PORT:HOST``."""

    protocol: str
    information: str

    @property
    def port(self) -> str:
        return self.information.rsplit(":", 2)[1] if self.information.count(":") >= 2 else ""

    @property
    def host(self) -> str:
        return self.information.rpartition(":")[2]


@dataclass(frozen=True)
class Application:
    """A site's root application, or one below it."""

    site: str
    path: str
    pool: str
    folder: str
    bindings: tuple[Binding, ...]

    @property
    def location(self) -> str:
        """How ``<location path>`` names it."""
        return f"{self.site}{self.path}".rstrip("/")


@dataclass(frozen=True)
class ApplicationPool:
    """An application pool, with the schema's defaults."""

    name: str
    identity: str = "ApplicationPoolIdentity"
    user: str = ""
    runtime: str = ""
    start_mode: str = "OnDemand"
    idle_timeout: str = "00:20:00"


class ApplicationHost:
    """What applicationHost.config says. Raises `ConfigurationError` if it is not XML."""

    def __init__(self, text: str) -> None:
        self._root = parse(text, "applicationHost.config")

    def modules(self) -> dict[str, str]:
        """Global modules: name to the file of their code."""
        found = self._root.iterfind("system.webServer/globalModules/add")
        return {module.get("name", ""): module.get("image", "") for module in found}

    def sections(self) -> dict[str, str]:
        """Known sections: path to ``overrideModeDefault``. A section that is not here may not occur in web.config."""

        def walk(element: ElementTree.Element, path: str) -> Iterator[tuple[str, str]]:
            for child in element:
                below = f"{path}/{child.get('name')}" if path else str(child.get("name"))
                if child.tag == "sectionGroup":
                    yield from walk(child, below)
                elif child.tag == "section":
                    yield below, child.get("overrideModeDefault", "Allow")

        found = self._root.find("configSections")
        return {} if found is None else dict(walk(found, ""))

    def may_override(self, section: str, location: str) -> bool:
        """Whether web.config at *location* may set *section*. From the root down to it, the last statement counts."""
        mode = self.sections().get(section, "Allow")
        for element in self._from_root_to(location):
            said = element.get("overrideMode") or {"true": "Allow", "false": "Deny"}.get(
                element.get("allowOverride", ""), "Inherit"
            )
            if said != "Inherit" and element.find(section) is not None:
                mode = said
        return mode == "Allow"

    def settings(self, section: str, location: str) -> dict[str, str]:
        """The attributes of *section* for *location*, as far as they are in this file."""
        own = self._root.find(section)
        found = dict(own.attrib) if own is not None else {}
        for element in self._from_root_to(location):
            inner = element.find(section)
            if inner is not None:
                found |= inner.attrib
        return found

    def applications(self) -> list[Application]:
        """All applications of all sites."""
        sites = self._root.find("system.applicationHost/sites")
        if sites is None:
            return []
        default = sites.find("applicationDefaults")
        pool = (default.get("applicationPool", "") if default is not None else "") or "DefaultAppPool"
        return [
            Application(
                site.get("name", ""),
                application.get("path", "/"),
                application.get("applicationPool", pool),
                _folder(application),
                tuple(
                    Binding(each.get("protocol", ""), each.get("bindingInformation", ""))
                    for each in site.iterfind("bindings/binding")
                ),
            )
            for site in sites.iterfind("site")
            for application in site.iterfind("application")
        ]

    def pool(self, name: str) -> ApplicationPool | None:
        """The pool of that name, or None."""
        for each in self._root.iterfind("system.applicationHost/applicationPools/add"):
            if each.get("name", "").lower() == name.lower():
                model = each.find("processModel")
                about = {} if model is None else model.attrib
                return ApplicationPool(
                    each.get("name", ""),
                    about.get("identityType", ApplicationPool.identity),
                    about.get("userName", ""),
                    each.get("managedRuntimeVersion", ""),
                    each.get("startMode", ApplicationPool.start_mode),
                    about.get("idleTimeout", ApplicationPool.idle_timeout),
                )
        return None

    def fastcgi(self) -> set[tuple[str, str]]:
        """The FastCGI programs that may run: path and arguments."""
        found = self._root.iterfind("system.webServer/fastCgi/application")
        return {(each.get("fullPath", ""), each.get("arguments", "")) for each in found}

    def _from_root_to(self, location: str) -> Iterator[ElementTree.Element]:
        parts = location.split("/")
        paths = ["", *("/".join(parts[: count + 1]) for count in range(len(parts)))]
        for path in paths:
            for element in self._root.iterfind("location"):
                if element.get("path", "").strip("/").lower() == path.lower():
                    yield element


def parse(text: str, what: str) -> ElementTree.Element:
    """*text* as XML. Raises `ConfigurationError`, which names *what*."""
    try:
        return ElementTree.fromstring(text.lstrip("\ufeff"))  # noqa: S314 - a file that an administrator wrote
    except ElementTree.ParseError as error:
        raise ConfigurationError(f"{what} is no XML: {error}") from None


def used_sections(document: ElementTree.Element, known: dict[str, str]) -> set[str]:
    """The sections that occur in a web.config, of *known* and of components that we may generate."""
    names = {*known, "system.webServer/httpPlatform", "system.webServer/rewrite/rules"}
    roots = [document, *document.iterfind("location")]
    return {name for name in names for root in roots if root.find(name) is not None}


def _folder(application: ElementTree.Element) -> str:
    for directory in application.iterfind("virtualDirectory"):
        if directory.get("path") == "/":
            return directory.get("physicalPath", "")
    return ""
