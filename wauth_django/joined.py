"""A session's user with the link, by one query that is written once: Django takes ten times as long to write it as a
database to answer it, on every request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connections, models, router
from django.db.models.manager import BaseManager

from wauth_django.models import LDAPUser

LINK: Any = LDAPUser._meta.get_field("user")


def loaded_user(key: Any) -> Any | None:
    """The user of that primary key with the link. For a backend's ``get_user``."""
    model = get_user_model()
    database = router.db_for_read(model)
    config: Any = apps.get_app_config("windows_auth")
    query = config.loaded(
        f"{model._meta.label} in {database}", lambda: _Query(model, database) if _is_plain(model) else None
    )
    if query is None:
        return model._default_manager.select_related("ldap").filter(pk=key).first()
    return query(key)


def _is_plain(model: type[models.Model]) -> bool:
    """Whether users are one table's rows, as they stand: no manager chooses among them."""
    manager: Any = model._default_manager
    if type(manager).get_queryset is not BaseManager.get_queryset or manager._queryset_class is not models.QuerySet:
        return False
    plain = models.Field.select_format
    return all(field.model is model and type(field).select_format is plain for field in model._meta.concrete_fields)


class _Query:
    def __init__(self, model: Any, database: str) -> None:
        connection = connections[database]
        quoted = connection.ops.quote_name
        self._model, self._database, self._pk = model, database, model._meta.pk
        fields: list[Any] = [*model._meta.concrete_fields, *LDAPUser._meta.concrete_fields]
        self._names = [field.attname for field in fields]
        self._split = len(model._meta.concrete_fields)
        self._link_pk = self._names.index("id", self._split)
        self._converters = list(_converters(fields, connection))
        users, links = quoted(model._meta.db_table), quoted(LDAPUser._meta.db_table)
        columns = [f"{quoted(field.model._meta.db_table)}.{quoted(field.column)}" for field in fields]
        pk = f"{users}.{quoted(self._pk.column)}"
        self._sql = (
            f"SELECT {', '.join(columns)} FROM {users} LEFT OUTER JOIN {links}"  # noqa: S608 - names of our own
            f" ON {links}.{quoted(LINK.column)} = {pk} WHERE {pk} = %s"
        )

    def __call__(self, key: Any) -> Any | None:
        connection = connections[self._database]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [self._pk.get_db_prep_value(key, connection)])
            row = cursor.fetchone()
        if row is None:
            return None
        values = list(row)
        for place, expression, convert in self._converters:
            values[place] = convert(values[place], expression, connection)
        split, link = self._split, None
        user: Any = self._model.from_db(self._database, self._names[:split], values[:split])
        if values[self._link_pk] is not None:
            link = LDAPUser.from_db(self._database, self._names[split:], values[split:])
            LINK.set_cached_value(link, user)
        LINK.remote_field.set_cached_value(user, link)
        return user


def _converters(fields: Iterable[Any], connection: Any) -> Iterable[tuple[int, Any, Callable[..., Any]]]:
    for place, field in enumerate(fields):
        expression = field.get_col(field.model._meta.db_table)
        for convert in (*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)):
            yield place, expression, convert
