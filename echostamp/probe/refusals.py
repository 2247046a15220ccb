"""
Why the dialer that a user asks for cannot be made.
"""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """
    The reasons.  Each names the values of its L{Refusal}.
    """

    #: The route leaves no address.
    NO_ADDRESS = "no address is allowed"
    #: Fields of STAMP packets, or a source port, for the line protocol.
    ONLY_STAMP = "only STAMP has this field or a source port"
    #: A route to a target that names no host.
    ONLY_HOST = "the target has no addresses to choose from"
    #: CAs or a certificate for STAMP.
    ONLY_TLS = "STAMP has no certificates"
    #: Replies with SSID 0 are refused, and packets have SSID 0.
    NO_SSID = "the packets have SSID 0"
    #: The key file, and what is wrong with it.
    WRONG_KEYS = "wrong key file"
    #: The key file, and the SSID for which it has no key.
    NO_KEY = "no key for the SSID"
    #: The size of packets, and the least and the greatest one that is possible.
    WRONG_SIZE = "impossible size"
    #: The size of packets, the next smaller possible one, and the next greater one.
    SIZE_BETWEEN = "no padding has this size"


class Refusal(ValueError):
    """
    The dialer cannot be made.  Its text is for logs: whoever knows how the user asked
    makes a better one from the reason and the values.

    @ivar reason: why not.
    @ivar values: the values that are wrong, as L{Reason} lists them.
    """

    def __init__(self, reason: Reason, *values: object) -> None:
        """
        @param reason: why not.
        @param values: the values that are wrong.
        """
        super().__init__(": ".join([reason.value, *map(str, values)]))
        self.reason = reason
        self.values = values
