"""The one door facts come in by: checked, identified, receipted, and published once committed."""
