"""Migrations that a sign-in needs and the database lacks: named, before or instead of an error of the database."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader


def unapplied(alias: str = DEFAULT_DB_ALIAS) -> str:
    """Which applications lack migrations in the database *alias*, and the command that applies them; the empty text
    where none does, or where the database cannot be asked."""
    try:
        executor = MigrationExecutor(connections[alias])
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return ""
    lacking = sorted({migration.app_label for migration, _ in plan} & _needed(executor.loader))
    if not lacking:
        return ""
    return f"The database lacks migrations of {', '.join(lacking)}. Run: python manage.py migrate"


def explain(error: Exception) -> None:
    """Raise `ImproperlyConfigured`, one line, if migrations are missing where *error*, of the database, was raised."""
    if problem := unapplied():
        raise ImproperlyConfigured(problem) from error


def _needed(loader: MigrationLoader) -> set[str]:
    """The labels of what takes part in a sign-in."""
    labels = {"auth", "contenttypes", "sessions", "windows_auth", get_user_model()._meta.app_label}
    return labels & loader.migrated_apps & {config.label for config in apps.get_app_configs()}
