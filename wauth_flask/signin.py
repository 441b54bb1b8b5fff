"""Who this request belongs to, and whether they are still who they were: the one place where the adapter asks the core.

A session belongs to one identity. Another name, another domain, nobody, or a refused account ends it, with all that is
in it. One that was opened by a password (the login form) outlives requests in which no source names anybody; one that
was opened by a source does not.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from flask import current_app, request, session
from flask.sessions import NullSession
from werkzeug.exceptions import HTTPException

from wauth_core import Refreshed, SyncResult, Verdict
from wauth_core.exceptions import InvalidIdentity, WauthError
from wauth_core.identity import Identity, TransportFacts, fold_username
from wauth_core.web.outcomes import Anonymous, Outcome, Rejected, SignedIn, decide
from wauth_core.web.request import from_environ
from wauth_flask.errors import NotAllowed, SignInRequired, page_for
from wauth_flask.people import Person
from wauth_flask.signals import ldap_user_sync, user_refused, user_signed_in
from wauth_flask.state import Known, State

logger = logging.getLogger("wauth.flask")

OWNER = "_wauth_owner"  # in the session: [domain, folded user name, by the login form, the user's key as text]
OUTCOME = "wauth.outcome"  # in the environ: what a wrapper, or this module, found out
FORM = "login form"
AT_ONCE = timedelta(0)


def outcome_of(state: State) -> Outcome:
    """What the wrapper around the application, or else the sources, say. Opens no connection. Asked once a request."""
    found = request.environ.get(OUTCOME)
    if isinstance(found, (SignedIn, Rejected, Anonymous)):
        return found
    simulated = state.options.simulate_user
    if simulated and current_app.debug:
        outcome: Outcome = _simulated(state, simulated)
    else:
        outcome = decide(state.sources, from_environ(request.environ), state.wauth.rules)
    request.environ[OUTCOME] = outcome
    return outcome


def _simulated(state: State, user: str) -> Outcome:
    try:
        return SignedIn(state.wauth.rules.parse(user), "WAUTH_SIMULATE_USER")
    except InvalidIdentity as error:
        return Rejected(str(error), "WAUTH_SIMULATE_USER")


def settle(state: State) -> Person:
    """The person of this request; signs them in, and ends a session that is not theirs."""
    outcome, (owner, by_form) = outcome_of(state), session_owner()
    if isinstance(outcome, SignedIn):
        if owner is not None and _same(owner, outcome.identity):
            person = _person(state, outcome.identity, outcome.source, outcome.facts)
            if not person.is_authenticated or _is_owner(person):
                return person
        return sign_in(state, outcome.identity, source=outcome.source, facts=outcome.facts)
    if isinstance(outcome, Rejected):
        _end_session()
        user_refused.send(_app(), identity=None, reason=outcome.reason)
        page = SignInRequired if outcome.status == 401 else NotAllowed
        return Person(state, refusal=page(headers=outcome.headers))
    if owner is not None and by_form:
        person = _person(state, owner, FORM)
        if not person.is_authenticated or _is_owner(person):
            return person
    _end_session()
    return Person(state)


def sign_in(state: State, identity: Identity, *, source: str, facts: TransportFacts | None = None) -> Person:
    """Begin a session for *identity*, synchronised now; the person, who is nobody where it is refused.

    Where the directory cannot be asked, a known user goes on with the last known rights, up to WAUTH_MAX_STALENESS.
    Without sessions (no SECRET_KEY) a user whose last sync is fresh is not synchronised again.
    """
    _end_session(whosever=True)
    sessions = not isinstance(session, NullSession)
    state.forget(identity)
    person = _person(state, identity, source, facts, at_once=sessions or state.options.resync_delta is None)
    if person.is_authenticated:
        if sessions:
            session[OWNER] = [identity.domain, fold_username(identity.username), source == FORM, str(person.key)]
            if hasattr(current_app, "login_manager"):
                session["_remember"] = "clear"  # Flask-Login: delete the cookie of whoever was here before
        if sessions or person.result is not None:
            user_signed_in.send(_app(), identity=identity, source=source, result=person.result)
    return person


def sign_out() -> None:
    """End the session, whoever's it is."""
    _end_session(whosever=True)


def _person(
    state: State, identity: Identity, source: str, facts: TransportFacts | None = None, *, at_once: bool = False
) -> Person:
    known = state.known(identity)
    if facts is not None and known is not None and known.sid not in (None, facts.user_sid):
        at_once = True  # the name has passed to another person
    options: dict[str, Any] = {"delta": AT_ONCE} if at_once else {}
    refreshed = refresh(state, identity, known, facts, **options)
    if refreshed.verdict is Verdict.FAIL and refreshed.error is not None:
        raise failure(state, refreshed.error)
    if refreshed.verdict is Verdict.REFUSE:
        return refuse(state, identity, refreshed.result, refreshed.error)
    if refreshed.due and refreshed.error is None:
        known = state.look_up(identity)
    if known is None:
        return refuse(state, identity, refreshed.result, refreshed.error, "there is no user of that name here")
    if not known.active:
        return refuse(state, identity, refreshed.result, None, "the user is not active here")
    return Person(
        state,
        identity,
        known=known,
        facts=facts,
        result=refreshed.result,
        source=source,
        stripped=refreshed.verdict is Verdict.STRIP,
    )


def refresh(
    state: State, identity: Identity, known: Known | None, facts: TransportFacts | None, **options: Any
) -> Refreshed:
    """`Wauth.refresh` for this application's user, with the signal."""
    last_sync = known.last_sync if known else None
    refreshed = state.wauth.refresh(identity, state.repository, last_sync=last_sync, facts=facts, **options)
    if refreshed.result is not None and refreshed.result.ok:
        ldap_user_sync.send(_app(), identity=identity, result=refreshed.result)
    return refreshed


def refuse(
    state: State,
    identity: Identity,
    result: SyncResult | None,
    error: WauthError | None,
    reason: str = "",
) -> Person:
    """Nobody, with the session ended, and the reason in the log and for the application's ears."""
    reason = (result and (result.reason or result.status.value)) or (str(error) if error else reason)
    logger.warning("%s was not signed in: %s", identity, reason)
    _end_session()
    state.forget(identity)
    user_refused.send(_app(), identity=identity, reason=reason)
    return Person(state, refusal=page_for(error) if error else NotAllowed())


def failure(state: State, error: WauthError) -> HTTPException:
    """What WAUTH_ERROR_RESPONSE makes of *error*: a status, a callable's response, or the page for it."""
    wanted = state.options.error_response
    if wanted is None:
        return page_for(error)
    if callable(wanted):
        response = current_app.make_response(wanted(request, error))
    else:
        response = current_app.make_response(("Authorization Failed", int(wanted)))
    return HTTPException(response=response)


# -- the session


def session_owner() -> tuple[Identity | None, bool]:
    """Whose session this is, and whether the login form opened it."""
    found = session.get(OWNER)
    if not isinstance(found, list) or len(found) != 4:
        return None, False
    try:
        return Identity(str(found[0]), str(found[1])), bool(found[2])
    except InvalidIdentity:
        return None, False


def _end_session(*, whosever: bool = False) -> None:
    """Empty the session if it is a Windows user's; with *whosever* in any case; kept on the server it is renamed."""
    if isinstance(session, NullSession) or not (whosever or OWNER in session):
        return
    session.clear()
    regenerate = getattr(current_app.session_interface, "regenerate", None)  # Flask-Session: sessions on the server
    if regenerate is not None:
        regenerate(session)


def _is_owner(person: Person) -> bool:
    """Whether the session was begun by this very user, not by one who bore the name before."""
    return bool(session[OWNER][3] == str(person.key))


def _same(one: Identity, other: Identity) -> bool:
    return one.domain == other.domain and fold_username(one.username) == fold_username(other.username)


def _app() -> Any:
    return current_app._get_current_object()  # type: ignore[attr-defined]
