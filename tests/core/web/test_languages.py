"""What visitors read in their language: whole catalogues, the nearest one, and English where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from wauth_core.web import languages, pages

LOCALES = sorted(path.name for path in languages.LOCALE.iterdir() if path.is_dir())
PACKAGES = Path(languages.__file__).parents[2]


def test_there_are_catalogues():
    """German and French."""
    assert set(LOCALES) >= {"de", "fr"}


@pytest.mark.parametrize("locale", LOCALES)
def test_a_catalogue_has_every_text_and_no_other(locale):
    """A text that is new, changed or gone shows here; and what runs is what was translated."""
    pofile = pytest.importorskip("babel.messages.pofile", reason='pip install ".[test]"')
    path = languages.LOCALE / locale / "LC_MESSAGES" / "wauth.po"
    with path.open("rb") as file:
        catalog = pofile.read_po(file)
    translated = {message.id: message.string for message in catalog if message.id}
    assert sorted(translated) == sorted(languages.texts())
    assert [text for text, said in translated.items() if not said or said == text] == []
    assert {text: languages.say(text, locale) for text in translated} == translated


@pytest.mark.parametrize(
    ("language", "said", "tag"),
    [
        pytest.param("de", "Bitte anmelden", "de", id="german"),
        pytest.param("de-at", "Bitte anmelden", "de-at", id="austrian-is-german"),
        pytest.param("fr_CA", "Veuillez vous connecter", "fr_CA", id="flask-babels-spelling"),
        pytest.param("FR", "Veuillez vous connecter", "FR", id="case"),
        pytest.param("en", "Please sign in", "en", id="english"),
        pytest.param("ja", "Please sign in", "en", id="no-catalogue"),
        pytest.param(None, "Please sign in", "en", id="no-language"),
        pytest.param("", "Please sign in", "en", id="empty"),
        pytest.param("../../de", "Please sign in", "en", id="a-path"),
        pytest.param("de/../de", "Please sign in", "en", id="a-path-inside"),
        pytest.param("de\x00", "Please sign in", "en", id="a-null-byte"),
    ],
)
def test_the_language_of_a_page(language, said, tag):
    """The nearest catalogue; what is no language is English, and looks for no file."""
    shown = pages.context(401, language=language)
    assert shown["title"] == said
    assert shown["language"] == tag


def test_an_applications_own_text_stays():
    """A message that an application gave is shown as it is."""
    assert pages.context(403, message="Ask Frank.", language="de")["message"] == "Ask Frank."


def test_djangos_own_catalogues_are_whole():
    """The texts of the admin and the models: Django finds these by its own convention, in the application's folder."""
    pofile = pytest.importorskip("babel.messages.pofile", reason='pip install ".[test]"')
    import re

    marked: set[str] = set()
    for module in (PACKAGES / "wauth_django").rglob("*.py"):
        marked |= set(re.findall(r'\b_\("([^"]+)"\)', module.read_text("utf-8")))
    for template in (PACKAGES / "wauth_django" / "templates").rglob("*.html"):
        marked |= set(re.findall(r'{% translate "([^"]+)" %}', template.read_text("utf-8")))
    assert marked
    for locale in LOCALES:
        folder = PACKAGES / "wauth_django" / "locale" / locale / "LC_MESSAGES"
        with (folder / "django.po").open("rb") as file:
            said = {message.id: message.string for message in pofile.read_po(file) if message.id}
        assert set(said) == marked
        assert all(said.values())
        assert (folder / "django.mo").is_file()
