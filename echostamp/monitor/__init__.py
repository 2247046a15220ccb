"""Watches many peers all the time."""
