"""The ports a service runs on (bus, clock, database, web, keys) and their real implementations.

Knows nothing clinical: handlers get bytes and a transaction, and the services give them meaning.
"""
