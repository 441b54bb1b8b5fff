"""The frame around the two sites: choose a visitor, play the directory's administrator, play an attacker."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from wauth_core.directory import DirectoryUser, LDAPManager
from wauth_core.settings import LDAPSettings
from wauth_core.testing.demo import TEMPLATES
from wauth_core.testing.demo.guide import STOPS
from wauth_core.testing.embedded import EmbeddedDirectory, Fault

VISITOR = "demo_visitor"  # the cookie: whom the visitor plays
GROUPS = ("Domain Admins", "Web Admins", "Web Editors", "Finance Approvers")
FORGED = ("X-Remote-User", "Remote-User", "X-Forwarded-User", "REMOTE_USER", "X-IIS-WindowsAuthToken")
VICTIM = "bob"
FIRST = "ada"  # as whom the demo opens
SESSIONS = ("sessionid", "session")  # the cookies of both sites
LINKS = (
    {"path": "/django/login/", "label": "The password login", "about": "for browsers outside of the domain"},
    {"path": "/django/admin/", "label": "Django's admin", "about": "for staff: people, and why each right is set"},
    {"path": "/django/?toolbar", "label": "The LDAP panel", "about": "what a request asked of the directory"},
    {"path": "/django/admin/ldap_metrics/ldapusage/", "label": "The metrics", "about": "for staff: what it all cost"},
)

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


@dataclass(frozen=True)
class Attempt:
    """One forged request and how it ended."""

    site: str
    header: str
    status: int

    @property
    def refused(self) -> bool:
        """Whether the site signed nobody in."""
        return self.status in (401, 403)


class Portal:
    """The frame, as a WSGI application."""

    def __init__(self, directory: EmbeddedDirectory, sites: Sequence[tuple[str, str]]) -> None:
        import jinja2

        self.url = ""
        self._directory = directory
        self._sites = sites
        self._manager = LDAPManager(LDAPSettings(**directory.settings()), directory.domain)
        self._outage: Fault | None = None
        self._attempts: list[Attempt] = []
        self._templates = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
        self._people = {user.username: user for user in self._manager.users(attributes=("title", "department"))}

    def close(self) -> None:
        """Close the connections to the directory."""
        self._manager.close()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname not in ("127.0.0.1", "localhost"):
            return _answer(start_response, "421 Misdirected Request", "This demo answers on this machine only.")
        path, method = environ.get("PATH_INFO") or "/", environ["REQUEST_METHOD"]
        if (path, method) == ("/act", "POST"):
            length = min(int(environ.get("CONTENT_LENGTH") or 0), 10_000)
            form = {k: v[0] for k, v in parse_qs(environ["wsgi.input"].read(length).decode()).items()}
            headers = self._act(form, visitor_of(environ) or "")
            start_response("303 See Other", [("Location", f"/?step={_step(form)}"), *headers])
            return [b""]
        if path != "/" or method not in ("GET", "HEAD"):
            return _answer(start_response, "404 Not Found", "There is no such page.")
        visitor, asked = visitor_of(environ), {k: v[0] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        headers = _cookies(FIRST) if visitor is None else []
        page = self._page(FIRST if visitor is None else visitor, _step(asked))
        return _answer(start_response, "200 OK", page, "text/html", headers)

    # -- what the buttons do

    def _act(self, form: dict[str, str], visitor: str) -> list[tuple[str, str]]:
        what, _, group = form.get("do", "").partition(":")
        if what == "arrive":
            return _cookies(form.get("person", ""))
        if what == "attack":
            self._attempts = [self.forge(site, header) for site, _ in self._sites for header in FORGED]
        elif what == "outage" and self._outage is None:
            self._outage = self._directory.faults.outage()
        elif what == "outage" and self._outage is not None:
            self._outage.stop()
            self._outage = None
        elif visitor in self._people and what in ("enable", "disable"):
            getattr(self._directory, what)(visitor)
        elif visitor in self._people and what in ("add", "remove") and group in GROUPS:
            change = self._directory.add_member if what == "add" else self._directory.remove_member
            change(group, visitor)
        return []

    def forge(self, site: str, header: str) -> Attempt:
        """Request *site*'s page without a sign-in, with a forged *header* that names an administrator."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        try:
            connection.request("GET", f"/{site}/", headers={header: f"EXAMPLE\\{VICTIM}"})
            return Attempt(site, header, connection.getresponse().status)
        finally:
            connection.close()

    # -- what it shows

    def _page(self, visitor: str, step: int) -> str:
        staff = [user for user in self._people.values() if "OU=Staff" in user.dn or "OU=Leavers" in user.dn]
        bob, everybody = self._directory.password_of(VICTIM), self._directory.password_of(FIRST)
        shown = {
            "stops": STOPS,
            "step": step,
            "here": STOPS[step - 1],
            "links": LINKS,
            "passwords": f"The password of {VICTIM} is {bob}, and nearly everybody's is {everybody}",
            "sites": self._sites,
            "people": sorted(({"key": u.username, "text": _described(u)} for u in staff), key=lambda p: p["text"]),
            "visitor": self._people.get(visitor),
            "rights": self._rights(visitor),
            "down": self._outage is not None,
            "attempts": self._attempts,
            "victim": VICTIM,
        }
        return self._templates.get_template("demo/portal.html").render(shown)

    def _rights(self, visitor: str) -> dict[str, Any]:
        if visitor not in self._people or self._outage is not None:
            return {}
        user = self._manager.user(visitor, ("memberOf",))
        direct = user.attributes.get("memberOf") or ()
        names = {dn.partition(",")[0].removeprefix("CN=") for dn in ([direct] if isinstance(direct, str) else direct)}
        return {"enabled": user.enabled, "groups": [(group, group in names) for group in GROUPS]}


def _described(user: DirectoryUser) -> str:
    name = user.display_name or user.username
    return f"{name} ({user.attributes.get('title') or 'no title'})"


def visitor_of(environ: dict[str, Any]) -> str | None:
    """Whom the visitor plays; empty for nobody, None if the visitor has not chosen yet."""
    return cookie(environ, VISITOR)


def cookie(environ: dict[str, Any], name: str) -> str | None:
    """The value of a cookie."""
    try:
        morsel = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(name)
    except CookieError:
        return None
    return unquote(morsel.value) if morsel else None


def _cookies(person: str) -> list[tuple[str, str]]:
    """Arrive as *person*, with a browser that no site knows yet."""
    old = [("Set-Cookie", f"{name}=; Path=/; Max-Age=0") for name in SESSIONS]
    return [("Set-Cookie", f"{VISITOR}={quote(person)}; Path=/; HttpOnly; SameSite=Strict"), *old]


def _step(form: dict[str, str]) -> int:
    asked = form.get("step", "")
    return min(max(int(asked), 1), len(STOPS)) if asked.isdecimal() and len(asked) < 4 else 1


def _answer(
    start_response: StartResponse,
    status: str,
    text: str,
    kind: str = "text/plain",
    more: Sequence[tuple[str, str]] = (),
) -> Iterable[bytes]:
    body = text.encode()
    headers = [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, [*headers, ("Cache-Control", "no-store"), *more])
    return [body]
