"""Send changes: each once only, logged as ``wauth.audit``, with a result, or an error with AD's reason."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wauth_core.directory import diagnosis
from wauth_core.directory.connection import Lost, WriteRefused
from wauth_core.directory.edits import Edit
from wauth_core.directory.pool import Pool
from wauth_core.directory.tracing import NOT_SHOWN, is_secret
from wauth_core.exceptions import ChangeRefused, ChangeUncertain, DirectoryError

audit = logging.getLogger("wauth.audit")


@dataclass(frozen=True, kw_only=True)
class WriteResult:
    """What a write did, or would do.

    - *what* is the method's name.
    - *dn* is where the object is afterwards.
    - *edits* are the requests; none if there was nothing to change.
    - *before* and *after* hold the attributes that change, decoded, never a secret.
    - *dry_run*: nothing was sent.
    """

    what: str
    dn: str
    guid: uuid.UUID | None = None
    edits: tuple[Edit, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def changed(self) -> bool:
        """Whether there was anything to change."""
        return bool(self.edits)

    def ldif(self) -> str:
        """The requests as LDIF (RFC 2849); a secret is replaced by a comment."""
        return "version: 1\n\n" + "\n".join(edit.ldif() for edit in self.edits) if self.edits else ""

    def as_row(self) -> dict[str, Any]:
        """Everything but the requests, as one flat mapping."""
        return {
            "what": self.what,
            "dn": self.dn,
            "guid": self.guid,
            "changed": self.changed,
            "dry_run": self.dry_run,
            "before": dict(self.before),
            "after": dict(self.after),
        }

    def __str__(self) -> str:
        if not self.changed:
            return f"{self.what} {self.dn}: nothing to do"
        told = ", ".join(f"{name}: {self.before.get(name)!r} -> {value!r}" for name, value in self.after.items())
        return f"{'would ' if self.dry_run else ''}{self.what} {self.dn}{f' ({told})' if told else ''}"


class Writer:
    """Sends edits over the pool. No edit is ever sent twice."""

    def __init__(self, pool: Pool, domain: str) -> None:
        self._pool = pool
        self._domain = domain

    def check(self, *, dry_run: bool) -> None:
        """Raise `ReadOnlyError` before anything is looked up, if the domain may not be written to."""
        if self._pool.dialer.settings.READ_ONLY and not dry_run:
            raise WriteRefused(
                f"The domain {self._domain} is read-only. Set READ_ONLY=False in its settings to write to it."
            )

    def run(self, result: WriteResult) -> WriteResult:
        """Send the edits of *result* in order, unless it is a dry run. Returns *result* if all succeeded.

        If one is refused, those before it are undone, as far as possible. Raises `ChangeRefused`, whose ``done`` holds
        the edits that stay, `ChangeUncertain`, and what connecting raises.
        """
        if result.dry_run or not result.edits:
            return result
        self.check(dry_run=False)
        for at, edit in enumerate(result.edits):
            try:
                self._send(edit, result.what)
            except DirectoryError as error:
                done = result.edits[:at]
                if isinstance(error, ChangeRefused):
                    error.done = done = self._take_back(done, result.what)
                self._note(result, f"{type(error).__name__}: {error}", done=len(done))
                raise
        self._note(result, None, done=len(result.edits))
        return result

    def _take_back(self, done: tuple[Edit, ...], what: str) -> tuple[Edit, ...]:
        """Undo *done*, the last first, as far as possible. Returns the edits that stay."""
        while done and done[-1].undo is not None:
            try:
                self._send(done[-1].undo, what)
            except DirectoryError as error:
                audit.error("%s: a change of %r could not be taken back: %s", self._domain, done[-1].dn, error)
                break
            done = done[:-1]
        return done

    def _send(self, edit: Edit, what: str) -> None:
        deadline = time.monotonic() + float(self._pool.dialer.settings.OPERATION_TIMEOUT)
        server = f"The domain {self._domain}"
        try:
            with self._pool.connection(deadline) as connection:
                answer = connection.change(edit, deadline)
        except Lost as error:
            raise ChangeUncertain(
                f"{server}: {error}, after {what} of {edit.dn!r} was sent. It may have been made: look, then try again."
            ) from None
        if answer.code != diagnosis.SUCCESS:
            raise diagnosis.change_refused(answer.code, answer.message, what=f"{what} of {edit.dn!r}", server=server)

    def _note(self, result: WriteResult, error: str | None, *, done: int) -> None:
        who = self._pool.dialer.settings.USERNAME or "the process's Kerberos ticket"
        facts = {
            "domain": self._domain,
            "who": who,
            "what": result.what,
            "dn": result.dn,
            "before": dict(result.before),
            "after": dict(result.after),
            "error": error,
            "requests": f"{done} of {len(result.edits)}",
        }
        audit.log(
            logging.WARNING if error else logging.INFO,
            "%s: %r did %s of %r, before %r, after %r%s",
            *(facts[name] for name in ("domain", "who", "what", "dn", "before", "after")),
            f"; failed after {facts['requests']}: {error!r}" if error else "",
            extra={"wauth": facts},
        )


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that may be logged: no secret."""
    return {name: NOT_SHOWN if is_secret(name) else value for name, value in values.items()}
