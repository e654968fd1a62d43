"""History of the schema `access`: API keys and what they grant."""

SCHEMA = "access"
