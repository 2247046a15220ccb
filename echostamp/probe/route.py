"""
Which addresses a run of probes uses.
"""

from __future__ import annotations

from typing import NamedTuple

from twisted.internet.address import IPv4Address, IPv6Address


class Route(NamedTuple):
    """
    Which addresses to use.

    @ivar only4: use IPv4 only.
    @ivar only6: use IPv6 only.
    @ivar source: the address to send from; L{None} for any.
    @ivar sourcePort: the port to send from; 0 for any.
    """

    only4: bool = False
    only6: bool = False
    source: str | None = None
    sourcePort: int = 0

    def addressTypes(self) -> list[type]:
        """
        Give the types of addresses that may be used; none if the settings exclude each
        other.
        """
        is6 = self.source is not None and ":" in self.source
        is4 = self.source is not None and not is6
        return [
            *([] if self.only6 or is6 else [IPv4Address]),
            *([] if self.only4 or is4 else [IPv6Address]),
        ]
