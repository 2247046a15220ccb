"""
Runs over STAMP in memory.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from echostamp.exitstatus import Outcome
from echostamp.probe import udpdialer
from echostamp.probe.memorysink import MemorySink
from echostamp.probe.plan import Plan
from echostamp.probe.prober import Prober
from echostamp.probe.route import Route
from echostamp.probe.surroundings import surroundings
from echostamp.probe.udpdialer import StampDialer
from echostamp.report.document import document, pieces
from echostamp.report.screen import LABEL
from echostamp.report.summary import Detail, summary
from echostamp.rfc8762 import sharedports
from echostamp.rfc8762.clock import KernelClock
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.reflector import Reflector
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.test.documents import CONFIG, validator
from echostamp.test.fakes import FakeReactor, Resolver
from echostamp.test.farends import EPOCH, keptBy
from echostamp.test.wires import HERE, THERE, WirePort
from echostamp.times import Moment

US = 1000


class FarPort(WirePort):
    """
    A port that carries datagrams to a reflector and back.
    """

    def __init__(self, case: StampCase) -> None:
        super().__init__(HERE)
        self._case = case
        self.isReading = False

    def startReading(self) -> None:
        """Note that the port is read."""
        self.isReading = True

    def close(self) -> None:
        """Note that the port is not read any longer."""
        self.isReading = False

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """Send a packet to the reflector; the test may lose it."""
        number = super().send(packet, peer, to, tos)
        assert number is not None
        self._case.carry(number, packet)
        return number


class StampCase(SynchronousTestCase):
    """
    A test of a run over STAMP in memory: 1 ms there, 2 ms back.

    @ivar ahead: nanoseconds by which the reflector's clock is ahead.
    @ivar unit: the resolution of the reflector's clock, in nanoseconds.
    @ivar fate: gives C{"lost there"}, C{"lost back"} or nothing, by a packet's number.
    """

    def setUp(self) -> None:
        """Prepare both ends."""
        self.reactor: Any = FakeReactor()
        self.resolver = self.reactor.nameResolver = Resolver()
        self.ahead, self.unit = 0, 1
        self.sink = MemorySink()
        self.fate: Any = lambda number: ""
        self.far = WirePort(THERE)
        self.kernel = KernelClock()
        self.near: Any = None
        self.reflect(Policy())
        self.patch(udpdialer, "boundUdpSocket", lambda host, port: (host, port))
        self.patch(udpdialer, "_sourceTo", lambda peer, is6: HERE[0])
        self.patch(sharedports, "Port", self.makePort)

    def makePort(self, reactor: Any, bound: Any, sender: Any, **options: Any) -> Any:
        """Make our port."""
        self.sender = sender
        sender._kernel = lambda: self.kernel
        self.bound, self.options = bound, options
        self.near = FarPort(self)
        return self.near

    @property
    def now(self) -> int:
        """Nanoseconds by the monotonic clock."""
        seconds: float = self.reactor.seconds()
        return round(seconds * 1e9)

    def farClock(self) -> int:
        """Read the reflector's clock."""
        return (EPOCH + self.now + self.ahead) // self.unit * self.unit

    def clocks(self) -> Moment:
        """Read our clocks."""
        return Moment(self.now, EPOCH + self.now, self.now)

    def reflect(self, policy: Policy) -> None:
        """Make the reflector."""
        self.reflector = Reflector(
            Shared(policy), self.farClock, lambda: self.now, lambda: self.kernel
        )
        self.reflector.port = self.far  # type: ignore[assignment]

    def begin(
        self, plan: Plan, session: SenderSession, policy: Policy | None = None
    ) -> None:
        """Begin a run."""
        self.reflect(policy or Policy())
        self.dialer = StampDialer(
            *(self.reactor, ("far", 862), session, Route(only4=True), self.clocks),
            waits=plan.waits,
        )
        self.prober = Prober(
            self.dialer,
            plan,
            self.sink,
            surroundings(self.reactor, self.clocks, lambda: 0.0),
        )
        self.isOver = False
        self.prober.done.addCallback(self.done)
        self.prober.start()
        self.assertTrue(self.dialer.isLookingUp)
        self.resolver.answer(IPv4Address("UDP", *THERE))

    def done(self, nothing: None) -> None:
        """Note that the run is over."""
        self.isOver = True

    def carry(self, number: int, packet: bytes) -> None:
        """Carry a packet to the reflector, or lose it."""
        left = EPOCH + self.now + 20 * US
        self.reactor.callLater(0, self.sender.transmitted, number, left)
        if self.fate(number) != "lost there":
            self.reactor.callLater(0.001, self.arrive, number, packet)

    def arrive(self, number: int, packet: bytes) -> None:
        """Let the reflector receive a packet, and carry its reply back."""
        at = self.farClock()
        count = len(self.far.sent)
        self.reflector.received(packet, HERE, at, 60, 0, None)
        for index in range(count, len(self.far.sent)):
            self.reflector.transmitted(index, at + 30 * US)
            if self.fate(number) != "lost back":
                reply = self.far.sent[index][0]
                self.reactor.callLater(0.002, self.comeBack, reply)

    def comeBack(self, reply: bytes) -> None:
        """Receive a reply."""
        self.sender.received(reply, THERE, EPOCH + self.now, 250, 0, None)

    def run_(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        self.reactor.fromTimerToTimer(seconds)

    def summary(self) -> str:
        """Give the full report in text, its lines as they were before they were
        broken."""
        text = "\n".join(summary(self.prober.result(), "far", Detail.FULL))
        return text.replace("\n" + " " * LABEL, " ")

    def document(self) -> Any:
        """Validate the JSON document, and give it."""
        head = document(self.prober.result(), CONFIG, Outcome(0))
        run = keptBy(self.prober).delays.run
        found = json.loads("".join(pieces(head, run)))
        validator().validate(found)
        return found
