"""Fill a freshly provisioned Samba domain. Run by the system's Python, which has Samba's own modules.

Usage: fill.py SMB_CONF SAM_LDB < domain.json   (see `people.Domain.as_json`)
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

NORMAL, DISABLED, NO_PASSWORD = 0x200, 0x2, 0x20
LONG_AGO = 132223104000000000  # 2020-01-01, as FILETIME
MAILING_LIST = "2"
UNIX_EPOCH = 116444736000000000  # as FILETIME
FOR_EVER = "-9223372036854775808"
AES_ONLY = "24"
WORKSTATION = "4096"


def main(smb_conf: str, sam_ldb: str) -> None:
    """Write the domain on standard input into the database, in two transactions."""
    parameters = LoadParm()
    parameters.load(smb_conf)
    db = SamDB(url=sam_ldb, session_info=system_session(), lp=parameters)
    domain = json.load(sys.stdin)
    filler = Filler(db, domain["base_dn"])
    db.transaction_start()
    for unit in domain["units"]:
        db.add({"dn": f"{unit},{domain['base_dn']}", "objectClass": "organizationalUnit"})
    for person in domain["people"]:
        filler.add_person(person, domain["dns_name"])
    for group in domain["groups"]:
        filler.add_group(group)
    db.transaction_commit()
    db.transaction_start()
    for group in domain["groups"]:
        filler.add_members(group["sam"], group["members"])
    for group, members in domain["memberships"].items():
        filler.add_members(group, members)
    for person in domain["people"]:
        filler.finish_person(person)
    filler.replace(ldb.Dn(db, domain["base_dn"]), "lockoutDuration", FOR_EVER)
    filler.add_bystanders(domain["dns_name"])
    db.transaction_commit()


class Filler:
    """Adds people and groups, and remembers their DNs."""

    def __init__(self, db: Any, base_dn: str) -> None:
        self.db = db
        self.base_dn = base_dn
        self.dns: dict[str, Any] = {}

    def dn(self, unit: str, cn: str) -> Any:
        """The DN of `cn` under `unit`; ldb does the escaping."""
        dn = ldb.Dn(self.db, f"CN=x,{unit},{self.base_dn}")
        dn.set_component(0, "CN", cn)
        return dn

    def find(self, sam: str) -> Any:
        """The DN of a person or group by sAMAccountName."""
        if sam not in self.dns:
            found = self.db.search(self.base_dn, expression=f"(sAMAccountName={ldb.binary_encode(sam)})", attrs=[])
            self.dns[sam] = found[0].dn
        return self.dns[sam]

    def add_person(self, person: dict[str, Any], dns_name: str) -> None:
        """Make the account, with its password."""
        dn = self.dn(person["ou"], person["cn"] or person["sam"])
        self.dns[person["sam"]] = dn
        control = NORMAL | (0 if person["password"] else NO_PASSWORD)
        names = {
            "givenName": person["given"][:64],
            "sn": person["surname"][:64],
            "displayName": f"{person['given']} {person['surname']}".strip(),
            "mail": person["mail"],
        }
        message = {
            "dn": dn,
            "objectClass": "user",
            "sAMAccountName": person["sam"],
            "userPrincipalName": person["upn"] or f"{person['sam']}@{dns_name}",
            "userAccountControl": str(control),
            **{name: value for name, value in names.items() if value},
            **person["attributes"],
        }
        if person["password"]:
            message["unicodePwd"] = f'"{person["password"]}"'.encode("utf-16-le")
        if person["spns"]:
            message["servicePrincipalName"] = list(person["spns"])
            message["msDS-SupportedEncryptionTypes"] = AES_ONLY
        self.db.add(message)

    def finish_person(self, person: dict[str, Any]) -> None:
        """Give the account its state, and its primary group."""
        dn = self.find(person["sam"])
        if person["state"] == "disabled":
            self.replace(dn, "userAccountControl", str(NORMAL | DISABLED))
        elif person["state"] == "expired":
            self.replace(dn, "accountExpires", str(LONG_AGO))
        elif person["state"] == "locked":
            self.replace(dn, "lockoutTime", str(int(time.time() * 10**7) + UNIX_EPOCH))
        elif person["state"] == "must-change":
            self.replace(dn, "pwdLastSet", "0")
        if person["primary_group"]:
            self.add_members(person["primary_group"], [person["sam"]])
            sid = self.db.search(self.find(person["primary_group"]), ldb.SCOPE_BASE, attrs=["primaryGroupToken"])
            self.replace(dn, "primaryGroupID", str(sid[0]["primaryGroupToken"]))

    def add_group(self, group: dict[str, Any]) -> None:
        """Make the group, empty."""
        dn = self.dn(group["ou"], group["cn"] or group["sam"])
        self.dns[group["sam"]] = dn
        message = {"dn": dn, "objectClass": "group", "sAMAccountName": group["sam"]}
        if not group["security"]:
            message["groupType"] = MAILING_LIST
        self.db.add(message)

    def add_members(self, group: str, members: list[str]) -> None:
        """Put people and groups into a group."""
        if members:
            message = ldb.Message(self.find(group))
            names = [str(self.find(member)) for member in members]
            message["member"] = ldb.MessageElement(names, ldb.FLAG_MOD_ADD, "member")
            self.db.modify(message)

    def add_bystanders(self, dns_name: str) -> None:
        """What a search for people must not take for one: a contact and a computer."""
        contact = self.dn("OU=Contacts", "alice")
        self.db.add({"dn": contact, "objectClass": "contact", "mail": f"alice@{dns_name}", "sn": "Liddell"})
        computer = self.dn("CN=Computers", "WS01")
        self.db.add(
            {
                "dn": computer,
                "objectClass": "computer",
                "sAMAccountName": "WS01$",
                "userAccountControl": "4096",
            }
        )

    def replace(self, dn: Any, attribute: str, value: str) -> None:
        """Set one attribute."""
        message = ldb.Message(dn)
        message[attribute] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, attribute)
        self.db.modify(message)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
