"""The tap itself: it counts what passes and makes the trouble that it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import ldap3
import pytest
from ldap3.core.exceptions import LDAPExceptionError, LDAPSocketOpenError

from tests.ad.certificates import Authority
from tests.ad.client import connected
from tests.ad.samba import DomainController
from tests.ad.tap import Tap


@pytest.fixture
def tap(samba: DomainController, ad_authority: Authority) -> Iterator[Tap]:
    """A tap before the controller."""
    with Tap(samba, ad_authority.issue("tap", hosts=("localhost",))) as tap:
        yield tap


def through(tap: Tap, authority: Authority) -> AbstractContextManager[ldap3.Connection]:
    """The administrator's connection through the tap."""
    controller = tap.controller
    return connected("localhost", tap.port, str(authority.ca_file), controller.admin_user, controller.admin_password)


def test_counts_each_message_once(tap: Tap, ad_authority: Authority) -> None:
    """A bind and two searches are seen as just that."""
    with through(tap, ad_authority) as connection:
        for _ in range(2):
            connection.search(tap.controller.base_dn, "(cn=alice)", ldap3.SUBTREE, attributes=["mail"])
        assert [seen.kind for seen in tap.seen] == ["bind", "search", "search"]
    assert (tap.searches()[0].base, tap.searches()[0].scope) == (tap.controller.base_dn, "subtree")
    assert tap.searches()[0].attributes == ("mail",)


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "in good order"])
def test_cuts(tap: Tap, ad_authority: Authority, reset: bool) -> None:
    """A cut connection fails, and a new one works."""
    with through(tap, ad_authority) as connection:
        tap.cut(reset=reset)
        assert tap.open_connections == 0
        with pytest.raises((LDAPExceptionError, OSError)):
            connection.search(tap.controller.base_dn, "(cn=alice)")
    with through(tap, ad_authority) as connection:
        assert connection.bound


def test_refuses_and_cuts_answers(tap: Tap, ad_authority: Authority) -> None:
    """It refuses connections, breaks off an answer, and serves again afterwards."""
    tap.refuse()
    with pytest.raises(LDAPSocketOpenError), through(tap, ad_authority):
        pass
    tap.listen()
    with through(tap, ad_authority) as connection:
        tap.cuts = 1
        with pytest.raises((LDAPExceptionError, OSError)):
            connection.search(tap.controller.base_dn, "(cn=alice)")
