"""
Run a load over TLS, and check every reply: C{load.c}'s steady load with one unanswered
message on each connection.

It replaces C{load.c} where OpenSSL's headers are missing.  It is in Python, so it
limits the messages per second, and adds as much latency as the server.  Its purpose is
the server's CPU per message.
"""

from __future__ import annotations

import argparse
import json
import ssl
import time
from dataclasses import dataclass, field
from select import EPOLLIN, epoll
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection

from echostamp.stamps import CTIME
from echostamp.times import SECOND

STAMP = 27


class Wrong(Exception):
    """A reply is wrong."""


@dataclass
class Connection:
    """
    One of the load's connections.

    @ivar socket: non-blocking, after its handshake.
    @ivar number: its number.
    @ivar sent: how many messages have been sent.
    @ivar message: the unanswered message.
    @ivar sentAt: when it was sent, in nanoseconds since the epoch.
    @ivar reply: the part of its reply that has been received.
    """

    socket: ssl.SSLSocket
    number: int
    sent: int = 0
    message: bytes = b""
    sentAt: int = 0
    reply: bytes = b""

    def send(self) -> None:
        """
        Send the next message.
        """
        self.sent += 1
        self.message = b"%08x%08x abcdefg\x00\x80\xff\r \n" % (self.number, self.sent)
        self.sentAt = time.time_ns()
        if self.socket.send(self.message) != len(self.message):
            raise Wrong("the kernel accepts no more")

    def receive(self) -> bool:
        """
        Receive more of the reply.

        @return: whether the reply is complete.
        @raise Wrong: the reply is wrong.
        """
        try:
            data = self.socket.recv(65_536)
        except ssl.SSLWantReadError:  # a session ticket
            return False
        self.reply += data
        if not data:
            raise Wrong(f"connection {self.number} ended")
        if len(self.reply) < STAMP + len(self.message):
            return False
        seconds = range(self.sentAt // SECOND, time.time_ns() // SECOND + 1)
        if not any(
            self.reply == CTIME.stamp(second * SECOND) + self.message
            for second in seconds
        ):
            raise Wrong(f"connection {self.number}: {self.message!r}: {self.reply!r}")
        self.reply = b""
        return True


@dataclass
class Load:
    """
    Sends messages on many connections and times the replies.

    @ivar latencies: of the messages of a phase, in nanoseconds.
    """

    host: str
    port: int
    connections: dict[int, Connection] = field(default_factory=dict)
    latencies: list[int] = field(default_factory=list)
    poller: epoll = field(default_factory=epoll)

    def open(self) -> None:
        """
        Open one more connection, and send its first message.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(create_connection((self.host, self.port)))
        connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        connection.setblocking(False)
        number = connection.fileno()
        self.poller.register(number, EPOLLIN)
        self.connections[number] = Connection(connection, number)
        self.connections[number].send()

    def run(self, seconds: float) -> None:
        """
        Answer each reply with the next message.

        @param seconds: for how long.
        """
        self.latencies.clear()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ready = self.poller.poll(10)
            if not ready:
                raise Wrong("no reply for 10 s")
            for number, _ in ready:
                connection = self.connections[number]
                if connection.receive():
                    self.latencies.append(time.time_ns() - connection.sentAt)
                    connection.send()


def main() -> None:
    """
    Run the command line: some of C{load.c}'s options.
    """
    parser = argparse.ArgumentParser(description="A load over TLS.")
    parser.add_argument("-c", type=int, default=50, help="connections")
    parser.add_argument("-w", type=float, default=0.5, help="seconds of warm-up")
    parser.add_argument("-s", type=float, default=2.0, help="seconds")
    parser.add_argument("-p", type=int, required=True, help="the server's process")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    # The result of clock_getcpuclockid(3): user and system time of all threads.
    cpuClock = (~options.p << 3) | 2
    load = Load(options.host, options.port)
    for _ in range(options.c):
        load.open()
    load.run(options.w)
    cpu, began = time.clock_gettime_ns(cpuClock), time.monotonic()
    load.run(options.s)
    cpu = time.clock_gettime_ns(cpuClock) - cpu
    seconds = time.monotonic() - began
    latencies = sorted(load.latencies)
    count = len(latencies)
    figures = {
        "messages": count,
        "seconds": seconds,
        "messagesPerSecond": count / seconds,
        "p50": latencies[count // 2],
        "p99": latencies[count * 99 // 100],
        "p99.9": latencies[count * 999 // 1000],
        "max": latencies[-1],
        "errors": 0,
        "cpuPerMessage": cpu / count,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    try:
        main()
    except (OSError, Wrong) as error:
        raise SystemExit(f"load: {error}") from None
