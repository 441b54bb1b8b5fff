"""Windows Authentication and Active Directory for Flask."""
