"""The directory that is not Active Directory: OpenLDAP, with memberOf and no tokenGroups."""

from __future__ import annotations

import ldap3

from tests.ad.slapd import GROUPS, OpenLDAP


def test_member_of_is_kept_by_the_server(openldap: OpenLDAP) -> None:
    """memberOf names the groups that hold a person directly; nested ones are the client's to find."""
    with openldap.connect() as admin:

        def member_of(dn: str) -> set[str]:
            admin.search(dn, "(objectClass=*)", ldap3.BASE, attributes=["memberOf"])
            values = admin.response[0]["raw_attributes"]["memberOf"]
            return {value.decode() for value in values}

        assert member_of(openldap.user_dn("alice")) == {openldap.group_dn("nested l2")}
        assert member_of(openldap.group_dn("nested l2")) == {openldap.group_dn("nested l1")}
        assert member_of(openldap.group_dn("loop a")) == {openldap.group_dn("loop b")}


def test_groups_are_all_there(openldap: OpenLDAP) -> None:
    """Each group has the members that it should have."""
    with openldap.connect() as admin:
        admin.search(openldap.base_dn, "(objectClass=groupOfNames)", attributes=["cn", "member"])
        found = [entry["raw_attributes"] for entry in admin.response]
    sizes = {attributes["cn"][0].decode(): len(attributes["member"]) for attributes in found}
    assert sizes == {cn: len(members) for cn, members in GROUPS.items()}
