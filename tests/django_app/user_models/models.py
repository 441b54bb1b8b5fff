"""User models that projects have; KIND says which of them this process's is."""

from __future__ import annotations

import os
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AbstractUser, PermissionsMixin
from django.db import models

KIND = os.environ["WAUTH_TEST_USER_MODEL"]


class EmailManager(BaseUserManager):
    """As the many recipes for users without a user name write it."""

    def create_user(self, email, password=None, **fields):
        """A user with an address."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


if KIND == "email":

    class User(AbstractUser):
        """No user name at all: the address is it."""

        username = None
        email = models.EmailField(unique=True)
        USERNAME_FIELD = "email"
        REQUIRED_FIELDS = ()
        objects = EmailManager()

elif KIND == "bare":

    class User(AbstractBaseUser):
        """The least that Django takes: no flags, no groups, and activity that no column holds."""

        login = models.CharField(max_length=64, unique=True)
        USERNAME_FIELD = "login"
        objects = BaseUserManager()

elif KIND == "bare-email":

    class User(AbstractBaseUser, PermissionsMixin):
        """An address as name, permissions, and nothing else."""

        email = models.EmailField(unique=True)
        is_active = models.BooleanField(default=True)
        USERNAME_FIELD = "email"
        objects = EmailManager()

elif KIND == "uuid":

    class User(AbstractUser):
        """Known by a UUID."""

        id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

elif KIND == "text":

    class User(AbstractUser):
        """Known by a text that the model makes."""

        code = models.CharField(primary_key=True, max_length=40, default=lambda: f"U-{uuid.uuid4().hex}")

elif KIND == "inherited":

    class Person(AbstractUser):
        """The table that others refer to."""

    class User(Person):
        """A table of its own beside the parent's."""

        badge = models.CharField(max_length=16, default="", blank=True)

elif KIND == "no-manager":

    class User(AbstractUser):
        """Its manager knows no create_user."""

        objects = models.Manager()

elif KIND == "hidden":

    class ActiveManager(models.Manager):
        """Shows only who is active."""

        def get_queryset(self):
            """The active ones."""
            return super().get_queryset().filter(is_active=True)

    class User(AbstractUser):
        """The default manager hides whom the directory has deactivated."""

        objects = ActiveManager()
        everybody = models.Manager()


User.__module__ = __name__
