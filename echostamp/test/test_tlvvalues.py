"""Tests for L{echostamp.rfc8762.tlvvalues}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.tlvvalues import (
    ClassOfService,
    FollowUp,
    TimestampInformation,
    classOfService,
    followUp,
    readClassOfService,
    readFollowUp,
    readTimestampInformation,
)
from echostamp.test.tlvsamples import (
    dscps,
    octet,
    sequences,
    timestamps,
)


class ValueTests(SynchronousTestCase):
    """
    The values of TLVs.
    """

    @given(
        st.builds(ClassOfService, dscps, dscps, st.integers(0, 3), st.integers(0, 3))
    )
    def test_classOfService(self, marks: ClassOfService) -> None:
        """A value that is written reads the same."""
        self.assertEqual(readClassOfService(classOfService(marks)), marks)

    @given(st.builds(FollowUp, sequences, timestamps, octet))
    def test_followUp(self, previous: FollowUp) -> None:
        """A value that is written reads the same."""
        self.assertEqual(readFollowUp(followUp(previous)), previous)

    @given(
        st.builds(TimestampInformation, octet, octet, octet, octet),
        st.binary(max_size=9),
    )
    def test_timestampInformation(
        self, information: TimestampInformation, tail: bytes
    ) -> None:
        """A value that is written reads the same, without the sub-TLVs."""
        self.assertEqual(
            readTimestampInformation(bytes(information) + tail), information
        )

    @given(st.binary(max_size=40))
    def test_garbage(self, value: bytes) -> None:
        """A wrong length raises ValueError; no octets raise anything else."""
        length = len(value)
        if length != 4:
            self.assertRaises(ValueError, readClassOfService, value)
        if length != 16:
            self.assertRaises(ValueError, readFollowUp, value)
        if length < 4:
            self.assertRaises(ValueError, readTimestampInformation, value)
        for zeros in readClassOfService(bytes(4)), readFollowUp(bytes(16)):
            self.assertEqual(set(zeros), {0})
