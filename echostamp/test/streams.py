"""Simulated streams of probes, and the figures of any part of one."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

from echostamp.measure.block import Probe
from echostamp.measure.delay import Delays
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.result import Figures
from echostamp.measure.runfigures import figuresOfRun
from echostamp.measure.windowclock import LONGEST
from echostamp.measure.windows import Rolling
from echostamp.times import MILLISECOND, SECOND

THEN = 1_700_000_000 * SECOND

#: How long a probe waits for its reply, in nanoseconds.
TIMEOUT = 2 * SECOND


class Fate(NamedTuple):
    """
    The fate of a probe that was due.

    @ivar at: when it became known, by the monotonic clock.
    @ivar probe: the probe; L{None} where it could not be sent.
    """

    at: int
    probe: Probe | None


def stream(
    seed: int,
    count: int,
    interval: int,
    loss: float = 0.05,
    odd: float = 0.1,
    step: int | None = None,
    resolution: int = 1,
    residence: int = 0,
) -> list[Fate]:
    """
    Give the fates of probes, in the order in which they become known.

    The far clock is some time ahead and gains some ppm; delays have queues both ways.

    @param count: how many probes are due.
    @param interval: nanoseconds from one to the next.
    @param loss: the share of lost ones.
    @param odd: the share of skipped, altered, doubled, void and untimed ones, and of
        those that are answered after a later one.
    @param step: the number of the probe from which on the far clock is 9 s further.
    @param resolution: of the far clock's timestamps.
    @param residence: the longest time from T2 to T3.
    """
    source = random.Random(seed)
    ahead, ppm = source.randrange(-(10**13), 10**13), source.randrange(-90, 90)
    fates = []
    seq = 0
    for number in range(count):
        due = number * interval
        if source.random() < odd / 6:
            fates.append(Fate(due + 1, None))
            continue
        kind = source.random()
        wait = source.randrange(MILLISECOND) if kind < odd else 0
        t1 = THEN + due + wait
        out, home = (
            3 * MILLISECOND + int(source.expovariate(1 / MILLISECOND)) for _ in range(2)
        )
        if kind < odd / 6:
            out += interval + 10 * MILLISECOND
        there = due + wait + out
        t2 = THEN + there + ahead + there * ppm // 10**6
        if step is not None and number >= step:
            t2 += 9 * SECOND
        t2 = t2 // resolution * resolution
        stay = source.randrange(residence) if residence else 0
        no = False
        if source.random() < loss:
            probe = Probe(
                *(seq, THEN + due, t1, None, None, None, None, None),
                *(True, no, no, no, no, no),
            )
            fates.append(Fate(due + TIMEOUT, probe))
        else:
            rtt = None if odd * 5 / 6 < kind < odd else out + home
            probe = Probe(
                *(seq, THEN + due, t1, t2, t2 + stay, t1 + out + stay + home),
                *(rtt, resolution),
                *(no, no, odd / 6 < kind < odd / 3, odd / 3 < kind < odd / 2, no),
                rtt is None or odd / 2 < kind < odd * 2 / 3,
            )
            fates.append(Fate(due + wait + out + stay + home, probe))
        seq += 1
    fates.sort(key=lambda fate: fate.at)
    greatest = -1
    for index, fate in enumerate(fates):
        probe_ = fate.probe
        if probe_ is not None and not probe_.lost:
            if probe_.seq < greatest:
                fates[index] = Fate(fate.at, probe_._replace(reordered=True))
            greatest = max(greatest, probe_.seq)
    return fates


def feed(rolling: Rolling, fates: Iterable[Fate]) -> None:
    """
    Give a stream to rolling windows.
    """
    for at, probe in fates:
        if probe is None:
            rolling.skipped(at)
        else:
            rolling.sent()
            rolling.add(at, probe)


def figuresOf(fates: list[Fate]) -> Figures:
    """
    Give the figures of a run that has the probes of a stream and no others.
    """
    delays, tracker = Delays(), OffsetTracker(LONGEST)
    run = delays.run
    probes = [fate.probe for fate in fates if fate.probe is not None]
    seqs = [probe.seq for probe in probes]
    first = min(seqs, default=0)
    for probe in sorted(probes):
        while run.sent + first < probe.seq:
            # It belongs to another part: here it only parts two others.
            run.send(0, 0)
        run.send(probe.due, probe.t1)
    for probe in probes:
        seq = probe.seq - first
        if probe.lost:
            run.lose(seq)
        elif probe.t4 is not None:
            coarse = probe.resolution or 1
            run.reply(
                *(seq, probe.t4, probe.rtt, probe.t2, probe.t3, coarse),
                altered=probe.altered,
                void=probe.void,
            )
            if probe.duplicated:
                run.reply(seq, probe.t4, probe.rtt)
    for each in sorted(probes):
        times = each.t2, each.t3, each.t4, each.resolution
        if not each.void:
            known = [time for time in times if time is not None]
            if len(known) == len(times):
                tracker.add(each.seq - first, each.t1, *known)
    skipped = sum(fate.probe is None for fate in fates)
    found = figuresOfRun(delays, tracker, began=0, ended=0, skipped=skipped)
    return found._replace(
        sent=len(seqs),
        reordered=sum(probe.reordered for probe in probes),
    )
