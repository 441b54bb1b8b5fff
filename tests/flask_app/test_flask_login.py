"""With Flask-Login: one person, two names for them."""

from __future__ import annotations

from flask_login import LoginManager, UserMixin, current_user, login_required, login_user

from tests.flask_app.applications import ALICE

BOB = {"REMOTE_USER": "EXAMPLE\\bob"}


def add_flask_login(app, loader=lambda key: None):
    """Set Flask-Login up as its manual says, and add views that use it."""
    manager = LoginManager(app)
    manager.user_loader(loader)

    @app.get("/current")
    @login_required
    def current():
        user = current_user._get_current_object()
        return {"name": user.username, "type": type(user).__name__}

    return app


class Local(UserMixin):
    """A user of the application alone."""

    id = "7"
    username = "local"


def test_current_user_is_the_applications_own_record(make_with_database):
    """Where the model fits Flask-Login, current_user is the row."""
    app = make_with_database()
    app.User.get_id = lambda self: str(self.id)
    app.User.is_authenticated = True
    client = add_flask_login(app).test_client()
    assert client.get("/current", environ_base=BOB).json == {"name": "bob", "type": "User"}
    assert client.get("/current").status_code == 401


def test_current_user_is_the_windows_user_elsewhere(make):
    """Without a model, current_user is windows_user, and Flask-Login's login_required lets it in."""
    client = add_flask_login(make()).test_client()
    assert client.get("/current", environ_base=BOB).json == {"name": "bob", "type": "Person"}
    assert client.get("/current").status_code == 401


def test_a_local_sign_in_never_outlives_a_windows_one(make):
    """A local sign-in, remembered or not, ends when a Windows user comes to the same browser."""
    app = add_flask_login(make(), lambda key: Local())
    app.add_url_rule("/local", "local", lambda: str(login_user(Local(), remember=True)))
    client = app.test_client()
    client.get("/local")
    assert client.get("/current").json["name"] == "local"
    assert client.get("/current", environ_base=ALICE).json["name"] == "alice"
    assert client.get_cookie("remember_token") is None
    assert client.get("/current").status_code == 401


def test_signing_out_of_flask_login_does_not_hide_who_is_there(make):
    """The server goes on naming the person, so the next request has them again."""
    from flask_login import logout_user

    app = add_flask_login(make())
    app.add_url_rule("/out", "out", lambda: str(logout_user()))
    client = app.test_client()
    client.get("/out", environ_base=ALICE)
    assert client.get("/current", environ_base=ALICE).json["name"] == "alice"
