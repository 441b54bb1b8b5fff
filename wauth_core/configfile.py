"""A settings file in TOML: the site's settings at the top, a table for each domain, secrets by reference.

A relative path in it starts at the file's own folder, so that a scheduled task reads the same as a shell.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wauth_core import secrets
from wauth_core.exceptions import ConfigurationError
from wauth_core.setting_kinds import InTOML, declared
from wauth_core.settings import LDAPSettings

_SINGLE = "Write names with a backslash in single quotes: USERNAME = 'EXAMPLE\\svc_web'"


def read(path: Path) -> dict[str, Any]:
    """The file's top level, its ``domains`` with secrets looked up as `wauth_core.secrets.from_toml` reads them.

    Raises `ConfigurationError` when the file cannot be read.
    """
    given = _toml(path)
    domains = given.get("domains", {})
    if not isinstance(domains, Mapping) or not all(isinstance(table, Mapping) for table in domains.values()):
        raise ConfigurationError(f"{str(path)!r}: each domain is a table of its own, such as [domains.EXAMPLE].")
    folder = path.absolute().parent
    given["domains"] = {
        domain: {key: _value(key, value, folder) for key, value in table.items()} for domain, table in domains.items()
    }
    return given


def _value(key: str, value: object, folder: Path) -> object:
    known = declared(LDAPSettings).get(key)
    read = InTOML.VALUE if known is None else known.kind.in_toml
    if read is InTOML.TABLE:
        return value
    if read is InTOML.ACCOUNT and isinstance(value, str) and not value.isprintable():
        raise ConfigurationError(f"{key} is {value!r}: a backslash was read as an escape. {_SINGLE}")
    if read is InTOML.PATH and isinstance(value, str):
        return str(folder / value)
    return secrets.from_toml(value, folder)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"The settings file {str(path)!r} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"The settings file {str(path)!r} is not TOML: {error}. Save it in the encoding UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        is_escape = "\\" in str(error) or "hex value" in str(error)
        raise ConfigurationError(
            f"The settings file {str(path)!r} is not TOML: {error}. {_SINGLE if is_escape else ''}".rstrip()
        ) from None
    except RecursionError:
        raise ConfigurationError(f"The settings file {str(path)!r} is not ours: it is nested too deeply.") from None


def _text(raw: bytes) -> str:
    """UTF-8, as TOML is; or what its first bytes say, since Notepad saves UTF-8 with a mark, and UTF-16."""
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    encoding = next((encoding for mark, encoding in marks if raw.startswith(mark)), "utf-8")
    return raw.decode(encoding).replace("\r\n", "\n")
