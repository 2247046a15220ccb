"""Tests for L{echostamp.intercom.delivery}."""

from __future__ import annotations

from echostamp.intercom import delivery
from echostamp.test.rooms import IntercomCase


class DeliveryTests(IntercomCase):
    """
    Lines for a peer.
    """

    def test_kernelBuffersLittle(self) -> None:
        """Lines for a peer wait in the member's queue, where they are counted, and not
        in the kernel."""
        limited: list[object] = []
        self.patch(delivery, "limitUnsent", limited.append)
        connection = self.join()
        self.assertEqual(limited, [connection])
