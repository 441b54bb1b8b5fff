"""The public API: the modules that CONTRIBUTING lists, and in each the names of its ``__all__``. Nothing else is."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import runpy
from pathlib import Path

import pytest

import tests.django_app.setup  # noqa: F401 - Django's modules are imported too
from wauth_core import DirectoryGroup, DirectoryUser, LDAPManager, LDAPSettings, UserRepository, Wauth

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PUBLIC = runpy.run_path(str(DOCS / "_ext" / "public_api.py"))["public_modules"]()
NAMES = [(module, name) for module in PUBLIC for name in importlib.import_module(module).__all__]


def test_the_list_of_public_modules_is_that_of_the_code():
    """A module that has an ``__all__`` is public, and in CONTRIBUTING's list."""
    having = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in ("wauth_core", "wauth_wsgi", "wauth_django", "wauth_flask")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"^__all__ = ", path.read_text("utf-8"), re.M)
    }
    assert sorted(PUBLIC) == sorted(having), 'docs/CONTRIBUTING.md, "The public API", lists the modules with an __all__'


def test_each_public_module_is_in_the_api_reference():
    """In one page of docs/reference/api, which takes its names from the module's ``__all__``."""
    pages = "\n".join(path.read_text("utf-8") for path in (DOCS / "reference" / "api").glob("*.md"))
    assert sorted(re.findall(r"^```\{api\} (\S+)\n```$", pages, re.M)) == sorted(PUBLIC), "docs/reference/api/*.md"


@pytest.mark.parametrize(("module", "name"), [pytest.param(m, n, id=f"{m}.{n}") for m, n in NAMES])
def test_a_public_name_is_there_and_says_what_it_is_for(module, name):
    """``from module import name`` works, and a class or function has a docstring."""
    given: dict[str, object] = {}
    exec(f"from {module} import {name}", given)
    if str(getattr(given[name], "__module__", "")).startswith("wauth_"):  # not what is of another library
        assert inspect.getdoc(given[name]), f"{module}.{name} has no docstring"


@pytest.mark.parametrize("module", PUBLIC)
def test_what_a_module_lists_it_has(module):
    """``dir()`` shows the names of ``__all__``, those that are imported on first use too; other names raise."""
    home = importlib.import_module(module)
    assert set(home.__all__) <= set(dir(home))
    assert list(home.__all__) == sorted(set(home.__all__))
    with pytest.raises(AttributeError, match="no_such_name"):
        home.no_such_name  # noqa: B018


def shown() -> list[tuple[str, str, str]]:
    """What the documentation's Python imports of ours: page, module, name."""
    found = []
    for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        for block in re.findall(r"^ *```python\n(.*?)^ *```", path.read_text("utf-8"), re.M | re.S):
            try:
                tree = ast.parse(inspect.cleandoc(block))
            except SyntaxError:  # the beginning of a file, or an interpreter's prompt
                continue
            found += [
                (str(path.relative_to(ROOT)), node.module, alias.name)
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("wauth_")
                for alias in node.names
            ]
    return found


def test_the_documentation_imports_public_names_only():
    """What a reader copies is not taken away by the next release."""
    imports = shown()
    assert len(imports) > 50
    private = [
        f"{page}: from {module} import {name}"
        for page, module, name in imports
        if (module, name) not in NAMES and f"{module}.{name}" not in PUBLIC
    ]
    assert not private, "Put the name into its module's __all__, or take it out of the page:\n" + "\n".join(private)


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


def test_wauth_offers_what_applications_call():
    """And no more: what a front end needs is in `Wauth.directories` and `Wauth.people`, or marked as private."""
    offered = {
        name
        for name, value in vars(Wauth).items()
        if not name.startswith("_") and ":meta private:" not in (inspect.getdoc(value) or "")
    }
    said = "from_mapping from_toml manager usage authenticate sync sync_all problems rules identity now close"
    assert offered == set(said.split())


def test_a_port_is_small():
    """UserRepository, which applications implement, has at most seven methods."""
    methods = [name for name in vars(UserRepository) if not name.startswith("_")]
    assert 1 <= len(methods) <= 7
