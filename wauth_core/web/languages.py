"""What visitors read, in the language of the site: gettext catalogues of the domain ``wauth`` in ``wauth_core/locale``.

English texts are the keys. What a catalogue lacks stays English. Logs, errors and the command line are English always.
"""

from __future__ import annotations

import gettext
import re
from functools import lru_cache
from pathlib import Path

from wauth_core.directory.authenticate import MESSAGES

LOCALE = Path(__file__).parents[1] / "locale"
DOMAIN = "wauth"
FORM = {
    "sign_in": "Sign in",
    "sign_in_how": "Use the name and password of your Windows account.",
    "user_name": "User name",
    "password": "Password",
}
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def say(text: str, language: str | None) -> str:
    """*text* in *language* (a tag such as ``de`` or ``de-at``), or as it is."""
    return _catalogue(language or "").gettext(text) if text else ""


def known(language: str | None) -> str:
    """The tag for ``<html lang>``: *language* where there is a catalogue for it, else ``en``."""
    return str(language) if language and _catalogue(language).info().get("language") else "en"


def form(language: str | None) -> dict[str, str]:
    """The texts of the login form, by their names in its template."""
    return {name: say(text, language) for name, text in FORM.items()} | {"language": known(language)}


def texts() -> list[str]:
    """Every text that a catalogue may translate, in the order of the catalogues."""
    from wauth_core.web import login, pages

    said = [*pages.TITLES.values(), *pages.MESSAGES.values(), pages.REFUSED, *pages.WORDS.values(), *FORM.values()]
    return list(dict.fromkeys([*said, *MESSAGES.values(), login.UNAVAILABLE, login.NOT_HERE]))


@lru_cache(maxsize=32)
def _catalogue(language: str) -> gettext.NullTranslations:
    if not _TAG.fullmatch(language):
        return gettext.NullTranslations()
    name, _, place = language.replace("-", "_").partition("_")
    tag = f"{name.lower()}_{place.upper()}" if place else name.lower()
    return gettext.translation(DOMAIN, LOCALE, languages=[tag], fallback=True)
