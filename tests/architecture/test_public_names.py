"""The names that people rely on are where they are said to be, and of the shape that they are said to have."""

from __future__ import annotations

import dataclasses
import importlib

import pytest

from wauth_core import DirectoryGroup, DirectoryUser, LDAPManager, LDAPSettings, UserRepository, Wauth

NAMES = {
    "wauth_core": """AsyncLDAPManager AuthReason AuthResult BulkResult ConfigurationError DirectoryGroup DirectoryUser
        Identity InvalidIdentity LDAPManager LDAPSettings Principal SQLiteUserRepository SyncResult SyncStatus
        UserRepository Wauth WauthError WindowsUser secrets""",
    "wauth_core.secrets": "env file keyring",
    "wauth_core.directory": """AccountState AuthReason AuthResult DirectoryEntry DirectoryGroup DirectoryUser
        LDAPManager trace DirectoryObject DirectoryComputer OrganizationalUnit DirectoryContact ServiceAccount
        ForeignPrincipal DeletedObject DomainInfo ForestInfo PasswordPolicy Controller Site Trust WriteResult Edit""",
    "wauth_core.directory.query": """any_of all_of not_ present missing starts_with ends_with contains has_flag before
        after older_than newer_than filter_text""",
    "wauth_core.sync": "Change Link SQLiteUserRepository UserRepository UserSnapshot Wanted",
    "wauth_core.sync.sqlalchemy": """SQLAlchemyUserRepository WindowsGroupMixin WindowsUserMixin add_memberships
        link_tables""",
    "wauth_core.testing.repository_contract": "RepositoryContract",
    "wauth_core.testing": "EmbeddedDirectory MemoryUserRepository generate sign_in",
    "wauth_wsgi": "IISToken Negotiate ProxyHeader ServerIdentity Simulate WindowsAuthASGI WindowsAuthWSGI",
    "wauth_flask": """WindowsAuth windows_user login_required domain_required group_required
        ldap_sync_required""",
}


@pytest.mark.parametrize(
    ("module", "name"), [pytest.param(m, n, id=f"{m}.{n}") for m, names in NAMES.items() for n in names.split()]
)
def test_a_public_name_is_where_it_is_said_to_be(module, name):
    """``from module import name`` works."""
    given: dict[str, object] = {}
    exec(f"from {module} import {name}", given)
    assert given[name] is not None


@pytest.mark.parametrize("module", ["wauth_core", "wauth_core.testing"])
def test_what_a_package_lists_it_has(module):
    """Every name of ``__all__`` can be had, those that are imported on first use too, and ``dir()`` shows them."""
    home = importlib.import_module(module)
    assert [name for name in home.__all__ if getattr(home, name, None) is None] == []
    assert set(home.__all__) <= set(dir(home))
    assert list(home.__all__) == sorted(set(home.__all__))
    with pytest.raises(AttributeError, match="no_such_name"):
        home.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    ("owner", "members"),
    [
        pytest.param(
            LDAPManager,
            """connection get_reader get_definition get_usage settings domain close user users group groups is_member
            search authenticate changes doctor computer computers ou ous contact contacts service_account
            service_accounts find objects deleted members domain_info forest_info controllers sites trusts clock_skew
            set add_value remove_value set_manager set_password change_password must_change_password enable disable
            unlock expire add_members remove_members create_user create_group create_computer create_ou move rename
            protect delete restore global_catalog password_policy""",
            id="LDAPManager",
        ),
        pytest.param(Wauth, "from_mapping from_toml manager sync sync_all close __enter__ __exit__", id="Wauth"),
        pytest.param(
            DirectoryUser,
            """dn guid sid username upn display_name email enabled state attributes groups in_group name kind manager
            reports photo last_logon password_age expires as_row""",
            id="DirectoryUser",
        ),
        pytest.param(DirectoryGroup, "dn guid sid name members", id="DirectoryGroup"),
        pytest.param(
            LDAPSettings,
            """SERVER USERNAME PASSWORD SEARCH_BASE USE_SSL READ_ONLY COLLECT_METRICS SERVER_OPTIONS CONNECTION_OPTIONS
            PRELOAD_DEFINITIONS USER_FIELD_MAP USER_QUERY_FIELD GROUP_ATTRS SUPERUSER_GROUPS STAFF_GROUPS ACTIVE_GROUPS
            GROUP_MAP USER_QUERY_FILTER PROPAGATE_GROUPS FLAG_MAP TLS_VERIFY CA_FILE START_TLS AUTHENTICATION POOL_SIZE
            CONNECT_TIMEOUT OPERATION_TIMEOUT PAGE_SIZE ACCOUNT_STATE REQUIRE_GROUPS DENY_GROUPS MIRROR_GROUPS""",
            id="LDAPSettings",
        ),
    ],
)
def test_a_public_class_has_the_members_that_are_said_of_it(owner, members):
    """Methods, properties and fields by their names."""
    fields = {field.name for field in dataclasses.fields(owner)} if dataclasses.is_dataclass(owner) else set()
    assert set(members.split()) - fields - set(dir(owner)) == set()


def test_a_port_is_small():
    """UserRepository, which applications implement, has at most seven methods."""
    methods = [name for name in vars(UserRepository) if not name.startswith("_")]
    assert 1 <= len(methods) <= 7
