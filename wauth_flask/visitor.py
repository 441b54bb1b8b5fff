"""Who this request belongs to, and whether they are still who they were: the one place where the adapter asks the core.

`settle` finds the outcome of the request and the owner of the session, asks `wauth_core.web.visit.next_step`, and does
as it says. `judge` brings the person's row in step and does as `wauth_core.web.authority.refresh` says.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from flask import current_app, g, request, session
from flask.sessions import NullSession, SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy

from wauth_core.exceptions import WauthError
from wauth_core.identity import Identity
from wauth_core.sync.repository import UserSnapshot
from wauth_core.web.asking import decide
from wauth_core.web.authority import Authority, Row, refresh
from wauth_core.web.front import found_by_wrapper
from wauth_core.web.outcomes import Handshake, Outcome, Rejected, SignedIn, Unchecked
from wauth_core.web.request import from_environ
from wauth_core.web.sessions import Owner, end_sessions
from wauth_core.web.visit import belongs, next_step
from wauth_flask.errors import DirectoryDown, page_of, refusal_of
from wauth_flask.person import ON_REQUEST, Person, found_person
from wauth_flask.signals import ldap_user_sync, user_refused, user_signed_in
from wauth_flask.state import State, current_state

logger = logging.getLogger("wauth.flask")

OWNER = "_wauth_owner"  # in the session: what `Owner.to_session` makes
FOUND = "_wauth_outcome"  # on the request: what this module found out


def current_person() -> Person:
    """The person of this request. Found out at the first question in a request, whatever asks it."""
    person = found_person()
    if person is None:
        state = current_state()
        remember(Person(state))  # whom a hook or a signal's receiver sees that asks meanwhile
        try:
            person = settle(state)
        except HTTPException as answer:
            remember(Person(state, refusal=answer))  # the error's own page may ask who is there
            raise
        remember(person)
    return person


windows_user: Person = LocalProxy(current_person)  # type: ignore[assignment]


def remember(person: Person) -> None:
    """Make *person* that of this request, and Flask-Login's ``current_user``. Nobody leaves Flask-Login's own alone."""
    setattr(request, ON_REQUEST, person)
    if person.is_authenticated and hasattr(current_app, "login_manager"):
        g._login_user = person.record if hasattr(person.record, "get_id") else person


def outcome_of(state: State) -> Outcome:
    """What the wrapper around the application, or else the sources, say. Asked once a request."""
    found: Outcome | None = found_by_wrapper(request.environ) or getattr(request, FOUND, None)
    if found is None:
        found = decide(state.sources, from_environ(request.environ), state.wauth.rules)
        setattr(request, FOUND, found)
    return found


def settle(state: State, **how: Any) -> Person:
    """The person of this request, after what `next_step` says. *how* are keywords of `refresh`. Raises the answer to a
    handshake's step, and the page for somebody who cannot be checked now."""
    outcome, owner = outcome_of(state), session_owner()
    step = next_step(outcome, owner)
    if isinstance(outcome, Handshake | Unchecked):  # Step.ANSWER, Step.UNAVAILABLE
        raise page_of(outcome.status, outcome.headers)
    if step.ends or owner is None:
        _end_session()
    elif (person := _gone_on(state, owner, outcome, how)) is not None:
        return person
    if isinstance(outcome, Rejected):
        user_refused.send(_app(), identity=None, reason=outcome.reason)
        return Person(state, refusal=page_of(outcome.status, why=outcome.reason))
    if isinstance(outcome, SignedIn):
        return sign_in(state, outcome, **how)
    return Person(state)


def _gone_on(state: State, owner: Owner, outcome: Outcome, how: dict[str, Any]) -> Person | None:
    """The person whose session this is; None if it is theirs no more. Then it has ended."""
    assert owner.identity is not None  # noqa: S101 - see `session_owner`
    identity = owner.identity
    named = outcome if isinstance(outcome, SignedIn) and identity.same_name(outcome.identity) else None
    if named is not None:  # whoever has the name today
        user = state.user(identity)
    else:
        user = state.user(identity, guid=owner.guid, key=owner.key)
        if user is not None and user.link is not None:
            identity = state.wauth.identity(user.link.domain, user.link.username)
    if is_theirs(state, owner, user) or (user is None and state.forgets):  # then this worker makes its own row
        person = judge(state, identity, user, facts=named.own_facts if named is not None else None, **how)
        if not person or is_theirs(state, owner, person.user):
            return person
    _end_session()
    return None


def sign_in(state: State, who: SignedIn, **how: Any) -> Person:
    """Begin a session for *who*, synchronised now; the person, who is nobody where it is refused.

    Without sessions (no SECRET_KEY) a user whose last sync is fresh is not synchronised again. Raises the page for
    somebody who cannot be checked now.
    """
    sessions = not isinstance(session, NullSession)
    user = state.user(who.identity)
    held = user.link.sid if user is not None and user.link is not None else None
    is_another = who.user_sid is not None and held is not None and who.user_sid != held  # the name has passed on
    begins = sessions or is_another or state.settings.resync_delta is None
    person = judge(state, who.identity, user, facts=who.own_facts, begins=begins, **how)
    _end_session(whosever=True)
    if person.user is None:
        return person
    remember(person)  # for receivers of the signal
    if sessions:
        link, outcome = person.user.link, outcome_of(state)
        owner = Owner.of(who.identity, person.key, link, outcome, by_password=who.by_password)
        session[OWNER] = owner.to_session()
        if hasattr(current_app, "login_manager"):
            session["_remember"] = "clear"  # Flask-Login: delete the cookie of whoever was here before
    if sessions or person.result is not None:
        user_signed_in.send(_app(), identity=who.identity, source=who.source, result=person.result)
    return person


def judge(state: State, identity: Identity, user: UserSnapshot | None, **how: Any) -> Person:
    """*identity* as somebody who goes on, after a sync where one is due; nobody where they may not, and the session
    has ended. *how* are keywords of `refresh`. Raises the page for somebody who cannot be checked now."""
    row = Row(user.key, user.link, user.active) if user is not None else None
    authority = refresh(state.wauth, state.repository, identity, row, **how)
    result = authority.result if authority.error is None else None
    if result is not None and result.ok:
        ldap_user_sync.send(_app(), identity=identity, result=result)
    if authority.is_unknown:
        logger.log(authority.log_level, "Whether %s may go on cannot be known: %s", identity, authority.reason)
        user_refused.send(_app(), identity=identity, reason=authority.reason)
        raise _unavailable(state, authority)
    if authority.ends:
        return _refused(state, identity, authority.reason)
    if authority.written:
        key = result.key if result is not None else user.key if user is not None else None
        user = state.user(identity, guid=user.link.guid if user is not None and user.link else None, key=key)
    if user is None or not user.active:
        return _refused(state, identity, "the user is not active here" if user else "there is no such user here")
    return Person(state, identity, how.get("facts"), user=user, result=result)


def _refused(state: State, identity: Identity, reason: str) -> Person:
    """Nobody, with the session ended, and the reason in the log and for the application's ears."""
    logger.warning("%s was not signed in: %s", identity, reason)
    _end_session()
    user_refused.send(_app(), identity=identity, reason=reason)
    return Person(state, refusal=refusal_of(identity, reason))


def _unavailable(state: State, authority: Authority) -> HTTPException:
    """The 503 page, or what WAUTH_ERROR_RESPONSE makes of the error: a status, or a callable's response."""
    wanted, error = state.settings.error_response, authority.error
    if not authority.raises or wanted is None or error is None:
        page: HTTPException = DirectoryDown()
    elif callable(wanted):
        page = HTTPException(response=current_app.make_response(wanted(request, error)))
    else:
        page = HTTPException(response=current_app.make_response(("Authorization Failed", int(wanted))))
    page.__cause__ = error
    return page


# -- the session


def session_owner() -> Owner | None:
    """Whose session this is."""
    owner = Owner.from_session(session.get(OWNER))
    return owner if owner is not None and owner.identity is not None else None


def is_theirs(state: State, owner: Owner, user: UserSnapshot | None) -> bool:
    """Whether the session of *owner* is still that of *user*: see `belongs`."""
    if user is None:
        return False
    number = user.link.sessions if user.link is not None else 0
    if state.forgets and (owner.number or 0) > number:  # another worker has ended sessions, and this one does not know
        owner = replace(owner, number=number)
    return belongs(owner, Row(user.key, user.link, user.active))


def sign_out() -> None:
    """End the session, whoever's it is. A session in a cookie could be copied, and brought back: so all sessions of
    the person end that are kept so."""
    owner, state = session_owner(), current_state()
    _end_session(whosever=True)
    in_cookie = isinstance(current_app.session_interface, SecureCookieSessionInterface)
    if owner is not None and owner.identity is not None and in_cookie:
        try:
            end_sessions(state.wauth, state.repository, owner.identity, guid=owner.guid)
        except WauthError as error:
            logger.error("Copies of the session of %s could not be ended: %s", owner.identity, error)


def _end_session(*, whosever: bool = False) -> None:
    """Empty the session if it is a Windows user's; with *whosever* in any case; kept on the server it is renamed."""
    if isinstance(session, NullSession) or not (whosever or OWNER in session):
        return
    regenerate = getattr(current_app.session_interface, "regenerate", None)  # Flask-Session: sessions on the server
    if regenerate is not None:
        regenerate(session)  # while something is in it: one that is empty would keep its name
    session.clear()


def _app() -> Any:
    return current_app._get_current_object()  # type: ignore[attr-defined]
