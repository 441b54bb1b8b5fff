"""``wauth doctor --iis``: check, on the server, everything that often goes wrong between IIS and Python.

Each check reads through the port `Machine`, changes nothing, and says what to do. The advice links to the guides.
docs/iis/errors.md lists the errors that visitors see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from wauth_core.directory.doctor import Check, Outcome
from wauth_core.exceptions import ConfigurationError
from wauth_core.iis import here, layers
from wauth_core.iis.apphost import Application, ApplicationHost, parse, used_sections
from wauth_core.iis.checked_site import CheckedSite, expanded
from wauth_core.iis.machine import Machine
from wauth_core.iis.notes import DOWNLOADS, GUIDES
from wauth_core.iis.sddl import MODIFY, POOL_GROUPS, READ, granted, pool_sid
from wauth_core.iis.setupscript import HTTP_LIMITS, literal

OK, WARNING, FAILED, SKIPPED = Outcome.OK, Outcome.WARNING, Outcome.FAILED, Outcome.SKIPPED
NETWORK = {
    "ApplicationPoolIdentity": "the machine's account",
    "NetworkService": "the machine's account",
    "LocalSystem": "the machine's account",
    "LocalService": "nobody",
}
COMPONENTS = {"system.webServer/httpPlatform": "HttpPlatformHandler", "system.webServer/rewrite/rules": "URL Rewrite"}


def examine(machine: Machine, *, site: str = "", folder: str = "") -> list[Check]:
    """All checks of the site named *site*, or of the one whose folder is *folder*."""
    windows = machine.variable("windir") or r"C:\Windows"
    text = machine.text(rf"{windows}\System32\inetsrv\config\applicationHost.config")
    if text is None:
        return [
            Check(
                "IIS",
                FAILED,
                "applicationHost.config cannot be read.",
                f"Run this on the server, in an elevated prompt. Is IIS installed? See {GUIDES}install.html",
            )
        ]
    try:
        server = ApplicationHost(text)
        application = _chosen(server, site, folder)
        config_text = machine.text(rf"{expanded(machine, application.folder)}\web.config")
        if config_text is None:
            advice = "The site's physical path must be the folder with web.config (403.14, 500.19 0x80070005)."
            return [Check("web.config", FAILED, f"There is none to read in {application.folder}.", advice)]
        config = parse(config_text, "web.config")
    except ConfigurationError as error:
        return [Check("configuration", FAILED, str(error), "Generate web.config again.")]
    pool = server.pool(application.pool)
    if pool is None:
        detail = f"There is no pool {application.pool!r}."
        return [Check("application pool", FAILED, detail, "Run the set-up script (503).")]
    seen = CheckedSite(machine, server, application, pool, config)
    return [found for check in CHECKS for found in check(seen)]


def _chosen(server: ApplicationHost, site: str, folder: str) -> Application:
    applications = server.applications()
    if site:
        found = [each for each in applications if each.location.lower() == site.strip("/").lower()]
    else:
        found = [each for each in applications if each.folder.rstrip("\\").lower() == folder.rstrip("\\").lower()]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(each.location for each in applications)
    raise ConfigurationError(f"Which site? Give --site: there are {listed or 'none'}.")


def _handler(site: CheckedSite) -> Iterator[Check]:
    modules = site.server.modules()
    for handler in site.config.iterfind("system.webServer/handlers/add"):
        module = handler.get("modules", "")
        if module in ("httpPlatformHandler", "FastCgiModule") and module not in modules:
            cure = f"Install {DOWNLOADS['HttpPlatformHandler']}" if module[0] == "h" else "Install the role feature CGI"
            yield Check("handler", FAILED, f"The module {module} is not installed (500.21).", f"{cure}.")
    if site.uses_httpplatform and "httpPlatformHandler" in modules:
        version = 2 if "v2" in modules["httpPlatformHandler"].lower() else 1
        if version == 2:
            yield Check("handler", OK, "HttpPlatformHandler 2")
        else:
            advice = "Version 2 ends processes without losing requests, and has a secret:"
            detail = "HttpPlatformHandler 1.2"
            yield Check("handler", WARNING, detail, f"{advice} {DOWNLOADS['HttpPlatformHandler']}")
    for handler in site.config.iterfind("system.webServer/handlers/add[@scriptProcessor]"):
        program, _, arguments = handler.get("scriptProcessor", "").partition("|")
        if (program, arguments) in site.server.fastcgi():
            yield Check("handler", OK, "FastCGI, registered on the server")
        else:
            detail = f"The server does not know the FastCGI program {program}, spelled like that (500.0)."
            yield Check("handler", FAILED, detail, "Run the line that --fastcgi-application prints.")
    platform = site.config.find("system.webServer/httpPlatform")
    runs_asgi = platform is not None and "--server uvicorn" in platform.get("arguments", "")
    if runs_asgi and "WebSocketModule" not in modules:
        cure = f"Install the role feature Web-WebSockets: {GUIDES}install.html"
        yield Check("handler", WARNING, "Websockets are refused: IIS lacks their module.", cure)
    removed = {each.get("name") for each in site.config.iterfind("system.webServer/handlers/remove")}
    if "WebDAVModule" in modules and "WebDAV" not in removed:
        yield Check("WebDAV", WARNING, "WebDAV takes PUT and DELETE (405).", "Generate web.config again.")


def _sections(site: CheckedSite) -> Iterator[Check]:
    known = site.server.sections()
    used = used_sections(site.config, known)
    for section in sorted(used - set(known)):
        component = COMPONENTS.get(section, section)
        cure = f"Install {component}: {DOWNLOADS.get(component, GUIDES + 'install.html')}"
        yield Check("sections", FAILED, f"{section} is of a component that is missing (500.19, 0x8007000d).", cure)
    locked = [each for each in sorted(used) if not site.server.may_override(each, site.application.location)]
    for section in locked:
        cure = "Run the set-up script, or the lines that --fastcgi-application prints."
        yield Check("sections", FAILED, f"{section} is locked for this site (500.19, 0x80070021).", cure)
    if not locked and used <= set(known):
        yield Check("sections", OK, f"{len(used)} used, none locked, none missing")


def _pool(site: CheckedSite) -> Iterator[Check]:
    pool = site.pool
    who = pool.user or pool.identity
    network = NETWORK.get(pool.identity, pool.user)
    if pool.identity == "LocalSystem":
        yield Check(
            "pool", WARNING, f"{pool.name} runs as LocalSystem, which may do anything.", "Run the set-up script."
        )
    elif pool.identity == "LocalService":
        cure = 'Use ApplicationPoolIdentity, or a gMSA: AUTHENTICATION = "KERBEROS" cannot work.'
        yield Check("pool", WARNING, f"{pool.name} runs as LOCAL SERVICE, on the network nobody.", cure)
    else:
        yield Check("pool", OK, f"{pool.name} runs as {who}; on the network it is {network}")
    if pool.start_mode != "AlwaysRunning" or pool.idle_timeout not in ("00:00:00", "0"):
        cure = "Run the set-up script: AlwaysRunning, no idle time-out, recycled at night."
        yield Check("pool", WARNING, "The site starts with its first visitor, and ends when idle.", cure)


def _rights(site: CheckedSite) -> Iterator[Check]:
    sids = POOL_GROUPS | {_sid_of(site)}
    platform = site.config.find("system.webServer/httpPlatform")
    python = logs = ""
    if platform is not None:
        python = platform.get("processPath", "")
        logs = platform.get("stdoutLogFile", "") if platform.get("stdoutLogEnabled") == "true" else ""
    for handler in site.config.iterfind("system.webServer/handlers/add[@scriptProcessor]"):
        python = handler.get("scriptProcessor", "").partition("|")[0].strip('"')
    for setting in site.config.iterfind("appSettings/add[@key='WSGI_LOG']"):
        logs = setting.get("value", "")
    problem = here.out_of_reach(python)
    if problem:
        yield Check("rights", FAILED, problem, f"See {GUIDES}quickstart.html")
    wanted = {"site": (site.application.folder, READ)}
    if python:
        wanted["Python"] = (python, READ)
    if logs:
        wanted["logs"] = (logs.rpartition("\\")[0], MODIFY)
    for what, (path, needed) in wanted.items():
        sddl = _sddl(site.machine, site.expanded(path))
        may = "write to" if needed == MODIFY else "read"
        if not sddl:
            yield Check("rights", FAILED, f"{what}: {path} is not there.", "Generate web.config again on this server.")
        elif granted(sddl, sids) & needed == needed:
            yield Check("rights", OK, f"{what}: the pool may {may} {path}")
        else:
            cure = "Run the set-up script, which grants it (502.5, 500.19 0x80070005)."
            yield Check("rights", FAILED, f"{what}: the pool cannot {may} {path}.", cure)


def _sid_of(site: CheckedSite) -> str:
    fixed = {"LocalSystem": "S-1-5-18", "LocalService": "S-1-5-19", "NetworkService": "S-1-5-20"}
    if site.pool.identity == "SpecificUser":
        account = f"[Security.Principal.NTAccount]{literal(site.pool.user)}"
        script = f"({account}).Translate([Security.Principal.SecurityIdentifier]).Value"
        return (site.machine.powershell(script) or "").strip()
    return fixed.get(site.pool.identity) or pool_sid(site.pool.name)


def _sddl(machine: Machine, path: str) -> str:
    return (machine.powershell(f"(Get-Acl -LiteralPath {literal(path)}).Sddl") or "").strip()


def _bindings(site: CheckedSite) -> Iterator[Check]:
    secure = [each for each in site.application.bindings if each.protocol == "https"]
    certificates = site.machine.run("netsh", "http", "show", "sslcert") or ""
    for binding in secure:
        place = f"{binding.host or '0.0.0.0'}:{binding.port}"  # noqa: S104 - how netsh lists a binding without a name
        found = re.search(rf"{re.escape(place)}\s.*?\b([0-9a-fA-F]{{40}})\b", certificates, re.DOTALL)
        if not found:
            cure = "Run the set-up script with -CertificateThumbprint."
            yield Check("HTTPS", FAILED, f"{binding.information} has no certificate.", cure)
            continue
        script = f"(Get-Item Cert:\\LocalMachine\\My\\{found[1]}).NotAfter -gt (Get-Date).AddDays(14)"
        if "False" in (site.machine.powershell(script) or ""):
            cure = "Renew it, and run the set-up script with the new -CertificateThumbprint."
            yield Check("HTTPS", WARNING, f"The certificate of {binding.information} ends within 14 days.", cure)
        else:
            yield Check("HTTPS", OK, f"{binding.information} has a certificate")
    if not secure:
        redirects = site.config.find("system.webServer/rewrite/rules") is not None
        cure = f"Run the set-up script with -CertificateThumbprint: {GUIDES}https.html"
        yield Check("HTTPS", FAILED if redirects else WARNING, "There is no HTTPS binding.", cure)


def _sign_in(site: CheckedSite) -> Iterator[Check]:
    windows, anonymous = site.authentication("windowsAuthentication"), site.authentication("anonymousAuthentication")
    if windows.get("enabled", "false") != "true":
        yield Check("sign-in", WARNING, "Windows Authentication is off: nobody is signed in.", "Generate with -w.")
        return
    in_kernel = windows.get("useKernelMode", "true") == "true"
    if anonymous.get("enabled", "true") == "true":
        yield Check("sign-in", FAILED, "Anonymous access is on: everybody comes in as nobody.", "Generate with -w.")
    else:
        where = "in" if in_kernel else "outside"
        yield Check("sign-in", OK, f"Windows Authentication only, {where} kernel mode")
    kernel = in_kernel and windows.get("useAppPoolCredentials", "false") != "true"
    machine_account = site.machine.variable("COMPUTERNAME").partition(".")[0] + "$"
    owner = machine_account if kernel or not site.pool.user else site.pool.user
    for host in sorted({each.host for each in site.application.bindings if each.host}):
        yield _principal(site.machine, host, owner)
        yield from _loop_back(site.machine, host)


def _principal(machine: Machine, host: str, owner: str) -> Check:
    said = machine.run("setspn", "-Q", f"HTTP/{host}")
    if said is None:
        return Check("Kerberos", SKIPPED, "setspn cannot be run here.")
    holders = re.findall(r"^(CN=.+?)\s*$", said, re.MULTILINE)
    # An account's name may differ from its CN; the first line of its own list holds its distinguished name
    own = re.search(r"\b(CN=.+):\s*$", machine.run("setspn", "-L", owner) or "", re.MULTILINE)
    cure = f"A domain administrator runs: setspn -S HTTP/{host} {owner}"
    if not holders:
        return Check("Kerberos", WARNING, f"HTTP/{host} is nobody's: browsers use NTLM.", cure)
    if len(holders) > 1:
        cure = f"Take it from all but one: setspn -D. See {GUIDES}kerberos.html"
        return Check("Kerberos", FAILED, f"HTTP/{host} is on several accounts: {'; '.join(holders)} (401.1).", cure)
    if own is None or holders[0].lower() != own[1].lower():
        detail = f"HTTP/{host} is on {holders[0]}, and {owner} decrypts the tickets (401.1)."
        return Check("Kerberos", FAILED, detail, f"Take it from there: setspn -D. {cure}")
    return Check("Kerberos", OK, f"HTTP/{host} is on {owner}")


def _loop_back(machine: Machine, host: str) -> Iterator[Check]:
    lsa = r"SYSTEM\CurrentControlSet\Control\Lsa"
    names = machine.registry(rf"{lsa}\MSV1_0", "BackConnectionHostNames") or []
    if machine.registry(lsa, "DisableLoopbackCheck") == 1:
        detail = "The loop-back check is off for all names."
        yield Check("loop-back check", WARNING, detail, "It protects from relayed sign-ins: take the value away.")
    elif host.lower() not in [str(name).lower() for name in names]:
        detail = f"On this machine itself sign-ins to {host} end in 401.1; that is by design."
        yield Check("loop-back check", OK, f"{detail} Look from another machine.")


def _limits(site: CheckedSite) -> Iterator[Check]:
    key = r"SYSTEM\CurrentControlSet\Services\HTTP\Parameters"
    small = [name for name, size in HTTP_LIMITS.items() if int(site.machine.registry(key, name) or 16384) < size]
    if small:
        detail = f"{' and '.join(small)}: HTTP.sys refuses the tickets of people in many groups (400)."
        yield Check("limits", WARNING, detail, f"{GUIDES}limits.html#people-in-many-groups")
    limits = site.config.find("system.webServer/security/requestFiltering/requestLimits")
    size = int((limits.get("maxAllowedContentLength") if limits is not None else None) or 30_000_000)
    platform = site.config.find("system.webServer/httpPlatform")
    time = platform.get("requestTimeout", "00:02:00") if platform is not None else "70 seconds without a byte"
    yield Check("limits", OK, f"uploads up to {size / 10**6:g} MB; one request: {time}")


def _logs(site: CheckedSite) -> Iterator[Check]:
    platform = site.config.find("system.webServer/httpPlatform")
    if platform is None:
        return
    if platform.get("stdoutLogEnabled") != "true":
        yield Check("logs", WARNING, "What Python prints is kept nowhere.", r"Generate with -l logs\python.log.")
        return
    folder, _, prefix = platform.get("stdoutLogFile", "").rpartition("\\")
    names = [name for name in site.machine.names(folder) or [] if name.startswith(prefix + "_")]
    newest = max(names, default="")
    yield Check(
        "logs", OK, rf"{len(names)} of them; the newest: {folder}\{newest}" if newest else f"none yet in {folder}"
    )


CHECKS: tuple[Callable[[CheckedSite], Iterator[Check]], ...] = (
    *(_handler, _sections, _pool, _rights, _bindings),
    *(_sign_in, _limits, _logs, layers.processes, layers.answers),
)
