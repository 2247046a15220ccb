"""
EchoStamp: a timestamp echo daemon and client.

The daemon sends back every line it receives, with its own time in front.  The client
turns these stamps into latency and loss, and into bounds for the clock offset.
"""

__version__ = "1.0.0"
