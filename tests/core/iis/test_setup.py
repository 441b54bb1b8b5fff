"""What an administrator runs once: appcmd lines and the PowerShell script."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.core.iis.cmdlets import CMDLETS
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
    """What is wanted is exactly what was reviewed (WAUTH_WRITE_GOLDEN=1 renews), and the body is always the same."""
    options, site = SCRIPTS[name]
    wanted, marker, body = setupscript.build("setup-iis.ps1", options, site).text.partition("$ErrorActionPreference")
    path = GOLDEN / f"{name}.ps1"
    if os.environ.get("WAUTH_WRITE_GOLDEN") == "1":
        path.write_bytes(wanted.encode("utf-8-sig"))
    assert wanted.encode("utf-8-sig") == path.read_bytes()
    assert (marker + body).replace("\r\n", "\n") == setupscript.BODY.read_text(encoding="utf-8")


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


def parsed(source: bytes) -> Any:
    """*source* as a tree of the tree-sitter grammar for PowerShell."""
    if sys.version_info >= (3, 15):
        pytest.importorskip("tree_sitter", reason="tree-sitter has no wheel for this Python")
    import tree_sitter
    import tree_sitter_powershell

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language())).parse(source).root_node


def nodes(root: Any) -> Iterator[Any]:
    yield root
    for child in root.children:
        yield from nodes(child)


def syntax_errors(source: bytes) -> list[str]:
    """Where *source* is not PowerShell."""
    return [
        f"line {node.start_point.row + 1}: {node.text[:80]!r}"
        for node in nodes(parsed(source))
        if node.type == "ERROR" or node.is_missing
    ]


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_is_powershell(name: str) -> None:
    """Every line of the script parses as PowerShell."""
    assert syntax_errors(setupscript.build("setup-iis.ps1", *SCRIPTS[name]).text.encode()) == []


def test_the_pester_suite_is_powershell() -> None:
    """What runs the script on a real Windows machine parses too."""
    suite = Path(__file__).parents[2] / "windows" / "setup-iis.Tests.ps1"
    assert syntax_errors(suite.read_bytes()) == []


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


# The body, as far as it can be looked at without PowerShell

CHANGES = {"New", "Set", "Add", "Remove", "Clear", "Install", "Enable", "Restart", "Start"}


def body() -> Any:
    return parsed(setupscript.BODY.read_bytes())


def commands(root: Any) -> Iterator[tuple[str, list[str], Any]]:
    """Each command: its name, its parameters, its node."""
    for node in nodes(root):
        if node.type == "command":
            name = next((n.text.decode() for n in node.children if n.type == "command_name"), "")
            elements = [n for n in node.children if n.type == "command_elements"]
            inside = [n for element in elements for n in element.children if n.type == "command_parameter"]
            if name:
                yield name, [n.text.decode().rstrip(":") for n in inside], node


def test_cmdlets_and_parameters_exist() -> None:
    """Every cmdlet is one that Windows PowerShell 5.1 has, with parameters that Microsoft documents for it."""
    used = list(commands(body()))
    own = {node.children[1].text.decode() for node in nodes(body()) if node.type == "function_statement"}
    assert own == {"Step", "Run", "Sid", "HasRight", "Plain", "PoolProperty", "SiteSetting", "Ask"}
    assert {name for name, _, _ in used} - own - set(CMDLETS) == set()
    wrong = [(name, p) for name, given, _ in used if name not in own for p in given if p not in CMDLETS[name]]
    assert wrong == []
    assert len(used) > 60


def test_nothing_changes_outside_a_step() -> None:
    """With -WhatIf nothing is done: what changes something stands in the last block of a Step, or after the return."""
    root = body()
    text = setupscript.BODY.read_text(encoding="utf-8")
    end = text[: text.index("if ($WhatIfPreference) { return }")].count("\n")
    outside = [
        (node.start_point.row + 1, name)
        for name, _, node in commands(root)
        if (name.partition("-")[0] in CHANGES or name in ("Run", "icacls.exe"))
        and node.start_point.row < end
        and not _in_last_block_of_a_step(node)
    ]
    assert outside == []


def _in_last_block_of_a_step(node: Any) -> bool:
    while node is not None:
        if node.type == "script_block_expression":
            command = node.parent
            while command is not None and command.type != "command":
                command = command.parent
            if command is not None and command.text.startswith(b"Step "):
                blocks = [n for n in nodes(command) if n.type == "script_block_expression"]
                top = [n for n in blocks if not any(m != n and _holds(m, n) for m in blocks)]
                return bool(top[-1] == node)
        node = node.parent
    return False


def _holds(outer: Any, inner: Any) -> bool:
    return bool(outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte)


def test_every_step_looks_before_it_acts() -> None:
    """A Step has its words and two blocks, or a variable for the first: a look, and a change."""
    steps = [node for name, _, node in commands(body()) if name == "Step"]
    lines = setupscript.BODY.read_text(encoding="utf-8").splitlines()
    assert len(steps) == sum(line.lstrip().startswith("Step ") for line in lines) > 20
    for node in steps:
        arguments = next(n for n in node.children if n.type == "command_elements")
        given = [n for n in arguments.children if n.is_named and n.type != "command_argument_sep"]
        assert len(given) == 3, node.text[:80]


def test_a_mistyped_parameter_is_an_error() -> None:
    """The script is an advanced one, so that Windows refuses what it does not know, and -WhatIf is its own."""
    lines = setupscript.build("setup-iis.ps1", *SCRIPTS["fastcgi"]).text.splitlines()
    assert lines[:3] == [
        "\ufeff#Requires -Version 5.1".lstrip("\ufeff"),
        "#Requires -PSEdition Desktop",
        "#Requires -RunAsAdministrator",
    ]
    assert lines[4:6] == ["[CmdletBinding(SupportsShouldProcess)]", "param("]


def test_the_steps_have_numbers_to_stop_after() -> None:
    """The Pester suite cuts the script off after each step: they are numbered, at the outermost level."""
    text = setupscript.BODY.read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"^# Step (\d+): ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    for part in re.split(r"^# Step \d+: .*$", text, flags=re.MULTILINE)[1:]:
        assert syntax_errors(part.encode()) == []


def test_rights_are_as_the_checklist_says() -> None:
    """The pool writes to logs and uploads only; nothing is inherited; visitors read what IIS serves by itself."""
    options, site = SCRIPTS["httpplatform-everything"]
    wanted = setupscript.build("setup-iis.ps1", options, site).text
    assert r"$Writable = @('D:\Sites\shop\logs', 'D:\Sites\shop\media')" in wanted
    assert r"$Closed = @('D:\Sites\shop')" in wanted
    assert r"$Served = @('D:\Sites\shop\static', 'D:\Sites\shop\media')" in wanted
    assert "$Visitors = 'S-1-5-11'" in wanted
    elsewhere = replace(options, logs=r"E:\logs\shop.log", windowsauth=False)
    wanted = setupscript.build("setup-iis.ps1", elsewhere, site).text
    assert r"$Closed = @('D:\Sites\shop', 'E:\logs')" in wanted
    assert "$Visitors = 'S-1-5-17'" in wanted
