"""What every Vigil service has in common: contracts, the clinical core and the runtime."""
