"""Tests for L{echostamp.workers.stopping}."""

from __future__ import annotations

from echostamp.test.workercases import SupervisorCase


class StoppingTests(SupervisorCase):
    """
    Tests for L{Stopping <echostamp.workers.stopping.Stopping>}.
    """

    def test_stop(self) -> None:
        """All say that they are alive, and leave the sockets that they do not read;
        then this process closes its own; then all drain."""
        first, second = self.serve(2)
        second.sessions = 1
        stopped = self.stop()
        self.assertTrue(self.supervisor.isStopping)
        self.assertEqual([first.told[-1], second.told[-1]], ["ask"] * 2)
        self.assertEqual([first.without, second.without[1:]], [[(0,)], []])
        self.advance(0.06)
        self.assertEqual(
            [first.without, second.without[1:]], [[(0,), "leave"], ["leave"]]
        )
        self.advance(0.03)
        self.assertEqual(self.closed, 0)
        self.advance(0.03)
        self.assertEqual(self.closed, 1)
        self.assertEqual([first.without[2:], second.without[2:]], [["drain"]] * 2)
        self.assertNoResult(stopped)
        self.advance(0.06)
        self.assertStopped(stopped)
        self.assertEqual(self.lines(), [])

    def test_killedJustThen(self) -> None:
        """One that was killed before nobody knows of it, and does not say that it is
        alive: another one gets its sockets before all leave the rest."""
        first, second, third = self.serve(3)
        second.isStuck = True
        stopped = self.stop()
        self.advance(0.5)
        self.assertEqual([first.without, third.without], [[(0,)], [(2,)]])
        second.ends()
        self.assertEqual(first.without, [(0,), (0, 1), "leave"])
        self.assertEqual(second.without, [(1,)])
        self.assertEqual(third.without, [(2,), "leave"])
        self.advance(0.2)
        self.assertStopped(stopped)
        self.assertEqual(len(self.processes), 3)

    def test_silent(self) -> None:
        """One that says nothing at all is waited for 1 s."""
        first, second = self.serve(2)
        second.isStuck = True
        self.stop()
        self.advance(0.95)
        self.assertEqual(first.without, [(0,)])
        self.advance(0.1)
        self.assertEqual(first.without, [(0,), "leave"])
        self.assertEqual(second.without, [(1,), "leave"])

    def test_mute(self) -> None:
        """A process that does not say that it has left is waited for 1 s."""
        first, second = self.serve(2)
        first.isMute = True
        stopped = self.stop()
        self.advance(1)
        self.assertEqual(self.closed, 0)
        self.advance(0.1)
        self.assertEqual(self.closed, 1)
        self.assertEqual([first.without[2:], second.without[2:]], [["drain"]] * 2)
        first.ends()
        self.advance(0.1)
        self.assertStopped(stopped)

    def test_neverAnswers(self) -> None:
        """A process that is stuck is ended after 10 s, then by SIGKILL."""
        first, _ = self.serve(2)
        first.isStuck = True
        stopped = self.stop()
        self.advance(9.5)
        self.assertNoResult(stopped)
        self.advance(3)
        self.assertEqual(first.without[-2:], ["kill", "destroy"])
        self.assertStopped(stopped)

    def test_drainsLong(self) -> None:
        """A process may drain for as long as it answers."""
        (first,) = self.serve(1)
        self.drains = False
        stopped = self.stop()
        self.advance(100)
        self.assertNotIn("kill", first.told)
        first.ends()
        self.assertStopped(stopped)

    def test_noRestart(self) -> None:
        """No process begins any more: none that has died, and none that was to begin
        later; a reload does nothing."""
        first, second, _ = self.serve(3)
        first.ends()
        self.last.ends()
        stopped = self.stop()
        second.ends()
        self.supervisor.reload()
        self.advance(60)
        self.assertEqual(len(self.processes), 4)
        self.assertStopped(stopped)

    def test_helpAtOnce(self) -> None:
        """What nobody reads is read by another worker for the last time."""
        first, second = self.serve(2)
        self.drains = False
        first.ends()
        self.lines()
        stopped = self.stop()
        self.advance(0.06)
        self.assertEqual(second.without, [(1,), (0, 1), "leave"])
        self.advance(2)
        self.assertEqual(second.without, [(1,), (0, 1), "leave", "drain"])
        self.assertEqual(self.lines(), [])
        second.ends()
        self.assertStopped(stopped)

    def test_noneThatDrains(self) -> None:
        """What nobody reads is read by no process that drains already."""
        first, second = self.serve(2)
        self.drains = False
        self.supervisor.reload()
        self.last.ready()
        self.advance(0.06)
        second.isMute = True
        self.advance(0.06)
        self.assertEqual(first.without[-1], "drain")
        self.processes[2].ends()
        self.stop()
        self.advance(0.06)
        self.assertEqual(first.without[-1], "drain")
        self.assertEqual(second.without[-2:], [(0, 1), "leave"])

    def test_notReady(self) -> None:
        """A process that is not ready has no connection: it is ended at once."""
        self.supervise(9)
        self.processes[0].ready()
        stopped = self.stop()
        self.assertEqual([each.told for each in self.processes[1:]], [["destroy"]] * 8)
        self.advance(0.2)
        self.assertStopped(stopped)
        self.assertEqual([each.told for each in self.processes[1:]], [["destroy"]] * 8)
        self.assertEqual(len(self.processes), 9)

    def test_nobody(self) -> None:
        """Without any process there is nothing to wait for."""
        self.error = OSError(11, "Resource temporarily unavailable")
        self.supervise(1)
        self.assertStopped(self.stop())

    def test_atEachMomentOfAReload(self) -> None:
        """A stop may come at any moment of a reload: each index is read until the end
        by one process, none begins any more, and all end."""
        moments = set()
        for moment in range(30):
            self.fresh()
            self.serve(2)
            self.drains = False
            self.supervisor.reload()
            self.supervisor.reload()
            new = self.last
            for each in range(moment):
                if each == 3:
                    new.ready()
                if each == 22 and self.last is not new:
                    self.last.ready()
                self.clock.advance(0.01)
            alive = [each for each in self.processes if not each.hasEnded]
            stopped = self.stop()
            moments.add(str([each.without for each in alive]))
            self.advance(0.3)
            reads = [index for each in alive for index in each.reads]
            self.assertEqual(sorted(reads), [0, 1], moment)
            self.assertEqual(len(self.processes), len(alive))
            for process in alive:
                self.assertIn(process.without[-1], ("drain", "destroy"))
                process.ends()
            self.assertStopped(stopped)
            lines = [each for each in self.lines() if " is process " not in each]
            self.assertEqual(lines, ["reloading the workers"])
        self.assertGreaterEqual(len(moments), 4)

    def test_abort(self) -> None:
        """At a second signal all processes end at once, by SIGKILL after 1 s."""
        first, second = self.serve(2)
        first.isStuck = True
        self.drains = False
        stopped = self.stop()
        self.advance(0.2)
        self.supervisor.abort()
        self.assertEqual([first.told[-1], second.told[-1]], ["abort"] * 2)
        self.advance(0.2)
        self.assertEqual([first.hasEnded, second.hasEnded], [False, True])
        self.assertNoResult(stopped)
        self.advance(0.9)
        self.assertEqual(first.told[-1], "destroy")
        self.assertNotIn("destroy", second.told)
        self.assertStopped(stopped)

    def test_abortBefore(self) -> None:
        """A second signal may come before the stop has begun."""
        self.serve(2)
        self.drains = False
        self.supervisor.abort()
        stopped = self.stop()
        self.advance(0.1)
        self.assertStopped(stopped)

    def test_notComplete(self) -> None:
        """While the workers stop, none of them completes the daemon."""
        self.supervise(2)
        for each in self.processes:
            each.ready()
        stopped = self.stop()
        self.advance(0.2)
        self.assertStopped(stopped)
        self.assertEqual(self.complete, 0)

    def test_parentStopped(self) -> None:
        """Time in which this process itself was stopped does not count."""
        first, _ = self.serve(2)
        stopped = self.stop()
        first.isStuck = True
        self.clock.advance(60)
        self.assertEqual(self.closed, 0)
        first.isStuck = False
        self.supervisor.left(first)
        self.advance(0.2)
        self.assertStopped(stopped)
