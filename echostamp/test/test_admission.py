"""Tests for L{echostamp.rfc8762.admission}."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762 import admission
from echostamp.rfc8762.admission import (
    MOST_SOURCES,
    Allowed,
    Rates,
    isReflected,
)
from echostamp.rfc8762.timestamps import ntpTimestamp, ptpTimestamp

SECOND = 1_000_000_000

#: 2023.
EPOCH = 1_700_000_000 * SECOND


def admitted(rates: Rates, host: str, now: int, count: int) -> int:
    """Count how many of a source's packets are within its rate."""
    return sum(not rates.isOver(host, now) for _ in range(count))


class RatesTests(SynchronousTestCase):
    """
    Limits of packets a second.
    """

    def test_oneSource(self) -> None:
        """Each source has its own rate, which is full again in each second."""
        rates = Rates(3, 100)
        for now in SECOND, 2 * SECOND, 5 * SECOND:
            self.assertEqual(admitted(rates, "192.0.2.1", now, 10), 3)
            self.assertEqual(admitted(rates, "192.0.2.2", now, 10), 3)
        self.assertEqual(admitted(rates, "192.0.2.1", 6 * SECOND - 1, 10), 0)

    def test_total(self) -> None:
        """All sources together have a rate; packets over a source's own rate do not
        count against it."""
        rates = Rates(3, 10)
        self.assertEqual(admitted(rates, "192.0.2.1", 0, 1000), 3)
        left = sum(admitted(rates, f"192.0.2.{each}", 0, 1) for each in range(2, 99))
        self.assertEqual(left, 7)
        self.assertEqual(admitted(rates, "192.0.2.1", SECOND, 1), 1)

    def test_networksOfIpv6(self) -> None:
        """An IPv6 /64 is one source, whatever link it is on; the next /64 is
        another."""
        rates = Rates(3, 100)
        self.assertEqual(admitted(rates, "2001:db8::1", 0, 2), 2)
        self.assertEqual(admitted(rates, "2001:db8::ff00:0:0:1%eth0", 0, 2), 1)
        self.assertEqual(admitted(rates, "2001:db8:0:1::1", 0, 5), 3)

    def test_tableIsFull(self) -> None:
        """When the table of sources is full, the sources in it keep their rate, and all
        others share the rate of one."""
        rates = Rates(2, 1_000_000)
        known = [f"10.0.{each >> 8}.{each & 255}" for each in range(MOST_SOURCES)]
        for host in known:
            self.assertFalse(rates.isOver(host, 0))
        others = sum(
            admitted(rates, f"10.9.{each >> 8}.{each & 255}", 0, 1)
            for each in range(5000)
        )
        self.assertEqual(others, 2)
        for host in known:
            self.assertEqual(admitted(rates, host, 0, 5), 1)
        self.assertEqual(admitted(rates, "10.9.0.0", SECOND, 5), 2)

    def test_clockIsSet(self) -> None:
        """A clock that is set back begins a new second."""
        rates = Rates(1, 100)
        self.assertEqual(admitted(rates, "192.0.2.1", 9 * SECOND, 2), 1)
        self.assertEqual(admitted(rates, "192.0.2.1", SECOND, 2), 1)

    def test_shares(self) -> None:
        """With other processes a share is taken when the last is used up.  Once there
        is none, nothing is asked for until the next second of the clock."""
        shares = [2, 3, 0, 1, 0]
        asked: list[int] = []

        def grant(second: int) -> int:
            asked.append(second)
            return shares.pop(0)

        rates = Rates(4, 100, grant)
        early, late = 7 * SECOND, 8 * SECOND - 1
        self.assertEqual(admitted(rates, "192.0.2.1", early, 2), 2)
        self.assertEqual(asked, [7])
        # What is over a source's own rate takes no share.
        self.assertEqual(admitted(rates, "192.0.2.1", late, 9), 2)
        self.assertEqual(asked, [7, 7])
        self.assertEqual(admitted(rates, "192.0.2.2", late, 9), 1)
        self.assertEqual(asked, [7, 7, 7])
        self.assertEqual(admitted(rates, "192.0.2.2", late, 9), 0)
        self.assertEqual(asked, [7, 7, 7])
        self.assertEqual(admitted(rates, "192.0.2.1", late + 1, 9), 1)
        self.assertEqual(asked, [7, 7, 7, 8, 8])

    def test_secondsOfAllProcesses(self) -> None:
        """With other processes a second begins with the clock's, not with a packet, and
        what is left of a share ends with it."""
        asked: list[int] = []

        def grant(second: int) -> int:
            asked.append(second)
            return 5

        rates = Rates(1, 100, grant)
        for now in SECOND * 3 // 2, SECOND * 2 - 1, SECOND * 2, SECOND * 7 // 2:
            admitted(rates, "192.0.2.1", now, 1)
        self.assertEqual(asked, [1, 2, 3])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([f"192.0.2.{each}" for each in range(9)])
                | st.sampled_from(["2001:db8::1", "2001:db8::2", "fe80::1%eth0"]),
                st.integers(0, SECOND // 3),
            ),
            max_size=200,
        )
    )
    def test_isBounded(self, arrivals: list[tuple[str, int]]) -> None:
        """In any second no source is over its rate, nor are all together, and the table
        has a bound."""
        before, admission.MOST_SOURCES = admission.MOST_SOURCES, 4
        try:
            rates = Rates(3, 8)
            now, until = 0, 0
            answered: Counter[str] = Counter()
            for host, later in arrivals:
                now += later
                if now >= until:
                    answered.clear()
                    until = now + SECOND
                if not rates.isOver(host, now):
                    answered[host] += 1
                assert len(rates._counts) <= 5
                assert answered.total() <= 8
                assert max(answered.values(), default=0) <= 3
        finally:
            admission.MOST_SOURCES = before


class AllowedTests(SynchronousTestCase):
    """
    The networks whose packets are answered.
    """

    def test_everybody(self) -> None:
        """Without networks every address is allowed."""
        self.assertTrue(Allowed().has("192.0.2.1"))
        self.assertTrue(Allowed().has("2001:db8::1"))

    def test_networks(self) -> None:
        """With networks only their addresses are allowed, of either family, on any
        link."""
        allowed = Allowed([ip_network("192.0.2.0/25"), ip_network("fe80::/10")])
        for host, isIn in [
            ("192.0.2.1", True),
            ("192.0.2.127", True),
            ("192.0.2.128", False),
            ("fe80::1", True),
            ("fe80::1%eth0", True),
            ("2001:db8::1", False),
            ("::ffff:192.0.2.1", False),
        ]:
            for _ in "first", "remembered":
                self.assertEqual(allowed.has(host), isIn, host)

    def test_isBounded(self) -> None:
        """The remembered addresses have a bound."""
        allowed = Allowed([ip_network("10.0.0.0/16")])
        for each in range(10_000):
            host = f"10.{each & 1}.{each >> 8}.{each & 255}"
            self.assertEqual(allowed.has(host), not each & 1)
            self.assertLessEqual(len(allowed._known), 2048)


class ReflectedTests(SynchronousTestCase):
    """
    How a session-reflector's packets are recognised.
    """

    @example(EPOCH, SECOND)
    @example(EPOCH, -SECOND)
    @given(st.integers(EPOCH, 2 * EPOCH), st.integers(-2 * SECOND, 2 * SECOND))
    def test_oneSecond(self, t2: int, residence: int) -> None:
        """A reflector's two times are at most a second apart, in either format."""
        t3 = t2 + residence
        isWithin = abs(residence) <= SECOND
        self.assertEqual(
            isReflected(
                ptpTimestamp(t2, 37 * SECOND), ptpTimestamp(t3, 37 * SECOND), True
            ),
            isWithin,
        )
        ntp = ntpTimestamp(t2), ntpTimestamp(t3)
        # The format's own rounding.
        if t2 % SECOND == 0 or abs(abs(residence) - SECOND) > 1:
            self.assertEqual(isReflected(*ntp, False), isWithin)

    def test_era(self) -> None:
        """NTP's format wraps in 2036, PTP's in 2106."""
        for isPtp, units in (False, 1 << 32), (True, SECOND):
            before = (0xFFFF_FFFF << 32) + units // 2
            after = units // 4
            self.assertTrue(isReflected(before, after, isPtp))
            self.assertTrue(isReflected(after, before, isPtp))
            self.assertFalse(isReflected(before, units, isPtp))
            self.assertFalse(isReflected(before, (1 << 32) + after, isPtp))

    @given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.booleans())
    def test_anything(self, received: int, sent: int, isPtp: bool) -> None:
        """Any 64 bits are read, even with too many nanoseconds; the order of the two
        times does not matter."""
        self.assertIs(
            isReflected(received, sent, isPtp), isReflected(sent, received, isPtp)
        )
        self.assertTrue(isReflected(received, received, isPtp))
