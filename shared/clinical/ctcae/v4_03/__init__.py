"""NCI CTCAE v4.03 (2010-06-14): terms and laboratory criteria."""
