"""Sends probes and follows them."""
