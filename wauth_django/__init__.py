"""Windows Authentication and Active Directory for Django."""
