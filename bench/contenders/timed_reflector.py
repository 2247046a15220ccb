"""
EchoStamp's session-reflector, and a timer in the same process.  At the end it prints
how late each call of the timer was, in nanoseconds.
"""

from __future__ import annotations

import sys
import time

from twisted.internet import reactor
from twisted.internet.task import LoopingCall

from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.port import Port
from echostamp.rfc8762.reflector import Reflector
from echostamp.rfc8762.sockets import boundUdpSocket

#: Seconds between two calls of the timer.
EVERY = 0.005


def main(port: int, seconds: float) -> None:
    """
    Run for some seconds.
    """
    lates: list[float] = []
    due = time.monotonic() + EVERY

    def tick() -> None:
        nonlocal due
        now = time.monotonic()
        lates.append(now - due)
        due = now + EVERY

    reflector = Reflector(Shared(Policy()))
    reflector.port = Port(reactor, boundUdpSocket("127.0.0.1", port), reflector)
    reflector.port.startReading()
    LoopingCall(tick).start(EVERY, now=False)
    reactor.callLater(seconds, reactor.stop)
    reactor.run()
    print(" ".join(str(round(late * 1e9)) for late in lates))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
