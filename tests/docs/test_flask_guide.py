"""docs/howto/flask.md: its Python runs as it is printed, in order, and its tables name what there is."""

from __future__ import annotations

import inspect
import re
import sys
import types
from pathlib import Path

import pytest

from tests import printed

GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "flask.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.S | re.M)


def rows(heading):
    """The first cells of the first table under *heading*, names without backquotes."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([\w.]+)", cell)]


@pytest.fixture
def define(monkeypatch, tmp_path, directory):
    """Runs blocks of the guide, as they are printed; gives what they define."""
    monkeypatch.setenv("SECRET_KEY", "a key for tests")
    printed.account(directory, "svc_web")
    printed.here(directory, monkeypatch)
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("flask_guide")
    monkeypatch.setitem(sys.modules, "flask_guide", module)  # where SQLAlchemy looks annotations up

    def run(*blocks):
        for code in blocks:
            exec(compile(code, str(GUIDE), "exec", dont_inherit=True), vars(module))
        return vars(module)

    yield run
    module.app.extensions["wauth"].close()


@pytest.fixture
def names(define):
    """What the guide's code defines, in order; another way in has a test of its own."""
    return define(*(code for code in BLOCKS if "WAUTH_SOURCES" not in code))


def test_the_guides_application_works(names, directory, windowsauth_sign_in, capsys):
    """Signed in as different people, its pages answer as the guide says."""
    client = names["app"].test_client()
    assert client.get("/").text == "Hello, whoever you are"
    windowsauth_sign_in(client, "EXAMPLE\\ada")
    assert client.get("/").text == "Hello, EXAMPLE\\ada"
    assert client.get("/me").json["name"] == "Ada Lovelace"
    assert client.get("/me").json["editor"] is True
    for path in ("/members", "/partners", "/editors", "/reports/about"):
        assert client.get(path).status_code == 200, path
    for path in ("/payroll", "/reports/"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (403, "Ask the help desk for access."), path
    windowsauth_sign_in(client, "EXAMPLE\\dora")
    for path in ("/payroll", "/reports/"):
        assert client.get(path).status_code == 200, path
    names["test_editors_only"](directory, windowsauth_sign_in)


@pytest.mark.parametrize(("peer", "said"), [("10.0.0.5", "EXAMPLE\\ada"), ("10.0.0.6", "whoever you are")])
def test_the_guides_proxy_is_believed_from_its_address_alone(define, peer, said):
    """The first block, and the one that names another source."""
    client = define(BLOCKS[0], *(code for code in BLOCKS if "WAUTH_SOURCES" in code))["app"].test_client()
    answer = client.get("/", headers={"RemoteUser": "EXAMPLE\\ada"}, environ_base={"REMOTE_ADDR": peer})
    assert answer.text == f"Hello, {said}"


def test_the_guides_factory_keeps_users_in_its_database(names, directory):
    """The models of the guide, with the mixins, are filled by the first visit."""
    config = {
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "WAUTH_DOMAINS": {"EXAMPLE": directory.settings(GROUP_MAP={"Editors": "Web Editors"})},
    }
    app = names["create_app"](config)
    with app.app_context():
        names["db"].create_all()
        app.add_url_rule("/", view_func=lambda: names["windows_user"].record.groups[0].name)
        assert app.test_client().get("/", environ_base={"REMOTE_USER": "EXAMPLE\\ada"}).text == "Editors"
        assert names["db"].session.query(names["User"]).one().email == "ada@example.local"
        names["db"].session.remove()
        names["db"].engine.dispose()
    app.extensions["wauth"].close()


def test_the_logout_button_works(names, directory):
    """The guide's button carries the token that /logout asks for."""
    from flask import Flask, render_template_string

    from wauth_flask import WindowsAuth

    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", WAUTH_LOGIN_FORM=True, WAUTH_DOMAINS={"EXAMPLE": directory.settings()})
    WindowsAuth(app)
    app.add_url_rule("/", view_func=lambda: render_template_string(names["LOGOUT"]))
    client = app.test_client()
    page = client.get("/").text
    assert 'action="/logout"' in page
    token = re.search(r'value="([^"]+)"', page)[1]
    assert client.post("/logout", data={"wauth_token": token}).status_code == 303
    app.extensions["wauth"].close()


def test_the_tables_name_what_there_is():
    """Settings, the repository's arguments and windows_user's attributes are listed as they are."""
    from wauth_core.sync.sqlalchemy import SQLAlchemyUserRepository
    from wauth_core.user import WindowsUser
    from wauth_flask.person import Person
    from wauth_flask.state import OURS

    assert set(rows("Settings of its own")) == set(OURS)
    arguments = set(inspect.signature(SQLAlchemyUserRepository).parameters)
    assert set(rows("Users in your database")) == arguments
    made = inspect.getsource(Person.__init__) + inspect.getsource(WindowsUser.__init__)
    for name in rows("Who is there"):
        attribute = name.lstrip(".").partition("(")[0]
        assert attribute == "bool" or hasattr(Person, attribute) or f"self.{attribute} =" in made, name


def test_the_table_of_decorators_has_the_right_defaults():
    """What the guide says of defaults is what the signatures say."""
    import wauth_flask

    for decorator, argument, default in [
        ("domain_required", "bypass_superuser", True),
        ("group_required", "bypass_superuser", False),
        ("ldap_sync_required", "allow_non_ldap", True),
        ("ldap_sync_required", "raise_exception", False),
    ]:
        assert inspect.signature(getattr(wauth_flask, decorator)).parameters[argument].default is default
        assert re.search(rf"\| `{argument}` \| `{default}` \|", TEXT)
