"""The management commands: syncldap, checkldap, adoptldapusers, createwebconfig, createtask."""

from __future__ import annotations

import io
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from wauth_core.exceptions import SyncError
from wauth_core.sync.turn import taken
from wauth_django import signin
from wauth_django.models import LDAPUser, SyncBookmark

User = get_user_model()


def run(*arguments, **options):
    """The command's output, and its error output."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, no_color=True, **options)
    return out.getvalue() + err.getvalue()


def link(*names):
    """Django users linked by name, as by hand."""
    for name in names:
        LDAPUser.objects.create(user=User.objects.create_user(name), domain="EXAMPLE")


@pytest.mark.parametrize("name", ["syncldap", "checkldap", "adoptldapusers", "createwebconfig", "createtask"])
def test_help_is_for_people(capsys, name):
    """--help says what the command is for, and explains every option."""
    with pytest.raises(SystemExit):
        call_command(name, "--help")
    text = capsys.readouterr().out
    assert len(text) > 500
    from django.core.management import load_command_class

    parser = load_command_class("wauth_django", name).create_parser("manage.py", name)
    assert all(action.help for action in parser._actions)


def test_syncldap_beside_another_run(db, directory):
    """It says so in one line, does nothing, and exits with 3."""
    with taken(signin.repository(), "EXAMPLE"), pytest.raises(CommandError, match=r"^Another bulk sync") as caught:
        run("syncldap", "--create")
    assert caught.value.returncode == 3
    assert User.objects.count() == 0


def test_syncldap_brings_known_users_in_step(db, directory):
    """Rights, fields and disabled accounts; nobody new is made; a dry run writes nothing."""
    link("alice", "bob", "dan", "carol")
    dry = run("syncldap", "--dry-run", "--max-deactivations", "1")
    assert "EXAMPLE\\bob: updated would change" in dry
    assert User.objects.get(username="bob").is_superuser is False
    run("syncldap", "example", "--max-deactivations", "1")
    assert User.objects.get(username="bob").is_superuser is True
    assert User.objects.get(username="alice").email == "alice@example.local"
    assert User.objects.get(username="dan").is_active is False
    assert User.objects.count() == 4
    states = dict(LDAPUser.objects.values_list("username", "state"))
    assert (states["bob"], states["dan"]) == ("enabled", "disabled")


def test_syncldap_of_named_people(db, directory):
    """By logon name or UPN; nobody else is touched, nobody is made without --create, who is unknown fails."""
    link("alice", "bob")
    assert "EXAMPLE\\alice: updated" in run("syncldap", "EXAMPLE\\ALICE")
    assert User.objects.get(username="alice").email == "alice@example.local"
    assert User.objects.get(username="bob").is_superuser is False
    assert "updated would change" in run("syncldap", "bob@example.local", "--dry-run")
    run("syncldap", "bob@example.local", "example\\carol")
    assert User.objects.get(username="bob").is_superuser is True
    assert not User.objects.filter(username="carol").exists()
    run("syncldap", "EXAMPLE\\carol", "--create")
    assert User.objects.filter(username="carol").exists()
    for nobody in ("EXAMPLE\\nobody", "nobody@example.local", "ELSEWHERE\\alice", "alice@elsewhere.example"):
        with pytest.raises(CommandError, match="Not everything"):
            run("syncldap", nobody)


def gone(directory, name, *, days):
    """Somebody who was synchronised, and whose account has been deleted so many days ago."""
    user = LDAPUser.objects.create_user(f"EXAMPLE\\{name}")
    directory.delete(name)
    user.ldap.sync()
    LDAPUser.objects.filter(user=user).update(lowered_at=timezone.now() - timedelta(days=days))
    return user


def test_syncldap_purges_people_who_are_gone(db, directory, monkeypatch):
    """After a question; only those whom the directory has not known for so long, and does not know now."""
    old, recent = gone(directory, "alice", days=40), gone(directory, "carol", days=20)
    here = LDAPUser.objects.create_user("EXAMPLE\\petra")
    LDAPUser.objects.filter(user=here).update(
        state="not found", deactivated=True, lowered_at=timezone.now() - timedelta(days=400)
    )
    assert "1 to delete; nothing was written" in run("syncldap", "--purge", "30", "--dry-run")
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(CommandError, match="Nothing was written"):
        run("syncldap", "--purge", "30")
    assert User.objects.count() == 3
    monkeypatch.setattr("builtins.input", lambda question: "y" if "Delete these 1 users" in question else "n")
    assert "1 users deleted" in run("syncldap", "--purge", "30")
    assert set(User.objects.values_list("pk", flat=True)) == {recent.pk, here.pk}
    assert not LDAPUser.objects.filter(user_id=old.pk).exists()
    with pytest.raises(CommandError, match="a day at least"):
        run("syncldap", "--purge", "0")


def test_syncldap_anonymises(db, directory):
    """The user stays for what refers to them, without name, address, groups and link, and can sign in by no door."""
    user = gone(directory, "alice", days=40)
    user.groups.create(name="Ours")
    assert "1 users anonymised" in run("syncldap", "--purge", "30", "--anonymise", "--noinput")
    user = User.objects.get(pk=user.pk)
    assert (user.username, user.first_name, user.last_name, user.email) == (f"gone-{user.pk}", "", "", "")
    assert (user.is_active, user.has_usable_password(), user.groups.count()) == (False, False, 0)
    assert not LDAPUser.objects.exists()


def test_twins_by_case_are_named_and_left_alone(db, directory):
    """Two rows that moved over, whose names differ by case: one goes on, the other is named and can be put right."""
    link("alice", "twin")
    User.objects.filter(username="twin").update(username="ALICE")
    LDAPUser.objects.filter(username="twin").update(username="ALICE", username_key=None)  # as migration 0003 leaves it
    twin = LDAPUser.objects.get(user__username="ALICE")
    said = run("syncldap", "--max-deactivations", "1")
    assert "EXAMPLE\\ALICE" in said
    assert "but for case its name is that of EXAMPLE\\alice" in said
    assert "0 failed" in said
    assert User.objects.get(username="alice").email == "alice@example.local"
    assert User.objects.get(username="ALICE").email == ""
    with pytest.raises(SyncError, match="in another case"):
        twin.sync()
    twin.save()
    twin.username = "bob"
    twin.save()
    assert twin.sync().ok
    assert User.objects.get(pk=twin.user_id).email == "bob@example.local"


def test_syncldap_makes_everybody_with_create(db, directory):
    """--create gives every person of the directory a user, those who may sign in."""
    text = run("syncldap", "--create")
    assert "created" in text
    assert User.objects.filter(username="ada", email="ada@example.local").exists()
    assert not User.objects.filter(username="dan").exists()


def test_syncldap_stops_before_it_locks_everybody_out(db, directory):
    """More deactivations than the share allows: nothing is written, and the command fails."""
    link("alice", "bob")
    for name in ("alice", "bob"):
        directory.disable(name)
    with pytest.raises(CommandError):
        run("syncldap")
    assert User.objects.filter(is_active=True).count() == 2


def test_syncldap_reads_only_changes_with_incremental(db, directory):
    """The second incremental run sees a change, and keeps where it stopped."""
    link("alice")
    run("syncldap", "--incremental")
    assert SyncBookmark.objects.filter(domain="EXAMPLE").exists()
    directory.update("alice", mail="alice@new.example")
    run("syncldap", "--incremental")
    assert User.objects.get(username="alice").email == "alice@new.example"


def test_commands_name_the_domains_there_are(db, shared_directory, settings):
    """A domain without settings is an error with the choice; so is a site without any."""
    with pytest.raises(CommandError, match="EXAMPLE"):
        run("syncldap", "NOWHERE")
    settings.WAUTH_DOMAINS = {}
    with pytest.raises(CommandError, match="WAUTH_DOMAINS"):
        run("checkldap")


def test_checkldap_goes_step_by_step(db, directory, settings):
    """Each step with its outcome; a fault with advice and a failing exit."""
    text = run("checkldap")
    assert "EXAMPLE" in text
    assert "ok" in text
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings(PASSWORD="tHe-0ther-one", SERVRE="x")}
    out = io.StringIO()
    with pytest.raises(CommandError, match="EXAMPLE"):
        call_command("checkldap", stdout=out, no_color=True)
    assert "failed" in out.getvalue()
    assert "SERVER" in out.getvalue()
    assert "tHe-0ther-one" not in out.getvalue()


def test_adoptldapusers_shows_and_links(db, shared_directory, client):
    """Users are compared by name; who is linked signs in by Windows from then on."""
    for name in ("ALICE", "carol", "stranger"):
        User.objects.create_user(name)
    User.objects.create_superuser("bob")
    text = run("adoptldapusers", "EXAMPLE", "--dry-run")
    assert "ALICE → EXAMPLE\\alice" in text
    assert "Left out: bob" in text
    assert "Not in the directory: stranger" in text
    assert LDAPUser.objects.count() == 0
    run("adoptldapusers", "EXAMPLE", "--noinput")
    assert set(LDAPUser.objects.values_list("username", flat=True)) == {"alice", "carol"}
    pk = User.objects.get(username="ALICE").pk
    client.get("/who/", REMOTE_USER="EXAMPLE\\alice")
    assert client.session["_auth_user_id"] == str(pk)
    assert "0 to link" in run("adoptldapusers", "EXAMPLE", "--noinput")


def test_adoptldapusers_by_mail(db, shared_directory):
    """Another field against another attribute; what fits twice is left to a person."""
    User.objects.create_user("a.liddell", email="Alice@Example.local")
    for name in ("one", "two"):
        User.objects.create_user(name, email="carol@example.local")
    text = run("adoptldapusers", "EXAMPLE", "--field", "email", "--attribute", "mail", "--noinput")
    assert "a.liddell → EXAMPLE\\alice" in text
    assert "Several Django users" in text
    assert list(LDAPUser.objects.values_list("user__username", "username")) == [("a.liddell", "alice")]


def test_adoptldapusers_asks_first(db, shared_directory, monkeypatch):
    """Anything but a yes writes nothing."""
    User.objects.create_user("alice")
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    with pytest.raises(CommandError, match="Nothing"):
        run("adoptldapusers", "EXAMPLE")
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    run("adoptldapusers", "EXAMPLE")
    assert LDAPUser.objects.count() == 1
    with pytest.raises(CommandError, match="no field"):
        run("adoptldapusers", "EXAMPLE", "--field", "shoe_size")


@pytest.fixture
def project(tmp_path, settings):
    """A project's folder, as startproject and the quick start have it."""
    settings.BASE_DIR = tmp_path
    settings.STATIC_ROOT, settings.STATIC_URL = tmp_path / "static", "/static/"
    settings.MEDIA_ROOT, settings.MEDIA_URL = tmp_path / "media", "/media/"
    settings.WSGI_APPLICATION = "mysite.wsgi.application"
    return tmp_path


def test_createwebconfig_as_the_quick_start_says(project):
    """-s -m -w make three files; IIS's Windows Authentication is on, anonymous access off."""
    run("createwebconfig", "-s", "-m", "-w")
    root = ElementTree.parse(project / "web.config").getroot()
    settings = {add.get("key"): add.get("value") for add in root.iter("add") if add.get("key")}
    assert settings["WSGI_HANDLER"] == "mysite.wsgi.application"
    assert settings["DJANGO_SETTINGS_MODULE"] == "tests.django_app.settings"
    authentication = next(root.iter("authentication"))
    assert authentication.find("windowsAuthentication").get("enabled") == "true"
    assert authentication.find("anonymousAuthentication").get("enabled") == "false"
    for folder in ("static", "media"):
        assert ElementTree.parse(project / folder / "web.config").getroot().tag == "configuration"
    assert (project / "logs").is_dir()


def test_createwebconfig_has_the_manuals_defaults(project):
    """The handler's name and the log are the manual's, and its options change them; --https redirects."""

    def handler(document):
        return document.find(".//handlers/add").get("name")

    run("createwebconfig", "--handler", "fastcgi", "--wfastcgi", "/site/wfastcgi.py")
    document = ElementTree.parse(project / "web.config")
    settings = {add.get("key"): add.get("value") for add in document.getroot().iter("add")}
    assert handler(document) == "Django FastCGI"
    assert settings["WSGI_LOG"] == str(project / "logs" / "wfastcgi.log")
    assert document.find(".//rewrite") is None
    more = ("-n", "Shop", "-l", "log/a.log", "--https", "-f")
    run("createwebconfig", "--handler", "fastcgi", "--wfastcgi", "/site/wfastcgi.py", *more)
    document = ElementTree.parse(project / "web.config")
    settings = {add.get("key"): add.get("value") for add in document.getroot().iter("add")}
    assert (handler(document), settings["WSGI_LOG"]) == ("Shop", str(project / "log" / "a.log"))
    assert document.find(".//rewrite/rules/rule/action").get("type") == "Redirect"


def test_createwebconfig_logs_by_the_handler(project):
    """The log is named after what writes it; an empty name means none."""

    def platform(*arguments):
        run("createwebconfig", "--handler", "httpplatform", "-f", *arguments)
        return ElementTree.parse(project / "web.config").find(".//httpPlatform")

    assert platform().get("stdoutLogFile") == str(project / "logs" / "python")
    assert platform("-l", "").get("stdoutLogEnabled") == "false"
    assert platform("-l", "elsewhere").get("stdoutLogFile") == str(project / "elsewhere" / "python")


def test_createwebconfig_overwrites_only_when_told(project):
    """A file of another content stays without --override, and is kept beside the new one with it."""
    (project / "web.config").write_text("<mine/>")
    with pytest.raises(CommandError, match=r"web\.config"):
        run("createwebconfig")
    assert (project / "web.config").read_text() == "<mine/>"
    run("createwebconfig", "-f")
    assert (project / "web.config.bak").read_text() == "<mine/>"


def test_createwebconfig_says_what_is_missing(project, settings):
    """Settings that the switches need; a project without WSGI_APPLICATION works."""
    settings.STATIC_ROOT = None
    with pytest.raises(CommandError, match="STATIC_ROOT"):
        run("createwebconfig", "-s")
    settings.WSGI_APPLICATION = None
    assert "django.core.wsgi.get_wsgi_application()" in run("createwebconfig", "--dry-run", "--handler", "fastcgi")
    assert "httpPlatform" in run("createwebconfig", "--dry-run", "--handler", "httpplatform", "--https")
    assert not (project / "web.config").exists()


def test_createwebconfig_knows_who_reads_a_token(project, settings, capsys):
    """HttpPlatformHandler with Django's own middleware would sign nobody in, and the command says what would."""
    arguments = ("createwebconfig", "--dry-run", "-w", "--handler", "httpplatform")
    call_command(*arguments)
    assert "Nobody would be signed in" not in capsys.readouterr().err
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "WindowsAuthMiddleware" not in name]
    call_command(*arguments)
    assert "Nobody would be signed in" in capsys.readouterr().err


def test_createtask_writes_a_definition(project):
    """A command with its schedule as Task Scheduler XML, off Windows; predefined ones have schedules of their own."""
    text = run("createtask", "syncldap EXAMPLE", "-i", "hours=1", "--output", str(project))
    assert "schtasks" in text
    xml = (project / "syncldap.xml").read_bytes().decode("utf-16")
    assert "manage.py" in xml
    assert "syncldap EXAMPLE" in xml
    run("createtask", "clearsessions", "-p", "--output", str(project))
    assert (project / "clearsessions.xml").exists()
    with pytest.raises(CommandError):
        run("createtask", "nonsense", "-p", "--output", str(project))
