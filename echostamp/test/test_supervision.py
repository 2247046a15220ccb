"""Tests for L{echostamp.workers.supervision}: start, deaths, stuck processes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from echostamp.test.workercases import FakeWorkerProcess, SupervisorCase


class StartTests(SupervisorCase):
    """
    Tests for the start.
    """

    def test_start(self) -> None:
        """Each worker begins with its own column, and reads its own index when it is
        ready; when all do, this is said once."""
        self.supervise(2)
        first, second = self.processes
        self.assertEqual([first.number, second.number], [1, 2])
        self.assertEqual([first.column, second.column], [0, 1])
        self.assertFalse(self.supervisor.isHealthy)
        first.ready()
        self.assertFalse(self.supervisor.isHealthy)
        self.advance(0.1)
        self.assertTrue(self.supervisor.isHealthy)
        self.assertFalse(self.supervisor.isComplete)
        second.ready()
        self.advance(0.04)
        self.assertEqual(self.complete, 0)
        self.advance(0.02)
        self.assertTrue(self.supervisor.isComplete)
        self.assertEqual(self.complete, 1)
        self.assertEqual([first.without, second.without], [[(0,)], [(1,)]])
        expected = ["worker 1 is process 101", "worker 2 is process 102"]
        self.assertEqual(self.lines(), expected)
        second.ends()
        self.last.ready()
        self.advance(1)
        self.assertEqual(self.complete, 1)

    def test_fewAtATime(self) -> None:
        """Of many workers only some are prepared at the same time."""
        self.supervise(20)
        self.assertEqual([each.number for each in self.processes], [*range(1, 9)])
        self.processes[3].ready()
        self.assertEqual(self.last.number, 9)
        self.processes[4].ends()
        self.assertEqual([each.number for each in self.processes[9:]], [5])
        for _ in range(3):
            for each in list(self.processes):
                if not each.hasEnded:
                    each.ready()
        self.advance(0.1)
        self.assertTrue(self.supervisor.isComplete)
        self.assertEqual(len(self.processes), 21)

    def test_manyDeaths(self) -> None:
        """Workers that have died at the same moment are prepared a few at a time, too:
        together all of them could be late, again and again."""
        self.supervise(20)
        for _ in range(3):
            for each in list(self.processes):
                each.ready()
        self.advance(0.1)
        self.assertTrue(self.supervisor.isComplete)
        for each in list(self.processes):
            each.ends()
        self.advance(1)
        self.assertEqual(len(self.processes), 28)
        for _ in range(3):
            for each in self.processes[20:]:
                each.ready()
        self.advance(2.5)
        self.assertTrue(self.supervisor.isComplete)
        self.assertEqual(
            sorted(each.number for each in self.processes[20:]), [*range(1, 21)]
        )

    def test_slowStart(self) -> None:
        """While the workers start, none helps another one that takes longer."""
        self.supervise(2)
        self.processes[0].ready()
        self.advance(9)
        self.assertEqual(self.processes[0].without, [(0,)])

    def test_notReady(self) -> None:
        """A process that is not ready within 10 s is ended, and begun again."""
        self.supervise(1)
        self.advance(9.9)
        self.assertEqual(self.last.told, [])
        self.advance(0.2)
        expected = [
            "worker 1, process 101, was not ready within 10 s: ending it",
            "worker 1, process 101, has ended: signal 6; starting it again",
        ]
        self.assertEqual(self.lines(), expected)
        self.assertEqual(self.processes[0].told, ["kill"])
        self.assertEqual(self.cleared, [0])
        self.last.ready()
        self.advance(60)
        self.assertTrue(self.supervisor.isComplete)
        self.assertEqual(len(self.processes), 2)

    def test_refused(self) -> None:
        """A process that cannot start is ended, and tried again every 30 s; the log
        says what to do, once."""
        self.supervise(1)
        self.supervisor.refused(self.last, "it speaks version 2, not 1")
        self.advance(29.9)
        self.assertEqual(len(self.processes), 1)
        for _ in range(3):
            self.advance(0.2)
            self.supervisor.refused(self.last, "it speaks version 2, not 1")
            self.advance(29.9)
        self.assertEqual(len(self.processes), 4)
        self.assertEqual({each.without[0] for each in self.processes}, {"destroy"})
        expected = (
            "worker 1, process 101, cannot start: it speaks version 2, not 1: restart "
            "the daemon; trying it every 30 s"
        )
        self.assertEqual(self.lines(), [expected])
        self.advance(1)
        self.last.ready()
        self.advance(1)
        self.assertTrue(self.supervisor.isComplete)
        self.supervisor.refused(self.last, "too late")
        self.advance(1)
        self.assertFalse(self.last.hasEnded)
        self.last.ends()
        self.lines()
        self.supervisor.refused(self.last, "it speaks version 2, not 1")
        self.assertEqual(self.lines(), [expected.replace("101", str(self.last.pid))])

    def test_cannotBegin(self) -> None:
        """A process that the system does not start is a death."""
        self.error = OSError(11, "Resource temporarily unavailable")
        self.supervise(1)
        self.advance(0.3)
        self.error = None
        self.advance(0.5)
        why = "[Errno 11] Resource temporarily unavailable"
        expected = [
            f"worker 1 cannot be started: {why}; {when}"
            for when in ("starting it again", "again in 0.25 s", "again in 0.5 s")
        ]
        self.assertEqual(self.lines(), expected)
        self.last.ready()
        self.advance(0.1)
        self.assertTrue(self.supervisor.isComplete)


class DeathTests(SupervisorCase):
    """
    Tests for deaths.
    """

    def test_again(self) -> None:
        """A worker that dies is begun again at once; its column is cleared first."""
        first, _ = self.serve(2)
        first.ends()
        self.assertEqual(self.cleared, [0])
        self.assertEqual([self.last.number, self.last.column], [1, 0])
        expected = "worker 1, process 101, has ended: signal 9; starting it again"
        self.assertEqual(self.lines(), [expected])
        self.assertFalse(self.supervisor.isComplete)
        self.assertTrue(self.supervisor.isHealthy)
        self.last.ready()
        self.advance(0.1)
        self.assertTrue(self.supervisor.isComplete)
        self.assertEqual(self.lines(), ["worker 1 is process 103"])

    def test_backoff(self) -> None:
        """A worker that dies often is begun again later and later, and then every
        30 s."""
        self.serve(1)
        for delay in 0.25, 0.5, 1, 2, 30, 30:
            self.last.ends()
            if delay == 0.25:
                self.last.ends()
            before = len(self.processes)
            self.advance(delay - 0.05)
            self.assertEqual(len(self.processes), before)
            self.advance(0.1)
            self.assertEqual(len(self.processes), before + 1)
        whens = ["starting it again"]
        whens += [
            f"again in {each} s" for each in ("0.25", "0.5", "1", "2", "30", "30")
        ]
        expected = [
            f"worker 1, process {pid}, has ended: signal 9; {when}"
            for pid, when in enumerate(whens, 101)
        ]
        expected[6:6] = [
            "worker 1 has ended more than 5 times in 60 s; trying it every 30 s"
        ]
        self.assertEqual(self.lines(), expected)

    def test_unknown(self) -> None:
        """What a process says after its end is ignored."""
        first, second = self.serve(2)
        first.ends()
        self.supervisor.ready(first)
        self.supervisor.reading(first, 3)
        self.supervisor.answered(first)
        self.supervisor.left(first)
        self.supervisor.refused(first, "late")
        self.supervisor.ended(first, "twice")
        self.assertEqual(len(self.processes), 3)
        self.assertEqual(self.cleared, [0])
        self.assertEqual(len(self.lines()), 1)
        second.ends()
        self.assertFalse(self.supervisor.isHealthy)


class HelpTests(SupervisorCase):
    """
    Tests for sockets whose own worker is away.
    """

    def test_help(self) -> None:
        """What nobody reads for 1 s is read by the worker that reads the fewest; when
        its own is ready, the helper leaves it first."""
        first, second, third = self.serve(3)
        for _ in range(2):
            first.ends()
            first = self.last
        self.advance(0.95)
        self.assertEqual(second.without, [(1,)])
        self.lines()
        self.advance(0.1)
        self.assertEqual(second.without, [(1,), (0, 1)])
        self.assertEqual(third.without, [(2,)])
        line = "worker 2 reads the sockets of worker 1 as well"
        self.assertEqual(self.lines(), [line])
        self.assertFalse(self.supervisor.isComplete)
        second.sessions = 3
        self.last.ready()
        self.assertEqual(second.without, [(1,), (0, 1), (1,)])
        self.advance(0.04)
        self.assertEqual(self.last.without, [])
        self.advance(0.02)
        self.assertEqual(self.last.without, [(0,)])
        self.advance(0.1)
        self.assertTrue(self.supervisor.isComplete)
        expected = [
            "worker 2: 3 STAMP sessions begin again at zero",
            f"worker 1 is process {self.last.pid}",
        ]
        self.assertEqual(self.lines(), expected)

    def test_fewest(self) -> None:
        """Helpers share what is to be read."""
        first, second, third, fourth = self.serve(4)
        first.ends()
        second.ends()
        self.advance(1.1)
        self.assertEqual(third.without[-1], (0, 2))
        self.assertEqual(fourth.without[-1], (1, 3))

    def test_helperDies(self) -> None:
        """What a helper has read is read by another one."""
        first, second, third = self.serve(3)
        first.ends()
        self.advance(1.1)
        self.assertEqual(second.without[-1], (0, 1))
        second.ends()
        self.advance(0.95)
        self.assertEqual(third.without, [(2,)])
        self.advance(0.2)
        self.assertEqual(third.without[-1], (0, 1, 2))

    def test_nobody(self) -> None:
        """Where no worker reads, the first one that does helps all others that are away
        for long."""
        first, second = self.serve(2)
        first.ends()
        second.ends()
        self.advance(5)
        self.assertFalse(self.supervisor.isHealthy)
        third, fourth = self.processes[2:]
        fourth.ready()
        self.advance(0.2)
        self.assertEqual(fourth.without, [(1,), (0, 1)])
        third.ready()
        self.advance(0.2)
        self.assertEqual([third.without, fourth.without[-1]], [[(0,)], (1,)])

    def test_backInTime(self) -> None:
        """A worker that is back within 1 s gets no help."""
        first, second = self.serve(2)
        first.ends()
        self.advance(0.9)
        self.last.ready()
        self.advance(5)
        self.assertEqual([second.without, self.last.without], [[(1,)], [(0,)]])

    def test_neverThere(self) -> None:
        """Sockets of a worker that has never been ready are helped, too."""
        self.supervise(2)
        first, second = self.processes
        second.ready()
        first.ends()
        self.advance(0.95)
        self.assertEqual(second.without, [(1,)])
        self.advance(0.1)
        self.assertEqual(second.without, [(1,), (0, 1)])

    def test_waitsForWhoLeaves(self) -> None:
        """A process waits for the helper, also when the helper was told to leave for
        one that has died since."""
        first, second = self.serve(2)
        first.ends()
        self.advance(1.1)
        second.isMute = True
        self.last.ready().ends()
        self.advance(0.3)
        self.last.ready()
        self.advance(0.95)
        self.assertEqual(self.last.without, [])
        self.advance(0.1)
        self.assertEqual(self.last.without, [(0,)])
        self.assertEqual(second.without, [(1,), (0, 1), (1,), (1,)])

    def test_muteHelper(self) -> None:
        """A helper that does not say that it has left is waited for 1 s."""
        first, second = self.serve(2)
        first.ends()
        self.advance(1.1)
        second.isMute = True
        self.last.ready()
        self.advance(0.95)
        self.assertEqual(self.last.without, [])
        self.advance(0.1)
        self.assertEqual(self.last.without, [(0,)])

    def test_helperDiesWhileItLeaves(self) -> None:
        """A helper that dies while it leaves has left."""
        first, second = self.serve(2)
        first.ends()
        self.advance(1.1)
        back = self.last.ready()
        second.ends()
        self.assertEqual(back.without, [(0,)])
        self.advance(0.1)
        self.assertTrue(self.supervisor.isHealthy)

    def test_diesAgainWhileTheHelperLeaves(self) -> None:
        """Sockets that their own worker never came to read are helped again."""
        first, second = self.serve(2)
        first.ends()
        self.advance(1.1)
        self.last.ready()
        self.last.ends()
        self.advance(0.9)
        self.assertEqual(second.without[-1], (1,))
        self.advance(0.3)
        self.assertEqual(second.without[-1], (0, 1))


class AnyOrderTests(SupervisorCase):
    """
    Tests for whatever happens, in any order.
    """

    @settings(max_examples=100, deadline=None)
    @given(
        st.integers(1, 3),
        st.lists(
            st.one_of(
                st.tuples(
                    st.sampled_from(["ready", "ends", "stuck", "refused", "mute"]),
                    st.integers(0, 5),
                ),
                st.tuples(st.just("reload"), st.just(0)),
                st.tuples(st.just("time"), st.sampled_from([2, 6, 30, 110, 400])),
            ),
            max_size=25,
        ),
    )
    def test_settles(self, workers: int, steps: list[tuple[str, int]]) -> None:
        """No socket is read by two processes that keep to the rules; in the end each is
        read by its own worker, and a stop ends all."""
        self.fresh()
        self.serve(workers)
        for what, which in steps:
            alive = [each for each in self.processes if not each.hasEnded]
            if what == "reload":
                self.supervisor.reload()
            elif what == "time":
                self.calm(which)
            elif which < len(alive):
                self.happen(what, alive[which])
        # A restart after many deaths takes 30 s, the end of a stuck process 12 s.
        for _ in range(25):
            for each in self.processes:
                each.isMute = False
                if not each.hasEnded and not each.isStuck:
                    each.ready()
            self.calm(200)
        self.assertTrue(self.supervisor.isComplete)
        alive = [each for each in self.processes if not each.hasEnded]
        self.assertEqual(
            sorted((each.number - 1, *each.reads) for each in alive),
            [(index, index) for index in range(workers)],
        )
        failures = [each for each in self.log if "log_failure" in each]
        self.assertEqual(failures, [])
        stopped = self.stop()
        self.calm(100)
        self.assertStopped(stopped)

    def happen(self, what: str, process: FakeWorkerProcess) -> None:
        """Let something happen to a process."""
        if what == "ready" and not process.isStuck:
            process.ready()
        elif what == "ends":
            process.ends()
        elif what == "stuck":
            process.isStuck = True
        elif what == "refused":
            self.supervisor.refused(process, "too old")
        elif what == "mute":
            process.isMute = True

    def calm(self, steps: int) -> None:
        """Let time pass, and check that no two processes read the same."""
        for _ in range(steps):
            self.clock.advance(0.01)
            alive = [each for each in self.processes if not each.hasEnded]
            if any(each.isMute or each.isStuck for each in alive):
                continue
            reads = [index for each in alive for index in each.reads]
            self.assertEqual(sorted(reads), sorted(set(reads)))


class StuckTests(SupervisorCase):
    """
    Tests for processes that do not answer.
    """

    def test_asked(self) -> None:
        """A process is asked every 2 s."""
        (first,) = self.serve(1)
        before = first.told.count("ask")
        self.advance(20)
        self.assertEqual(first.told.count("ask") - before, 10)

    def test_stuck(self) -> None:
        """A process that has not answered for 10 s is ended: first so that it can say
        where it was.  Others are not concerned, and help."""
        first, second = self.serve(2)
        first.isStuck = True
        self.advance(9.7)
        self.assertNotIn("kill", first.told)
        self.advance(0.5)
        self.assertEqual(first.without, [(0,), "kill"])
        line = "worker 1, process 101, has not answered for 10 s: ending it"
        self.assertEqual(self.lines(), [line])
        self.assertFalse(self.supervisor.isComplete)
        self.advance(1.6)
        self.assertEqual(second.without[-1], (0, 1))
        self.assertEqual(len(self.processes), 2)
        self.advance(0.5)
        self.assertEqual(first.without[-1], "destroy")
        self.assertEqual(len(self.processes), 3)
        self.last.ready()
        self.advance(0.2)
        self.assertTrue(self.supervisor.isComplete)
        expected = [
            "worker 2 reads the sockets of worker 1 as well",
            "worker 1, process 101, has ended: signal 9; starting it again",
            "worker 1 is process 103",
        ]
        self.assertEqual(self.lines(), expected)

    def test_lateAnswer(self) -> None:
        """A process that answers when it is being ended is ended nevertheless."""
        (first,) = self.serve(1)
        first.isStuck = True
        self.advance(10.2)
        self.assertIn("kill", first.told)
        self.supervisor.answered(first)
        self.supervisor.ready(first)
        self.advance(2)
        self.assertEqual(first.without, [(0,), "kill", "destroy"])

    def test_onlyStuck(self) -> None:
        """A daemon whose only worker is stuck is not healthy."""
        (first,) = self.serve(1)
        first.isStuck = True
        self.advance(10.2)
        self.assertFalse(self.supervisor.isHealthy)

    def test_parentStopped(self) -> None:
        """Time in which this process itself was stopped does not count: not for the
        answers of those that run, and not for those that begin."""
        first, _ = self.serve(2)
        first.ends()
        begun = self.last
        self.clock.advance(60)
        self.assertFalse(begun.hasEnded)
        self.advance(9)
        self.assertEqual([each.without for each in self.processes[2:]], [[]])
        begun.ready()
        self.clock.advance(60)
        self.advance(30)
        self.clock.advance(60)
        self.advance(1)
        self.assertEqual(len(self.processes), 3)
        self.assertTrue(self.supervisor.isComplete)

    def test_stuckAndStopped(self) -> None:
        """A process that is stuck is ended after 10 s in which this one has run."""
        (first,) = self.serve(1)
        first.isStuck = True
        self.advance(5)
        self.clock.advance(60)
        self.advance(4)
        self.assertNotIn("kill", first.told)
        self.advance(1)
        self.assertIn("kill", first.told)
