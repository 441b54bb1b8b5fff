"""`iis_doctor`'s checks of a running site: its processes, and the answer of each layer from the port to Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wauth_core.directory.doctor import Check, Outcome
from wauth_core.iis.apphost import Binding
from wauth_core.iis.checked_site import CheckedSite
from wauth_core.iis.notes import ERRORS
from wauth_core.iis.setupscript import literal

OK, WARNING, FAILED, SKIPPED = Outcome.OK, Outcome.WARNING, Outcome.FAILED, Outcome.SKIPPED
PROCESSES = "Get-CimInstance Win32_Process | Select-Object ProcessId, ParentProcessId, Name, CommandLine"
PORTS = "Get-NetTCPConnection -State Listen | Select-Object OwningProcess, LocalPort"
SECOND_NUMBER = "the second number is in IIS's own log"


def processes(site: CheckedSite) -> Iterator[Check]:
    """Our processes whose IIS has ended: they keep the files of an old version open."""
    listed = _listed(site, PROCESSES)
    alive = {each["ProcessId"] for each in listed}
    ours = [each for each in listed if "-m wauth_core serve" in (each.get("CommandLine") or "")]
    stale = [str(each["ProcessId"]) for each in ours if each["ParentProcessId"] not in alive]
    if stale:
        cure = f"End them: taskkill /F /PID {' /PID '.join(stale)}"
        yield Check("processes", WARNING, f"Python without an IIS: {', '.join(stale)}.", cure)
    elif listed:
        yield Check("processes", OK, f"{len(ours)} Python processes below IIS")


def answers(site: CheckedSite) -> Iterator[Check]:
    """Three requests: one without a sign-in, to HTTP.sys and IIS; one to Python itself; one with a sign-in, through
    all.
    """
    plain = next((each for each in site.application.bindings if each.protocol == "http"), None)
    if plain is None:
        yield Check("request", SKIPPED, "There is no HTTP binding to ask.")
        return
    answer = site.machine.ask(int(plain.port or 80), plain.host, site.application.path)
    if answer is None:
        cure = "Is the World Wide Web Publishing Service running? Start-Service W3SVC; is the pool started? (503)"
        yield Check("request", FAILED, f"Nothing answers on port {plain.port}.", cure)
        return
    status, headers = answer
    detail = f"{status} from {headers.get('server', '') or 'the site'}"
    asks = status == 401 and "negotiate" in headers.get("www-authenticate", "").lower()
    if asks:
        yield Check("request", OK, f"{detail}: HTTP.sys, IIS and web.config work, and IIS asks for a sign-in")
    else:
        yield _judged(status, detail)
    yield from _of_python(site, plain)
    if asks:
        yield _signed_in(site, plain)


def _of_python(site: CheckedSite, binding: Binding) -> Iterator[Check]:
    platform = site.config.find("system.webServer/httpPlatform")
    arguments = platform.get("arguments", "").partition("%")[0] if platform is not None else ""
    if not arguments:
        return  # FastCGI: it does not speak HTTP
    ours = {each["ProcessId"] for each in _listed(site, PROCESSES) if arguments in (each.get("CommandLine") or "")}
    ports = [each["LocalPort"] for each in _listed(site, PORTS) if each["OwningProcess"] in ours]
    if not ports:
        yield Check("request", SKIPPED, "No Python process of this site listens; it starts with the first visitor.")
    for port in ports:
        answer = site.machine.ask(port, binding.host, site.application.path)
        if answer is None:
            cure = "Look into the newest log; end the process, and IIS starts another."
            yield Check("request", FAILED, f"Python is silent on port {port} (502.3).", cure)
        elif answer[0] >= 500:
            yield _judged(answer[0], f"{answer[0]} from Python itself, on port {port}")
        else:  # a refusal too: nobody has signed in there
            yield Check("request", OK, f"{answer[0]} from Python itself, on port {port}: it runs")


def _signed_in(site: CheckedSite, binding: Binding) -> Check:
    """Ask by PowerShell, which uses the account of the person who runs this."""
    uri, host = f"http://127.0.0.1:{binding.port or 80}{site.application.path}", binding.host or "127.0.0.1"
    script = (
        f"$r = [Net.WebRequest]::CreateHttp({literal(uri)}); $r.Host = {literal(host)}; "
        "$r.UseDefaultCredentials = $true; $r.AllowAutoRedirect = $false; try { $a = $r.GetResponse() } "
        "catch [Net.WebException] { $a = $_.Exception.Response }; [int]$a.StatusCode"
    )
    said = (site.machine.powershell(script) or "").strip()
    if not said.isdecimal() or said == "0":
        return Check("request", SKIPPED, "No answer to a request with a sign-in.")
    if said == "401":
        detail = "401 to your own sign-in: here that is the loop-back check, or Python refuses."
        return Check("request", SKIPPED, f"{detail} Open the site from another machine.")
    return _judged(int(said), f"{said} to your own sign-in, through IIS and Python")


def _judged(status: int, detail: str) -> Check:
    if status >= 500 or status in (400, 403, 404, 405):
        return Check("request", FAILED, detail, f"Look for {status} in {ERRORS}; {SECOND_NUMBER}")
    return Check("request", OK, detail)


def _listed(site: CheckedSite, script: str) -> list[dict[str, Any]]:
    """What a line of PowerShell lists. PowerShell returns a single thing without a list."""
    try:
        listed = json.loads(site.machine.powershell(f"{script} | ConvertTo-Json") or "[]")
    except ValueError:
        return []
    return listed if isinstance(listed, list) else [listed]
