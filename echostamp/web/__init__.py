"""
What a browser and Prometheus read from the daemon, on C{twisted.web}.
"""
