"""
Runs C{echostamp watch}.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TextIO

from twisted.python.failure import Failure

from echostamp.client.descriptors import makeRoom
from echostamp.client.linewriter import LineWriter, discard
from echostamp.client.livedisplay import LiveDisplay, mayBeLive
from echostamp.client.refusals import whyRefused
from echostamp.client.rounds import Rounds
from echostamp.client.watchdisplays import (
    Display,
    JsonDisplay,
    TableDisplay,
)
from echostamp.client.watchedrows import Rows
from echostamp.client.watchstatus import judged
from echostamp.client.watchview import View
from echostamp.exitstatus import NEAR_END_FAILED, Outcome, outputFailed
from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.descriptors import descriptorsOf
from echostamp.monitor.event import Event
from echostamp.monitor.eventlog import eventLine
from echostamp.monitor.monitor import Monitor
from echostamp.monitor.peer import Peer
from echostamp.monitor.snapshot import Kept, PeerSnapshot
from echostamp.probe.refusals import Refusal
from echostamp.probe.surroundings import Surroundings, surroundings
from echostamp.running import CommandRun
from echostamp.talk.terminal import isDumb
from echostamp.times import SECOND
from echostamp.units import asTyped


class WatchOptions(NamedTuple):
    """
    The options of C{echostamp watch}.

    @ivar peers: the targets, each under its own name.
    @ivar window: the length of the window, in nanoseconds.
    @ivar deadline: how long to run, in nanoseconds; L{None} without end.
    @ivar isJson: whether to write lines of JSON on a terminal, too.
    @ivar hasStrings: whether JSON has strings where integers can exceed 2^53.
    """

    peers: tuple[Peer, ...]
    window: int
    deadline: int | None = None
    isJson: bool = False
    hasStrings: bool = False


def watch(reactor: Any, options: WatchOptions) -> Outcome:
    """
    Run C{echostamp watch}.

    @param reactor: the reactor to run.
    @return: the exit status, and the line for standard error.
    """
    peers = options.peers
    room = makeRoom(reactor, len(peers), descriptorsOf(peers))
    why = room or whyNoSource(peers)
    if why:
        return Outcome(NEAR_END_FAILED, why)
    found = _Watch(reactor, options, sys.stdout)
    try:
        found.prepare()
    except ValueError as error:
        return Outcome(NEAR_END_FAILED, whyNotWatched(error))
    return found.run()


def whyNoSource(peers: Iterable[Peer]) -> str:
    """
    Check that this machine has the addresses to send from.

    @return: what is wrong; empty if nothing is.
    """
    sources = dict.fromkeys(each.wish.route.source for each in peers)
    for source in filter(None, sources):
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                source, 0, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
            )[0]
            with socket.socket(family, kind) as found:
                found.bind(address)
        except OSError as error:
            return f"--source {source}: {error.strerror}"
    return ""


def whyNotWatched(error: ValueError) -> str:
    """
    Write in a line why a target cannot be watched.

    @param error: the error that L{Monitor.watch} raised.
    """
    cause = error.__cause__
    if not isinstance(cause, Refusal):
        # It names the target or the option itself.
        return str(cause or error)
    return str(error).removesuffix(str(cause)) + whyRefused(cause)


class _Watch:
    """
    One run of the command.
    """

    def __init__(self, reactor: Any, options: WatchOptions, output: TextIO) -> None:
        """
        @param output: where to write the results.
        """
        self._reactor = reactor
        self._options = options
        self._output = output
        around = surroundings(reactor, isExact=True)
        self._display = self._displayOf(around)
        window = WindowSpec(asTyped(options.window), length=options.window)
        self._monitor = Monitor(
            reactor,
            around,
            self._happened,
            kept=Kept(window, self._display.recent),
        )
        self._rounds = Rounds(
            *(reactor, self._snapshots, self._display),
            options.deadline,
            self._broken,
        )
        self._isEnded = False
        self._run = CommandRun(
            reactor,
            stop=lambda number: reactor.callFromThread(
                self._end, Outcome(128 + number)
            ),
            # A name may be looked up, in a thread that cannot be cancelled.
            mustExit=lambda: True,
            signals=self._signals(),
            beforeDeath=self._giveBack,
        )

    def _displayOf(self, around: Surroundings) -> Display:
        """
        Choose how to show what is found.
        """
        options, output = self._options, self._output
        isTerminal = output.isatty()
        if options.isJson or not isTerminal:
            strings = options.hasStrings
            return JsonDisplay(options.window, strings, output, self._end)
        isColoured = not (os.environ.get("NO_COLOR") or isDumb(os.environ))
        if isDumb(os.environ) or not mayBeLive():
            return TableDisplay(
                *(options.window, around.now, output, isColoured, self._end)
            )
        return LiveDisplay(
            self._reactor,
            Rows(options.window, around.now),
            View(asTyped(options.window), isColoured, LiveDisplay.recent),
            LineWriter(output, isColoured, self._end),
            self._end,
        )

    def _signals(self) -> dict[int, Callable[[], object]]:
        """
        Give what to do at signals that do not end the run.
        """
        display = self._display
        if not isinstance(display, LiveDisplay):
            return {}
        return {
            signal.SIGWINCH: display.draw,
            signal.SIGTSTP: display.suspend,
            signal.SIGCONT: display.resume,
        }

    def prepare(self) -> None:
        """
        Make what sends probes.

        @raise ValueError: a target cannot be watched.
        """
        self._monitor.watch(self._options.peers)

    def run(self) -> Outcome:
        """
        Run the reactor until the command ends.
        """
        with self._display.kept():
            return self._run.untilEnd(self._start)

    def _start(self) -> None:
        """
        Begin to watch.
        """
        self._monitor.start()
        self._display.begin()
        self._rounds.start()
        if self._options.deadline is not None:
            self._reactor.callLater(self._options.deadline / SECOND, self._end)

    def _snapshots(self) -> Iterator[PeerSnapshot]:
        """
        Take a snapshot of each target.
        """
        for each in list(self._monitor.peers.values()):
            if not self._display.isLive:
                # The monitor does so every few seconds, which is enough on a screen.
                each.judge()
            yield each.snapshot()

    # --- What happens -----------------------------------------------------------------

    def _happened(self, event: Event) -> None:
        """
        Show an event.
        """
        at = time.strftime("%H:%M:%S", time.localtime(event.at // SECOND))
        self._display.happened(f"{at} {eventLine(event)}")

    # --- The end ----------------------------------------------------------------------

    def _giveBack(self) -> None:
        """
        Give the terminal back before the process dies.
        """
        if isinstance(self._display, LiveDisplay):
            self._display.screen.giveBack()

    def _broken(self, failure: Failure) -> None:
        """
        End: there is an error in EchoStamp.
        """
        self._giveBack()
        self._run.broken(failure)

    def _end(self, outcome: Outcome | None = None) -> None:
        """
        Show what was found, and end the command: the deadline has come, the user wants
        it, or the output cannot be written.

        @param outcome: how it ends; L{None}: as the targets are.
        """
        if self._isEnded:
            return
        self._isEnded = True
        self._rounds.stop()
        for each in self._monitor.peers.values():
            each.judge()
        snapshots = list(self._monitor.snapshots())
        parted = self._monitor.stop()
        self._display.end(snapshots)
        if self._display.isClosed:
            outcome = outputFailed(NEAR_END_FAILED)
            discard(self._output)
        found = outcome or judged(snapshots)
        parted.addCallback(lambda _: self._run.end(found))
