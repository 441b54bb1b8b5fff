"""What a link knows besides, and keys that MySQL and MariaDB compare letter by letter."""

from django.db import migrations, models

import wauth_core.sync.store


def number_the_sessions(apps, schema_editor):
    """Give each link a random number of its own: a default would be the same for all."""
    links = apps.get_model("windows_auth", "LDAPUser").objects.using(schema_editor.connection.alias)
    for pk in list(links.values_list("pk", flat=True)):
        links.filter(pk=pk).update(sessions=wauth_core.sync.store.new_sessions())


def compare_letter_by_letter(apps, schema_editor):
    """Their default collation takes two domains, or two people, for one: ``weiß`` and ``weis``."""
    if schema_editor.connection.vendor != "mysql":
        return
    columns = {
        "LDAPUser": {"domain": "varchar(255) {} NOT NULL", "username_key": "varchar(256) {} NULL"},
        "SyncLock": {"domain": "varchar(255) {} NOT NULL", "username_key": "varchar(256) {} NOT NULL"},
        "SyncBookmark": {"domain": "varchar(255) {} NOT NULL"},
    }
    for name, kinds in columns.items():
        table = schema_editor.quote_name(apps.get_model("windows_auth", name)._meta.db_table)
        for column, kind in kinds.items():
            binary = kind.format("CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            schema_editor.execute(f"ALTER TABLE {table} MODIFY {schema_editor.quote_name(column)} {binary}")


class Migration(migrations.Migration):
    dependencies = [("windows_auth", "0004_unique_links")]

    operations = [
        migrations.RunPython(compare_letter_by_letter, migrations.RunPython.noop, atomic=False),
        migrations.AddField(
            model_name="ldapuser",
            name="lapsed",
            field=models.BooleanField(
                default=False,
                help_text="The rights were taken because the directory could not be asked for too long",
                verbose_name="lapsed",
            ),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="password_set",
            field=models.DateTimeField(
                blank=True,
                null=True,
                default=None,
                help_text="When the password was last set in the directory (pwdLastSet)",
            ),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="controller",
            field=models.CharField(
                max_length=255, blank=True, default="", help_text="The domain controller that answered last"
            ),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="lowered_at",
            field=models.DateTimeField(
                blank=True,
                null=True,
                default=None,
                help_text="When an answer of the directory last took a right",
            ),
        ),
        migrations.AddField(
            model_name="ldapuser",
            name="sessions",
            field=models.BigIntegerField(
                default=wauth_core.sync.store.new_sessions,
                editable=False,
                help_text="A session that holds another number has ended",
            ),
        ),
        migrations.AlterField(
            model_name="ldapuser",
            name="last_sync",
            field=models.DateTimeField(
                blank=True,
                null=True,
                default=None,
                help_text="Last time performed LDAP sync for user attributes and group membership",
                verbose_name="last sync",
            ),
        ),
        migrations.AlterField(
            model_name="synclock",
            name="until",
            field=models.DateTimeField(
                help_text="By the database's clock, UTC: a worker that died holds the claim no longer"
            ),
        ),
        migrations.RunPython(number_the_sessions, migrations.RunPython.noop),
    ]
