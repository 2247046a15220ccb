"""
A server with a thread for each connection, and blocking sockets.
"""

from __future__ import annotations

import socket
from threading import Thread

from shared import READ, Stamps, arguments, listening

from echostamp.line.stamper import Stamper

stamps = Stamps()


def serve(connection: socket.socket) -> None:
    """
    Stamp the input of a connection until it ends.
    """
    stamper = Stamper()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        while data := connection.recv(READ):
            connection.sendall(stamper.feed(data, stamps.stamp()))


listener = listening(arguments().port)
while True:
    connection, _ = listener.accept()
    Thread(target=serve, args=(connection,), daemon=True).start()
