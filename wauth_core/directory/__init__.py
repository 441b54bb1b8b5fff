"""Talking to Active Directory: connections, look-ups, membership."""

from __future__ import annotations

from wauth_core.directory.authenticate import AuthReason, AuthResult
from wauth_core.directory.changes import ChangeSet
from wauth_core.directory.doctor import Check, Outcome
from wauth_core.directory.edits import Edit
from wauth_core.directory.entries import AccountState, DirectoryEntry, DirectoryGroup, DirectoryObject, DirectoryUser
from wauth_core.directory.facts import Controller, DomainInfo, ForestInfo, PasswordPolicy, Site, Trust
from wauth_core.directory.manager import LDAPManager
from wauth_core.directory.objects import (
    DeletedObject,
    DirectoryComputer,
    DirectoryContact,
    ForeignPrincipal,
    OrganizationalUnit,
    ServiceAccount,
)
from wauth_core.directory.tracing import Operation, trace
from wauth_core.directory.writer import WriteResult

__all__ = [
    "AccountState",
    "AuthReason",
    "AuthResult",
    "ChangeSet",
    "Check",
    "Controller",
    "DeletedObject",
    "DirectoryComputer",
    "DirectoryContact",
    "DirectoryEntry",
    "DirectoryGroup",
    "DirectoryObject",
    "DirectoryUser",
    "DomainInfo",
    "Edit",
    "ForeignPrincipal",
    "ForestInfo",
    "LDAPManager",
    "Operation",
    "OrganizationalUnit",
    "Outcome",
    "PasswordPolicy",
    "ServiceAccount",
    "Site",
    "Trust",
    "WriteResult",
    "trace",
]
