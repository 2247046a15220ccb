"""
EchoStamp: a timestamp echo daemon and client.

The daemon sends each line that it hears back with the time of its own clock
in front; the client turns those stamps into an answer to the question how far
away the other machine is and what its clock says.
"""

__version__ = "0.1.0"
