"""The notifier's tables, one module per noun; the only place in the service that knows SQL."""
