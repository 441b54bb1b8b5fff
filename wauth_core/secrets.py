"""Where a secret comes from when it is needed: callables that fit any setting.

``PASSWORD=secrets.env("AD_PASSWORD")`` reads the variable when the directory is bound to, not when the settings are
loaded. In TOML: ``PASSWORD = {env = "AD_PASSWORD"}``, ``{file = "/run/secrets/ad"}``,
``{keyring = ["service", "name"]}``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wauth_core.exceptions import ConfigurationError

__all__ = ["env", "file", "keyring"]

Secret = Callable[[str], str]


class Veiled(dict[str, Any]):
    """Settings whose values no repr shows, so that no debug page's local variables do."""

    def __repr__(self) -> str:
        return f"<settings {', '.join(map(str, self))}>"


@dataclass(frozen=True, repr=False)
class _Env:
    name: str

    def __repr__(self) -> str:
        return f"secrets.env({self.name!r})"

    def __call__(self, domain: str = "") -> str:
        try:
            return os.environ[self.name]
        except KeyError:
            raise ConfigurationError(
                f"The environment variable {self.name!r}, which holds a secret, is not set."
            ) from None


@dataclass(frozen=True, repr=False)
class _File:
    path: Path

    def __repr__(self) -> str:
        return f"secrets.file({str(self.path)!r})"

    def __call__(self, domain: str = "") -> str:
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"The secret file {str(self.path)!r} cannot be read: {type(error).__name__}."
            ) from None
        return text.removesuffix("\n").removesuffix("\r")


@dataclass(frozen=True, repr=False)
class _Keyring:
    service: str
    name: str

    def __repr__(self) -> str:
        return f"secrets.keyring({self.service!r}, {self.name!r})"

    def __call__(self, domain: str = "") -> str:
        try:
            import keyring
        except ImportError:
            raise ConfigurationError(
                'secrets.keyring needs the keyring library: pip install "windowsauth[secrets]"'
            ) from None
        try:
            found = keyring.get_password(self.service, self.name)
        except Exception as error:  # backends raise what they like
            raise ConfigurationError(
                f"The keyring cannot be read for {self.service!r}: {type(error).__name__}."
            ) from None
        if found is None:
            raise ConfigurationError(f"The keyring has no entry {self.name!r} for the service {self.service!r}.")
        return found


def env(name: str) -> Secret:
    """The environment variable *name*, read at each use. Raises `ConfigurationError` when it is not set."""
    return _Env(name)


def file(path: str | os.PathLike[str]) -> Secret:
    """The text of the file *path* (UTF-8), less one line end. Raises `ConfigurationError` when it cannot be read."""
    return _File(Path(path))


def keyring(service: str, name: str) -> Secret:
    """An entry of the system's keyring (Windows Credential Manager, …), by the ``keyring`` library."""
    return _Keyring(service, name)


def missing(value: object) -> str | None:
    """What is wrong with *value*, a secret of `env` or `file`: its variable is not set, or its file cannot be read.

    None for anything else: a keyring may ask its user, and a function of the application is not called here.
    """
    if isinstance(value, _Env | _File):
        try:
            value()
        except ConfigurationError as error:
            return str(error)
    return None


def from_toml(value: object, folder: Path = Path()) -> object:
    """Turn ``{env = …}``, ``{file = …}`` or ``{keyring = [service, name]}`` into its callable; else *value* itself.

    A relative path starts at *folder*.
    """
    if isinstance(value, Mapping) and len(value) == 1:
        [(kind, argument)] = value.items()
        if kind == "env" and isinstance(argument, str):
            return env(argument)
        if kind == "file" and isinstance(argument, str):
            return file(folder / argument)
        if kind == "keyring" and isinstance(argument, list) and len(argument) == 2:
            return keyring(str(argument[0]), str(argument[1]))
    return value
