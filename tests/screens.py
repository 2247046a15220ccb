"""
What a terminal shows of C{echostamp ping}, and how to leave out what differs from run
to run.
"""

from __future__ import annotations

import re

#: What the lines of probes have behind them where the machine was busy.
BUSY = re.compile(r" waited=\S+ ms| \(this end was held up\)")

#: What varies from run to run besides numbers.
_UNIT = r"(ns|µs|ms|s)\b"


def normal(screen: str) -> str:
    """
    Leave out what differs between two runs that are alike: numbers, units outside the
    lines of probes and the last one, and signs that the machine was busy.
    """
    lines = []
    for line in screen.splitlines():
        line = BUSY.sub("", line)
        line = re.sub(r"[-+]?\d+(\.\d+)?", "N", line)
        if re.match(r"\S+ {9,}min", line):
            line = "u min mean ..."
        elif re.match(r"(RTT|IPDV|PDV)( \S+)* {2,}", line):
            line = re.sub(" +(N|-)(?= |$)", " N", line)
        elif line.startswith("drift"):
            line = "drift         ..."
        elif not line.startswith(("N bytes", "one way", "rtt min")):
            line = re.sub(f"N {_UNIT}", "N u", line)
        lines.append(line)
    return "\n".join(lines).rstrip()


SCREENS = {
    "quiet": """\
PING localhost:N (N.N:N): N bytes a message

--- localhost:N (N.N:N) ---
N sent, N received, N % loss, N % available, in N u
far clock     agrees with ours within N u, the limit of this measurement
rtt min/avg/max/mdev = N/N/N/N ms
status N""",
    "verbose": """\
N bytes from N.N:N: seq=N time=N ms
N bytes from N.N:N: seq=N time=N ms

--- localhost:N (N.N:N) ---
N sent, N received, N % loss, N % available, in N u
far clock     agrees with ours within N u, the limit of this measurement

u min mean ...
RTT N N N N N N N N
RTT from due N N N N N N N N
IPDV N N N N N N N N
PDV forward N N N N N N N N
PDV backward N N N N N N N N
RTT is TN - TN: the time that the far end took is in it

one way       N to N ms there, N to N ms back (median);
              asymmetric paths can put each anywhere in its range
drift         ...
set-up        resolve N u, connect N u, first reply N u
kernel        smoothed RTT N u, N retransmissions

rtt min/avg/max/mdev = N/N/N/N ms
status N""",
    "stamp verbose": """\
--- stamp:N.N:N (N.N:N) ---
N sent, N received, N % loss, N % available, in N u
far clock     agrees with ours within N u, the limit of this measurement

u min mean ...
RTT N N N N N N N N
RTT from due N N N N N N N N
IPDV N N N N N N N N
PDV forward N N N N N N N N
PDV backward N N N N N N N N
RTT is (TN - TN) - (TN - TN): without the time that the far end took

one way       N to N ms there, N to N ms back (median);
              asymmetric paths can put each anywhere in its range
drift         ...
set-up        first reply N u
timestamps    TN by the kernel, TN by the kernel, TN and TN the reflector's
this host     sending N u, receiving N u (median), not in the RTT
hops          N there, N back
clocks        neither end says that its clock is synchronised

rtt min/avg/max/mdev = N/N/N/N ms
status N""",
    "loss": """\
PING N.N:N: N bytes a message
N bytes from N.N:N: seq=N time=N ms
N bytes from N.N:N: seq=N time=N ms
seq=N no reply within N u
N bytes from N.N:N: seq=N time=N ms

--- N.N:N ---
N sent, N received, N % loss, N % available, in N u
far clock     agrees with ours within N u, the limit of this measurement
one way       N to N ms there, N to N ms back (median);
              asymmetric paths can put each anywhere in its range
rtt min/avg/max/mdev = N/N/N/N ms
echostamp: --max-loss N: N % were not answered or not sent, N % available
status N""",
    "no stamps": """\
PING N.N:N: N bytes a message
N bytes from N.N:N: seq=N time=N ms
N bytes from N.N:N: seq=N time=N ms
N bytes from N.N:N: seq=N time=N ms

--- N.N:N ---
N sent, N received, N % loss, N % available, in N u
far clock     not known: no stamp that can be read
rtt min/avg/max/mdev = N/N/N/N ms
status N""",
    "waiting": """\
no connection yet: Connection refused
echostamp: N.N:N: Connection refused; another port, or tls:HOST:PORT?
status N""",
    "long name": """\
PING unix:/folder/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    (local): N bytes a message
N bytes from local: seq=N time=N ms
N bytes from local: seq=N time=N ms

unix:/folder/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
N sent, N received, N % loss, N % available, in N u
far clock     agrees with ours within N u, the limit of this measurement
              its stamps name no zone: UTCN:N is given (--zone)
one way       not known: the stamps are too coarse
rtt min/avg/max/mdev = N/N/N/N ms
status N""",
    "outage": """\
PING N.N:N: N bytes a message
N bytes from N.N:N: seq=N time=N ms
N bytes from N.N:N: seq=N time=N ms
N bytes from N.N:N: seq=N time=N ms
no connection: the far end closed the connection

--- N.N:N ---
N sent, N received, N % loss, N % available, in N u, N not sent
no connection from NNN N:N:N N until the end: the far end closed
              the connection; then: Connection refused
far clock     agrees with ours within N u, the limit of this measurement
one way       N to N ms there, N to N ms back (median);
              asymmetric paths can put each anywhere in its range
rtt min/avg/max/mdev = N/N/N/N ms
status N""",
}
