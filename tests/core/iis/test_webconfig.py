"""web.config files: byte for byte, by IIS's rules, and what is refused."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.core.iis import rules
from tests.core.iis.samples import CASES, FASTCGI, HTTPPLATFORM, MEDIA, ODD, ROOT, STATIC
from wauth_core.exceptions import ConfigurationError
from wauth_core.iis.commandlines import process_arguments, script_processor
from wauth_core.iis.options import HANDLERS, PROVIDERS, SERVERS, ServedFolder, WebConfigOptions
from wauth_core.iis.webconfig import build

GOLDEN = Path(__file__).with_name("golden")


def as_text(options: WebConfigOptions) -> str:
    """All that was generated, in one text."""
    generated = build(options)
    parts = [f"# {file.path}\n{file.text}" for file in generated.files]
    parts += [f"# folder {folder}\n" for folder in generated.folders]
    parts += [f"# note\n{note}\n" for note in generated.notes]
    return "\n".join(parts)


@pytest.mark.parametrize("name", CASES)
def test_golden_files(name: str) -> None:
    """Each option generates exactly the files, folders and notes that were reviewed (WAUTH_WRITE_GOLDEN=1
    renews)."""
    path = GOLDEN / f"{name}.txt"
    text = as_text(CASES[name])
    if os.environ.get("WAUTH_WRITE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")


def test_no_stale_golden_files() -> None:
    """Every golden file belongs to a case."""
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


def test_every_option_has_a_golden_file() -> None:
    """Whatever can be asked of the generator, some case asks for it: each option, each of its named values."""
    tried = {
        field.name: {getattr(options, field.name) for options in CASES.values()} for field in fields(WebConfigOptions)
    }
    assert [name for name, values in tried.items() if len(values) < 2] == []
    assert tried["handler"] == set(HANDLERS)
    assert tried["server"] == set(SERVERS)
    assert tried["extended_protection"] >= {"Allow", "Require"}
    assert tried["kernel_mode"] == {None, True, False}
    assert {name for names in tried["providers"] for name in names} == set(PROVIDERS)


@pytest.mark.parametrize("name", CASES)
def test_iis_accepts_it(name: str) -> None:
    """No generated document breaks a rule of IIS, on a server with or without the ASP.NET feature."""
    options = CASES[name]
    root, *others = [file for file in build(options).files if file.path.endswith("web.config")]
    assert rules.problems(root.content) == []
    folders = [folder for folder in (options.static, options.media) if folder]
    for folder, file in zip(folders, others, strict=True):
        assert rules.problems(file.content) == []
        assert rules.problems(file.content, rules.state_of(root.content, folder.location or "")) == []


@pytest.mark.parametrize("name", CASES)
def test_locked_sections_and_components_are_named(name: str) -> None:
    """Whatever a new server would refuse (a locked section, a missing component) stands in the notes."""
    generated = build(CASES[name])
    notes = " ".join(generated.notes)
    used = set().union(*(rules.used_sections(f.content) for f in generated.files if f.path.endswith(".config")))
    for section in used.intersection(rules.LOCKED):
        assert section in notes
    assert ("URL Rewrite must be installed" in notes) == any("/rewrite/" in section for section in used)
    assert ("HttpPlatformHandler must be installed" in notes) == ("system.webServer/httpPlatform" in used)


def web(inner: str) -> str:
    return f"<configuration><system.webServer>{inner}</system.webServer></configuration>"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (web("<fastCgi/>"), "not allowed"),
        (web("<handlers><add name='a' path='*'/></handlers>"), "lacks verb"),
        (web("<handlers><add name='StaticFile' path='*' verb='*'/></handlers>"), "there already"),
        (
            web("<handlers><remove name='staticfile'/><add name='StaticFile' path='*' verb='*'/></handlers>"),
            "there already",
        ),
        (web("<httpErrors defaultPath='x'/>"), "no attribute"),
        (
            web("<httpErrors><error statusCode='401' subStatusCode='-1' path='x'/></httpErrors>"),
            "there already",
        ),
        (
            web("<httpErrors><error statusCode='410' subStatusCode='-1' path='C:/x'/></httpErrors>"),
            "not valid",
        ),
        (
            web("<httpPlatform processPath='p' forwardWindowsAuthToken='true' startupRetryCount='3'/>"),
            "no attribute startupRetryCount",
        ),
        ("<configuration><location path='a'/><location path='A'/></configuration>", "occurs twice"),
        ("<configuration><location path='/a'/></configuration>", "not the path"),
        ("<configuration><system.webServer/><system.webServer/></configuration>", "twice"),
    ],
)
def test_the_rules_catch(document: str, problem: str) -> None:
    """The rules table finds what IIS would refuse: without this the tests above would prove nothing."""
    assert any(problem in found for found in rules.problems(document.encode()))


def test_handler_is_spelled_like_the_registration() -> None:
    """A path with a space is quoted, inside the attribute, and the same way for the server's FastCGI list."""
    options = replace(FASTCGI, python=r"C:\Program Files\Python 3\python.exe")
    root = ElementTree.fromstring(build(options).files[0].content)
    handler = root.find("system.webServer/handlers/add")
    assert handler is not None
    assert handler.get("scriptProcessor") == "|".join(script_processor(options))
    assert script_processor(options) == (r'"C:\Program Files\Python 3\python.exe"', FASTCGI.wfastcgi)


def test_process_path_is_not_quoted() -> None:
    """HttpPlatformHandler takes a path with spaces as it is; quotes would be part of the name."""
    options = replace(HTTPPLATFORM, python=r"C:\Program Files\Python 3\python.exe")
    platform = ElementTree.fromstring(build(options).files[0].content).find("system.webServer/httpPlatform")
    assert platform is not None
    assert platform.get("processPath") == r"C:\Program Files\Python 3\python.exe"
    assert "%HTTP_PLATFORM_PORT%" in (platform.get("arguments") or "")


def test_wfastcgi_settings_are_in_the_root_file_only() -> None:
    """wfastcgi finds the application, the log and the search path as it expects them: with a dot, not a
    colon."""
    settings = ElementTree.fromstring(build(ODD).files[0].content).findall("appSettings/add")
    values = {setting.get("key"): setting.get("value") for setting in settings}
    assert values == {"WSGI_HANDLER": "shop.wsgi.application", "PYTHONPATH": ODD.root, "WSGI_LOG": ODD.logs}


def test_log_folder_is_made() -> None:
    """The folder of the log is among the folders to make: a missing one would fail every request."""
    assert build(CASES["fastcgi-logs"]).folders == (ROOT + r"\logs",)


def test_uploads_can_never_run() -> None:
    """Below static and media only IIS's static file handler is left, with no right to run scripts."""
    document = ElementTree.fromstring(build(CASES["everything"]).files[0].content)
    for location in document.findall("location"):
        handlers = location.find("system.webServer/handlers")
        assert handlers is not None
        assert handlers.get("accessPolicy") == "Read"
        assert [child.tag for child in handlers] == ["clear", "add"]
        assert handlers[1].get("modules") == "StaticFileModule"


def test_only_static_files_are_cached() -> None:
    """--cache-static says nothing about uploads, which may change under the same name."""
    files = {file.path: file.text for file in build(CASES["static-cached-and-media"]).files}
    assert 'cacheControlMaxAge="7.00:00:00"' in files[STATIC.path + r"\web.config"]
    assert "clientCache" not in files[MEDIA.path + r"\web.config"]


def test_a_client_cannot_choose_the_path() -> None:
    """wfastcgi believes X-Original-URL: for FastCGI, and only there, IIS refuses the header."""
    for options, found in ((FASTCGI, True), (HTTPPLATFORM, False)):
        rule = ElementTree.fromstring(build(options).files[0].content).find(".//filteringRule/scanHeaders/add")
        assert (rule is not None and rule.get("requestHeader") == "X-Original-URL") is found


def test_virtual_directory_is_explained() -> None:
    """A static folder that IIS would not find by its URL comes with the virtual directory to add."""
    (note,) = [note for note in build(CASES["static-elsewhere"]).notes if "virtual directory" in note.lower()]
    assert "Alias assets" in note
    assert r"E:\big disk\static" in note
    assert not [note for note in build(CASES["static"]).notes if "virtual directory" in note.lower()]


def test_anonymous_access_is_off_with_windows_authentication() -> None:
    """Without this line IIS lets everybody in as nobody."""
    for name in ("windowsauth", "windowsauth-httpplatform"):
        path = "system.webServer/security/authentication/anonymousAuthentication"
        anonymous = ElementTree.fromstring(build(CASES[name]).files[0].content).find(path)
        assert anonymous is not None
        assert anonymous.get("enabled") == "false"


def test_token_is_forwarded_only_with_windows_authentication() -> None:
    """forwardWindowsAuthToken is always written, because its default differs between versions."""
    for options, expected in ((HTTPPLATFORM, "false"), (replace(HTTPPLATFORM, windowsauth=True), "true")):
        platform = ElementTree.fromstring(build(options).files[0].content).find("system.webServer/httpPlatform")
        assert platform is not None
        assert platform.get("forwardWindowsAuthToken") == expected


def test_linux_paths_work_too() -> None:
    """Generating on Linux, for trying, gives a well-formed file with the paths as they are."""
    options = replace(HTTPPLATFORM, root="/srv/shop", python="/srv/shop/.venv/bin/python")
    (file,) = build(options).files
    assert file.path == "/srv/shop/web.config"
    assert rules.problems(file.content) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"handler": "isapi"}, "Unknown handler 'isapi'"),
        ({"server": "gunicorn"}, "waitress, uvicorn, hypercorn, granian"),
        ({"server": "waitress", "interface": "asgi"}, "waitress runs no ASGI application: use uvicorn"),
        ({"server": "uvicorn"}, "use waitress"),
        ({"server": "granian", "application": "shop:create()"}, "without \\(\\)"),
        ({"handler": "fastcgi"}, "pip install wfastcgi"),
        ({"handler": "fastcgi", "wfastcgi": r"C:\w.py", "interface": "asgi"}, "WSGI applications only"),
        ({"handler": "fastcgi", "wfastcgi": r"C:\w.py", "root": "D:\\Сайт"}, "reads the path as latin-1"),
        ({"application": "shop.wsgi.application"}, "mysite.wsgi:application"),
        ({"application": "shop:app --reload"}, "module:attribute"),
        ({"name": " "}, "needs a name"),
        ({"name": "bell\x07"}, "cannot stand in an XML file"),
        ({"name": "half \ud83d pair"}, "cannot stand in an XML file"),
        ({"processes": 0}, "1 to 100"),
        ({"hsts_seconds": -1}, "negative"),
        ({"providers": ("Kerberos",)}, "Unknown provider 'Kerberos'"),
        ({"providers": ("Negotiate:Kerberos", "NTLM")}, "lets NTLM in again"),
        ({"providers": ("Negotiate:Kerberos",), "kernel_mode": True}, "--no-kernel-mode"),
        ({"extended_protection": "require"}, "None, Allow, Require"),
        ({"deny_extensions": ("py",)}, "with its dot"),
        ({"hidden_segments": ("a/b",)}, "no slash"),
        ({"error_pages": r"..\pages"}, "below the site"),
        ({"root": "shop"}, "full path"),
        ({"root": "C:shop"}, "full path"),
        ({"root": r"D:\%TEMP%\shop"}, "environment variable"),
        ({"python": r"D:\a|b\python.exe"}, "end of the path"),
        ({"python": 'D:\\a"b\\python.exe'}, "no quotes"),
        ({"static": ServedFolder("/static/", "static")}, "static folder is 'static'"),
        ({"static": STATIC, "media": ServedFolder("/static", r"E:\media")}, "same"),
        ({"static": STATIC, "media": ServedFolder("/media", STATIC.path)}, "same"),
    ],
)
def test_refused(changes: dict[str, object], says: str) -> None:
    """What IIS could not take is refused with what to write instead."""
    with pytest.raises(ConfigurationError, match=says):
        build(replace(HTTPPLATFORM, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("server", "interface", "expected"),
    [
        ("waitress", "wsgi", "-m wauth_core serve --server waitress --port {port} --no-windows-auth {app}"),
        ("uvicorn", "asgi", "-m wauth_core serve --server uvicorn --port {port} --no-windows-auth {app}"),
        ("hypercorn", "asgi", "-m hypercorn --bind 127.0.0.1:{port} asgi:{app}"),
        ("granian", "wsgi", "-m granian --host 127.0.0.1 --port {port} --interface wsgi {app}"),
    ],
)
def test_servers(server: str, interface: str, expected: str) -> None:
    """Each server is started on loopback, on the port that IIS chose."""
    arguments = process_arguments(replace(HTTPPLATFORM, server=server, interface=interface))
    assert arguments == expected.format(port="%HTTP_PLATFORM_PORT%", app=HTTPPLATFORM.application)
