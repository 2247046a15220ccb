"""The intercom with many members, for long, and on a quiet machine."""

from __future__ import annotations

from tests import crowding, dripping, slowreaders, tricks
from tests.slowreaders import MEGABYTE


class ManyMembersTests(crowding.ManyMembersCase):
    """
    Two hundred members.
    """

    others, lines, single = 199, 10_000, 1000


class TurmoilTests(crowding.TurmoilCase):
    """
    Clients that join and leave for 20 s.
    """

    seconds = 20


class AnyOctetsTests(tricks.AnyOctetsCase):
    """
    Many clients that send any octets, in any pieces.
    """

    clients = 150


class DeadReaderTests(slowreaders.DeadReaderCase):
    """
    A member that does not read, and is cut within 6 s.
    """

    most, late = 61 * MEGABYTE, 1.0


class DrippingReaderTests(dripping.RateCase):
    """
    Members that read next to nothing, while others write all they can.
    """

    seconds = 20.0
