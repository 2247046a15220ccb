"""Acceptance tests: real daemons, real clients and real sockets on loopback."""
