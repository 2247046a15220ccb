"""
A loop around C{select.epoll}: the least CPU time that pure Python needs.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from select import EPOLLIN, EPOLLOUT, epoll

from shared import READ, Stamps, arguments, listening

from echostamp.line.stamper import Stamper

listener = listening(arguments().port)
listener.setblocking(False)
poller = epoll()
poller.register(listener, EPOLLIN)
stamps = Stamps()
connections: dict[int, tuple[socket.socket, Stamper]] = {}
rests: dict[int, bytes] = {}


def accept() -> None:
    """
    Accept the waiting connections.
    """
    with suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poller.register(connection, EPOLLIN)
            connections[connection.fileno()] = connection, Stamper()


def send(connection: socket.socket, reply: bytes) -> None:
    """
    Send a reply.  Where the kernel does not accept all of it, keep the rest, and read
    no more until that is sent.
    """
    try:
        sent = connection.send(reply)
    except BlockingIOError:
        sent = 0
    number = connection.fileno()
    if sent < len(reply):
        rests[number] = reply[sent:]
        poller.modify(number, EPOLLOUT)
    elif number in rests:
        del rests[number]
        poller.modify(number, EPOLLIN)


while True:
    for number, event in poller.poll():
        if number not in connections:
            accept()
            continue
        connection, stamper = connections[number]
        try:
            if event & EPOLLOUT:
                send(connection, rests[number])
            elif data := connection.recv(READ):
                send(connection, stamper.feed(data, stamps.stamp()))
            else:
                raise ConnectionError
        except ConnectionError:
            connection.close()
            del connections[number]
            rests.pop(number, None)
