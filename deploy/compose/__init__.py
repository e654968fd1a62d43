"""The compose installation: its secrets, and the same installation without Docker."""
