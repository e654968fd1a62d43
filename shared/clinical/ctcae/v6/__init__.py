"""NCI CTCAE v6.0 with the errata of 2026-01-20: terms and laboratory criteria."""
