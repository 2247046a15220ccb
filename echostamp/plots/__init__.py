"""
Rows of a history as plots: rows in, SVG out; pure.
"""
