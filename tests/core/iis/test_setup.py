"""What an administrator runs once: appcmd lines and the PowerShell script."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.iis.samples import CASES, FASTCGI, HTTPPLATFORM, ODD
from wauth_core.exceptions import ConfigurationError
from wauth_core.iis import appcmd, setupscript
from wauth_core.iis.options import ServedFolder, WebConfigOptions
from wauth_core.iis.setupscript import SiteOptions

GOLDEN = Path(__file__).with_name("golden_setup")
SCRIPTS = {
    "fastcgi": (replace(FASTCGI, windowsauth=True), SiteOptions("Shop", "shop.example.com")),
    "fastcgi-odd-paths": (ODD, SiteOptions("Zoë")),
    "httpplatform-everything": (CASES["everything"], SiteOptions("Shop", account="EXAMPLE\\web$")),
    "kept-locked-kerberos": (
        replace(
            HTTPPLATFORM,
            windowsauth=True,
            authentication_in_webconfig=False,
            providers=("Negotiate:Kerberos",),
            extended_protection="Require",
            static=ServedFolder("/static/", r"E:\big disk\static"),
        ),
        SiteOptions("Shop", python_home=(r"C:\Program Files\Python313",)),
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_golden_scripts(name: str) -> None:
    """The script is exactly the one that was reviewed (WAUTH_WRITE_GOLDEN=1 renews)."""
    options, site = SCRIPTS[name]
    file = setupscript.build("setup-iis.ps1", options, site)
    path = GOLDEN / f"{name}.ps1"
    if os.environ.get("WAUTH_WRITE_GOLDEN") == "1":
        path.write_bytes(file.content)
    assert file.content == path.read_bytes()


def test_script_is_readable_for_windows_powershell() -> None:
    """A byte order mark, without which PowerShell 5.1 reads the ANSI code page; and Windows line ends."""
    content = setupscript.build("setup-iis.ps1", *SCRIPTS["fastcgi-odd-paths"]).content
    assert content.startswith(b"\xef\xbb\xbf#Requires")
    assert content.count(b"\n") == content.count(b"\r\n")


@pytest.mark.parametrize("name", ["", " ", "a/b", 'a"b', "a'b", "a$b", "a*", "[a]", "a\nb"])
def test_site_names_that_iis_refuses(name: str) -> None:
    """IIS's forbidden characters, and those that would mean something in the script."""
    with pytest.raises(ConfigurationError, match="IIS site"):
        setupscript.build("setup-iis.ps1", FASTCGI, SiteOptions(name))


@pytest.mark.parametrize("host", ["shop example", "shop;", "-shop", "shop'", "shop\n"])
def test_host_names_that_are_none(host: str) -> None:
    """A binding takes a host name and nothing else."""
    with pytest.raises(ConfigurationError, match="not a host name"):
        setupscript.build("setup-iis.ps1", FASTCGI, SiteOptions("Shop", host))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", "'plain'"),
        ("O'Brien", "'O''Brien'"),
        ("O\u2019Brien", "'O\u2019\u2019Brien'"),
        ("$(Stop-Computer)", "'$(Stop-Computer)'"),
        ('"`n', "'\"`n'"),
    ],
)
def test_powershell_literals(value: str, literal: str) -> None:
    """Single quotes, straight or typographic, are doubled; nothing else means anything in such a string."""
    assert setupscript.literal(value) == literal


def test_register_fastcgi() -> None:
    """The line from Microsoft's reference, with the settings that the defaults get wrong."""
    assert appcmd.register_fastcgi(FASTCGI) == (
        r"%windir%\system32\inetsrv\appcmd.exe set config /section:system.webServer/fastCgi "
        r""""/+[fullPath='D:\Sites\shop\.venv\Scripts\python.exe',"""
        r"""arguments='D:\Sites\shop\.venv\Lib\site-packages\wfastcgi.py',"""
        "maxInstances='4',instanceMaxRequests='10000',signalBeforeTerminateSeconds='30',"
        "stderrMode='ReturnGeneric500']\" /commit:apphost"
    )


def test_register_fastcgi_with_spaces() -> None:
    """The quotes that belong to the path are escaped inside the quoted argument."""
    line = appcmd.register_fastcgi(replace(FASTCGI, python=r"C:\Program Files\Python\python.exe"))
    assert line is not None
    assert r"""fullPath='\"C:\Program Files\Python\python.exe\"',""" in line


@pytest.mark.parametrize("python", [r"C:\O'Brien\python.exe", r"C:\R & D\python.exe"])
def test_no_appcmd_line_that_would_break(python: str) -> None:
    """Where a command prompt would misread the line there is none; PowerShell's line takes any path."""
    options = replace(FASTCGI, python=python)
    assert appcmd.register_fastcgi(options) is None
    assert setupscript.literal(setupscript.script_processor(options)[0]) in setupscript.register_fastcgi(options)


def test_unlock_lines() -> None:
    """One line for each locked section that web.config sets, and none for what is kept out of it."""
    assert [line.rpartition(":")[2] for line in appcmd.unlock(replace(FASTCGI, windowsauth=True))] == [
        "system.webServer/handlers",
        "system.webServer/security/authentication/anonymousAuthentication",
        "system.webServer/security/authentication/windowsAuthentication",
    ]
    kept: WebConfigOptions = replace(FASTCGI, windowsauth=True, authentication_in_webconfig=False)
    assert [line.rpartition(":")[2] for line in appcmd.unlock(kept)] == ["system.webServer/handlers"]


def test_lines_for_one_site() -> None:
    """Windows Authentication for one site, in the server's own file, so that nothing has to be unlocked."""
    options = replace(HTTPPLATFORM, windowsauth=True, providers=("Negotiate:Kerberos",), extended_protection="Allow")
    lines = [line.removeprefix(appcmd.APPCMD) for line in appcmd.set_for_site(options, "My Shop")]
    authentication = "system.webServer/security/authentication"
    windows = f' set config "My Shop" /section:{authentication}/windowsAuthentication'
    assert lines == [
        f' set config "My Shop" /section:{authentication}/anonymousAuthentication /enabled:false /commit:apphost',
        f"{windows} /enabled:true /useKernelMode:false /extendedProtection.tokenChecking:Allow /commit:apphost",
        f"{windows} \"/-providers.[value='Negotiate']\" /commit:apphost",
        f"{windows} \"/-providers.[value='NTLM']\" /commit:apphost",
        f"{windows} \"/+providers.[value='Negotiate:Kerberos']\" /commit:apphost",
    ]


def syntax_errors(source: bytes) -> list[str]:
    """Where *source* is not PowerShell, by the tree-sitter grammar."""
    if sys.platform == "win32":  # under Wine, with the packages of the system around it
        pytest.skip("the grammar's native part is this system's; the same script is parsed there")
    import tree_sitter
    import tree_sitter_powershell

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    nodes, found = [parser.parse(source).root_node], []
    for node in nodes:
        nodes.extend(node.children)
        if node.type == "ERROR" or node.is_missing:
            found.append(f"line {node.start_point.row + 1}: {node.text[:80]!r}")
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_is_powershell(name: str) -> None:
    """Every line of the script parses as PowerShell."""
    assert syntax_errors(setupscript.build("setup-iis.ps1", *SCRIPTS[name]).text.encode()) == []


def test_the_parser_sees_errors() -> None:
    """What is no PowerShell is noticed: a string that does not end, a line that is none."""
    assert syntax_errors(b"if ($x { foo 'abc }\n")


@pytest.mark.parametrize("name", ["O'Brien", "O\u2019Brien\u201b", "$(calc)", "`a`", "@{a}", "a;b", "{", "#x", "a & b"])
def test_a_folder_of_any_name_stays_a_folder(name: str) -> None:
    """A hostile folder name leaves the script PowerShell, with as many commands as for a harmless one."""
    scripts = [
        setupscript.build("s.ps1", replace(FASTCGI, root=rf"D:\{folder}", windowsauth=True), SiteOptions("Shop")).text
        for folder in (name, "harmless")
    ]
    assert syntax_errors(scripts[0].encode()) == []
    assert scripts[0].count("\n") == scripts[1].count("\n")
    assert setupscript.literal(rf"D:\{name}") in scripts[0]
