"""What an administrator's tests of both directories share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.directories import DirectoryUnderTest
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import ChangeRefused
from wauth_core.settings import LDAPSettings


def managed(directory: DirectoryUnderTest, **more: Any) -> LDAPManager:
    """A manager that may write, unless told otherwise."""
    settings = {
        "SERVER": f"ldaps://{directory.host}:{directory.tls_port}",
        "USERNAME": directory.admin,
        "PASSWORD": directory.password,
        "SEARCH_BASE": directory.base,
        "CA_FILE": directory.ca_file,
        "READ_ONLY": False,
        **more,
    }
    return LDAPManager(LDAPSettings(**settings), "EXAMPLE")


def everything(directory: DirectoryUnderTest, dn: str) -> dict[str, list[bytes]]:
    """All attributes of an entry, but for what any write changes, by plain ldap3."""
    found = directory.search(dn, scope="BASE", attributes=["*"]).one
    return {name: sorted(v) for name, v in found.items() if not name.startswith(("uSNCh", "whenCh", "dSCore"))}


def refusal(call: Any, *given: Any, **more: Any) -> str:
    """The reason why a write was refused."""
    with pytest.raises(ChangeRefused) as caught:
        call(*given, **more)
    return caught.value.reason
