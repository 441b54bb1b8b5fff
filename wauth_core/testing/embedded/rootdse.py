"""The rootDSE: what a client may know before it binds (MS-ADTS 3.1.1.3.2)."""

from __future__ import annotations

from .configuration_partition import LEVEL, agent_dn
from .controls import KNOWN
from .entry import Values
from .hosted_domain import Domain
from .messages import START_TLS, WHO_AM_I
from .values import generalized_time

ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
_CAPABILITIES = (
    ACTIVE_DIRECTORY,
    "1.2.840.113556.1.4.1670",  # Windows Server 2003
    "1.2.840.113556.1.4.1791",  # signing after NTLM
    "1.2.840.113556.1.4.1935",  # Windows Server 2008
    "1.2.840.113556.1.4.2080",  # Windows Server 2008 R2
    "1.2.840.113556.1.4.2237",  # Windows Server 2012
)
_POLICIES = ["MaxPageSize", "MaxValRange", "MaxReceiveBuffer"]


def root_dse(domain: Domain) -> dict[str, Values]:
    """Its attributes. It names no SASL mechanism, since none is supported."""
    base = domain.store.base_dn
    host = f"dc1.{domain.realm}"
    configuration = f"CN=Configuration,{base}"
    agent = agent_dn(domain)
    texts: dict[str, tuple[str, ...]] = {
        "configurationNamingContext": (configuration,),
        "currentTime": (generalized_time(domain.clock()).decode(),),
        "defaultNamingContext": (base,),
        "dnsHostName": (host,),
        "domainControllerFunctionality": (LEVEL.decode(),),
        "domainFunctionality": (LEVEL.decode(),),
        "dsServiceName": (agent,),
        "forestFunctionality": (LEVEL.decode(),),
        "highestCommittedUSN": (str(domain.store.usn),),
        "isGlobalCatalogReady": ("TRUE",),
        "isSynchronized": ("TRUE",),
        "ldapServiceName": (f"{domain.realm}:dc1$@{domain.realm.upper()}",),
        "namingContexts": (base, configuration, f"CN=Schema,{configuration}"),
        "rootDomainNamingContext": (domain.forest[0].store.base_dn,),
        "schemaNamingContext": (f"CN=Schema,{configuration}",),
        "serverName": (agent.partition(",")[2],),
        "subschemaSubentry": (f"CN=Aggregate,CN=Schema,{configuration}",),
        "supportedCapabilities": _CAPABILITIES,
        "supportedControl": KNOWN,
        "supportedExtension": (START_TLS, WHO_AM_I),
        "supportedLDAPPolicies": tuple(_POLICIES),
        "supportedLDAPVersion": ("3", "2"),
        "vendorName": ("windowsauth embedded directory, for development only",),
    }
    return {name: tuple(text.encode() for text in listed) for name, listed in texts.items()}
