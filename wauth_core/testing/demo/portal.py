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
from wauth_core.testing.embedded import EmbeddedDirectory, Fault

VISITOR = "demo_visitor"  # the cookie: whom the visitor plays
GROUPS = ("Domain Admins", "Web Admins", "Web Editors", "Finance Approvers")
FORGED = ("X-Remote-User", "Remote-User", "X-Forwarded-User", "REMOTE_USER", "X-IIS-WindowsAuthToken")
VICTIM = "bob"

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


@dataclass(frozen=True)
class Attempt:
    """One forged request and how it ended."""

    site: str
    header: str
    status: int

    @property
    def refused(self) -> bool:
        """Whether the site let nobody in."""
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
        self._posts = {"/visit": self._visit, "/act": self._act, "/attack": self._attack}
        self._people = {user.username: user for user in self._manager.users(attributes=("title", "department"))}

    def close(self) -> None:
        """Hang up on the directory."""
        self._manager.close()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname not in ("127.0.0.1", "localhost"):
            return _answer(start_response, "421 Misdirected Request", "This demo answers on this machine only.")
        path = environ.get("PATH_INFO") or "/"
        if environ["REQUEST_METHOD"] == "POST" and path in self._posts:
            length = min(int(environ.get("CONTENT_LENGTH") or 0), 10_000)
            form = {k: v[0] for k, v in parse_qs(environ["wsgi.input"].read(length).decode()).items()}
            headers = self._posts[path](form, visitor_of(environ)) or []
            start_response("303 See Other", [("Location", "/"), *headers])
            return [b""]
        if path != "/" or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _answer(start_response, "404 Not Found", "There is no such page.")
        return _answer(start_response, "200 OK", self._page(visitor_of(environ)), "text/html")

    # -- what the buttons do

    def _visit(self, form: dict[str, str], visitor: str) -> list[tuple[str, str]]:
        person = form.get("person", "")
        return [("Set-Cookie", f"{VISITOR}={quote(person)}; Path=/; HttpOnly; SameSite=Strict")]

    def _act(self, form: dict[str, str], visitor: str) -> None:
        what, _, group = form.get("do", "").partition(":")
        if what == "outage":
            if self._outage is None:
                self._outage = self._directory.faults.outage()
            else:
                self._outage.stop()
                self._outage = None
        elif visitor not in self._people:
            return
        elif what in ("enable", "disable"):
            getattr(self._directory, what)(visitor)
        elif what in ("add", "remove") and group in GROUPS:
            change = self._directory.add_member if what == "add" else self._directory.remove_member
            change(group, visitor)

    def _attack(self, form: dict[str, str], visitor: str) -> None:
        self._attempts = [self.forge(site, header) for site, _ in self._sites for header in FORGED]

    def forge(self, site: str, header: str) -> Attempt:
        """Ask *site*, as nobody, for its page with a forged *header* that names an administrator."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        try:
            connection.request("GET", f"/{site}/", headers={header: f"EXAMPLE\\{VICTIM}"})
            return Attempt(site, header, connection.getresponse().status)
        finally:
            connection.close()

    # -- what it shows

    def _page(self, visitor: str) -> str:
        staff = [user for user in self._people.values() if "OU=Staff" in user.dn or "OU=Leavers" in user.dn]
        shown = {
            "sites": self._sites,
            "people": sorted(({"key": u.username, "text": _described(u)} for u in staff), key=lambda p: p["text"]),
            "visitor": self._people.get(visitor),
            "rights": self._rights(visitor),
            "down": self._outage is not None,
            "attempts": self._attempts,
            "forged": FORGED,
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


def visitor_of(environ: dict[str, Any]) -> str:
    """Whom the visitor plays; empty for nobody."""
    try:
        morsel = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(VISITOR)
    except CookieError:
        return ""
    return unquote(morsel.value) if morsel else ""


def _answer(start_response: StartResponse, status: str, text: str, kind: str = "text/plain") -> Iterable[bytes]:
    body = text.encode()
    headers = [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, [*headers, ("Cache-Control", "no-store")])
    return [body]
