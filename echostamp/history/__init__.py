"""
What was measured: a row for each peer and minute, hours and days merged from these, and
events.
"""
