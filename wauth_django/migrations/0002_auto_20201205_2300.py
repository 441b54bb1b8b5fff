"""A user who was never synchronised; named as django-windowsauth named it, and already run there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("windows_auth", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="ldapuser",
            name="last_sync",
            field=models.DateTimeField(
                blank=True,
                null=True,
                default=None,
                help_text="Last time performed LDAP sync for user attributes and group membership",
            ),
        ),
    ]
