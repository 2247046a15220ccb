"""Tests for L{echostamp.workers.rolling}."""

from __future__ import annotations

from echostamp.test.workercases import FakeWorkerProcess, SupervisorCase

BEGUN = "reloading the workers"
DONE = "all workers are replaced"


class RollingCase(SupervisorCase):
    """
    A reload of workers in memory.
    """

    def reload(self) -> FakeWorkerProcess:
        """Begin a reload, and give the first process that has begun for it."""
        before = len(self.processes)
        self.supervisor.reload()
        self.assertEqual(len(self.processes), before + 1)
        self.assertEqual(self.lines(), [BEGUN])
        return self.last

    def assertReading(self, *processes: FakeWorkerProcess) -> None:
        """Check that each index is read by one process, and all others have ended."""
        self.assertEqual([each.without[-1] for each in processes], self.own(processes))
        alive = [each for each in self.processes if not each.hasEnded]
        self.assertEqual(sorted(alive, key=lambda each: each.number), [*processes])
        self.assertTrue(self.supervisor.isComplete)

    def own(self, processes: tuple[FakeWorkerProcess, ...]) -> list[tuple[int]]:
        """Give what each reads that is its own."""
        return [(each.number - 1,) for each in processes]


class RollingTests(RollingCase):
    """
    Tests for L{RollingReload <echostamp.workers.rolling.RollingReload>}.
    """

    def test_oneByOne(self) -> None:
        """Each worker is replaced: the old process leaves its sockets before the new
        one reads them, and drains when it does; then comes the next worker."""
        first, second = self.serve(2)
        third = self.reload()
        self.assertEqual([third.number, third.column], [1, 2])
        self.advance(5)
        self.assertEqual([first.without, second.without], [[(0,)], [(1,)]])
        first.sessions = 1
        third.ready()
        self.assertEqual([first.without[1:], third.without], [[()], []])
        self.advance(0.06)
        self.assertEqual([first.without[1:], third.without], [[()], [(0,)]])
        self.advance(0.06)
        self.assertEqual(first.without[1:], [(), "leave", "drain"])
        fourth = self.last
        self.assertEqual([fourth.number, fourth.column], [2, 3])
        self.assertTrue(self.supervisor.isComplete)
        fourth.ready()
        self.advance(0.2)
        self.assertReading(third, fourth)
        expected = [
            "worker 1: 1 STAMP session begins again at zero",
            "worker 1 is process 103",
            "worker 2 is process 104",
            DONE,
        ]
        self.assertEqual(self.lines(), expected)
        # Columns are used in turn.
        fifth = self.reload()
        self.assertEqual(fifth.column, 0)

    def test_olderDrains(self) -> None:
        """A worker is replaced again when its older process has ended, and its death
        during that is none of the present process."""
        self.serve(1)
        self.drains = False
        second = self.reload().ready()
        self.advance(0.2)
        self.assertEqual(self.lines(), ["worker 1 is process 102", DONE])
        self.supervisor.reload()
        self.advance(20)
        self.assertEqual(len(self.processes), 2)
        self.processes[0].ends()
        self.assertEqual(self.lines(), [BEGUN])
        self.assertEqual([self.last.pid, self.last.column], [103, 0])
        self.last.ready()
        self.advance(0.2)
        second.ends()
        self.assertReading(self.last)

    def test_olderIsStuck(self) -> None:
        """An old process that is stuck while it drains is ended."""
        (first,) = self.serve(1)
        self.drains = False
        self.reload().ready()
        self.advance(0.2)
        first.isStuck = True
        self.lines()
        self.advance(13)
        self.assertEqual(first.without[-2:], ["kill", "destroy"])
        self.assertReading(self.last)
        expected = "worker 1, process 101, has not answered for 10 s: ending it"
        self.assertEqual(self.lines(), [expected])

    def test_twoAtOnce(self) -> None:
        """However often a reload is asked for while one goes on, one more follows."""
        self.serve(1)
        second = self.reload()
        for _ in range(3):
            self.supervisor.reload()
        second.ready()
        self.advance(0.2)
        expected = ["worker 1 is process 102", DONE, BEGUN]
        self.assertEqual(self.lines(), expected)
        third = self.last.ready()
        self.advance(60)
        self.assertEqual(len(self.processes), 3)
        self.assertReading(third)

    def test_oldIsMute(self) -> None:
        """An old process that does not say that it has left is waited for 1 s."""
        (first,) = self.serve(1)
        first.isMute = True
        second = self.reload().ready()
        self.advance(0.95)
        self.assertEqual(second.without, [])
        self.advance(0.1)
        self.assertEqual(second.without, [(0,)])

    def test_helperIsReplaced(self) -> None:
        """The new process of a worker that helps another one helps it, too, unless that
        is back."""
        for isBack in False, True:
            self.fresh()
            first, second = self.serve(2)
            second.ends()
            self.advance(1.1)
            self.assertEqual(first.without[-1], (0, 1))
            away = self.last
            self.supervisor.reload()
            new = self.last.ready()
            self.assertEqual(first.without[-1], ())
            if isBack:
                away.ready()
                self.advance(0.01)
            self.advance(0.2)
            self.assertEqual(new.without, [(0,) if isBack else (0, 1)])
            if not isBack:
                away.ready()
                self.advance(0.2)
                self.assertEqual(new.without[-1], (0,))
            self.assertEqual(away.without[0], (1,))

    def test_whileOneStarts(self) -> None:
        """A process that was begun before the reload, and is not ready yet, is replaced
        when it is; one that has begun since stays."""
        _, second = self.serve(2)
        second.ends()
        third = self.last
        self.supervisor.reload()
        fourth = self.last.ready()
        self.advance(0.2)
        self.assertEqual(len(self.processes), 4)
        third.ready()
        self.advance(0.01)
        self.assertEqual([self.last.pid, self.last.number], [105, 2])
        self.advance(0.1)
        fifth = self.last.ready()
        self.advance(0.2)
        self.assertReading(fourth, fifth)
        self.supervisor.reload()
        fifth.ends()
        self.advance(0.3)
        sixth, seventh = self.processes[5:]
        self.assertEqual([sixth.number, seventh.number], [1, 2])
        sixth.ready()
        self.advance(0.2)
        seventh.ready()
        self.advance(0.2)
        self.assertReading(sixth, seventh)
        self.assertEqual(self.lines()[-1], DONE)

    def test_whileOneIsEnded(self) -> None:
        """A worker whose process is being ended is replaced by the next one."""
        self.supervise(1)
        self.last.isStuck = True
        self.advance(10.1)
        self.supervisor.reload()
        self.advance(2)
        self.assertEqual(len(self.processes), 2)
        self.last.ready()
        self.advance(0.2)
        self.assertReading(self.last)
        self.assertEqual(self.lines()[-2:], ["worker 1 is process 102", DONE])

    def test_whileOneIsAway(self) -> None:
        """A worker that waits to be begun again begins at its turn."""
        self.serve(1)
        for _ in range(6):
            self.last.ends()
            self.advance(2.1)
        self.lines()
        new = self.reload()
        new.ready()
        self.advance(60)
        self.assertReading(new)
        self.assertEqual(self.lines()[-1], DONE)


class FailureTests(RollingCase):
    """
    Tests for reloads that fail.
    """

    def assertStays(self, why: str, *before: str) -> None:
        """Check that a reload of 2 workers has failed at the first one."""
        old = self.processes[:2]
        stays = f"worker 1 is not replaced: {why}; the old process 101 stays"
        self.assertEqual(self.lines(), [*before, stays])
        self.advance(15)
        self.assertReading(*old)
        self.assertEqual(self.lines(), [])
        # The next reload does better.
        self.reload().ready()
        self.advance(0.2)
        new = self.last.ready()
        self.advance(0.2)
        self.assertEqual(self.lines()[-1], DONE)
        self.assertReading(self.processes[-2], new)

    def test_notReady(self) -> None:
        """The new process is not ready within 10 s."""
        self.serve(2)
        new = self.reload()
        new.isStuck = True
        self.advance(10.1)
        self.assertEqual(new.told, ["kill"])
        self.assertStays("process 103 was not ready within 10 s")
        self.assertEqual(new.told, ["kill", "destroy"])

    def test_refused(self) -> None:
        """The new process cannot start."""
        self.serve(2)
        self.supervisor.refused(self.reload(), "it speaks version 2, not 1")
        self.advance(0.1)
        self.assertStays("it speaks version 2, not 1: restart the daemon")

    def test_ended(self) -> None:
        """The new process ends before it is ready."""
        self.serve(2)
        self.reload().ends("exit status 1")
        self.assertStays("process 103 has ended: exit status 1")

    def test_cannotBegin(self) -> None:
        """The system does not start the new process."""
        self.serve(2)
        self.error = OSError(11, "Resource temporarily unavailable")
        self.supervisor.reload()
        self.error = None
        why = "[Errno 11] Resource temporarily unavailable"
        self.assertStays(f"it cannot be started: {why}", BEGUN)

    def test_endedInTheHandover(self) -> None:
        """The new process ends when the old one has left the sockets: this one reads
        them again."""
        for delay in 0.01, 0.07:
            self.fresh()
            first = self.serve(2)[0]
            new = self.reload().ready()
            self.advance(delay)
            self.assertEqual(first.without[1:], [()])
            new.ends()
            self.advance(0.2)
            self.assertEqual(first.without[1:], [(), (0,)])
            self.assertStays("process 103 has ended: signal 9")

    def test_stuckInTheHandover(self) -> None:
        """The new process is stuck when the old one has left the sockets."""
        first, _ = self.serve(2)
        new = self.reload().ready()
        new.isStuck = True
        self.advance(10.2)
        self.assertEqual(new.without, [(0,), "kill"])
        self.advance(0.2)
        self.assertEqual(first.without[1:], [(), (0,)])
        self.assertEqual(len(self.lines()), 1)
        self.advance(15)
        self.assertReading(*self.processes[:2])

    def test_muteInTheHandover(self) -> None:
        """The new process is alive, but does not say that it reads."""
        self.serve(2)
        new = self.reload().ready()
        new.isMute = True
        self.advance(10.3)
        self.assertStays("process 103 did not read within 10 s")

    def test_oldDies(self) -> None:
        """The old process dies while the new one is being prepared, which takes its
        place: no other one begins."""
        first, second = self.serve(2)
        new = self.reload()
        first.ends()
        line = "worker 1, process 101, has ended: signal 9; process 103 takes its place"
        self.assertEqual(self.lines(), [line])
        self.advance(1.1)
        self.assertEqual(second.without[-1], (0, 1))
        new.ready()
        self.advance(0.2)
        fourth = self.last.ready()
        self.advance(0.2)
        self.assertEqual(len(self.processes), 4)
        self.assertReading(new, fourth)
        self.assertEqual(self.lines()[-1], DONE)

    def test_onlyOneDies(self) -> None:
        """A worker whose new process has taken the place of a dead one is replaced when
        that reads."""
        (first,) = self.serve(1)
        new = self.reload()
        first.ends()
        new.ready()
        self.advance(0.2)
        self.assertEqual(self.lines()[1:], ["worker 1 is process 102", DONE])

    def test_oldDiesAndTheNewOne(self) -> None:
        """Both die: another one begins, and the reload ends."""
        first, _ = self.serve(2)
        new = self.reload()
        first.ends()
        new.ends("exit status 1")
        expected = [
            "worker 1, process 101, has ended: signal 9; process 103 takes its place",
            "worker 1, process 103, has ended: exit status 1; again in 0.25 s",
            "worker 1 is not replaced: process 103 has ended: exit status 1",
        ]
        self.assertEqual(self.lines(), expected)
        self.advance(0.3)
        self.last.ready()
        self.advance(0.2)
        self.assertReading(self.last, self.processes[1])

    def test_oldDiesInTheHandover(self) -> None:
        """The old process dies while it leaves the sockets, or while the new one begins
        to read them: the reload goes on."""
        for delay in 0.01, 0.07:
            self.fresh()
            first, _ = self.serve(2)
            new = self.reload().ready()
            self.advance(delay)
            first.ends()
            self.advance(0.2)
            self.assertEqual(new.without, [(0,)])
            last = self.last.ready()
            self.advance(0.2)
            self.assertReading(new, last)
            self.assertEqual(self.lines()[-1], DONE)

    def test_bothDieInTheHandover(self) -> None:
        """The old process dies while the new one is being ended: another begins."""
        first, _ = self.serve(2)
        new = self.reload().ready()
        new.isStuck = True
        self.advance(10.08)
        self.assertEqual(first.without[1:], [(), (0,)])
        first.ends()
        self.assertEqual([self.last.number, self.last.column], [1, 0])
        line = "worker 1, process 101, has ended: signal 9; starting it again"
        self.assertIn(line, self.lines())
        self.last.ready()
        self.advance(3)
        self.assertTrue(new.hasEnded)
        self.assertReading(self.last, self.processes[1])

    def test_bothDieThatHelp(self) -> None:
        """Both processes of a worker that helps die in the handover: another worker
        reads all that they have read."""
        first, second, third = self.serve(3)
        second.ends()
        self.advance(1.1)
        self.assertEqual(first.without[-1], (0, 1))
        self.lines()
        new = self.reload().ready()
        new.ends()
        first.ends()
        self.advance(1.1)
        self.assertEqual(third.without[-1], (0, 1, 2))

    def test_noHelpInTheHandover(self) -> None:
        """A process that leaves its sockets to another one is no helper."""
        first, second, third = self.serve(3)
        first.isMute = True
        second.ends()
        self.advance(0.95)
        self.lines()
        self.reload().ready()
        self.advance(0.2)
        self.assertEqual(first.without[-1], ())
        self.assertEqual(third.without[-1], (1, 2))

    def test_oldIsStuck(self) -> None:
        """An old process that is stuck when it is to be replaced is ended as ever."""
        first, _ = self.serve(2)
        first.isStuck = True
        self.advance(5)
        new = self.reload().ready()
        self.advance(1.2)
        self.assertEqual(new.without, [(0,)])
        self.last.ready()
        self.advance(10)
        self.assertReading(new, self.last)

    def test_beginsBadly(self) -> None:
        """A worker that was away, and does not come back at its turn, ends the
        reload."""
        self.serve(1)
        for _ in range(6):
            self.last.ends()
            self.advance(2.1)
        self.lines()
        self.reload().ends("exit status 1")
        expected = [
            "worker 1, process 107, has ended: exit status 1; again in 30 s",
            "worker 1 is not replaced: process 107 has ended: exit status 1",
        ]
        self.assertEqual(self.lines(), expected)
        self.error = OSError(11, "Resource temporarily unavailable")
        self.supervisor.reload()
        self.assertEqual(
            self.lines()[-1], "worker 1 is not replaced: it cannot be started"
        )


class LeavingTests(RollingCase):
    """
    A process that somebody else has asked to end.
    """

    def test_replaced(self) -> None:
        """It serves until another one takes its place; the other workers stay."""
        first, second = self.serve(2)
        self.supervisor.leaving(first)
        self.assertEqual(
            self.lines(),
            ["worker 1, process 101, got SIGTERM or SIGINT: replacing it"],
        )
        third = self.last
        self.assertEqual([third.number, third.column], [1, 2])
        self.advance(3)
        self.assertEqual(first.without, [(0,)])
        third.ready()
        self.advance(0.2)
        self.assertEqual(first.without[1:], [(), "leave", "drain"])
        self.assertReading(third, second)

    def test_all(self) -> None:
        """Those that are asked at the same time are replaced one after the other."""
        first, second = self.serve(2)
        self.supervisor.leaving(second)
        self.supervisor.leaving(first)
        self.assertEqual(len(self.processes), 3)
        self.last.ready()
        self.advance(0.3)
        fourth = self.last.ready()
        self.advance(0.3)
        self.assertReading(fourth, self.processes[2])

    def test_failed(self) -> None:
        """Where no other can be had, it says so.  When it has ended, another follows as
        after each death."""
        first, second = self.serve(2)
        self.supervisor.leaving(first)
        self.last.ends("exit status 1")
        self.advance(0.2)
        self.assertIn("worker 1 is not replaced", self.lines()[-1])
        self.assertEqual(first.without, [(0,)])
        first.ends("exit status 0")
        fourth = self.last.ready()
        self.advance(0.2)
        self.assertReading(fourth, second)

    def test_duringReload(self) -> None:
        """One that a reload replaces anyway is replaced once."""
        first, _ = self.serve(2)
        third = self.reload()
        self.supervisor.leaving(first)
        third.ready()
        self.advance(0.2)
        fourth = self.last.ready()
        self.advance(0.3)
        self.assertEqual(len(self.processes), 4)
        self.assertReading(third, fourth)

    def test_whileStopping(self) -> None:
        """A daemon that stops needs no other."""
        first, _ = self.serve(2)
        self.supervisor.stop(lambda: None)
        self.supervisor.leaving(first)
        self.assertEqual(len(self.processes), 2)

    def test_drainsAlone(self) -> None:
        """If it drains before it was replaced, as behind an older process that drains
        for long, another worker reads its sockets meanwhile.  A reload waits for its
        end."""
        first, second = self.serve(2)
        self.drains = False
        self.supervisor.reload()
        self.last.ready()
        self.advance(0.2)
        self.last.ready()
        self.advance(0.2)
        third, fourth = self.processes[2:]
        self.supervisor.leaving(third)
        third.reads = set()
        self.supervisor.draining(third)
        self.assertFalse(self.supervisor.isComplete)
        self.supervisor.reload()
        self.advance(1.1)
        self.assertEqual(fourth.without, [(1,), (0, 1)])
        first.ends()
        second.ends()
        self.advance(1)
        self.assertEqual(len(self.processes), 4)
        third.ends("exit status 0")
        self.last.ready()
        self.advance(0.2)
        self.assertEqual(self.processes[4].without, [(0,)])
        self.assertEqual(self.last.number, 2)
