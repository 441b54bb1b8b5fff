"""A Django project as the quick start makes it, for the tests. Only tests/django_app and the contract suite use it."""

from __future__ import annotations

import os

SECRET_KEY = "a key for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
LANGUAGE_CODE = "en-us"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "wauth_django",
    "wauth_django.ldap_metrics",
    "tests.django_app.project",
    "debug_toolbar",
]
DEBUG_TOOLBAR_CONFIG = {"IS_RUNNING_TESTS": False}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wauth_django.middleware.WindowsAuthMiddleware",
    "wauth_django.middleware.UserSyncMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

AUTHENTICATION_BACKENDS = [
    "wauth_django.backends.WindowsAuthBackend",
    "django.contrib.auth.backends.ModelBackend",
]

ROOT_URLCONF = "tests.django_app.project.urls"
STATIC_URL = "/static/"
LOGIN_URL = "/login/"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

if _postgresql := os.environ.get("WAUTH_TEST_POSTGRESQL"):  # folder of the socket : user
    _folder, _, _user = _postgresql.partition(":")
    _database = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "HOST": _folder, "USER": _user}
elif _mariadb := os.environ.get("WAUTH_TEST_MARIADB"):  # the socket
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)  # what Django asks of mysqlclient; PyMySQL does as well
    pymysql.install_as_MySQLdb()
    _database = {"ENGINE": "django.db.backends.mysql", "HOST": _mariadb, "USER": "root", "NAME": "mysql"}
else:
    _database = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("WAUTH_TEST_SQLITE", ":memory:")}
DATABASES = {"default": _database}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SILENCED_SYSTEM_CHECKS = ["debug_toolbar.W001"]  # its middleware is there in the one test that wants it
