"""From bytes to receipts: reading, permission, identity, and one transaction for many requests."""
