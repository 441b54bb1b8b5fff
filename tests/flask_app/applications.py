"""Flask applications for the tests, against the embedded directory."""

from __future__ import annotations

from typing import Any

from flask import Flask, session
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from wauth_core.sync.sqlalchemy import (
    SQLAlchemyUserRepository,
    WindowsGroupMixin,
    WindowsUserMixin,
    add_memberships,
)
from wauth_core.testing import EmbeddedDirectory
from wauth_flask import (
    WindowsAuth,
    domain_required,
    group_required,
    ldap_sync_required,
    login_required,
    windows_user,
)

ALICE = {"REMOTE_USER": "EXAMPLE\\alice"}


def config(directory: EmbeddedDirectory | None, **overrides: Any) -> dict[str, Any]:
    """The application's settings: one domain, which is *directory*."""
    domain = directory.settings(SUPERUSER_GROUPS="Domain Admins", STAFF_GROUPS="Web Admins") if directory else {}
    domains = {"EXAMPLE": {**domain, **overrides.pop("domain", {})}} if directory else {}
    return {"TESTING": True, "SECRET_KEY": "test", "WAUTH_DOMAINS": domains, **overrides}


def bare(app: Flask) -> Flask:
    """Add the views that the tests look at."""

    @app.get("/")
    def index():
        user = windows_user
        return {
            "identity": str(user.identity) if user.identity else None,
            "authenticated": user.is_authenticated,
            "superuser": user.is_superuser,
            "synced": user.result.status.value if user.result else None,
            "seen": session.get("seen"),
        }

    @app.get("/see/<what>")
    def see(what):
        session["seen"] = what
        return what

    @app.get("/member")
    @login_required
    def member():
        return str(windows_user)

    @app.get("/async")
    @login_required
    async def asynchronous():
        return str(windows_user)

    @app.get("/domain")
    @domain_required("EXAMPLE")
    def domain():
        return "in the domain"

    @app.get("/any-domain")
    @domain_required
    def any_domain():
        return "in a domain"

    @app.get("/editors")
    @group_required("Web Editors")
    def editors():
        return "an editor"

    @app.get("/async-editors")
    @group_required("Web Editors", "Web Admins")
    async def asynchronous_editors():
        return "an editor"

    @app.get("/fresh")
    @ldap_sync_required(timedelta=0)
    def fresh():
        return windows_user.result.status.value if windows_user.result else "nobody"

    return app


def with_cache(directory: EmbeddedDirectory | None, **overrides: Any) -> Flask:
    """An application without a database."""
    app, wauth = Flask(__name__), overrides.pop("wauth", None)
    app.config.update(config(directory, **overrides))
    WindowsAuth(app, wauth=wauth)
    return bare(app)


def with_database(directory: EmbeddedDirectory | None, url: str = "sqlite://", **overrides: Any) -> Flask:
    """An application with Flask-SQLAlchemy; ``app.db``, ``app.User`` and ``app.Group`` for the test."""

    class Base(DeclarativeBase):
        pass

    app: Any = Flask(__name__)
    db: Any = SQLAlchemy(model_class=Base)

    class Group(WindowsGroupMixin, db.Model):
        __tablename__ = "group"

    class User(WindowsUserMixin, db.Model):
        __tablename__ = "user"

    add_memberships(User, Group)
    wauth = overrides.pop("wauth", None)
    app.config.update(config(directory, SQLALCHEMY_DATABASE_URI=url, **overrides))
    db.init_app(app)
    WindowsAuth(app, repository=SQLAlchemyUserRepository(db.session, User, Group), wauth=wauth)
    with app.app_context():
        db.create_all()
    app.db, app.User, app.Group = db, User, Group
    return bare(app)


def with_server_sessions(directory: EmbeddedDirectory | None, **overrides: Any) -> Flask:
    """An application with a database, whose sessions Flask-Session keeps on the server."""
    from cachelib import SimpleCache
    from flask_session import Session

    app = with_database(directory, **overrides)
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache(), SESSION_PERMANENT=False)
    Session(app)
    return app
