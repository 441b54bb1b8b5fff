"""The table as django-windowsauth made it; a site that moves over has already run this."""

from django.db import migrations, models


def small(help_text):
    return models.PositiveSmallIntegerField(default=0, help_text=help_text)


def large(help_text):
    return models.PositiveIntegerField(default=0, help_text=help_text)


def moment(help_text):
    return models.DateTimeField(null=True, help_text=help_text)


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="LDAPUsage",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "timestamp",
                    models.DateTimeField(auto_now=True, db_index=True, help_text="Metrics Collection Time"),
                ),
                ("pid", models.IntegerField(help_text="Process ID")),
                ("domain", models.CharField(db_index=True, max_length=128, help_text="Connection's domain")),
                ("initial_connection_start_time", moment("Initialization timestamp")),
                ("open_socket_start_time", moment("Socket Open timestamp")),
                ("connection_stop_time", moment("Close timestamp")),
                ("last_transmitted_time", moment("Last message transmitted timestamp")),
                ("last_received_time", moment("Last message received timestamp")),
                ("servers_from_pool", small("Num. servers from pool")),
                ("open_sockets", small("Num. of sockets opened")),
                ("closed_sockets", small("Num. of sockets closed")),
                ("wrapped_sockets", small("Num. of sockets wrapped by TLS")),
                ("bytes_transmitted", large("Bytes transmitted")),
                ("bytes_received", large("Bytes received")),
                ("messages_transmitted", large("Messages transmitted")),
                ("messages_received", large("Messages received")),
                ("operations", small("Num. Operations")),
                ("abandon_operations", small("Num. Abandon Operations")),
                ("bind_operations", small("Num. Bind Operations")),
                ("add_operations", small("Num. Add Operations")),
                ("compare_operations", small("Num. Compare Operations")),
                ("delete_operations", small("Num. Delete Operations")),
                ("extended_operations", small("Num. Extended Operations")),
                ("modify_operations", small("Num. Modify Operations")),
                ("modify_dn_operations", small("Num. Move Operations")),
                ("search_operations", small("Num. Search Operations")),
                ("unbind_operations", small("Num. Unbind Operations")),
                ("referrals_received", small("Num. Referrals Received")),
                ("referrals_followed", small("Num. Referrals Followed")),
                ("referrals_connections", small("Num. Referrals Connections")),
                ("restartable_failures", small("Num. Restartable Failures")),
                ("restartable_successes", small("Num. Restartable Successes")),
            ],
            options={"ordering": ["-timestamp"], "get_latest_by": "timestamp"},
        ),
    ]
