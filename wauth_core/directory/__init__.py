"""Talking to Active Directory: connections, look-ups, membership."""

from __future__ import annotations

from wauth_core.directory.authenticate import AuthReason as AuthReason
from wauth_core.directory.authenticate import AuthResult as AuthResult
from wauth_core.directory.changes import ChangeSet as ChangeSet
from wauth_core.directory.doctor import Check as Check
from wauth_core.directory.doctor import Outcome as Outcome
from wauth_core.directory.entries import AccountState as AccountState
from wauth_core.directory.entries import DirectoryEntry as DirectoryEntry
from wauth_core.directory.entries import DirectoryGroup as DirectoryGroup
from wauth_core.directory.entries import DirectoryUser as DirectoryUser
from wauth_core.directory.manager import LDAPManager as LDAPManager
from wauth_core.directory.membership import ResolvedGroups as ResolvedGroups
from wauth_core.directory.tracing import Operation as Operation
from wauth_core.directory.tracing import trace as trace
