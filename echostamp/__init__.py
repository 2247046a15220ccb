"""
EchoStamp: a timestamp echo daemon and client.

The daemon sends back every line it receives, with its own time in front.  The client
turns these stamps into latency, loss and clock offset, each with a bound.
"""

__version__ = "1.0.0"
