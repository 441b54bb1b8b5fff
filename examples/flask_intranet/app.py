"""A small intranet on Flask: Windows sign-in, users in SQLite, rights from Active Directory.

``create_app()`` is the whole site. Run it with ``python app.py``: it reads ``intranet.toml`` beside this file.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from flask import Flask, abort, jsonify, render_template, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from wauth_core.sync.sqlalchemy import (
    SQLAlchemyUserRepository,
    WindowsGroupMixin,
    WindowsUserMixin,
    add_memberships,
)
from wauth_core.testing.demo import STATIC, TEMPLATES
from wauth_core.testing.demo.page import DOORS, FLAGS, Journal, build
from wauth_flask import WindowsAuth, group_required, ldap_user_sync, windows_user


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Group(WindowsGroupMixin, db.Model):
    __tablename__ = "groups"


class User(WindowsUserMixin, db.Model):
    __tablename__ = "users"


add_memberships(User, Group)

auth = WindowsAuth(repository=SQLAlchemyUserRepository(db.session, User, Group))


def create_app(config: dict[str, Any]) -> Flask:
    """The site, with at least SECRET_KEY, SQLALCHEMY_DATABASE_URI and WAUTH_DOMAINS in *config*."""
    app = Flask(__name__, template_folder=str(TEMPLATES), static_folder=str(STATIC), static_url_path="/static")
    app.config.update({"WAUTH_REQUIRE_LOGIN": True, **config})
    db.init_app(app)
    auth.init_app(app)
    with app.app_context():
        db.create_all()

    journal = Journal()

    @ldap_user_sync.connect_via(app, weak=False)
    def note(_: Flask, **sent: Any) -> None:
        journal.note(sent["result"])

    @app.get("/")
    def home() -> Any:
        user = windows_user.record
        page = build(
            "Flask",
            windows_user.identity,
            app.extensions["wauth"].wauth.manager(windows_user.identity.domain),
            flags={flag: getattr(user, flag) for flag in FLAGS},
            roles=[group.name for group in user.groups],
            in_group=windows_user.in_group,
            journal=journal,
            operations=request.environ.get("demo.operations", ()),
        )
        if request.args.get("format") == "json":
            return jsonify(dataclasses.asdict(page))
        return render_template("demo/page.html", page=page)

    for number, (label, group) in enumerate(DOORS.items()):

        @group_required(group)
        def room(label: str = label, group: str = group) -> str:
            return render_template("demo/room.html", label=label, group=group, identity=windows_user.identity)

        app.add_url_rule(f"/rooms/{number}", f"room{number}", room)

    @app.get("/rooms/<number>")
    def no_room(number: str) -> Any:
        abort(404)

    return app


if __name__ == "__main__":
    import tomllib

    import waitress

    with (Path(__file__).parent / "intranet.toml").open("rb") as file:
        waitress.serve(create_app(tomllib.load(file)), listen=os.environ.get("LISTEN", "127.0.0.1:8000"))
