"""
The options of C{echostamp ping} for STAMP.
"""

from __future__ import annotations

from echostamp.client.arguments import CommandParser, dscp, wholeNumber


def addStamp(ping: CommandParser) -> None:
    """
    Add the options of STAMP.
    """
    add = ping.group(
        "STAMP (RFC 8762)", "For stamp:HOST[:PORT]; --key names the file of its key."
    )
    add(
        "--ssid",
        type=wholeNumber(0, 65535),
        default=0,
        metavar="N",
        help="the session identifier (default: 0, none)",
    )
    add(
        "--strict-ssid",
        action="store_true",
        help="with --ssid, refuse replies with SSID 0, which come from reflectors that "
        "do not know SSIDs",
    )
    add(
        "--dscp",
        type=dscp,
        default=0,
        metavar="DSCP",
        help="mark packets with this DSCP, 0 to 63 or a name: EF, AF41, CS6 "
        "(default: 0)",
    )
    add(
        "--tlv",
        action="append",
        choices=("padding", "timestamp", "cos", "follow-up"),
        default=[],
        help="send this TLV of RFC 8972; repeatable",
    )
    add("--ptp", action="store_true", help="send timestamps in PTP format")
    add(
        "--ttl",
        type=wholeNumber(1, 255),
        default=255,
        metavar="N",
        help="time to live or hop limit (default: 255)",
    )
