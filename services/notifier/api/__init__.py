"""The addresses under /notifier/v1: the inbox, its stream, deliveries, and a study's routing."""
