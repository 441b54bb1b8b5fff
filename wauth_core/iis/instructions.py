"""The commands an administrator runs once, as text to print, for a command prompt and for PowerShell."""

from __future__ import annotations

from collections.abc import Iterable

from wauth_core.iis import appcmd, setupscript
from wauth_core.iis.options import WebConfigOptions


def http_limits() -> Iterable[str]:
    """The commands that let HTTP.sys accept big headers."""
    for name, size in setupscript.HTTP_LIMITS.items():
        yield rf"reg add HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters /v {name} /t REG_DWORD /d {size} /f"


def for_administrator(options: WebConfigOptions, site: str) -> Iterable[str]:
    """Register FastCGI; and two ways to handle locked sections. For an elevated prompt."""
    yield "Run these once, in an elevated prompt."
    if options.handler == "fastcgi":
        yield ""
        yield "Register the FastCGI application (in a command prompt):"
        yield appcmd.register_fastcgi(options) or "  (a command prompt cannot carry this path; use PowerShell)"
        yield "or (in PowerShell):"
        yield setupscript.register_fastcgi(options)
    yield ""
    yield "Unlock the sections that web.config sets. This holds for every site on the server:"
    yield from appcmd.unlock(options)
    if options.windowsauth:
        yield ""
        yield "People in many groups send bigger headers than Windows accepts (400); then restart the machine:"
        yield from http_limits()
        yield ""
        yield ("Or keep authentication locked (--keep-locked), and set it for this site on the server:")
        yield from appcmd.set_for_site(options, site)
