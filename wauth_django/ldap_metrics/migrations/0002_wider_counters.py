"""A process outlives 32,767 searches: wider counters than django-windowsauth had."""

from django.db import migrations, models

COUNTERS = {
    "servers_from_pool": "Num. servers from pool",
    "open_sockets": "Num. of sockets opened",
    "closed_sockets": "Num. of sockets closed",
    "wrapped_sockets": "Num. of sockets wrapped by TLS",
    "bytes_transmitted": "Bytes transmitted",
    "bytes_received": "Bytes received",
    "messages_transmitted": "Messages transmitted",
    "messages_received": "Messages received",
    "operations": "Num. Operations",
    "abandon_operations": "Num. Abandon Operations",
    "bind_operations": "Num. Bind Operations",
    "add_operations": "Num. Add Operations",
    "compare_operations": "Num. Compare Operations",
    "delete_operations": "Num. Delete Operations",
    "extended_operations": "Num. Extended Operations",
    "modify_operations": "Num. Modify Operations",
    "modify_dn_operations": "Num. Move Operations",
    "search_operations": "Num. Search Operations",
    "unbind_operations": "Num. Unbind Operations",
    "referrals_received": "Num. Referrals Received",
    "referrals_followed": "Num. Referrals Followed",
    "referrals_connections": "Num. Referrals Connections",
    "restartable_failures": "Num. Restartable Failures",
    "restartable_successes": "Num. Restartable Successes",
}


class Migration(migrations.Migration):
    dependencies = [("ldap_metrics", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="ldapusage",
            name=name,
            field=models.PositiveBigIntegerField(default=0, help_text=help_text),
        )
        for name, help_text in COUNTERS.items()
    ] + [
        migrations.AlterField(
            model_name="ldapusage",
            name="domain",
            field=models.CharField(db_index=True, max_length=255, help_text="Connection's domain"),
        ),
        migrations.AlterModelOptions(
            name="ldapusage",
            options={
                "ordering": ("-timestamp",),
                "get_latest_by": "timestamp",
                "verbose_name": "LDAP usage",
                "verbose_name_plural": "LDAP usage",
            },
        ),
    ]
