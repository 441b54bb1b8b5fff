"""``wauth demo --check``: the tour of the demo without a browser, over HTTP, step by step on both sites."""

from __future__ import annotations

import html
import http.client
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from wauth_core.testing.demo.guide import STOPS
from wauth_core.testing.demo.host import SITES, ZONE, Demo
from wauth_core.testing.demo.portal import FIRST, FORGED, LINKS, VICTIM, VISITOR

Echo = Callable[[str], None]
Step = Callable[["Visitor"], str]


class Failed(Exception):
    """A step found something unexpected."""


class Visitor:
    """Somebody with a browser: asks one site of the demo (or the frame, which has no name), and keeps its cookies."""

    def __init__(self, demo: Demo, site: str) -> None:
        self.demo = demo
        self.site = site
        self._address = urlsplit(demo.url)
        self._cookies: dict[str, str] = {}

    def arrive(self, person: str) -> None:
        """Come as *person* from now on; empty means nobody."""
        self._cookies[VISITOR] = quote(person)

    def ask(self, path: str = "", data: dict[str, str] | None = None, **headers: str) -> tuple[int, str]:
        """Status and text of a page, after redirects; with *data*, of the answer to a form."""
        url = f"/{self.site}/{path}" if self.site else f"/{path}"
        status, text, location = self._request(url, data, headers)
        while status == 302 and data is None:
            status, text, location = self._request(location, None, headers)
        return status, text

    def _request(self, url: str, data: dict[str, str] | None, headers: dict[str, str]) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=30)
        try:
            sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()), **headers}
            if data is not None:
                sent["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("GET" if data is None else "POST", url, urlencode(data) if data else None, sent)
            response = connection.getresponse()
            for header in response.msg.get_all("Set-Cookie") or ():
                name, _, value = header.partition(";")[0].partition("=")
                self._cookies[name] = value
            policy = response.getheader("Content-Security-Policy", "")
            expect("default-src 'none'" in policy and "'unsafe" not in policy, f"{url} has the policy {policy!r}")
            return response.status, response.read().decode(), response.getheader("Location", "")
        finally:
            connection.close()

    def in_zone(self, zone: str) -> Visitor:
        """Use a clock of that time zone from now on."""
        self._cookies[ZONE] = quote(zone, safe="")
        return self

    def cookie(self, name: str) -> str:
        """The value of a cookie."""
        return self._cookies.get(name, "")

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
    """Take every step on every site, then those of the frame. Returns whether all succeeded."""
    echo(f"A directory with {demo.directory.people_count} people at {demo.directory.ldaps_url}; sites at {demo.url}")
    visitors = [(Visitor(demo, site), name, STEPS) for site, name in SITES.items()]
    visitors += [(Visitor(demo, "django"), "Inside", INSIDE), (Visitor(demo, ""), "Frame", FRAME)]
    failures = 0
    for visitor, name, steps in visitors:
        for step in steps:
            try:
                seen = step(visitor)
            except (Failed, OSError, ValueError, LookupError) as error:
                failures += 1
                echo(f"  FAILED  {name:7} {step.__doc__} {error}")
            else:
                echo(f"  ok      {name:7} {step.__doc__} {seen}".rstrip())
    count = sum(len(steps) for _, _, steps in visitors)
    echo(f"{failures} of {count} steps failed." if failures else "Every step went well.")
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
    """While the directory is down she has her last known rights, and the doors that they open; strangers wait."""
    before = visitor.page()
    with down(visitor.demo):
        page = visitor.page()
        rooms = [visitor.ask(f"rooms/{number}")[0] for number in range(3)]
        stranger = Visitor(visitor.demo, visitor.site)
        stranger.arrive("petra")
        status, _ = stranger.ask()
    expect("does not answer" in page["notice"], "the page says nothing of it")
    for shown in ("flags", "roles", "doors", "groups", "title"):
        expect(page[shown] == before[shown], f"the page shows other {shown}")
    expect(rooms == [200, 403, 403], f"the doors answered {rooms}")
    expect(status == 503, f"the stranger got {status}")
    visitor.page()
    return f"({rooms}, {status} for the stranger)"


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
    found = {header: anonymous.ask("", None, **{header: "EXAMPLE\\bob"})[0] for header in FORGED}
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


def password(visitor: Visitor) -> str:
    """Nobody is led to the login form; Bob's password signs him in, a wrong one does not."""
    visitor.arrive("")
    status, text = visitor.ask()
    expect(status == 401 and 'href="/django/login/"' in text, "the page for nobody leads nowhere")
    right = visitor.demo.directory.password_of(VICTIM)
    for typed, then in (("wrong", 200), (right, 302)):
        visitor.ask("login/")
        token = visitor.cookie("csrftoken")
        form = {"username": VICTIM, "password": typed, "csrfmiddlewaretoken": token}
        status, _ = visitor.ask("login/", form)
        expect(status == then, f"the form answered {status}")
    return f"({visitor.page()['identity']})"


def reasons(visitor: Visitor) -> str:
    """Django's admin says why each right is set, by which way, in the time of the visitor's own clock."""
    visitor.demo.directory.add_member("Web Admins", "ada")
    try:
        found = {zone: visitor.in_zone(zone).ask("why/ada")[1] for zone in ("Asia/Tokyo", "America/Lima", "no/zone")}
    finally:
        visitor.demo.directory.remove_member("Web Admins", "ada")
    page = found["Asia/Tokyo"]
    for words in ("Why each right is set", "Web Developers › Web Editors", "a sync will give it", "Preview sync"):
        expect(words in page, f"{words!r} is not there")
    times = {
        said[1] for text in found.values() if (said := re.search(r'field-last_sync.*?readonly">(.+?)<', text, re.S))
    }
    expect(len(times) == len(found), f"the last sync was at {times}")
    return f"({', '.join(sorted(times))})"


def panel(visitor: Visitor) -> str:
    """The LDAP panel lists the searches of a request."""
    _, page = visitor.ask("?toolbar")
    found = re.search(r'data-request-id="(\w+)"', page)
    expect(found is not None, "the page has no toolbar")
    status, shown = visitor.ask(f"__debug__/render_panel/?request_id={found and found[1]}&panel_id=LDAPPanel")
    expect(status == 200 and "tokenGroups" in shown, "the panel shows no sync")
    expect("djDebug" not in visitor.ask()[1], "the toolbar is on other pages too")
    return ""


def metrics(visitor: Visitor) -> str:
    """The metrics count what the process asked."""
    status, page = visitor.ask("admin/ldap_metrics/ldapusage/")
    expect(status == 200 and "field-operations" in page, "no row is there")
    return ""


INSIDE: tuple[Step, ...] = (password, reasons, panel, metrics)


def opens(visitor: Visitor) -> str:
    """The demo opens as Ada, signed in on both sites."""
    status, page = visitor.ask()
    expect(status == 200 and STOPS[0].title in page, f"the frame answered {status}")
    expect(visitor.cookie(VISITOR) == FIRST, f"the visitor is {visitor.cookie(VISITOR)!r}")
    return ""


def guided(visitor: Visitor) -> str:
    """Every step of the guided tour opens, and its button does what it says."""
    for number, stop in enumerate(STOPS, 1):
        _, page = visitor.ask(f"?step={number}")
        expect(html.escape(stop.text, quote=False) in html.unescape(page), f"step {number} is not shown")
        if stop.do:
            expect(visitor.ask("act", {"do": stop.do, "step": str(number)})[0] == 303, f"step {number} does nothing")
        if stop.do == "outage":
            expect("The directory is down" in visitor.ask()[1], "the directory is not down")
            visitor.ask("act", {"do": stop.do})
    _, page = visitor.ask()
    expect(page.count(">refused ") == len(SITES) * len(FORGED), "the attack was not refused")
    expect(visitor.cookie(VISITOR) == "", "the last step is not nobody's")
    return f"({len(STOPS)} steps)"


def links(visitor: Visitor) -> str:
    """Every link of the frame leads somewhere."""
    found = {link["path"]: visitor.ask(link["path"].lstrip("/"))[0] for link in LINKS}
    expect(set(found.values()) <= {200, 401}, f"they answered {found}")
    return f"({len(found)} links)"


FRAME: tuple[Step, ...] = (opens, guided, links)


@contextmanager
def down(demo: Demo) -> Iterator[None]:
    """An outage of the directory."""
    with demo.directory.faults.outage():
        yield
