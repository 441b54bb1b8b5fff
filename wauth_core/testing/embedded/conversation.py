"""One client's conversation: who it is, and the answer to each of its requests. No sockets here."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from . import result_codes as r
from .adding import Adder
from .binding import bind
from .controls import RequestControls, read_options
from .entry import Entry
from .faults import Faults
from .hosted_domain import Domain
from .log import LoggedOperation, OperationLog, scope_name
from .messages import (
    START_TLS,
    WHO_AM_I,
    AbandonRequest,
    AddRequest,
    BindRequest,
    CompareRequest,
    DeleteRequest,
    ExtendedRequest,
    Message,
    MessageControl,
    ModifyDNRequest,
    ModifyRequest,
    Request,
    SearchRequest,
    UnbindRequest,
    extended_extra,
    result_message,
)
from .reading import Reader, SearchLimits
from .writing import UpdateHandler

_NAMES: dict[type, str] = {
    BindRequest: "bind",
    SearchRequest: "search",
    ModifyRequest: "modify",
    AddRequest: "add",
    DeleteRequest: "delete",
    ModifyDNRequest: "modify_dn",
    CompareRequest: "compare",
    ExtendedRequest: "extended",
    AbandonRequest: "abandon",
    UnbindRequest: "unbind",
}


logger = logging.getLogger("wauth.testing.directory")


def operation_name(request: Request) -> str:
    """``search``, ``bind``, …"""
    return _NAMES[type(request)]


@dataclass
class Reply:
    """What to send, and what to do then."""

    chunks: list[bytes] = field(default_factory=list)
    start_tls: bool = False
    hang_up: bool = False
    code: int = 0
    entries: int = 0


class Conversation:
    """Answers the requests of one connection."""

    def __init__(
        self, number: int, domain: Domain, faults: Faults, log: OperationLog, limits: SearchLimits, *, secure: bool
    ) -> None:
        self.number = number
        self.domain = domain
        self.faults = faults
        self.log = log
        self.limits = limits
        self.secure = secure
        self.who: Entry | None = None
        self.reader = Reader(domain, limits)
        self.adder = Adder(domain)
        self.writer = UpdateHandler(domain, self.reader)

    def answer(self, message: Message) -> Reply:
        """The answer to one request; it is noted in the log before it is sent."""
        started = time.perf_counter()
        request = message.request
        with self.domain.store.lock:
            answer = self._guarded(message)
        self.log.add(self._noted(message, request, answer, time.perf_counter() - started))
        return answer

    def _guarded(self, message: Message) -> Reply:
        request = message.request
        if isinstance(request, UnbindRequest):
            return Reply(hang_up=True)
        if isinstance(request, AbandonRequest):
            return Reply()  # one request at a time: the one to abandon has ended
        try:
            refused = self.faults.take("refuse", operation_name(request))
            if refused is not None:
                raise r.Refused(int(refused.number))
            return self._dispatch(message, request)
        except r.Refused as refusal:
            return _refusal(message, refusal)
        except Exception:
            logger.exception("The embedded directory failed on a request: %r", request)
            return _refusal(message, r.Refused(r.OTHER, "the embedded directory failed; its log says why"))

    def _dispatch(self, message: Message, request: Request) -> Reply:
        if isinstance(request, BindRequest):
            self.who = None  # a failed bind leaves the connection anonymous
            self._bind(request)
            return self._done(message)
        if isinstance(request, ExtendedRequest):
            return self._extended(message, request)
        options = read_options(message.controls)
        if isinstance(request, SearchRequest):
            return self._search(message, request, options)
        if self.who is None:
            raise r.needs_bind()
        if isinstance(request, CompareRequest):
            return self._done(message, self.writer.compare(request))
        self._write(request, options, self.who)
        return self._done(message)

    def _write(self, request: Request, options: RequestControls, who: Entry) -> None:
        privileged = self.domain.may_write(who)
        if isinstance(request, ModifyRequest):
            self.writer.modify(request, options, who, secure=self.secure, privileged=privileged)
            return
        if not privileged:
            raise r.no_rights()
        if isinstance(request, AddRequest):
            self.adder.add(request, secure=self.secure)
        elif isinstance(request, DeleteRequest):
            self.writer.delete(request, options)
        elif isinstance(request, ModifyDNRequest):
            self.writer.modify_dn(request)

    def _bind(self, request: BindRequest) -> None:
        refused = self.faults.take("refuse_binds", "bind")
        if refused is not None:
            raise r.Refused(int(refused.number), "the directory was told to refuse binds")
        if request.mechanism != "simple":
            raise r.Refused(
                r.AUTH_METHOD_NOT_SUPPORTED,
                f"the embedded directory knows simple binds only, not {request.mechanism[:40]!r}",
            )
        if not request.credentials:
            return  # anonymous, also if a name is given: AD takes an empty password for no bind at all
        if not self.secure and self.faults.active("signing_required"):
            raise r.needs_signing()
        if not request.name:
            raise r.bad_credentials("52e")
        self.who = bind(self.domain, request.name, request.credentials)

    def _extended(self, message: Message, request: ExtendedRequest) -> Reply:
        if request.name == START_TLS:
            if self.secure:
                raise r.Refused(r.OPERATIONS_ERROR, "TLS is on already")
            answer = self._done(message, extra=extended_extra(START_TLS, None))
            answer.start_tls = True
            return answer
        if request.name == WHO_AM_I:
            name = ""
            if self.who is not None:
                sam = self.domain.store.text(self.who, "samaccountname")
                name = f"u:{self.domain.netbios}\\{sam}"
            return self._done(message, extra=extended_extra(None, name.encode()))
        text = "0000203D: LdapErr: DSID-0C090E5E, comment: Unknown extended request OID, data 0, v4563\0"
        raise r.Refused(r.PROTOCOL_ERROR, text)

    def _search(self, message: Message, request: SearchRequest, options: RequestControls) -> Reply:
        if self.who is None and not (request.base == "" and request.scope == 0):
            raise r.needs_bind()
        limited = self.faults.take("size_limit", "search")
        reader = self.reader
        if limited is not None and request.scope:
            reader = Reader(self.domain, SearchLimits(int(limited.number), self.limits.value_range))
            options.page = None
        may_replicate = options.dir_sync is not None and self.domain.may_replicate(self.who)
        found = reader.search(message.id, request, options, may_replicate=may_replicate)
        chunks = list(found.chunks)
        chunks.append(result_message(message.id, request, found.code, controls=found.controls))
        return Reply(chunks, code=found.code, entries=found.count)

    def _done(self, message: Message, code: int = 0, *, extra: bytes = b"") -> Reply:
        controls: tuple[MessageControl, ...] = ()
        return Reply([result_message(message.id, message.request, code, controls=controls, extra=extra)], code=code)

    def _noted(self, message: Message, request: Request, answer: Reply, seconds: float) -> LoggedOperation:
        controls = tuple(control.oid for control in message.controls)
        size = sum(map(len, answer.chunks))
        op = operation_name(request)
        if isinstance(request, SearchRequest):
            return LoggedOperation(
                op,
                request.base,
                self.number,
                scope_name(request.scope),
                request.filter,
                request.attributes,
                controls,
                answer.code,
                answer.entries,
                seconds,
                size,
            )
        base = getattr(request, "dn", "") or getattr(request, "name", "")
        return LoggedOperation(op, base, self.number, controls=controls, result=answer.code, seconds=seconds, size=size)


def _refusal(message: Message, refusal: r.Refused) -> Reply:
    done = result_message(
        message.id,
        message.request,
        refusal.code,
        matched_dn=refusal.matched_dn,
        text=refusal.text,
        referral=refusal.referral,
    )
    return Reply([done], code=refusal.code)
