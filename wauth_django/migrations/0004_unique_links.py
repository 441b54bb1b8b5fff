"""One link for each person of a domain (apart from the rows' names, since PostgreSQL wants data and schema apart)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("windows_auth", "0003_directory_identity")]

    operations = [
        migrations.AddConstraint(
            model_name="ldapuser",
            constraint=models.UniqueConstraint(fields=["domain", "guid"], name="windows_auth_one_link_a_guid"),
        ),
        migrations.AddConstraint(
            model_name="ldapuser",
            constraint=models.UniqueConstraint(fields=["domain", "username_key"], name="windows_auth_one_link_a_name"),
        ),
        migrations.AddConstraint(
            model_name="synclock",
            constraint=models.UniqueConstraint(
                fields=["domain", "username_key"], name="windows_auth_one_sync_at_a_time"
            ),
        ),
    ]
