"""From the text of a target to a connection, with each step timed."""
