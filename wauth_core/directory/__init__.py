"""Talking to Active Directory: connections, look-ups, membership."""

from __future__ import annotations

from wauth_core.directory.authenticate import AuthReason as AuthReason
from wauth_core.directory.authenticate import AuthResult as AuthResult
from wauth_core.directory.changes import ChangeSet as ChangeSet
from wauth_core.directory.doctor import Check as Check
from wauth_core.directory.doctor import Outcome as Outcome
from wauth_core.directory.edits import Edit as Edit
from wauth_core.directory.entries import AccountState as AccountState
from wauth_core.directory.entries import DirectoryEntry as DirectoryEntry
from wauth_core.directory.entries import DirectoryGroup as DirectoryGroup
from wauth_core.directory.entries import DirectoryObject as DirectoryObject
from wauth_core.directory.entries import DirectoryUser as DirectoryUser
from wauth_core.directory.facts import Controller as Controller
from wauth_core.directory.facts import DomainInfo as DomainInfo
from wauth_core.directory.facts import ForestInfo as ForestInfo
from wauth_core.directory.facts import PasswordPolicy as PasswordPolicy
from wauth_core.directory.facts import Site as Site
from wauth_core.directory.facts import Trust as Trust
from wauth_core.directory.manager import LDAPManager as LDAPManager
from wauth_core.directory.membership import ResolvedGroups as ResolvedGroups
from wauth_core.directory.objects import DeletedObject as DeletedObject
from wauth_core.directory.objects import DirectoryComputer as DirectoryComputer
from wauth_core.directory.objects import DirectoryContact as DirectoryContact
from wauth_core.directory.objects import ForeignPrincipal as ForeignPrincipal
from wauth_core.directory.objects import OrganizationalUnit as OrganizationalUnit
from wauth_core.directory.objects import ServiceAccount as ServiceAccount
from wauth_core.directory.tracing import Operation as Operation
from wauth_core.directory.tracing import trace as trace
from wauth_core.directory.writer import WriteResult as WriteResult
