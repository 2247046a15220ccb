"""TLS: PEM files, contexts, and the server's side of a connection."""
