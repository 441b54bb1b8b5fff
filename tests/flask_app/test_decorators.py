"""Who may see a view, a blueprint, an application."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView

from tests.flask_app.applications import ALICE, config
from tests.flask_app.test_login_form import sign_in
from wauth_flask import (
    WindowsAuth,
    domain_required,
    group_required,
    ldap_sync_required,
    login_not_required,
    login_required,
    windows_user,
)

ADA = {"REMOTE_USER": "EXAMPLE\\ada"}  # a Web Editor by way of Web Developers
BOB = {"REMOTE_USER": "EXAMPLE\\bob"}
KEN = {"REMOTE_USER": "EXAMPLE\\ken"}  # a former Domain Admin
NOBODY: dict[str, str] = {}
REJECTED = {"REMOTE_USER": "alice"}

TABLE = [
    pytest.param("/member", NOBODY, 401, id="login-nobody"),
    pytest.param("/member", ALICE, 200, id="login-somebody"),
    pytest.param("/async", NOBODY, 401, id="login-async-nobody"),
    pytest.param("/async", ALICE, 200, id="login-async-somebody"),
    pytest.param("/domain", NOBODY, 401, id="domain-nobody"),
    pytest.param("/domain", ALICE, 200, id="domain"),
    pytest.param("/any-domain", NOBODY, 401, id="bare-domain-nobody"),
    pytest.param("/any-domain", ALICE, 200, id="bare-domain"),
    pytest.param("/editors", NOBODY, 401, id="group-nobody"),
    pytest.param("/editors", ALICE, 403, id="group-outside"),
    pytest.param("/editors", ADA, 200, id="group-nested"),
    pytest.param("/async-editors", ADA, 200, id="one-of-two-groups-async"),
    pytest.param("/async-editors", ALICE, 403, id="none-of-two-groups-async"),
    pytest.param("/fresh", ALICE, 200, id="fresh"),
    pytest.param("/fresh", NOBODY, 200, id="fresh-nobody-passes"),
    pytest.param("/member", REJECTED, 403, id="login-rejected"),
    pytest.param("/fresh", REJECTED, 403, id="fresh-rejected"),
    pytest.param("/fresh", {"REMOTE_USER": "EXAMPLE\\dan"}, 403, id="fresh-disabled"),
    pytest.param("/member", {"REMOTE_USER": "EXAMPLE\\dan"}, 403, id="login-disabled"),
    pytest.param("/member", {"REMOTE_USER": "EXAMPLE\\eve"}, 403, id="login-expired"),
    pytest.param("/member", {"HTTP_REMOTE_USER": "EXAMPLE\\bob"}, 401, id="login-forged-header"),
]


@pytest.mark.parametrize(("path", "environ", "status"), TABLE)
def test_views_let_in_whom_they_should(make, path, environ, status):
    """Nobody gets 401, somebody without the right 403, and who may, the page."""
    assert make().test_client().get(path, environ_base=environ).status_code == status


def test_a_group_that_looks_alike_opens_nothing(make, directory):
    """Groups compare by SID: a former, a listed and an umlaut Domain Admin are none; a group unknown opens nothing."""
    app = make()

    @app.get("/admins")
    @group_required("Domain Admins")
    def admins():
        return "in"

    @app.get("/typo")
    @group_required("Domain Adminz")
    def typo():
        return "in"

    client = app.test_client()
    for name in ("ken", "mallory", "trudy", "alice"):
        assert client.get("/admins", environ_base={"REMOTE_USER": f"EXAMPLE\\{name}"}).status_code == 403
    assert client.get("/admins", environ_base=BOB).status_code == 200
    assert client.get("/typo", environ_base=BOB).status_code == 403


def test_another_domain_does_not_pass_but_its_superusers_may(make, directory):
    """domain_required names one domain; bypass_superuser is for those whom the application trusts anyway."""
    app = make()

    @app.get("/other")
    @domain_required("OTHER")
    def other():
        return "in"

    @app.get("/strict")
    @domain_required(domain="OTHER", bypass_superuser=False)
    def strict():
        return "in"

    client = app.test_client()
    assert client.get("/other", environ_base=ALICE).status_code == 403
    assert client.get("/other", environ_base=BOB).status_code == 200
    assert client.get("/strict", environ_base=BOB).status_code == 403


def test_login_url_takes_the_errors_place(make):
    """Every decorator sends people to login_url where it is given. Who is signed in and in no group gets 403: another
    sign-in would change nothing."""
    app = make()
    for number, decorator in enumerate(
        [
            domain_required("OTHER", login_url="/elsewhere"),
            group_required("Domain Admins", login_url="/elsewhere"),
            ldap_sync_required(allow_non_ldap=False, login_url="/elsewhere"),
        ]
    ):
        app.add_url_rule(f"/{number}", f"view{number}", decorator(lambda: "in"))
    client = app.test_client()
    for path, environ in (("/0", ALICE), ("/0", NOBODY), ("/1", NOBODY), ("/2", NOBODY)):
        assert client.get(path, environ_base=environ).location == "/elsewhere"
    assert client.get("/1", environ_base=ALICE).status_code == 403


def test_decorators_keep_the_views_name_and_arguments(make):
    """A decorated view keeps its name, its arguments and its own errors."""
    app = make()

    @app.get("/echo/<word>")
    @login_required
    def echo(word):
        """Say it again."""
        return word

    assert (echo.__name__, echo.__doc__) == ("echo", "Say it again.")
    assert app.test_client().get("/echo/hello", environ_base=ALICE).text == "hello"


def test_class_based_views_take_decorators(make):
    """MethodView.decorators works, with an async method too."""
    app = make()

    class Page(MethodView):
        decorators = (group_required("Web Editors"),)

        async def get(self):
            return "in"

    app.add_url_rule("/page", view_func=Page.as_view("page"))
    assert app.test_client().get("/page", environ_base=ADA).text == "in"
    assert app.test_client().get("/page", environ_base=ALICE).status_code == 403


@pytest.mark.parametrize("nested", [False, True], ids=["blueprint", "nested-blueprint"])
def test_a_whole_blueprint_can_be_closed(make, nested):
    """A decorator on a blueprint guards each of its views, but not one that says login_not_required."""
    app = make()
    staff = Blueprint("staff", __name__, url_prefix="/staff")
    inner = Blueprint("inner", __name__, url_prefix="/inner") if nested else staff
    group_required("Web Editors")(staff)

    @inner.get("/page")
    def page():
        return "in"

    @inner.get("/open")
    @login_not_required
    def opened():
        return "in"

    if nested:
        staff.register_blueprint(inner)
    app.register_blueprint(staff)
    prefix = "/staff/inner" if nested else "/staff"
    client = app.test_client()
    assert client.get(f"{prefix}/page", environ_base=ADA).status_code == 200
    assert client.get(f"{prefix}/page", environ_base=ALICE).status_code == 403
    assert client.get(f"{prefix}/page").status_code == 401
    assert client.get(f"{prefix}/open").status_code == 200
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("how", ["setting", "decorator"])
def test_a_whole_application_can_be_closed(directory, closing, how, tmp_path):
    """WAUTH_REQUIRE_LOGIN, or login_required(app): every page asks, but for static files and those marked open."""
    (tmp_path / "style.css").write_text("body {}")
    app = Flask(__name__, static_folder=str(tmp_path), static_url_path="/static")
    app.config.update(config(directory, WAUTH_REQUIRE_LOGIN=how == "setting"))
    WindowsAuth(app)
    closing(app)
    if how == "decorator":
        login_required(app)

    @app.get("/")
    def index():
        return str(windows_user)

    @app.get("/health")
    @login_not_required
    def health():
        return "well"

    client = app.test_client()
    assert client.get("/").status_code == 401
    assert client.get("/", environ_base=ALICE).text == "EXAMPLE\\alice"
    assert client.get("/health").text == "well"
    with client.get("/static/style.css") as response:
        assert response.status_code == 200
    assert client.get("/nowhere").status_code == 404


def test_ldap_sync_required_brings_the_rights_of_this_moment(make, directory):
    """The view behind it sees what the directory says now, whatever WAUTH_RESYNC_DELTA says."""
    app = make()

    @app.get("/super")
    @ldap_sync_required(timedelta=0)
    def superuser():
        return {"superuser": windows_user.is_superuser, "flag": windows_user.record.flags["is_superuser"]}

    client = app.test_client()
    assert client.get("/super", environ_base=ALICE).json == {"superuser": False, "flag": False}
    directory.add_member("Domain Admins", "alice")
    assert client.get("/", environ_base=ALICE).json["superuser"] is False
    assert client.get("/super", environ_base=ALICE).json == {"superuser": True, "flag": True}
    directory.disable("alice")
    assert client.get("/super", environ_base=ALICE).status_code == 403


def test_a_sync_is_required_of_every_request(make, directory):
    """Without a timedelta each request is one sync, and never two, whatever WAUTH_RESYNC_DELTA says."""
    app = make()
    app.add_url_rule("/bare", "bare", ldap_sync_required(lambda: windows_user.result.status.value))
    client = app.test_client()
    assert client.get("/bare", environ_base=ALICE).text == "created"
    asked = len(directory.operations)
    assert client.get("/bare", environ_base=ALICE).text == "unchanged"
    assert [operation.op for operation in directory.operations[asked:]] == ["search"]


def test_superusers_may_pass_a_group_check(make):
    """bypass_superuser is off by default, and lets in who is a superuser of the application."""
    app = make()
    app.add_url_rule("/strict", "strict", group_required("Web Editors")(lambda: "in"))
    app.add_url_rule("/easy", "easy", group_required("Web Editors", bypass_superuser=True)(lambda: "in"))
    client = app.test_client()
    assert [client.get(path, environ_base=BOB).status_code for path in ("/strict", "/easy")] == [403, 200]
    assert client.get("/easy", environ_base=ALICE).status_code == 403


def test_a_sync_in_the_view_ends_a_session_that_it_finds_to_be_another_ones(make_with_database, directory):
    """Whose password changed since the session began is sent to the form by ldap_sync_required at once."""
    app = make_with_database(WAUTH_LOGIN_FORM=True)
    client = app.test_client()
    sign_in(client)
    directory.set_password("alice", "An0ther-Passw0rd")
    assert client.get("/member").text == "EXAMPLE\\alice"
    assert client.get("/fresh").location == "/login?next=/fresh"
    assert client.get("/").json["identity"] is None


def test_a_group_check_during_an_outage_is_no_answer(make, directory):
    """Where the directory cannot be asked, the answer is 503, not yes and not no."""
    app = make()
    client = app.test_client()
    assert client.get("/", environ_base=ADA).json["identity"] == "EXAMPLE\\ada"
    app.extensions["wauth"].close()  # forgets what was read of ada, too
    with directory.faults.outage():
        assert client.get("/editors", environ_base=ADA).status_code == 503


def test_groups_must_be_named():
    """@group_required without parentheses is a mistake that is told at once."""
    with pytest.raises(TypeError, match="names of groups"):
        group_required(lambda: None)
    with pytest.raises(TypeError, match="names of groups"):
        group_required()
