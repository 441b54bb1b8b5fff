"""The sites that the crowd visits, as their servers load them: one for each kind of front end.

``/`` answers who is signed in, whether they are staff, which process answered, and how many questions its directory
has been asked. What the environment says: CHAOS, a JSON document (see `tests.chaos.town`).
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from wauth_core import secrets
from wauth_wsgi import Negotiate, ProxyHeader, WindowsAuthASGI

STAFF = "Group 009"
"""Of the crowd those whose number ends so that they are in one of the ten groups that are nested in this one."""
CACHE_PATIENCE = 1.0  # seconds


def told() -> dict[str, Any]:
    """What `tests.chaos.town` says of this site."""
    found: dict[str, Any] = json.loads(os.environ["CHAOS"])
    found["settings"]["WAUTH_DOMAINS"]["EXAMPLE"]["PASSWORD"] = secrets.file(Path(found["secret"]))
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # says that requests wait, which is no news here
    return found


def proxy() -> ProxyHeader:
    """The source of every site: a proxy on this machine."""
    return ProxyHeader("RemoteUser", trusted=["127.0.0.1"])


def document(wauth: Any, name: str | None, staff: bool) -> dict[str, Any]:
    """What a page says."""
    asked = sum(usage.operations for usage in wauth.usage().values())
    return {"name": name, "staff": staff, "pid": os.getpid(), "operations": asked}


def redis_cache() -> Any:
    """The cache of the sites that have Redis."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    patience = {"socket_timeout": CACHE_PATIENCE, "socket_connect_timeout": CACHE_PATIENCE}
    return Redis(unix_socket_path=told()["cache"], retry=Retry(NoBackoff(), 0), **patience)


def flask() -> Any:
    """Flask with SQLAlchemy and Redis."""
    from cachelib import RedisCache
    from flask import Flask, jsonify
    from flask_sqlalchemy import SQLAlchemy
    from sqlalchemy.orm import DeclarativeBase

    from wauth_core.sync.sqlalchemy import SQLAlchemyUserRepository, WindowsUserMixin
    from wauth_flask import WindowsAuth, login_required, windows_user

    class Base(DeclarativeBase):
        pass

    site = told()
    app, db = Flask(__name__), SQLAlchemy(model_class=Base)

    class User(WindowsUserMixin, db.Model):
        __tablename__ = "user"

    app.config.update(SECRET_KEY="a key of the test", SQLALCHEMY_DATABASE_URI=site["database"], **site["settings"])
    app.config.update(SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": True})  # a database that was restarted
    app.config.update(WAUTH_SOURCES=[proxy()], WAUTH_CACHE=RedisCache(redis_cache()) if site["cache"] else None)
    db.init_app(app)
    extension = WindowsAuth()
    extension.init_app(app, repository=SQLAlchemyUserRepository(db.session, User))

    @app.get("/")
    @login_required
    def index() -> Any:
        user = windows_user
        return jsonify(document(app.extensions["wauth"].wauth, str(user.identity), user.record.is_staff))

    with app.app_context():
        db.create_all()
        db.session.remove()
        db.engine.dispose()
    return app


def django() -> Any:
    """Django with MariaDB and memcached."""
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)  # what Django asks of mysqlclient; PyMySQL does as well
    pymysql.install_as_MySQLdb()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.chaos.django_site"
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return application


def asgi() -> Any:
    """The wrapper around a bare ASGI application, with Redis, which has the numbers of sessions, too."""
    from cachelib import RedisCache

    from wauth_core import Wauth

    site = told()
    wauth = Wauth.from_mapping(site["settings"], cache=RedisCache(redis_cache()))
    kerberos = Negotiate(site["keytab"], secret_key="a key of the test that is long enough", secure=False)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        user = scope["wauth.user"]
        staff = user.is_authenticated and await user.ain_group(STAFF)
        body = json.dumps(document(wauth, str(user.identity), staff)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    wrapped = WindowsAuthASGI(application, wauth=wauth, sources=[proxy(), kerberos], required=True)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        await wrapped(scope, receive, send)

    return app
