"""Sends probes, and follows each until it is answered or lost."""
