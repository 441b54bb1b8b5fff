"""Any name and any path: what goes into a document comes out of an XML parser unchanged, and IIS accepts it."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tests.core.iis import rules
from tests.core.iis.samples import FASTCGI, HTTPPLATFORM
from wauth_core.iis import setupscript
from wauth_core.iis.commandlines import script_processor
from wauth_core.iis.options import ServedFolder
from wauth_core.iis.setupscript import SiteOptions
from wauth_core.iis.webconfig import build

# What Windows allows in a file name (no dot or space at its end), less the percent sign, of which two are refused
FILE_NAME = st.text(
    st.characters(exclude_characters='\0/\\:*?"<>|%\ufffe\uffff', exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=200,
).filter(lambda name: name == name.rstrip(". "))
PATH = st.lists(FILE_NAME, min_size=1, max_size=4).map(lambda names: "\\".join(["D:", *names]))
# Any text that XML can hold
TEXT = st.text(
    st.characters(exclude_categories=("Cs",), min_codepoint=32, exclude_characters="\ufffe\uffff"), min_size=1
)


@given(PATH, PATH, TEXT.filter(str.strip))
def test_names_and_paths_survive(root: str, python: str, name: str) -> None:
    """Root, interpreter and handler name of any spelling are read back exactly as given."""
    options = replace(HTTPPLATFORM, root=root, python=python, name=name, logs=root + r"\logs\a.log")
    content = build(options).files[0].content
    assert rules.problems(content) == []
    document = ElementTree.fromstring(content)
    handler, platform = document.find(".//handlers/add"), document.find(".//httpPlatform")
    assert handler is not None
    assert platform is not None
    assert handler.get("name") == name
    assert platform.get("processPath") == python
    assert platform.get("stdoutLogFile") == root + r"\logs\a"


@given(PATH, PATH)
def test_fastcgi_paths_survive(python: str, wfastcgi: str) -> None:
    """The script processor is read back as the two parts that are registered on the server."""
    options = replace(FASTCGI, python=python, wfastcgi=wfastcgi)
    content = build(options).files[0].content
    assert rules.problems(content) == []
    handler = ElementTree.fromstring(content).find(".//handlers/add")
    assert handler is not None
    parts = (handler.get("scriptProcessor") or "").split("|")
    assert tuple(parts) == script_processor(options)
    assert [part.strip('"') for part in parts] == [python, wfastcgi]


@given(PATH, st.lists(FILE_NAME, min_size=1, max_size=3).map("/".join))
def test_static_folders_of_any_name(path: str, url: str) -> None:
    """Static files at any URL and in any folder give valid files."""
    options = replace(FASTCGI, static=ServedFolder(f"/{url}/", path))
    root, static = build(options).files
    assert rules.problems(root.content) == []
    assert rules.problems(static.content, rules.state_of(root.content, url)) == []
    assert static.path == path + r"\web.config"


def literals(script: str) -> list[str]:
    """All single-quoted strings of a PowerShell script, read by PowerShell's rule; fails if one is not ended."""
    quotes = "'\u2018\u2019\u201a\u201b"
    found: list[str] = []
    i = 0
    in_double = False
    while i < len(script):
        if script[i] == "#" and not in_double and (i == 0 or script[i - 1] in "\n "):
            i = script.index("\n", i)
        elif script[i] == '"':
            in_double = not in_double
        elif script[i] in quotes and not in_double:
            value, i = "", i + 1
            while script[i] not in quotes or script[i + 1] in quotes:
                if script[i] in quotes:
                    i += 1
                value += script[i]
                i += 1
            found.append(value)
        i += 1
    assert not in_double
    return found


@given(PATH, PATH, FILE_NAME)
def test_nothing_in_a_path_is_read_as_powershell(root: str, python: str, folder: str) -> None:
    """In the setup script every path stands in one literal, whatever quotes it holds."""
    static = ServedFolder("/static/", f"E:\\{folder}")
    options = replace(FASTCGI, root=root, python=python, static=static, windowsauth=True)
    found = literals(setupscript.build("setup.ps1", options, SiteOptions("Shop")).text)
    assert root in found
    assert static.path in found
    assert script_processor(options)[0] in found
    # and the same literals as for a harmless path, but for the paths: no code has crept in
    plain = replace(options, root=r"D:\a", python=r"D:\b", static=ServedFolder("/static/", r"E:\c"))
    assert len(found) == len(literals(setupscript.build("setup.ps1", plain, SiteOptions("Shop")).text))
