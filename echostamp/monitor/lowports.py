"""
Checks that this process may send from a low port.
"""

from __future__ import annotations

import socket

#: Below this port most systems let only root send.
_LOW = 1024


def checkSourcePort(port: int) -> None:
    """
    Check that this process may send datagrams from a port.  The port is bound for a
    moment; one that is in use is fine, since a peer may use it already.

    @param port: the port; 0 for any.
    @raise ValueError: only others may.
    """
    if not 0 < port < _LOW:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        try:
            found.bind(("", port))
        except PermissionError:
            raise ValueError(
                f"source: this user may not send from port {port}"
            ) from None
        except OSError:
            pass
