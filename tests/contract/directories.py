"""One door to two directories, Samba's and ours, holding the same people (`tests.ad.people.EXAMPLE`)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import ldap3

from tests.ad.changes import unique
from tests.ad.client import VerifiedTls
from tests.ad.people import EXAMPLE, ADPerson, Domain, Group
from tests.ad.samba import DomainController
from wauth_core.testing import EmbeddedDirectory

PAGED = "1.2.840.113556.1.4.319"
TREE_DELETE = "1.2.840.113556.1.4.805"
SHOW_DELETED = "1.2.840.113556.1.4.417"
PERMISSIVE = "1.2.840.113556.1.4.1413"


@dataclass
class Answer:
    """What an operation came back with."""

    code: int
    entries: list[dict[str, Any]]
    text: str
    controls: dict[str, Any]
    references: list[str]

    def names(self, attribute: str = "sAMAccountName") -> set[str]:
        """The first values of an attribute."""
        return {
            entry["raw_attributes"][attribute][0].decode()
            for entry in self.entries
            if entry["raw_attributes"].get(attribute)
        }

    @property
    def dns(self) -> set[str]:
        """The entries' DNs."""
        return {entry["dn"] for entry in self.entries}

    @property
    def one(self) -> dict[str, list[bytes]]:
        """The raw attributes of the only entry."""
        [entry] = self.entries
        return dict(entry["raw_attributes"])


class DirectoryUnderTest:
    """A directory, and plain ldap3 connections to it that close at the end of the test."""

    def __init__(
        self, name: str, host: str, port: int, tls_port: int, ca_file: str, password: str, domain: str = "EXAMPLE"
    ) -> None:
        self.name = name
        self.host = host
        self.port = port
        self.tls_port = tls_port
        self.ca_file = ca_file
        self.password = password
        self.base = EXAMPLE.base_dn
        self.staff = f"OU=Staff,{self.base}"
        self.admin = "EXAMPLE\\Administrator"
        self._opened: list[ldap3.Connection] = []
        self._admin: ldap3.Connection | None = None

    def expects(self, *, windows: Any, samba: Any) -> Any:
        """Where Samba is known to differ from Windows, which we follow."""
        return samba if self.name == "samba" else windows

    def connect(
        self,
        user: str | None = None,
        password: str | bytes | None = None,
        *,
        secure: bool = True,
        bind: bool = True,
        anonymous: bool = False,
        **options: Any,
    ) -> ldap3.Connection:
        """The administrator's connection, unless told otherwise."""
        server = ldap3.Server(
            self.host,
            port=self.tls_port if secure else self.port,
            use_ssl=secure,
            tls=VerifiedTls(self.ca_file),
            get_info=options.pop("get_info", ldap3.NONE),
            connect_timeout=10,
        )
        connection = ldap3.Connection(
            server,
            user=None if anonymous else user or self.admin,
            password=None if anonymous else password or self.password,
            receive_timeout=30,
            auto_referrals=False,
            auto_range=False,
            return_empty_attributes=False,
            **options,
        )
        self._opened.append(connection)
        connection.open(read_server_info=False)
        if bind:
            connection.bind()
        return connection

    @property
    def admin_connection(self) -> ldap3.Connection:
        """One bound connection of the administrator for the whole test."""
        if self._admin is None:
            self._admin = self.connect()
            assert self._admin.bound
        return self._admin

    def search(
        self,
        base: str | None = None,
        query: str = "(objectClass=*)",
        scope: str = "SUBTREE",
        connection: ldap3.Connection | None = None,
        **options: Any,
    ) -> Answer:
        """A search, as the administrator unless another connection is given."""
        connection = connection or self.admin_connection
        connection.search(self.base if base is None else base, query, scope, **options)
        return answer_of(connection)

    def dn(self, sam: str) -> str:
        """The DN of an account."""
        found = self.search(query=f"(sAMAccountName={ldap3.utils.conv.escape_filter_chars(sam)})")
        [dn] = found.dns
        return str(dn)

    def guid(self, sam: str) -> bytes:
        """The raw objectGUID of an account."""
        return bytes(self.search(self.dn(sam), scope="BASE", attributes=["objectGUID"]).one["objectGUID"][0])

    def guid_of(self, dn: str) -> uuid.UUID:
        """The GUID of any entry, by its DN."""
        [raw] = self.search(dn, scope="BASE", attributes=["objectGUID"]).one["objectGUID"]
        return uuid.UUID(bytes_le=raw)

    def modify(
        self, dn: str, changes: Mapping[str, Any], connection: ldap3.Connection | None = None, **more: Any
    ) -> int:
        """The result code of a modify: ``{attribute: [(operation, [values])]}``."""
        connection = connection or self.admin_connection
        connection.modify(dn, dict(changes), **more)
        return int(connection.result["result"])

    def add(self, dn: str, classes: Any, attributes: Mapping[str, Any] | None = None) -> int:
        """The result code of an add."""
        self.admin_connection.add(dn, classes, dict(attributes or {}))
        return int(self.admin_connection.result["result"])

    def delete(self, dn: str, **more: Any) -> int:
        """The result code of a delete."""
        self.admin_connection.delete(dn, **more)
        return int(self.admin_connection.result["result"])

    def rename(self, dn: str, rdn: str, **more: Any) -> int:
        """The result code of a modifyDN."""
        self.admin_connection.modify_dn(dn, rdn, **more)
        return int(self.admin_connection.result["result"])

    def sign_in(self, user: str, password: str | bytes | None = None, **options: Any) -> str:
        """What a bind comes to: ``ok``, AD's data code, or the result code."""
        result = self.connect(user, password, **options).result
        data = re.search(r"data (\w+)", result["message"])
        return "ok" if result["result"] == 0 else data[1] if data else str(result["result"])

    def close(self) -> None:
        """Close what is open."""
        for connection in self._opened:
            if connection.socket is not None:
                connection.socket.close()
        self._opened.clear()
        self._admin = None


def answer_of(connection: ldap3.Connection) -> Answer:
    """What a connection's last operation came back with."""
    response = connection.response or []
    return Answer(
        connection.result["result"],
        [item for item in response if item["type"] == "searchResEntry"],
        connection.result["message"],
        connection.result.get("controls") or {},
        [uri for item in response if item["type"] == "searchResRef" for uri in item["uri"]],
    )


def samba_door(controller: DomainController) -> DirectoryUnderTest:
    """The door to Samba."""
    return DirectoryUnderTest("samba", controller.host, 389, 636, controller.ca_file, controller.password)


def embedded_door(directory: EmbeddedDirectory) -> DirectoryUnderTest:
    """The door to ours."""
    return DirectoryUnderTest(
        "embedded", directory.host, directory.port, directory.tls_port, directory.ca_file, directory.bind_password
    )


def embedded_bystanders(directory: EmbeddedDirectory) -> None:
    """The contact that Samba's domain has too, and that a search for people must not take for one."""
    door = embedded_door(directory)
    attributes = {"mail": "alice@example.local", "sn": "Liddell"}
    assert door.add(f"CN=alice,OU=Contacts,{door.base}", "contact", attributes) == 0
    door.close()


class Scratch:
    """An organizational unit for one test, and quick ways to put something in it."""

    def __init__(self, door: DirectoryUnderTest) -> None:
        self.door = door
        self.dn = f"OU={unique('scr')},OU=Staff,{door.base}"
        self._policies: list[str] = []
        assert door.add(self.dn, "organizationalUnit") == 0

    def user(self, **attributes: Any) -> str:
        """A new account's DN; without a password, and so disabled, unless told otherwise."""
        return self._add("user", attributes)

    def group(self, **attributes: Any) -> str:
        """A new group's DN."""
        return self._add("group", attributes)

    def person(self, password: str = "G00d-password", **attributes: Any) -> str:
        """A new account that can sign in; its sAMAccountName."""
        sam = unique("per")
        control = {"sAMAccountName": sam, "userAccountControl": "512", "unicodePwd": quoted(password)}
        self._add("user", {**control, **attributes})
        return sam

    def policy(self, applies_to: str, **changed: str) -> str:
        """A new fine-grained password policy for the account or group with that DN; its own DN."""
        dn = f"CN={unique('pso')},CN=Password Settings Container,CN=System,{self.door.base}"
        attributes = {
            "PasswordSettingsPrecedence": "5",
            "MinimumPasswordLength": "7",
            "PasswordHistoryLength": "0",
            "PasswordComplexityEnabled": "FALSE",
            "PasswordReversibleEncryptionEnabled": "FALSE",
            "MinimumPasswordAge": "0",
            "MaximumPasswordAge": str(-10 * 86400 * 10**7),
            "LockoutThreshold": "0",
            "LockoutObservationWindow": str(-600 * 10**7),
            "LockoutDuration": str(-600 * 10**7),
            "PSOAppliesTo": applies_to,
            **changed,
        }
        named = {f"msDS-{name}": value for name, value in attributes.items()}
        assert self.door.add(dn, "msDS-PasswordSettings", named) == 0
        self._policies.append(dn)
        return dn

    def _add(self, kind: str, attributes: dict[str, Any]) -> str:
        sam = attributes.setdefault("sAMAccountName", unique("obj"))
        dn = f"CN={sam},{self.dn}"
        assert self.door.add(dn, kind, attributes) == 0
        return dn

    def remove(self) -> None:
        """Delete the whole of it."""
        for policy in self._policies:
            self.door.delete(policy)
        self.door.delete(self.dn, controls=[(TREE_DELETE, True, None)])


def quoted(password: str) -> bytes:
    """A password as unicodePwd takes it."""
    return f'"{password}"'.encode("utf-16-le")


def as_people(domain: Domain) -> dict[str, Any]:
    """The test domain in the shape of a people file."""
    return {
        "domain": domain.netbios,
        "realm": domain.dns_name,
        "ous": [_path(unit) for unit in domain.units],
        "computers": ["WS01"],
        "users": {person.sam: _user(person) for person in domain.people},
        "groups": {group.sam: _group(group) for group in domain.groups}
        | {name: {"members": list(members)} for name, members in domain.memberships.items()},
    }


def _path(unit: str) -> str:
    return "/".join(step.split("=", 1)[1] for step in reversed(unit.split(",")))


def _user(person: ADPerson) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": person.cn or person.sam,
        "given_name": person.given[:64],
        "surname": person.surname[:64],
        "display_name": f"{person.given} {person.surname}".strip(),
        "email": person.mail,
        "upn": person.upn,
        "password": person.password,
        "disabled": person.state == "disabled",
        "locked": person.state == "locked",
        "must_change_password": person.state == "must-change",
        "primary_group": person.primary_group,
        **person.attributes,
    }
    if person.ou != "CN=Users":
        fields["ou"] = _path(person.ou)
    if person.state == "expired":
        fields["expires"] = datetime(2020, 1, 1, tzinfo=timezone.utc)
    if person.spns:
        fields["servicePrincipalName"] = list(person.spns)
    return fields


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.cn or group.sam,
        "members": list(group.members),
        "security": group.security,
        "ou": _path(group.ou),
    }
