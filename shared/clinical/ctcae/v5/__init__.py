"""NCI CTCAE v5.0 (2017-11-27): terms and laboratory criteria."""
