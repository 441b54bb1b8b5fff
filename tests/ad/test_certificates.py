"""A server that can't prove who it is gets no password, and the error says what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.ad.certificates import Authority, Pair
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import TLSError

Open = Callable[..., LDAPManager]


def wrong_name(trusted: Authority, foreign: Authority) -> Pair:
    """A good certificate of another host."""
    return trusted.issue("wrong-name", hosts=("elsewhere.example.local",))


def wrong_authority(trusted: Authority, foreign: Authority) -> Pair:
    """The right name from an authority that nobody trusts."""
    return foreign.issue("wrong-authority", hosts=("localhost",))


def expired(trusted: Authority, foreign: Authority) -> Pair:
    """The right name, until yesterday."""
    return trusted.issue("expired", hosts=("localhost",), expired=True)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [(wrong_name, "SERVER"), (wrong_authority, "CA_FILE"), (expired, "expired")],
    ids=["wrong name", "wrong authority", "expired"],
)
def test_bad_certificate(
    open_manager: Open,
    samba: DomainController,
    ad_authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
    make: Callable[[Authority, Authority], Pair],
    remedy: str,
) -> None:
    """The connection is refused before anything is sent, and the error names the remedy."""
    foreign = Authority(tmp_path_factory.mktemp("foreign"), "Somebody Else's CA")
    with Tap(samba, make(ad_authority, foreign)) as tap:
        manager = open_manager(SERVER=tap.url, CA_FILE=str(ad_authority.ca_file))
        with pytest.raises(TLSError, match=remedy):
            manager.user("alice")
        result = manager.authenticate("alice", samba.password)
        assert not result
        assert tap.accepted
        assert tap.seen == []


def test_system_store_does_not_know_the_test_authority(open_manager: Open) -> None:
    """Without CA_FILE the system's store decides, which does not trust this controller."""
    with pytest.raises(TLSError, match="CA_FILE"):
        open_manager(CA_FILE=None).user("alice")


def test_address_is_checked_like_a_name(open_manager: Open, samba: DomainController, ad_authority: Authority) -> None:
    """What SERVER says is what is checked, also where it is an address."""
    assert open_manager(SERVER=samba.address).user("alice").username == "alice"
    with Tap(samba, ad_authority.issue("no-address", hosts=("localhost",))) as tap:
        manager = open_manager(SERVER=f"ldaps://127.0.0.1:{tap.port}", CA_FILE=str(ad_authority.ca_file))
        with pytest.raises(TLSError, match="SERVER"):
            manager.user("alice")


def test_start_tls(open_manager: Open, samba: DomainController) -> None:
    """StartTLS is verified like LDAPS."""
    assert open_manager(START_TLS=True).user("alice").username == "alice"
    with pytest.raises(TLSError, match="CA_FILE"):
        open_manager(START_TLS=True, CA_FILE=None).user("alice")


def test_plain_text_bind_is_refused(open_manager: Open) -> None:
    """Without TLS no password is sent, unless the operator insists."""
    with pytest.raises(Exception, match="ALLOW_INSECURE_PLAINTEXT_BIND"):
        open_manager(USE_SSL=False).user("alice")
