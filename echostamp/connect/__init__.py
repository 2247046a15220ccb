"""Parses targets and connects to them, and times each step."""
