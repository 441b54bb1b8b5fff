"""User models of every kind, each a project of its own: see run.py."""
