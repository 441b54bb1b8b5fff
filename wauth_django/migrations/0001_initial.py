"""The table as django-windowsauth first made it; a site that moves over has already run this."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="LDAPUser",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("domain", models.CharField(max_length=128, help_text="User Domain NetBIOS Name")),
                (
                    "last_sync",
                    models.DateTimeField(
                        help_text="Last time performed LDAP sync for user attributes and group membership"
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ldap",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
