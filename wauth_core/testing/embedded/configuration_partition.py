"""What a domain controller stores about itself: sites, servers, roles, partitions, features (MS-ADTS 6.1.1.2)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from . import values as v
from .distinguished_names import Rdn
from .entry import Entry, Values

if TYPE_CHECKING:
    from .hosted_domain import Domain

LEVEL = b"7"  # Windows Server 2016
SITE = "Default-First-Site-Name"
_DOMAIN_REF, _FOREST_REF = b"3", b"1"  # systemFlags of a crossRef


def agent_dn(domain: Domain) -> str:
    """The DN of the controller's NTDS Settings. It holds the roles, and references to the controller name it."""
    return f"CN=NTDS Settings,CN=DC1,CN=Servers,CN={SITE},CN=Sites,CN=Configuration,{domain.store.base_dn}"


def build_configuration(domain: Domain) -> None:
    """The configuration and schema partitions."""
    store = domain.store
    base = store.base_dn
    configuration = _make(domain, store.root, "Configuration", "configuration")
    configuration.is_naming_context = True
    schema = _make(domain, configuration, "Schema", "dMD", objectversion=b"87")
    schema.is_naming_context = True
    _make(domain, schema, "Aggregate", "subSchema", **dict(store.schema.subentry))
    partitions = _make(domain, configuration, "Partitions", "crossRefContainer", **{"msds-behavior-version": LEVEL})
    _cross(domain, partitions, domain.netbios, base, _DOMAIN_REF, netbiosname=domain.netbios.encode())
    _cross(domain, partitions, "Enterprise Configuration", f"CN=Configuration,{base}", _FOREST_REF)
    _cross(domain, partitions, "Enterprise Schema", f"CN=Schema,CN=Configuration,{base}", _FOREST_REF)
    _build_services(domain, configuration)
    _build_sites(domain, configuration)
    owner = agent_dn(domain).encode()
    for role in (store.root, schema, partitions):
        role.attrs["fsmoroleowner"] = owner


def build_system(domain: Domain) -> None:
    """What the domain's own partition holds besides accounts. The controller's account is there already."""
    store = domain.store
    system = domain.child(store.root, "CN=System")
    owner: dict[str, bytes | Values] = {
        "fsmoroleowner": agent_dn(domain).encode(),
        "iscriticalsystemobject": b"TRUE",
        "systemflags": b"%d" % v.PROTECTED,
    }
    _make(domain, system, "RID Manager$", "rIDManager", ridavailablepool=b"4611686014132424708", **owner)
    _make(domain, store.root, "Infrastructure", "infrastructureUpdate", **owner)
    _make(domain, system, "Password Settings Container", "msDS-PasswordSettingsContainer")
    _make(domain, store.root, "Managed Service Accounts", "container")
    store.root.attrs["msds-behavior-version"] = LEVEL
    server = store.find(agent_dn(domain).partition(",")[2])
    controller = domain.find("DC1$")
    if server is not None:
        store.load_link(server, "serverreference", controller)


def know_one_another(one: Domain, other: Domain) -> None:
    """Two domains of a forest: each has the other's cross-reference, and trusts it both ways."""
    for domain, partner in ((one, other), (other, one)):
        configuration = domain.child(domain.store.root, "CN=Configuration")
        cross: dict[str, bytes | Values] = {
            "ncname": partner.store.base_dn.encode(),
            "dnsroot": partner.realm.encode(),
            "netbiosname": partner.netbios.encode(),
            "systemflags": _DOMAIN_REF,
        }
        _make(domain, domain.child(configuration, "CN=Partitions"), partner.netbios, "crossRef", **cross)
        trust: dict[str, bytes | Values] = {
            "trustpartner": partner.realm.encode(),
            "flatname": partner.netbios.encode(),
            "trustdirection": b"3",
            "trusttype": b"2",
            "trustattributes": b"32",  # within the forest
            "securityidentifier": partner.store.domain_sid,
        }
        _make(domain, domain.child(domain.store.root, "CN=System"), partner.realm, "trustedDomain", **trust)


def enable_recycle_bin(domain: Domain) -> None:
    """From now on a deleted object keeps its attributes and links. That cannot be undone."""
    store = domain.store
    configuration = domain.child(store.root, "CN=Configuration")
    feature = store.find(
        "CN=Recycle Bin Feature,CN=Optional Features,CN=Directory Service,CN=Windows NT,CN=Services,"
        f"CN=Configuration,{store.base_dn}"
    )
    partitions = domain.child(configuration, "CN=Partitions")
    if feature is not None and feature not in partitions.linked("msds-enabledfeature"):
        store.link(partitions, "msds-enabledfeature", feature)
    store.recycle_bin = True


def _build_services(domain: Domain, configuration: Entry) -> None:
    services = _make(domain, configuration, "Services", "container")
    windows = _make(domain, services, "Windows NT", "container")
    directory = _make(domain, windows, "Directory Service", "nTDSService", tombstonelifetime=b"180")
    features = _make(domain, directory, "Optional Features", "container")
    guid = uuid.UUID("766ddcd8-acd0-445e-f3b9-a7f9b6744f2a").bytes_le  # MS-ADTS 3.1.1.9.1
    _make(
        domain,
        features,
        "Recycle Bin Feature",
        "msDS-OptionalFeature",
        **{
            "msds-optionalfeatureguid": guid,
            "msds-optionalfeatureflags": b"1",
            "msds-requiredforestbehaviorversion": b"4",
        },
    )


def _build_sites(domain: Domain, configuration: Entry) -> None:
    base = domain.store.base_dn
    sites = _make(domain, configuration, "Sites", "sitesContainer")
    _make(domain, sites, "Subnets", "subnetContainer")
    site = _make(domain, sites, SITE, "site")
    servers = _make(domain, site, "Servers", "serversContainer")
    host = f"dc1.{domain.realm}".encode()
    server = _make(domain, servers, "DC1", "server", dnshostname=host)
    held = (base.encode(), f"CN=Schema,CN=Configuration,{base}".encode(), f"CN=Configuration,{base}".encode())
    agent: dict[str, bytes | Values] = {
        "options": b"1",  # a Global Catalog
        "msds-behavior-version": LEVEL,
        "invocationid": domain.store.invocation_id,
        "dmdlocation": held[1],
    }
    entry = _make(domain, server, "NTDS Settings", "nTDSDSA", **agent)
    for context in held:
        target = domain.store.find(context.decode())
        if target is not None:
            domain.store.load_link(entry, "msds-hasmasterncs", target)
    domain.store.load_link(entry, "msds-hasdomainncs", domain.store.root)


def _cross(domain: Domain, parent: Entry, name: str, context: str, flags: bytes, **more: bytes | Values) -> None:
    attrs: dict[str, bytes | Values] = {
        "ncname": context.encode(),
        "dnsroot": domain.realm.encode(),
        "systemflags": flags,
        **more,
    }
    _make(domain, parent, name, "crossRef", **attrs)


def _make(domain: Domain, parent: Entry, name: str, class_name: str, **attrs: bytes | Values) -> Entry:
    return domain.plain(parent, Rdn("CN", name), class_name, attrs)
