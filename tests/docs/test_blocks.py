"""Every Python block of the documentation is run: here, or by the test that is named."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from wauth_core.secrets import from_toml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HERE = [
    "howto/big-directories.md",
    "howto/domains.md",
    "howto/offline.md",
    "howto/passwords.md",
    "howto/secrets.md",
    "reference/errors.md",
    "reference/logging.md",
]
ELSEWHERE = {
    "CONTRIBUTING.md": "docs/test_blocks.py",
    "howto/active-directory.md": "core/test_recipes.py",
    "howto/django.md": "django_app/test_docs.py",
    "howto/flask.md": "docs/test_flask_guide.py",
    "howto/scripting.md": "core/test_docs.py",
    "howto/sources.md": "wsgi/test_docs.py",
    "howto/testing.md": "core/testing/test_docs.py",
    "howto/wsgi.md": "wsgi/test_docs.py",
    "iis/quickstart-flask.md": "docs/test_iis_twin.py",
    "iis/secrets.md": "core/iis/test_docs.py",
    "reference/settings.md": "core/test_docs.py",
}


def blocks(page: str, language: str = "python") -> list[str]:
    """The blocks of a page that are in *language*."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", (DOCS / page).read_text("utf-8"), re.S | re.M)


def test_every_page_with_python_is_run_somewhere():
    """A new page with Python is named here; a test that is named knows the page."""
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    with_python = {page for page in pages if blocks(page)}
    assert {page for page in with_python if not page.startswith("tutorials/")} == {*HERE, *ELSEWHERE}
    for page, test in ELSEWHERE.items():
        text = (ROOT / "tests" / test).read_text("utf-8")
        assert Path(page).name in text or f'"{Path(page).parent.name}"' in text, page


@pytest.mark.parametrize("page", HERE)
def test_the_blocks_run(page):
    """In order, as they are printed; what they assert holds."""
    names: dict[str, Any] = {}
    for block in blocks(page):
        exec(compile(block, page, "exec"), names)


def test_the_fixture_of_contributing_exists():
    """The example in CONTRIBUTING.md asks for a fixture and names that there are."""
    [block] = blocks("CONTRIBUTING.md")
    compile(block, "CONTRIBUTING.md", "exec")
    fixtures = (ROOT / "tests" / "ad" / "fixtures.py").read_text("utf-8")
    [fixture] = re.findall(r"\((\w+): DomainController\)", block)
    assert f"def {fixture}(" in fixtures


def test_printed_configuration_is_well_formed():
    """Every block that has a parser at hand. Proxies' files run in tests/e2e, settings in tests/core/test_docs.py."""
    parsers = {
        "toml": tomllib.loads,
        "yaml": yaml.safe_load,
        "xml": ElementTree.fromstring,
        "ini": configparser.ConfigParser(interpolation=None, strict=False).read_string,
    }
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    found = [(page, language, block) for page in pages for language in parsers for block in blocks(page, language)]
    assert {language for _, language, _ in found} == set(parsers)
    for page, language, block in found:
        try:
            parsers[language](block)
        except ValueError as error:  # TOML's
            pytest.fail(f"{page}: {error}")


def test_a_printed_reference_to_a_secret_is_one():
    """In TOML, in blocks and in the text: what is not understood would be taken for the password itself."""
    printed = [
        (path.name, line)
        for path in DOCS.rglob("*.md")
        for line in re.findall(r"^ *(PASSWORD = \{.*?\})|`(PASSWORD = \{.*?\})`", path.read_text("utf-8"), re.M)
    ]
    kinds = set()
    for page, either in printed:
        secret = from_toml(tomllib.loads("".join(either))["PASSWORD"])
        assert callable(secret), f"{page}: {either}"
        kinds.add(repr(secret).partition("(")[0])
    assert kinds == {"secrets.env", "secrets.file", "secrets.keyring"}


def test_the_pods_find_what_the_secrets_hold():
    """The Kubernetes example: each volume is mounted, and the paths in the text are those of the secrets' files."""
    page = (DOCS / "howto" / "containers.md").read_text("utf-8")
    files = dict(re.findall(r"kubectl create secret generic (\S+) --from-file=(\S+)", page))
    [deployment] = map(yaml.safe_load, blocks("howto/containers.md", "yaml"))
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"]}
    mounted = {f"{each['mountPath']}/{files[secrets[each['name']]]}" for each in container["volumeMounts"]}
    [keytab] = [each["value"] for each in container["env"] if each["name"] == "KRB5_KTNAME"]
    [password] = re.findall(r'secrets\.file\("(.+?)"\)', page)
    assert mounted == {keytab, password}
    assert set(secrets.values()) == set(files)
