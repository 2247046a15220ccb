"""STAMP, RFC 8762 and RFC 8972: one-way and round-trip delay over UDP."""
