"""
Gives the fields of STAMP packets that a user asks for.
"""

from __future__ import annotations

from collections.abc import Sequence

from echostamp.connect.tls import TlsFiles
from echostamp.probe.plan import StampPlan
from echostamp.probe.refusals import Reason, Refusal
from echostamp.rfc8762.keys import keysOf, readKeys
from echostamp.rfc8762.sendersession import TLV_HEADER, SenderSession
from echostamp.rfc8762.tlvvalues import EXTRA_PADDING, TLVS

#: The most octets of a packet: what a UDP datagram holds over IPv4.
LARGEST_PACKET = 65_507


def sessionOf(plan: StampPlan, size: int, files: TlsFiles) -> SenderSession:
    """
    Give the fields of a STAMP session's packets.

    @param plan: the fields that the user asks for.
    @param size: octets of each; 0 for the fewest.
    @param files: its key is the key file.
    @raise Refusal: the key file is wrong, or a packet cannot have this size.
    """
    keys: Sequence[bytes] = ()
    if files.ca is not None or files.cert is not None:
        raise Refusal(Reason.ONLY_TLS)
    if files.key is not None:
        try:
            keys = keysOf(readKeys(files.key), plan.ssid)
        except ValueError as error:
            raise Refusal(Reason.WRONG_KEYS, files.key, error) from None
        if not keys:
            raise Refusal(Reason.NO_KEY, files.key, plan.ssid)
    if plan.isSsidStrict and not plan.ssid:
        raise Refusal(Reason.NO_SSID)
    session = SenderSession(
        size=size or None,
        ssid=plan.ssid,
        keys=keys,
        tlvs=tuple(TLVS[name] for name in plan.tlvs),
        isPtp=plan.isPtp,
        dscp=plan.dscp,
        ttl=plan.ttl,
        isSsidStrict=plan.isSsidStrict,
    )
    spare = size - session.least if size else 0
    if spare < 0 or size > LARGEST_PACKET:
        raise Refusal(Reason.WRONG_SIZE, size, session.least, LARGEST_PACKET)
    if 0 < spare < TLV_HEADER and EXTRA_PADDING not in session.tlvs:
        least = session.least
        raise Refusal(Reason.SIZE_BETWEEN, size, least, least + TLV_HEADER)
    return session
