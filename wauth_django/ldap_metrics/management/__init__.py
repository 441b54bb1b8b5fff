"""Management commands of the LDAP metrics."""
