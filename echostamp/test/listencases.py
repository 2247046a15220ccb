"""
A machine without a network, for tests of ports.
"""

from __future__ import annotations

from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from echostamp import addresses
from echostamp.listen import sockets
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.listening import PreparedPort
from echostamp.listen.preparing import PreparingReactor
from echostamp.test.fakes import FakeReactor, FakeSockets


class ListenCase(SynchronousTestCase):
    """
    A machine without a network.
    """

    def setUp(self) -> None:
        """Make a reactor, and a fake module of sockets."""
        self.reactor = FakeReactor()
        self.sockets = FakeSockets()
        self.factory = Factory()
        for module in addresses, sockets:
            self.patch(module, "socket", self.sockets)

    def prepare(self, description: str) -> PreparedPort:
        """Prepare to listen."""
        reactor = PreparingReactor(self.reactor)
        [port] = preparedPorts(reactor, description, self.factory)
        return port
