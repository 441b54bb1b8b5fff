"""The text behind what a server hands over: WSGI strings are latin-1 of bytes (PEP 3333)."""

from __future__ import annotations

import codecs
import sys

from wauth_core.exceptions import ConfigurationError, InvalidIdentity

MACHINE_CODE_PAGE = "mbcs" if sys.platform == "win32" else None


def as_text(value: str, code_page: str | None = None) -> str:
    """*value* with its letters set right: strictly UTF-8, else strictly *code_page*.

    A value with a letter beyond latin-1 was decoded by the server already and stays. Raises `InvalidIdentity` if
    the bytes are neither: guessing would turn one person into another.
    """
    if value.isascii():
        return value
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        return value
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if code_page is None:
            raise InvalidIdentity(value, "it is not UTF-8; tell the server's code page (code_page=)") from None
    try:
        return raw.decode(code_page)
    except UnicodeDecodeError:
        raise InvalidIdentity(value, f"it is neither UTF-8 nor {code_page}") from None


def check_code_page(code_page: str | None) -> None:
    """Raises `ConfigurationError` for an encoding that Python does not know."""
    if code_page is not None:
        try:
            codecs.lookup(code_page)
        except LookupError:
            raise ConfigurationError(f"Python knows no encoding {code_page!r}; write one like 'cp1252'.") from None
