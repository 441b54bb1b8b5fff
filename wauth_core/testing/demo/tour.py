"""``wauth demo --check``: the tour of the demo without a browser, over HTTP, step by step on both sites."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from wauth_core.testing.demo.host import SITES, Demo
from wauth_core.testing.demo.portal import FORGED, VISITOR

Echo = Callable[[str], None]
Step = Callable[["Visitor"], str]


class Failed(Exception):
    """A step found something else than it should."""


class Visitor:
    """Somebody with a browser: asks one site of the demo, and keeps its cookies."""

    def __init__(self, demo: Demo, site: str) -> None:
        self.demo = demo
        self.site = site
        self._address = urlsplit(demo.url)
        self._cookies: dict[str, str] = {}

    def arrive(self, person: str) -> None:
        """Come as *person* from now on; empty means nobody."""
        self._cookies[VISITOR] = quote(person)

    def ask(self, path: str = "", **headers: str) -> tuple[int, str]:
        """Status and text of a page."""
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=30)
        try:
            cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items() if value)
            connection.request("GET", f"/{self.site}/{path}", headers={"Cookie": cookies, **headers})
            response = connection.getresponse()
            for header in response.msg.get_all("Set-Cookie") or ():
                name, _, value = header.partition(";")[0].partition("=")
                self._cookies[name] = value
            return response.status, response.read().decode()
        finally:
            connection.close()

    def page(self) -> dict[str, Any]:
        """The visitor's page as data."""
        status, text = self.ask("?format=json")
        expect(status == 200, f"the page answered {status}")
        found: dict[str, Any] = json.loads(text)
        return found

    def flags(self) -> dict[str, bool]:
        """The visitor's flags, after this request's sync."""
        return {flag["name"]: flag["on"] for flag in self.page()["flags"]}


def expect(holds: bool, otherwise: str) -> None:
    """Raises `Failed` with *otherwise* unless *holds*."""
    if not holds:
        raise Failed(otherwise)


def tour(demo: Demo, echo: Echo) -> bool:
    """Take every step on every site; whether all went well."""
    echo(f"A directory with {demo.directory.people_count} people at {demo.directory.ldaps_url}; sites at {demo.url}")
    failures = 0
    for site, name in SITES.items():
        visitor = Visitor(demo, site)
        for step in STEPS:
            try:
                seen = step(visitor)
            except (Failed, OSError, ValueError, KeyError) as error:
                failures += 1
                echo(f"  FAILED  {name:7} {step.__doc__} {error}")
            else:
                echo(f"  ok      {name:7} {step.__doc__} {seen}".rstrip())
    echo(f"{failures} of {len(STEPS) * len(SITES)} steps failed." if failures else "Every step went well.")
    return not failures


def nobody(visitor: Visitor) -> str:
    """A visitor without a name is asked to sign in."""
    status, _ = visitor.ask()
    expect(status == 401, f"the page answered {status}")
    return f"({status})"


def arrive(visitor: Visitor) -> str:
    """Ada arrives signed in, by the name that the web server gives."""
    visitor.arrive("ada")
    page = visitor.page()
    expect(page["identity"] == "EXAMPLE\\ada", f"the page is {page['identity']}'s")
    expect(page["name"] == "Ada Lovelace", f"the name is {page['name']}")
    return f"({page['identity']}, {page['sync']['status']} in {page['sync']['milliseconds']} ms)"


def groups(visitor: Visitor) -> str:
    """Her groups are all there, nested ones with the way that leads to them."""
    found = {group["name"]: group["how"] for group in visitor.page()["groups"]}
    expect(found.get("Web Developers") == "member", "Web Developers is missing")
    expect(found.get("Web Editors") == "Web Developers", "Web Editors is not explained")
    return f"({len(found)} groups)"


def one_search(visitor: Visitor) -> str:
    """A sync of somebody who is known costs one LDAP search."""
    page = visitor.page()
    expect(page["ldap"]["searches"] == 1, f"it cost {page['ldap']['searches']} searches")
    return f"({page['ldap']['milliseconds']} ms in the directory, {page['sync']['milliseconds']} ms in all)"


def doors(visitor: Visitor) -> str:
    """Doors open for members only: the editors' room does, the server room does not."""
    found = [visitor.ask(f"rooms/{number}")[0] for number in range(3)]
    expect(found == [200, 403, 403], f"they answered {found}")
    return str(found)


def promote(visitor: Visitor) -> str:
    """Put into Domain Admins, she is a superuser with the next request."""
    expect(not visitor.flags()["is_superuser"], "she was a superuser before")
    visitor.demo.directory.add_member("Domain Admins", "ada")
    page = visitor.page()
    changed = [change["what"] for change in page["sync"]["changes"]]
    expect("Superuser" in changed, f"the sync changed {changed}")
    expect(visitor.ask("rooms/2")[0] == 200, "the server room stays closed")
    return f"(changed: {', '.join(changed)})"


def demote(visitor: Visitor) -> str:
    """Taken out again, she is none."""
    visitor.demo.directory.remove_member("Domain Admins", "ada")
    expect(not visitor.flags()["is_superuser"], "she is a superuser still")
    expect(visitor.ask("rooms/2")[0] == 403, "the server room is open still")
    return ""


def disable(visitor: Visitor) -> str:
    """Disabled in the directory, she is out; enabled, she is back."""
    visitor.demo.directory.disable("ada")
    status, _ = visitor.ask()
    visitor.demo.directory.enable("ada")
    expect(status == 403, f"the page answered {status}")
    visitor.page()
    return f"({status})"


def outage(visitor: Visitor) -> str:
    """While the directory is down she goes on with her last known rights; strangers wait."""
    with down(visitor.demo):
        page = visitor.page()
        stranger = Visitor(visitor.demo, visitor.site)
        stranger.arrive("petra")
        status, _ = stranger.ask()
    expect("does not answer" in page["notice"], "the page says nothing of it")
    expect(status == 503, f"the stranger got {status}")
    visitor.page()
    return f"({status} for the stranger)"


def look_alikes(visitor: Visitor) -> str:
    """Former, listed and umlaut "Domain Admins" have no rights by it."""
    for person in ("ken", "trudy", "mallory"):
        alike = Visitor(visitor.demo, visitor.site)
        alike.arrive(person)
        expect(not alike.flags()["is_superuser"], f"{person} is a superuser")
    return ""


def strange_names(visitor: Visitor) -> str:
    """A name that is none, or nobody's, signs nobody in and breaks nothing."""
    found = {}
    for name in ("*", "nobody", "ada,bob", "", "zoë.ünal", "a" * 3000):
        stranger = Visitor(visitor.demo, visitor.site)
        stranger.arrive(name)
        found[name[:10]] = stranger.ask()[0]
    expect(found.pop("zoë.ünal") == 200, "zoë.ünal cannot sign in")
    expect(set(found.values()) <= {401, 403}, f"they got {found}")
    return ""


def forged(visitor: Visitor) -> str:
    """A header that claims to be an administrator is refused, in every spelling."""
    anonymous = Visitor(visitor.demo, visitor.site)
    found = {header: anonymous.ask(**{header: "EXAMPLE\\bob"})[0] for header in FORGED}
    expect(set(found.values()) <= {401, 403}, f"they got {found}")
    return f"({', '.join(FORGED)})"


STEPS: tuple[Step, ...] = (
    nobody,
    arrive,
    groups,
    one_search,
    doors,
    promote,
    demote,
    disable,
    outage,
    look_alikes,
    strange_names,
    forged,
)


@contextmanager
def down(demo: Demo) -> Iterator[None]:
    """An outage of the directory."""
    with demo.directory.faults.outage():
        yield
