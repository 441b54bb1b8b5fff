"""Usage metrics of LDAP connections in the database (manual 1.12)."""
