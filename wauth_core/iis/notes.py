"""What a person must know or do besides the generated files, each in a sentence or two."""

from __future__ import annotations

from collections.abc import Iterable

from wauth_core.exceptions import DOCUMENTATION
from wauth_core.iis.appcmd import locked_sections
from wauth_core.iis.here import out_of_reach
from wauth_core.iis.options import KERBEROS_ONLY, ServedFolder, WebConfigOptions
from wauth_core.iis.windowspath import relative_to

GUIDES = DOCUMENTATION + "iis/"
ERRORS = f"{GUIDES}errors.html"
DOWNLOADS = {
    "URL Rewrite": "https://www.iis.net/downloads/microsoft/url-rewrite",
    "HttpPlatformHandler": "https://github.com/lextudio/httpplatformhandlerv2/releases",
}


def for_webconfig(options: WebConfigOptions) -> Iterable[str]:
    """The notes for these options, most urgent first: those come first without which every request fails."""
    yield (
        "Locked on a new server, and an error 500.19 (0x80070021) until unlocked: "
        f"{', '.join(locked_sections(options))}. --fastcgi-application prints the lines."
    )
    if options.handler == "fastcgi":
        yield (
            "The FastCGI application must be registered on the server, spelled as in the handler: "
            "--fastcgi-application prints the line. Needs the role feature CGI."
        )
        yield (
            "wfastcgi reads names in the server's ANSI code page, and letters outside it become '?'. Let IIS send "
            f"UTF-8, by FastCGIUtf8ServerVariables: {GUIDES}fastcgi.html#letters-outside-ascii"
        )
        if not options.root.isascii():
            yield (
                "wfastcgi finds a site folder with letters outside ASCII only on a server whose ANSI code page is "
                "1252 (Western European). HttpPlatformHandler finds any folder."
            )
    else:
        yield _needs("HttpPlatformHandler", "httpPlatform")
    problem = out_of_reach(options.python) or out_of_reach(options.root)
    if problem:
        yield f"The application pool cannot read it: {problem}"
    if options.https:
        yield _needs("URL Rewrite", "rewrite")
        if options.hsts_seconds:
            yield (
                f"Browsers will refuse plain HTTP to this host for {options.hsts_seconds} seconds after a visit, "
                "even if you take the setting away. Try a small --hsts first."
            )
    if options.windowsauth:
        yield from _about_windowsauth(options)
    if options.logs:
        yield f"The application pool's identity must be able to write to {options.logs}."
        if options.handler == "httpplatform":
            yield (
                "HttpPlatformHandler begins a new log at each start of the process, with the time and a number in its "
                "name. `wauth serve` keeps the newest 30."
            )
    for name, folder in (("static", options.static), ("media", options.media)):
        if folder:
            yield from _about_folder(name, folder, options)
    if options.deny_extensions:
        yield (
            "Request filtering looks at the application's URLs too, not only at files: those that end in "
            f"{' '.join(options.deny_extensions)} are refused with 404."
        )
    if options.hidden_segments:
        yield f"URLs with a part named {' '.join(options.hidden_segments)} are refused with 404, views included."
    if options.error_pages and options.handler == "fastcgi":
        yield (
            "With FastCGI, IIS cannot tell its own errors from the application's: from now on it replaces the "
            "body of every answer of 400 and above, JSON included. Leave --error-pages out to keep the "
            "application's."
        )


def _needs(component: str, section: str) -> str:
    return (
        f"{component} must be installed, or every request ends in 500.19 for the section {section}: "
        f"{DOWNLOADS[component]}"
    )


def _about_windowsauth(options: WebConfigOptions) -> Iterable[str]:
    yield "Windows Authentication needs the role feature Windows Authentication."
    if not options.authentication_in_webconfig:
        yield (
            "Authentication is not in web.config: set it for this one site in the server's configuration "
            "(--fastcgi-application prints the lines), or anybody comes in anonymously."
        )
    if KERBEROS_ONLY in options.providers or options.kernel_mode is False:
        yield (
            "Outside kernel mode the application pool's account decrypts the tickets: the service principal name "
            "HTTP/host must be on that account (setspn -S HTTP/www.example.com EXAMPLE\\account)."
        )
    if options.handler == "httpplatform":
        if options.server in ("hypercorn", "granian"):
            yield (
                f"{options.server} is started directly: the application itself must read the sign-in token, with "
                "the IISToken() source. `wauth serve` (waitress, uvicorn) does that by itself."
            )
        yield (
            "HttpPlatformHandler sets no REMOTE_USER. The signed-in user comes as a token, which works only in "
            "the one process that IIS started: raise the number of processes with --processes, not inside the "
            "server."
        )


def _about_folder(name: str, folder: ServedFolder, options: WebConfigOptions) -> Iterable[str]:
    if folder.location is None:
        yield (f"{folder.url!r} is not a path on this site, so only the file in the {name} folder itself was made.")
    elif (relative_to(folder.path, options.root) or "").lower() != folder.location.lower():
        yield (
            f"IIS looks for /{folder.location} in {options.root}, but the {name} folder is {folder.path}. Add a "
            "virtual directory: in IIS Manager right-click the site, Add Virtual Directory, Alias "
            f"{folder.location}, Physical path {folder.path}."
        )
