"""
What a browser and Prometheus read from the daemon, on L{twisted.web}.
"""
