"""Tests for L{echostamp.rfc8762.sessions}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.sessions import (
    LONGEST_SILENCE,
    MOST,
    MOST_OF_ONE,
    Session,
    Sessions,
)


def found(sessions: Sessions, key: object, now: int) -> Session:
    """Find a session, for which there has to be room."""
    session = sessions.session(key, key, now)
    assert session is not None
    return session


class SessionsTests(SynchronousTestCase):
    """
    What a stateful session-reflector remembers.
    """

    def test_each(self) -> None:
        """Each key has a session of its own, which remains."""
        sessions = Sessions()
        one = found(sessions, "one", 1)
        one.packets += 5
        other = found(sessions, "other", 2)
        self.assertEqual((other.packets, other.sent), (0, None))
        self.assertIs(found(sessions, "one", 3), one)
        self.assertEqual((one.packets, one.last), (5, 3))
        self.assertEqual(len(sessions), 2)

    def test_silence(self) -> None:
        """REFWAIT, 900 s: a session that is silent for longer begins anew, one that is
        silent for just as long does not."""
        self.assertEqual(LONGEST_SILENCE, 900 * 10**9)
        sessions = Sessions()
        one = found(sessions, "one", 0)
        self.assertIs(found(sessions, "one", LONGEST_SILENCE), one)
        self.assertIsNot(found(sessions, "one", 2 * LONGEST_SILENCE + 1), one)
        self.assertEqual(len(sessions), 1)

    def test_tooMany(self) -> None:
        """Where there are too many, those that are there go on and new ones wait until
        one has been silent for long enough."""
        sessions = Sessions(most=2, longest=100)
        one = found(sessions, "one", 0)
        other = found(sessions, "other", 1)
        self.assertIsNone(sessions.session("x", "third", 2))
        self.assertIs(found(sessions, "one", 50), one)
        self.assertIsNone(sessions.session("x", "third", 101))
        found(sessions, "third", 102)
        self.assertIs(found(sessions, "one", 103), one)
        self.assertIsNone(sessions.session("x", "other", 104))
        self.assertEqual(other.last, 1)
        self.assertEqual(len(sessions), 2)

    def test_bound(self) -> None:
        """By default there are at most 10,000."""
        sessions = Sessions()
        for each in range(20_000):
            sessions.session(each, each, each)
        self.assertEqual(len(sessions), MOST)
        self.assertEqual(MOST, 10_000)

    def test_oneSource(self) -> None:
        """One source has a tenth of them at most, and may have others when its own
        have been silent for long enough."""
        self.assertEqual(MOST_OF_ONE, 1_000)
        sessions = Sessions(longest=100, mostOfOne=2)
        for key, now in [("a", 0), ("b", 50)]:
            self.assertIsNotNone(sessions.session("greedy", key, now))
        self.assertIsNone(sessions.session("greedy", "c", 60))
        self.assertIsNotNone(sessions.session("modest", "d", 60))
        self.assertIsNotNone(sessions.session("greedy", "b", 70))
        self.assertIsNotNone(sessions.session("greedy", "c", 101))
        self.assertIsNone(sessions.session("greedy", "a", 102))
        self.assertEqual(len(sessions), 3)
        self.assertIsNotNone(sessions.session("new", "e", 1000))
        self.assertEqual((len(sessions), dict(sessions._counts)), (1, {"new": 1}))

    @given(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 60)), max_size=100),
    )
    def test_model(self, packets: list[tuple[int, int]]) -> None:
        """Whoever comes when, it is as the rules have it: known for as long as it is
        not silent for too long, and never more than there is room for."""
        sessions = Sessions(most=3, longest=100)
        model: dict[int, tuple[Session, int]] = {}
        now = 0
        for key, later in packets:
            now += later
            model = {k: v for k, v in model.items() if now - v[1] <= 100}
            session = sessions.session(key, key, now)
            if key in model:
                assert session is model[key][0]
            elif len(model) < 3:
                assert session is not None
                assert session.packets == 0
            else:
                assert session is None
            if session is not None:
                session.packets += 1
                model[key] = session, now
            assert len(sessions) <= 3
