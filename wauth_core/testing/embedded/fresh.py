"""What a domain controller holds before anybody is added: containers, well-known accounts and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import values as v
from .configuration_partition import build_configuration, build_system
from .distinguished_names import Rdn, parse_dn
from .entry import Entry, Values

if TYPE_CHECKING:
    from .hosted_domain import Domain

ADMINISTRATOR = "Administrator"
SERVICE_ACCOUNT = "svc_wauth"

_DENIED = (
    "Cert Publishers",
    "Domain Admins",
    "Domain Controllers",
    "Enterprise Admins",
    "Group Policy Creator Owners",
    "Read-only Domain Controllers",
    "Schema Admins",
    "krbtgt",
)
# name, RID, scope, members (MS-ADTS 6.1.1.4 and 6.1.1.6)
_GROUPS: tuple[tuple[str, int, str, tuple[str, ...]], ...] = (
    ("Domain Admins", 512, "global", (ADMINISTRATOR,)),
    ("Domain Users", 513, "global", ()),
    ("Domain Guests", 514, "global", ()),
    ("Domain Computers", 515, "global", ()),
    ("Domain Controllers", 516, "global", ()),
    ("Cert Publishers", 517, "local", ()),
    ("Schema Admins", 518, "universal", (ADMINISTRATOR,)),
    ("Enterprise Admins", 519, "universal", (ADMINISTRATOR,)),
    ("Group Policy Creator Owners", 520, "global", (ADMINISTRATOR,)),
    ("Read-only Domain Controllers", 521, "global", ()),
    ("Protected Users", 525, "global", ()),
    ("RAS and IAS Servers", 553, "local", ()),
    ("Denied RODC Password Replication Group", 572, "local", _DENIED),
)
_BUILTIN: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("Administrators", 544, (ADMINISTRATOR, "Domain Admins", "Enterprise Admins")),
    ("Users", 545, ("Domain Users",)),
    ("Guests", 546, ("Guest", "Domain Guests")),
    ("Account Operators", 548, (SERVICE_ACCOUNT,)),
    ("Server Operators", 549, ()),
    ("Print Operators", 550, ()),
    ("Backup Operators", 551, ()),
    ("Remote Desktop Users", 555, ()),
    ("Event Log Readers", 573, ()),
)
_WELLKNOWN = {
    "CN=Users": "a9d1ca15768811d1aded00c04fd8d5cd",
    "CN=Computers": "aa312825768811d1aded00c04fd8d5cd",
    "OU=Domain Controllers": "a361b2ffffd211d1aa4b00c04fd7d83a",
    "CN=System": "ab1d30f3768811d1aded00c04fd8d5cd",
    "CN=Deleted Objects": "18e2ea80684f11d2b9aa00c04f79f805",
    "CN=ForeignSecurityPrincipals": "22b70c67d56e4efb91e9300fca3dc1aa",
}


def build(domain: Domain) -> None:
    """Fill an empty domain."""
    _make_templates(domain)
    store, root = domain.store, domain.store.root
    hosts = b"dc1." + domain.realm.encode()
    root.shared = domain.template(store.schema.lineage("domainDNS"))
    root.attrs = {
        "instancetype": b"5",
        "maxpwdage": b"-36288000000000",
        "minpwdage": b"-864000000000",
        "minpwdlength": b"7",
        "pwdproperties": b"1",
        "pwdhistorylength": b"24",
        "lockoutthreshold": b"0",
        "lockoutduration": b"-18000000000",
        "lockoutobservationwindow": b"-18000000000",
        "ms-ds-machineaccountquota": b"10",
        "systemflags": b"%d" % v.PROTECTED,
    }
    for rdn in ("CN=Builtin", "CN=LostAndFound", *_WELLKNOWN):
        step = parse_dn(rdn)[0]
        kind = {"CN=Builtin": "builtinDomain", "CN=LostAndFound": "lostAndFound"}.get(rdn, "container")
        entry = domain.plain(root, step, "organizationalUnit" if step.attribute == "OU" else kind, {})
        entry.attrs |= {"iscriticalsystemobject": b"TRUE", "systemflags": b"%d" % v.PROTECTED}
        if rdn in _WELLKNOWN:
            store.wellknown[bytes.fromhex(_WELLKNOWN[rdn])] = entry
    graveyard = domain.graveyard()
    graveyard.deleted = True
    graveyard.attrs["isdeleted"] = b"TRUE"
    build_configuration(domain)
    _build_accounts(domain, hosts)
    build_system(domain)


def _build_accounts(domain: Domain, host: bytes) -> None:
    store = domain.store
    users = domain.child(store.root, "CN=Users")
    builtin = domain.child(store.root, "CN=Builtin")
    for sam, rid, flags in (
        (ADMINISTRATOR, 500, v.NORMAL_ACCOUNT | v.DONT_EXPIRE_PASSWORD),
        ("Guest", 501, v.NORMAL_ACCOUNT | v.DISABLED | v.PASSWORD_NOT_REQUIRED | v.DONT_EXPIRE_PASSWORD),
        ("krbtgt", 502, v.NORMAL_ACCOUNT | v.DISABLED),
        (SERVICE_ACCOUNT, 1103, v.NORMAL_ACCOUNT | v.DONT_EXPIRE_PASSWORD),
    ):
        attrs: dict[str, bytes | Values] = {
            "samaccountname": sam.encode(),
            "useraccountcontrol": b"%d" % flags,
        }
        if rid < 1000:
            attrs["iscriticalsystemobject"] = b"TRUE"
        if sam == SERVICE_ACCOUNT:
            attrs["userprincipalname"] = f"{sam}@{domain.realm}".encode()
            attrs["description"] = b"Reads and writes the directory for applications under test."
        sid = store.domain_account_sid(rid)
        store.create(users, Rdn("CN", sam), domain.templates["user"], attrs, sid=sid, guid=domain.guid())
    for name, rid, scope, _ in _GROUPS:
        _wellknown_group(domain, users, name, v.GROUP_SCOPES[scope] - v.SECURITY, store.domain_account_sid(rid))
    for name, rid, _ in _BUILTIN:
        _wellknown_group(domain, builtin, name, v.BUILTIN_LOCAL, v.pack_sid(f"S-1-5-32-{rid}"))
    for name, _, _, members in _GROUPS:
        for member in members:
            store.load_link(domain.find(name), "member", domain.find(member))
    for name, _, members in _BUILTIN:
        for member in members:
            store.load_link(domain.find(name), "member", domain.find(member))
    guests = domain.find("Guest")
    guests.attrs["primarygroupid"] = b"514"
    foreign = domain.child(store.root, "CN=ForeignSecurityPrincipals")
    for sid_text in ("S-1-5-4", "S-1-5-11"):
        entry = domain.plain(foreign, Rdn("CN", sid_text), "foreignSecurityPrincipal", {})
        entry.sid = v.pack_sid(sid_text)
        store.by_sid[entry.sid] = entry
        store.load_link(domain.find("Users"), "member", entry)
    controllers = domain.child(store.root, "OU=Domain Controllers")
    attrs = {
        "samaccountname": b"DC1$",
        "dnshostname": host,
        "useraccountcontrol": b"532480",
        "primarygroupid": b"516",
        "operatingsystem": b"windowsauth embedded directory (development only)",
        "serviceprincipalname": (b"ldap/" + host, b"HOST/" + host),
    }
    sid = store.domain_account_sid(1000)
    store.create(controllers, Rdn("CN", "DC1"), domain.templates["computer"], attrs, sid=sid, guid=domain.guid())


def _wellknown_group(domain: Domain, parent: Entry, name: str, group_type: int, sid: bytes) -> None:
    attrs: dict[str, bytes | Values] = {
        "samaccountname": name.encode(),
        "iscriticalsystemobject": b"TRUE",
    }
    if group_type == v.BUILTIN_LOCAL:
        entry = domain.new_group(parent, Rdn("CN", name), group_type, attrs, sid)
        entry.attrs["samaccounttype"] = b"536870912"
        entry.attrs["systemflags"] = b"%d" % v.PROTECTED
    else:
        domain.new_group(parent, Rdn("CN", name), group_type, attrs, sid)


def _make_templates(domain: Domain) -> None:
    now = b"%d" % v.filetime(domain.clock())
    account: dict[str, bytes | Values] = {
        "accountexpires": b"%d" % v.NEVER,
        "badpasswordtime": b"0",
        "badpwdcount": b"0",
        "codepage": b"0",
        "countrycode": b"0",
        "lastlogoff": b"0",
        "lastlogon": b"0",
        "logoncount": b"0",
        "pwdlastset": now,
        "useraccountcontrol": b"%d" % v.NORMAL_ACCOUNT,
        "primarygroupid": b"513",
        "samaccounttype": b"%d" % v.TYPE_USER,
    }
    lineage = domain.store.schema.lineage
    user = domain.template(lineage("user")) | account
    computer = domain.template(lineage("computer")) | account
    computer |= {
        "primarygroupid": b"515",
        "samaccounttype": b"%d" % v.TYPE_COMPUTER,
        "useraccountcontrol": b"%d" % v.WORKSTATION_ACCOUNT,
        "iscriticalsystemobject": b"FALSE",
    }
    group = domain.template(lineage("group"))
    inet = domain.template(lineage("inetOrgPerson")) | account
    domain.templates = {"user": user, "computer": computer, "group": group, "inetOrgPerson": inet}
    for managed in ("msDS-GroupManagedServiceAccount", "msDS-ManagedServiceAccount"):
        domain.templates[managed] = computer | domain.template(lineage(managed))
