"""TLS: contexts and PEM files."""
