"""Tests for L{echostamp.monitor.processfigures}."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from echostamp.monitor.processfigures import processFigures
from echostamp.times import SECOND


class ProcessTests(SynchronousTestCase):
    """
    Tests for the figures of a process.
    """

    def test_asTheLibrary(self) -> None:
        """The figures of this process are those that prometheus_client finds."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        found = processFigures()
        if found is None:
            raise SkipTest("needs /proc")
        expected = {
            sample.name.removeprefix("process_"): sample.value
            for metric in registry.collect()
            for sample in metric.samples
        }
        self.assertApproximates(found.cpu / SECOND, expected["cpu_seconds_total"], 1)
        mega = 1 << 20
        self.assertApproximates(
            found.resident, expected["resident_memory_bytes"], 10 * mega
        )
        self.assertApproximates(
            found.virtual, expected["virtual_memory_bytes"], 10 * mega
        )
        self.assertApproximates(
            found.started / SECOND, expected["start_time_seconds"], 1.5
        )
        self.assertEqual(found.mostFiles, expected["max_fds"])
        # The library counts the descriptor with which it counts.
        self.assertEqual(found.openFiles, expected["open_fds"] - 1)

    def test_descriptors(self) -> None:
        """Each descriptor that is opened counts once."""
        before = processFigures()
        if before is None or before.openFiles is None:
            raise SkipTest("needs /proc")
        opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(7)]
        try:
            after = processFigures()
        finally:
            for each in opened:
                os.close(each)
        assert after is not None
        self.assertEqual(after.openFiles, before.openFiles + 7)

    def folder(self, files: bool) -> Path:
        """
        Make a folder that looks like C{/proc}.

        @param files: whether it shows descriptors.
        """
        proc = Path(self.mktemp())
        fields = ["0"] * 50
        fields[11], fields[12] = "150", "50"
        fields[19], fields[20], fields[21] = "300", "4096000", "3"
        text = f"1 (a ) b (c) S {' '.join(fields[1:])}"
        for name in "self", str(os.getpid()):
            (proc / name).mkdir(parents=True)
            (proc / name / "stat").write_text(text)
        (proc / "stat").write_text("cpu 1 2 3\nbtime 1000\nprocesses 7\n")
        if files:
            (proc / "self" / "fd").mkdir()
        return proc

    def test_anyName(self) -> None:
        """The name of the program may hold blanks and parentheses."""
        found = processFigures(self.folder(True))
        assert found is not None
        tick = SECOND // os.sysconf("SC_CLK_TCK")
        self.assertEqual(found.cpu, 200 * tick)
        self.assertEqual(found.resident, 3 * os.sysconf("SC_PAGE_SIZE"))
        self.assertEqual(found.virtual, 4_096_000)
        self.assertEqual(found.started, 1000 * SECOND + 300 * tick)

    def test_noDescriptors(self) -> None:
        """Where descriptors are not shown, their number is not known."""
        found = processFigures(self.folder(False))
        assert found is not None
        self.assertIsNone(found.openFiles)

    def test_noProc(self) -> None:
        """Where the kernel shows no processes, there are no figures."""
        self.assertIsNone(processFigures(Path(self.mktemp())))
