"""ldap3's object definitions. They alone need the directory's schema, which is fetched once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPExceptionError

from wauth_core.directory.connection import Connection
from wauth_core.exceptions import DirectoryError
from wauth_core.process import PerProcess


class Definitions:
    """The schema of one domain's directory, shared by its connections once it is loaded."""

    def __init__(self) -> None:
        self._lock = PerProcess(threading.Lock)
        self._schema: Any = None
        self._definitions: dict[tuple[str, tuple[str, ...]], Any] = {}

    def lend(self, connection: Connection) -> None:
        """Pass the schema to *connection*, if it is already loaded."""
        if self._schema is not None and connection.server.schema is None:
            connection.server.attach_schema_info(self._schema)

    def definition(
        self, connection: Connection, object_class: str, attributes: Iterable[str] | None, preloaded: Any
    ) -> Any:
        """An ObjectDef, made once for each class and set of attributes. Raises `DirectoryError`."""
        extra = tuple(attributes) if attributes is not None else _preloaded(object_class, preloaded)
        key = (object_class.lower(), extra)
        if key not in self._definitions:
            self._load(connection)
            try:
                definition = ldap3.ObjectDef(object_class, self._schema)
                if extra:
                    definition += list(extra)
            except (LDAPExceptionError, KeyError) as error:
                raise DirectoryError(f"The directory's schema has no such class or attribute: {error}.") from error
            self._definitions[key] = definition
        self.lend(connection)
        return self._definitions[key]

    def _load(self, connection: Connection) -> None:
        with self._lock.here:
            if self._schema is not None:
                return
            asked, connection.server.get_info = connection.server.get_info, ldap3.SCHEMA
            try:
                connection.refresh_server_info()
                self._schema = connection.server.schema
            except LDAPExceptionError as error:
                raise DirectoryError(f"The directory's schema cannot be read: {error}.") from error
            finally:
                connection.server.get_info = asked
            if self._schema is None:
                raise DirectoryError("The service account may not read the directory's schema.")


def _preloaded(object_class: str, preloaded: Any) -> tuple[str, ...]:
    for listed in preloaded or ():
        if not isinstance(listed, str) and listed[0].lower() == object_class.lower():
            return tuple(listed[1])
    return ()
