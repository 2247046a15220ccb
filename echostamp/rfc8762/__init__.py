"""STAMP, RFC 8762 and RFC 8972: one-way and round-trip delay over UDP."""

#: The UDP port that STAMP has by itself: RFC 8762, section 4.1.
PORT = 862
