"""The one public address in front of the services: Caddy's file, and a stand-in without Docker."""
