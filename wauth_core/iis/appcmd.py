"""The commands an administrator runs once, in an elevated prompt: register FastCGI, and unlock or avoid locked
sections.
"""

from __future__ import annotations

import re

from wauth_core.iis.commandlines import script_processor
from wauth_core.iis.options import KERBEROS_ONLY, WebConfigOptions
from wauth_core.iis.windowspath import quote

APPCMD = r"%windir%\system32\inetsrv\appcmd.exe"
AUTHENTICATION = "system.webServer/security/authentication"
STOCK_PROVIDERS = ("Negotiate", "NTLM")

# The default for stderrMode shows tracebacks to visitors; the default for instanceMaxRequests, 200,
# restarts Python all the time.
# https://learn.microsoft.com/en-us/iis/configuration/system.webserver/fastcgi/application/
FASTCGI_SETTINGS = {
    "maxInstances": "4",
    "instanceMaxRequests": "10000",
    "signalBeforeTerminateSeconds": "30",
    "stderrMode": "ReturnGeneric500",
}


def fastcgi_settings(options: WebConfigOptions) -> dict[str, str]:
    """How the server runs the FastCGI application: our defaults, and the time limit of a request."""
    if not options.request_minutes:
        return FASTCGI_SETTINGS
    seconds = str(options.request_minutes * 60)
    return FASTCGI_SETTINGS | {"activityTimeout": seconds, "requestTimeout": seconds}


def locked_sections(options: WebConfigOptions) -> tuple[str, ...]:
    """The sections used in web.config that a stock server keeps locked."""
    sections = ["system.webServer/handlers"]
    if options.windowsauth and options.authentication_in_webconfig:
        sections += [f"{AUTHENTICATION}/anonymousAuthentication", f"{AUTHENTICATION}/windowsAuthentication"]
    return tuple(sections)


def register_fastcgi(options: WebConfigOptions) -> str | None:
    """Tell the server which program may run as FastCGI, spelled exactly as in the handler.

    None if the path cannot be written in a command prompt. Inner quotes end the outer ones, so ``&`` and the like would
    have their special meaning; and it is not documented how appcmd escapes an apostrophe. The PowerShell line takes any
    path.
    """
    path, arguments = script_processor(options)
    if "'" in path + arguments or ('"' in path + arguments and re.search("[&^<>]", path + arguments)):
        return None
    settings = {"fullPath": path, "arguments": arguments} | fastcgi_settings(options)
    collection = ",".join(f"{name}='{value}'" for name, value in settings.items())
    addition = quote(f"/+[{collection}]", always=True)
    return f"{APPCMD} set config /section:system.webServer/fastCgi {addition} /commit:apphost"


def unlock(options: WebConfigOptions) -> tuple[str, ...]:
    """Let the web.config files of every site on the server set these sections."""
    return tuple(f"{APPCMD} unlock config /section:{section}" for section in locked_sections(options))


def set_for_site(options: WebConfigOptions, site: str) -> tuple[str, ...]:
    """Set Windows Authentication for one site in the server's own configuration. This needs no unlocking."""
    windows = ["/enabled:true"]
    if options.kernel_mode is not None or KERBEROS_ONLY in options.providers:
        windows.append(f"/useKernelMode:{str(bool(options.kernel_mode)).lower()}")
    if options.extended_protection is not None:
        windows.append(f"/extendedProtection.tokenChecking:{options.extended_protection}")
    lines = [
        _set(site, "anonymousAuthentication", "/enabled:false"),
        _set(site, "windowsAuthentication", *windows),
    ]
    if options.providers:
        removed = [f"/-providers.[value='{name}']" for name in STOCK_PROVIDERS]
        added = [f"/+providers.[value='{name}']" for name in options.providers]
        lines += [_set(site, "windowsAuthentication", change) for change in (*removed, *added)]
    return tuple(lines)


def _set(site: str, section: str, *settings: str) -> str:
    arguments = " ".join(quote(setting, always="[" in setting) for setting in settings)
    where = f"{quote(site, always=True)} /section:{AUTHENTICATION}/{section}"
    return f"{APPCMD} set config {where} {arguments} /commit:apphost"
