"""``wauth doctor --iis``, through a server that is made of data.

The files follow Microsoft's schemas (IIS_schema.xml; what a stock applicationHost.config holds), the outputs of
programs Microsoft's documentation of them: nobody here has seen a real server's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.core.iis.samples import FASTCGI, HTTPPLATFORM, ROOT
from wauth_core.cli.app import wauth
from wauth_core.directory import Check, Outcome
from wauth_core.iis import apphost, iis_doctor, machine, notes, sddl, setupscript
from wauth_core.iis.commandlines import script_processor
from wauth_core.iis.webconfig import build

DOCS = Path(__file__).parents[3] / "docs" / "iis"
PYTHON = HTTPPLATFORM.python
APPHOST = r"C:\Windows\System32\inetsrv\config\applicationHost.config"
CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <configSections>
    <sectionGroup name="system.applicationHost">
      <section name="applicationPools" allowDefinition="AppHostOnly" overrideModeDefault="Deny" />
      <section name="sites" allowDefinition="AppHostOnly" overrideModeDefault="Deny" />
    </sectionGroup>
    <sectionGroup name="system.webServer">
      <section name="handlers" overrideModeDefault="Deny" />
      <section name="httpErrors" overrideModeDefault="Allow" />
      <section name="httpPlatform" overrideModeDefault="Allow" />
      <sectionGroup name="rewrite"><section name="rules" overrideModeDefault="Allow" /></sectionGroup>
      <sectionGroup name="security">
        <sectionGroup name="authentication">
          <section name="anonymousAuthentication" overrideModeDefault="Deny" />
          <section name="windowsAuthentication" overrideModeDefault="Deny" />
        </sectionGroup>
        <section name="requestFiltering" overrideModeDefault="Allow" />
      </sectionGroup>
    </sectionGroup>
  </configSections>
  <system.applicationHost>
    <applicationPools>
      <add name="DefaultAppPool" />
      <add name="Shop" managedRuntimeVersion="" startMode="AlwaysRunning">
        <processModel identityType="ApplicationPoolIdentity" idleTimeout="00:00:00" />
      </add>
    </applicationPools>
    <sites>
      <site name="Default Web Site" id="1" serverAutoStart="true">
        <application path="/"><virtualDirectory path="/" physicalPath="%SystemDrive%\\inetpub\\wwwroot" /></application>
        <bindings><binding protocol="http" bindingInformation="*:80:" /></bindings>
      </site>
      <site name="Shop" id="2">
        <application path="/" applicationPool="Shop">
          <virtualDirectory path="/" physicalPath="D:\\Sites\\shop" />
        </application>
        <bindings>
          <binding protocol="http" bindingInformation="*:80:shop.example.com" />
          <binding protocol="https" bindingInformation="*:443:shop.example.com" sslFlags="1" />
        </bindings>
      </site>
      <applicationDefaults applicationPool="DefaultAppPool" />
    </sites>
  </system.applicationHost>
  <system.webServer>
    <globalModules>
      <add name="RequestFilteringModule" image="%windir%\\System32\\inetsrv\\modrqflt.dll" />
      <add name="FastCgiModule" image="%windir%\\System32\\inetsrv\\iisfcgi.dll" />
      <add name="httpPlatformHandler"
           image="%ProgramFiles%\\IIS\\HttpPlatformHandler Module\\V2\\httpplatformhandlerv2.dll" />
    </globalModules>
    <security><authentication>
      <anonymousAuthentication enabled="true" userName="IUSR" />
      <windowsAuthentication enabled="false"><providers><add value="Negotiate" /></providers></windowsAuthentication>
    </authentication></security>
  </system.webServer>
  <location path="Shop" overrideMode="Allow">
    <system.webServer>
      <handlers />
      <security><authentication><anonymousAuthentication /><windowsAuthentication /></authentication></security>
    </system.webServer>
  </location>
</configuration>
"""
POOL = sddl.pool_sid("Shop")
ADMINS = "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
READS = f"{ADMINS}(A;OICI;0x1200a9;;;{POOL})"
WRITES = f"{ADMINS}(A;OICI;0x1301bf;;;{POOL})"
# https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/netsh-http#show-sslcert
NETSH = """
SSL Certificate bindings:
-------------------------

    Hostname:port                : shop.example.com:443
    Certificate Hash             : 0123456789abcdef0123456789abcdef01234567
    Application ID               : {4dc3e181-e14b-4a21-b022-59fc669b0914}
"""
# https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/setspn
SETSPN = "Checking domain DC=example,DC=com\nCN=WEB01,OU=Servers,DC=example,DC=com\n\tHTTP/shop.example.com\n"
OWN = {
    "WEB01$": "Registered ServicePrincipalNames for CN=WEB01,OU=Servers,DC=example,DC=com:\n\tHOST/WEB01\n",
    "EXAMPLE\\web$": "Registered ServicePrincipalNames for CN=web,CN=Managed Service Accounts,DC=example,DC=com:\n",
    "EXAMPLE\\svc_shop": "Registered ServicePrincipalNames for CN=The Shop,OU=Services,DC=example,DC=com:\n",
}
SERVED = "-m wauth_core serve --server waitress --port"
PROCESSES = [
    {"ProcessId": 100, "ParentProcessId": 4, "Name": "w3wp.exe", "CommandLine": "w3wp.exe -ap Shop"},
    {"ProcessId": 101, "ParentProcessId": 100, "Name": "python.exe", "CommandLine": f"{PYTHON} {SERVED} 50001 x:y"},
]
PORTS = {"OwningProcess": 101, "LocalPort": 50001}  # one alone, as ConvertTo-Json writes it
WANTED = replace(HTTPPLATFORM, windowsauth=True, logs=ROOT + r"\logs\python.log")


@dataclass(frozen=True)
class Played:
    """A server as data; one that is in order."""

    config: str = CONFIG
    web: str = build(WANTED).files[0].text
    sddl: dict[str, str] = field(default_factory=lambda: {ROOT: READS, PYTHON: READS, ROOT + r"\logs": WRITES})
    values: dict[str, Any] = field(default_factory=lambda: {"MaxFieldLength": 65534, "MaxRequestBytes": 131072})
    netsh: str = NETSH
    setspn: str | None = SETSPN
    processes: list[dict[str, Any]] = field(default_factory=lambda: PROCESSES)
    lasts: bool = True
    ports: Any = field(default_factory=lambda: PORTS)
    python: tuple[int, dict[str, str]] | None = (401, {})
    signed_in: str = "200"
    answer: tuple[int, dict[str, str]] | None = (
        401,
        {"server": "Microsoft-IIS/10.0", "www-authenticate": "Negotiate, NTLM"},
    )
    logs: tuple[str, ...] = ("python_20261124030000_100.log", "python_20261123030000_99.log", "other.log")

    def text(self, path: str) -> str | None:
        return {APPHOST: self.config or None, ROOT + r"\web.config": self.web or None}.get(path)

    def names(self, folder: str) -> list[str] | None:
        return list(self.logs) if folder == ROOT + r"\logs" else None

    def registry(self, key: str, name: str) -> Any:
        return self.values.get(name)

    def run(self, *command: str) -> str | None:
        if command[:2] == ("setspn", "-L"):
            return OWN[command[2]]
        return self.netsh if command[0] == "netsh" else self.setspn

    def powershell(self, script: str) -> str | None:
        if script.startswith("(Get-Acl"):
            return next((sddl + "\n" for path, sddl in self.sddl.items() if f"'{path}'" in script), "")
        if "NTAccount" in script:
            return "S-1-5-21-1-2-3-1105\n"
        if "NotAfter" in script:
            return f"{self.lasts}\n"
        if "CreateHttp" in script:
            assert "'http://127.0.0.1:80/'" in script
            assert "'shop.example.com'" in script
            return self.signed_in + "\n"
        return json.dumps(self.ports if "Get-NetTCPConnection" in script else self.processes)

    def ask(self, port: int, host: str, path: str) -> tuple[int, dict[str, str]] | None:
        assert (host, path) == ("shop.example.com", "/")
        return {80: self.answer, 50001: self.python}[port]

    def variable(self, name: str) -> str:
        return {"COMPUTERNAME": "WEB01", "windir": r"C:\Windows", "SystemDrive": "C:"}.get(name, "")


def examined(played: Played, **given: str) -> list[Check]:
    return iis_doctor.examine(played, **{"folder": ROOT, **given})


def test_a_server_in_order() -> None:
    """Nothing is wrong with a server as the generator and the set-up script leave it."""
    checks = examined(Played())
    assert [check for check in checks if check.outcome in (Outcome.FAILED, Outcome.WARNING)] == []
    assert {check.name for check in checks} == {
        *("handler", "sections", "pool", "rights", "HTTPS", "sign-in", "Kerberos", "loop-back check"),
        *("limits", "logs", "processes", "request"),
    }
    assert examined(Played(), site="shop") == checks


def changed(**fields: Any) -> Played:
    return replace(Played(), **fields)


def config(*pairs: tuple[str, str]) -> Played:
    text = CONFIG
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return changed(config=text)


def web(**options: Any) -> Played:
    return changed(web=build(replace(WANTED, **options)).files[0].text)


MODULE = CONFIG[CONFIG.index('      <add name="httpPlatformHandler"') : CONFIG.index("    </globalModules>")]
LOCATION = CONFIG[CONFIG.index('  <location path="Shop"') : CONFIG.index("</configuration>")]
STOCK = (
    'identityType="ApplicationPoolIdentity"',
    'identityType="SpecificUser" userName="EXAMPLE\\web$"',
)
KERNEL_OFF = {"providers": ("Negotiate:Kerberos",)}


def ordinary(*, setspn: str) -> Played:
    """A pool that runs as an ordinary account, outside kernel mode. *setspn* is what that program says of its SPN."""
    pool = config((STOCK[0], 'identityType="SpecificUser" userName="EXAMPLE\\svc_shop"'))
    return replace(pool, web=web(**KERNEL_OFF).web, setspn=setspn)


ROWS: dict[str, tuple[Callable[[], Played], str, Outcome, str]] = {
    "not elevated": (lambda: changed(config=""), "IIS", Outcome.FAILED, "elevated"),
    "no XML": (lambda: changed(config="<a"), "configuration", Outcome.FAILED, "no XML"),
    "no web.config": (lambda: changed(web=""), "web.config", Outcome.FAILED, "403.14"),
    "no pool": (lambda: config(('<add name="Shop" ', '<add name="X" ')), "application pool", Outcome.FAILED, "503"),
    "no handler": (lambda: config((MODULE, "")), "handler", Outcome.FAILED, "500.21"),
    "old handler": (
        lambda: config((r"V2\httpplatformhandlerv2.dll", "httpPlatformHandler.dll")),
        "handler",
        Outcome.WARNING,
        "Version 2",
    ),
    "WebDAV": (
        lambda: replace(
            config(("<globalModules>", '<globalModules><add name="WebDAVModule" image="webdav.dll" />')),
            web=Played().web.replace('<remove name="WebDAV" />', ""),
        ),
        "WebDAV",
        Outcome.WARNING,
        "405",
    ),
    "section missing": (
        lambda: config(('<section name="httpPlatform" overrideModeDefault="Allow" />', "")),
        "sections",
        Outcome.FAILED,
        "0x8007000d",
    ),
    "section locked": (lambda: config((LOCATION, "")), "sections", Outcome.FAILED, "0x80070021"),
    "locked again below": (
        lambda: config(('path="Shop" overrideMode="Allow"', 'path="Shop" overrideMode="Deny"')),
        "sections",
        Outcome.FAILED,
        "handlers is locked",
    ),
    "LocalSystem": (lambda: config((STOCK[0], 'identityType="LocalSystem"')), "pool", Outcome.WARNING, "anything"),
    "LocalService": (lambda: config((STOCK[0], 'identityType="LocalService"')), "pool", Outcome.WARNING, "nobody"),
    "starts late": (lambda: config((' startMode="AlwaysRunning"', "")), "pool", Outcome.WARNING, "first visitor"),
    "Python unreadable": (
        lambda: changed(sddl={**Played().sddl, PYTHON: ADMINS}),
        "rights",
        Outcome.FAILED,
        "Python: the pool cannot read",
    ),
    "logs only read": (
        lambda: changed(sddl={**Played().sddl, ROOT + r"\logs": READS}),
        "rights",
        Outcome.FAILED,
        "cannot write to",
    ),
    "denied": (
        lambda: changed(sddl={**Played().sddl, ROOT: f"{READS}(D;;0x1;;;BU)"}),
        "rights",
        Outcome.FAILED,
        "site: the pool cannot read",
    ),
    "Python gone": (lambda: changed(sddl={ROOT: READS}), "rights", Outcome.FAILED, "is not there"),
    "Python in a profile": (
        lambda: web(python=r"C:\Users\ken\AppData\Roaming\uv\python\cpython-3.13\python.exe"),
        "rights",
        Outcome.FAILED,
        "UV_PYTHON_INSTALL_DIR",
    ),
    "another account": (lambda: config(STOCK), "rights", Outcome.FAILED, "cannot read"),
    "no certificate": (lambda: changed(netsh=""), "HTTPS", Outcome.FAILED, "-CertificateThumbprint"),
    "old certificate": (lambda: changed(lasts=False), "HTTPS", Outcome.WARNING, "14 days"),
    "no HTTPS": (
        lambda: config(('<binding protocol="https"', '<binding protocol="net.tcp"')),
        "HTTPS",
        Outcome.WARNING,
        "no HTTPS binding",
    ),
    "no HTTPS, but a redirect": (
        lambda: replace(config(('<binding protocol="https"', '<binding protocol="net.tcp"')), web=web(https=True).web),
        "HTTPS",
        Outcome.FAILED,
        "no HTTPS binding",
    ),
    "nobody signs in": (lambda: web(windowsauth=False), "sign-in", Outcome.WARNING, "-w"),
    "anonymous too": (
        lambda: changed(web=Played().web.replace('<anonymousAuthentication enabled="false" />', "")),
        "sign-in",
        Outcome.FAILED,
        "Anonymous access is on",
    ),
    "no SPN": (lambda: changed(setspn="No such SPN found.\n"), "Kerberos", Outcome.WARNING, "setspn -S"),
    "SPN twice": (
        lambda: changed(setspn=SETSPN + "CN=web,CN=Managed Service Accounts,DC=example,DC=com\n"),
        "Kerberos",
        Outcome.FAILED,
        "several accounts",
    ),
    "SPN elsewhere": (
        lambda: changed(setspn=SETSPN.replace("WEB01", "OLDWEB")),
        "Kerberos",
        Outcome.FAILED,
        "WEB01$ decrypts",
    ),
    "SPN of the pool's account": (
        lambda: replace(config(STOCK), web=web(**KERNEL_OFF).web),
        "Kerberos",
        Outcome.FAILED,
        r"EXAMPLE\web$ decrypts",
    ),
    "kernel mode": (Played, "sign-in", Outcome.OK, "only, in kernel mode"),
    "outside kernel mode": (lambda: web(**KERNEL_OFF), "sign-in", Outcome.OK, "only, outside kernel mode"),
    "SPN of an account whose CN is another name": (
        lambda: ordinary(setspn="CN=The Shop,OU=Services,DC=example,DC=com\n"),
        "Kerberos",
        Outcome.OK,
        r"is on EXAMPLE\svc_shop",
    ),
    "no SPN of an ordinary account": (
        lambda: ordinary(setspn="No such SPN found.\n"),
        "Kerberos",
        Outcome.WARNING,
        r"setspn -S HTTP/shop.example.com EXAMPLE\svc_shop",
    ),
    "no setspn": (lambda: changed(setspn=None), "Kerberos", Outcome.SKIPPED, "cannot be run"),
    "no loop-back check": (
        lambda: changed(values={**Played().values, "DisableLoopbackCheck": 1}),
        "loop-back check",
        Outcome.WARNING,
        "relayed",
    ),
    "small headers": (lambda: changed(values={}), "limits", Outcome.WARNING, "400"),
    "no logs": (lambda: web(logs=""), "logs", Outcome.WARNING, "-l logs"),
    "stale process": (
        lambda: changed(processes=[PROCESSES[1]]),
        "processes",
        Outcome.WARNING,
        "taskkill /F /PID 101",
    ),
    "silent": (lambda: changed(answer=None), "request", Outcome.FAILED, "W3SVC"),
    "500": (lambda: changed(answer=(500, {})), "request", Outcome.FAILED, "Look for 500"),
    "400": (lambda: changed(answer=(400, {"server": "Microsoft-HTTPAPI/2.0"})), "request", Outcome.FAILED, "HTTPAPI"),
    "no websockets": (
        lambda: web(interface="asgi", server="uvicorn"),
        "handler",
        Outcome.WARNING,
        "Web-WebSockets",
    ),
    "Python silent": (lambda: changed(python=None), "request", Outcome.FAILED, "silent on port 50001 (502.3)"),
    "Python fails": (lambda: changed(python=(500, {})), "request", Outcome.FAILED, "500 from Python itself"),
    "Python not begun": (lambda: changed(ports=[]), "request", Outcome.SKIPPED, "first visitor"),
    "signed in, and an error": (lambda: changed(signed_in="502"), "request", Outcome.FAILED, "Look for 502"),
    "signed in, and refused": (lambda: changed(signed_in="401"), "request", Outcome.SKIPPED, "loop-back check"),
    "no sign-in to be had": (lambda: changed(signed_in="0"), "request", Outcome.SKIPPED, "No answer"),
    "401 without Negotiate": (lambda: changed(answer=(401, {})), "request", Outcome.OK, "401"),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_is_found(row: tuple[Callable[[], Played], str, Outcome, str]) -> None:
    """Each thing that people stumble over is found, with its error number and what to do."""
    played, name, outcome, says = row
    found = [check for check in examined(played()) if check.name == name and check.outcome is outcome]
    assert any(says in f"{check.detail} {check.advice}" for check in found), examined(played())
    assert all(check.advice for check in found if outcome in (Outcome.FAILED, Outcome.WARNING))


def test_fastcgi() -> None:
    """The program must be registered, spelled as in the handler, and then it is found."""
    played = changed(web=build(replace(FASTCGI, windowsauth=True)).files[0].text)
    assert any("does not know the FastCGI program" in check.detail for check in examined(played))
    program, arguments = script_processor(FASTCGI)
    known = f'<fastCgi><application fullPath="{program}" arguments="{arguments}" /></fastCgi>'
    text = CONFIG.replace("<globalModules>", f"{known}<globalModules>")
    checks = examined(replace(played, config=text))
    assert any(check.detail == "FastCGI, registered on the server" for check in checks)
    assert any(check.detail == f"Python: the pool may read {PYTHON}" for check in checks)


def test_fastcgi_writes_its_log() -> None:
    """The pool's right to the folder of WSGI_LOG is looked at."""
    logged = build(replace(FASTCGI, logs=ROOT + r"\logs\wfastcgi.log")).files[0].text
    for rights, outcome in ((WRITES, Outcome.OK), (READS, Outcome.FAILED)):
        played = changed(web=logged, sddl={**Played().sddl, ROOT + r"\logs": rights})
        assert any(check.detail.startswith("logs: ") and check.outcome is outcome for check in examined(played))


def test_the_guides_that_are_named_are_there() -> None:
    """Each address in an advice, in a note and in the set-up script is a page of docs/iis, and its part a heading."""
    written = "".join(Path(module.__file__).read_text("utf-8") for module in (iis_doctor, notes))
    named = set(re.findall(r"GUIDES\}?(?: \+ ')?([\w-]+\.html(?:#[\w-]+)?)", written))
    named |= set(re.findall(r"stable/iis/([\w-]+\.html)", setupscript.BODY.read_text("utf-8")))
    assert len(named) > 5
    for address in named:
        page, _, part = address.partition("#")
        text = (DOCS / page.replace(".html", ".md")).read_text("utf-8")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert not part or part in {re.sub(r"\W+", "-", heading.lower()).strip("-") for heading in headings}


@pytest.mark.parametrize("given", [{"site": "Nowhere"}, {"folder": r"D:\elsewhere"}])
def test_a_site_that_is_none(given: dict[str, str]) -> None:
    """The sites that there are are listed."""
    [check] = examined(Played(), **given)
    assert check.outcome is Outcome.FAILED
    assert "Default Web Site, Shop" in check.detail


def test_an_application_below_a_site() -> None:
    """Its own pool and folder count, and what is said for the site above holds for it too."""
    below = (
        r'<application path="/a" applicationPool="Shop"><virtualDirectory path="/" physicalPath="D:\a" /></application>'
    )
    text = CONFIG.replace("        <bindings>\n", f"        {below}\n        <bindings>\n")
    server = apphost.ApplicationHost(text)
    assert [each.location for each in server.applications()] == ["Default Web Site", "Shop", "Shop/a"]
    assert server.may_override("system.webServer/handlers", "Shop/a")
    assert not server.may_override("system.webServer/handlers", "Default Web Site")


def test_pool_sids_are_windows_own() -> None:
    """The SID of the stock pool, which Microsoft's documentation and every server show."""
    assert sddl.pool_sid("DefaultAppPool") == "S-1-5-82-3006700770-424185619-1745488364-794895919-4004696415"


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("D:(A;;FA;;;WD)", 0x1F01FF),
        ("D:(A;OICIIO;FA;;;WD)", 0),
        ("D:(A;;FRFX;;;BU)", 0x1200A9),
        ("D:(A;;FA;;;BA)", 0),
        ("D:(A;;FA;;;WD)(D;;FA;;;IS)", 0),
        ("", 0),
    ],
)
def test_rights(text: str, mask: int) -> None:
    """What is inherit-only, somebody else's or denied does not count."""
    assert sddl.granted(text, sddl.POOL_GROUPS) == mask


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``wauth doctor --iis --json`` prints a report to paste back, with no settings, and exits with 1 for a failure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("wauth_core.cli.account.ThisMachine", Played)
    done = CliRunner().invoke(wauth, ["doctor", "--iis", "--site", "Shop", "--json"])
    assert done.exit_code == 0, done.output
    assert {"check": "pool", "outcome": "ok"}.items() <= next(
        r for r in json.loads(done.output) if r["check"] == "pool"
    ).items()
    assert CliRunner().invoke(wauth, ["doctor", "--iis"]).exit_code == 1


def test_the_real_machine(tmp_path: Path) -> None:
    """Whatever cannot be asked is None, and never an error: this machine may be no Windows at all."""
    real = machine.ThisMachine()
    (tmp_path / "a.txt").write_text("\ufeffé", encoding="utf-8")
    assert real.text(str(tmp_path / "a.txt")) == "é"
    assert real.names(str(tmp_path)) == ["a.txt"]
    assert real.text(str(tmp_path / "b.txt")) is None
    assert real.names(str(tmp_path / "b")) is None
    assert real.registry(r"SOFTWARE\Nowhere", "Nothing") is None
    assert real.run("no-such-program") is None
    assert real.ask(1, "", "/") is None
    assert real.variable("COMPUTERNAME")
    assert real.variable("NO_SUCH_VARIABLE") == ""
