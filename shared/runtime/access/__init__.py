"""Owner of the schema `access`, which holds the API keys that `shared.runtime.auth` checks."""
