"""Who a link is in the directory: its logon name, GUID and SID. Rows of django-windowsauth get their names here."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import migrations, models

from wauth_core.identity import canonical_domain, fold_username
from wauth_django.fields import logon_name


def name_the_links(apps, schema_editor):
    """Give each row the user's own name; where two of a domain differ by case only, the lower-case one keeps it."""
    links = apps.get_model("windows_auth", "LDAPUser").objects.using(schema_editor.connection.alias)
    name_field = get_user_model().USERNAME_FIELD
    taken = set()
    rows = list(links.values_list("pk", "domain", f"user__{name_field}").order_by("pk"))
    for pk, domain, name in sorted(rows, key=lambda row: row[2] != fold_username(row[2])):
        name = logon_name(name)
        domain, key = canonical_domain(domain), fold_username(name)
        if not name:
            links.filter(pk=pk).update(domain=domain)
            continue
        free = (domain, key) not in taken
        taken.add((domain, key))
        links.filter(pk=pk).update(domain=domain, username=name, username_key=key if free else None)


class Migration(migrations.Migration):
    dependencies = [
        ("windows_auth", "0002_auto_20201205_2300"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="ldapuser",
            name="domain",
            field=models.CharField(max_length=255, help_text="User Domain NetBIOS Name", verbose_name="domain"),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="username",
            field=models.CharField(
                max_length=256,
                blank=True,
                default="",
                help_text="The logon name (sAMAccountName); the user's own by default",
                verbose_name="logon name",
            ),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="username_key",
            field=models.CharField(max_length=256, null=True, default=None, editable=False),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="guid",
            field=models.UUIDField(
                blank=True,
                null=True,
                default=None,
                help_text="objectGUID: stays when the person is renamed",
                verbose_name="GUID",
            ),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="sid",
            field=models.CharField(
                max_length=184,
                blank=True,
                default="",
                help_text="objectSid, S-1-5-21-…",
                verbose_name="SID",
            ),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="deactivated",
            field=models.BooleanField(
                default=False,
                help_text="It was a sync that deactivated the user, so a sync may activate it again",
                verbose_name="deactivated",
            ),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="state",
            field=models.CharField(
                max_length=128,
                blank=True,
                default="",
                help_text="The account's state in the directory at the last sync",
            ),
        ),
        migrations.CreateModel(
            name="SyncBookmark",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("domain", models.CharField(max_length=255, unique=True)),
                (
                    "value",
                    models.TextField(
                        default="", help_text="Opaque; delete the row to make the next sync read everything"
                    ),
                ),
            ],
            options={"verbose_name": "sync bookmark"},
        ),
        migrations.CreateModel(
            name="SyncLock",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("domain", models.CharField(max_length=255)),
                ("username_key", models.CharField(max_length=256)),
                ("until", models.DateTimeField(help_text="A worker that died keeps the lock no longer than this")),
                ("token", models.CharField(max_length=32)),
            ],
        ),
        migrations.AlterModelOptions(
            name="ldapuser", options={"verbose_name": "LDAP user", "verbose_name_plural": "LDAP users"}
        ),
        migrations.RunPython(name_the_links, migrations.RunPython.noop),
    ]
