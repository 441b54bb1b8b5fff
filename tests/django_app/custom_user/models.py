"""The manual's user model: no staff, no superusers, no groups, but fields of its own."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class CustomUser(AbstractBaseUser):
    """Somebody with a telephone and a job."""

    login = models.CharField(max_length=32, unique=True)
    telephone = models.CharField(max_length=32)
    country_code = models.PositiveSmallIntegerField(default=0)
    job_title = models.CharField(max_length=64)
    department = models.CharField(max_length=4)

    USERNAME_FIELD = "login"
    REQUIRED_FIELDS = ("telephone", "job_title", "department")
    objects = BaseUserManager()

    class Meta:
        app_label = "custom_user"

    def __str__(self):
        return self.login
