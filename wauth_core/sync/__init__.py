"""Keeping an application's users in step with the directory."""
