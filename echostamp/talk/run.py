"""
Runs the interactive client: C{echostamp talk}.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from echostamp.connect.failures import whatFailed
from echostamp.connect.target import Target, parseTarget, whyNoTarget
from echostamp.connect.tls import TlsFiles
from echostamp.exitstatus import (
    FAR_END_FAILED,
    NEAR_END_FAILED,
    Outcome,
    complain,
)
from echostamp.running import CommandRun
from echostamp.stamps import StampFormat
from echostamp.talk.attaching import attach
from echostamp.talk.consoles import PipeConsole, TerminalConsole
from echostamp.talk.conversation import Conversation
from echostamp.talk.farend import FarEnd
from echostamp.talk.keptterminal import KeptTerminal
from echostamp.talk.painting import painterFor
from echostamp.talk.reconnecting import ReconnectingConversation
from echostamp.talk.terminal import EDITING_HINT, isDumb, isTerminal
from echostamp.talk.typedrows import TypedRows

if TYPE_CHECKING:
    # prompt_toolkit is optional.
    from echostamp.talk.editing import EditingConsole
    from echostamp.talk.linehistory import LineHistory

#: Seconds after SIGINT or SIGTERM after which the process ends, whatever it is busy
#: with.
MOST_PARTING = 0.7


@dataclass(frozen=True)
class TalkOptions:
    """
    The options of C{echostamp talk}.

    @ivar target: the TARGET; see L{parseTarget}.
    @ivar timeout: how many seconds to wait for the connection and, after the end of
        the input, for the next reply.
    @ivar showTimes: whether to put the round-trip time after each reply.
    @ivar files: the files for TLS.
    @ivar name: the name to ask the intercom for; L{None} for no name.
    @ivar isEditing: whether lines can be edited.  That needs a terminal, prompt_toolkit
        and the asyncio reactor.
    @ivar isReconnecting: whether to connect again when the connection is lost.  That
        needs a terminal.
    @ivar timeFormat: how to write the local time that takes the place of stamps on a
        terminal; L{None} for the stamps.
    @ivar hasBell: whether the terminal rings when another member says the client's
        name.
    @ivar historyFile: the file that keeps typed lines, which needs line editing;
        L{None} for no file.
    """

    target: str
    timeout: float = 10.0
    showTimes: bool = False
    files: TlsFiles = field(default_factory=TlsFiles)
    name: str | None = None
    isEditing: bool = False
    isReconnecting: bool = False
    timeFormat: StampFormat | None = None
    hasBell: bool = False
    historyFile: str | None = None


def talk(reactor: Any, options: TalkOptions) -> Outcome:
    """
    Run C{echostamp talk}.

    @param reactor: the reactor to run.
    """
    try:
        target = parseTarget(reactor, options.target, options.timeout, options.files)
    except ValueError as error:
        return Outcome(NEAR_END_FAILED, whyNoTarget(options.target, error))
    if not options.isEditing:
        return _Talk(reactor, target, options).untilEnd()
    try:
        history = _openHistory(options.historyFile)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return Outcome(
            NEAR_END_FAILED, f"--history-file {options.historyFile!r}: {why}"
        )
    with KeptTerminal() as terminal:
        return _Talk(reactor, target, options, terminal.giveBack, history).untilEnd()


def _openHistory(path: str | None) -> LineHistory | None:
    """
    Open the file that keeps typed lines.
    """
    if path is None:
        return None
    from echostamp.talk.linehistory import LineHistory

    return LineHistory(path)


class _Talk:
    """
    Connects a console to the target, and runs the reactor until their conversation
    ends.
    """

    def __init__(
        self,
        reactor: Any,
        target: Target,
        options: TalkOptions,
        beforeDeath: Callable[[], object] | None = None,
        history: LineHistory | None = None,
    ) -> None:
        """
        @param beforeDeath: called before a signal kills the process.
        @param history: keeps typed lines, where lines are edited.
        """
        self._history = history
        self._reactor = reactor
        self._target = target
        self._options = options
        self._beforeDeath = beforeDeath
        self._isTerminal = isTerminal()
        self._conversation = self._newConversation()
        self._painter = painterFor(
            self._conversation.members, options.timeFormat, options.hasBell
        )
        self._editing: EditingConsole | None = None
        self._run = CommandRun(
            reactor,
            self._interrupted,
            lambda: not self._conversation.isConnected,
            beforeDeath=beforeDeath,
        )

    def _newConversation(self) -> Conversation:
        """
        Make the conversation, whose connections may be one or many.
        """
        reactor, name, options = self._reactor, self._target.name, self._options
        if options.isReconnecting:
            return ReconnectingConversation(
                reactor, name, options.timeout, self._connect, options.showTimes
            )
        return Conversation(reactor, name, options.timeout, options.showTimes)

    def untilEnd(self) -> Outcome:
        """
        Run the reactor.
        """
        try:
            return self._run.untilEnd(self._start)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _start(self) -> None:
        """
        Connect to the target, and converse.
        """
        connecting = self._connect()
        connecting.addCallbacks(self._converse, self._notConnected)
        connecting.addCallbacks(self._end, self._run.broken)

    def _connect(self) -> Deferred[Any]:
        """
        Connect to the target.
        """
        timeout = self._options.timeout
        tooLate = Failure(TimeoutError(f"no connection within {timeout:g} s"))
        connecting = self._target.endpoint.connect(
            Factory.forProtocol(lambda: FarEnd(self._conversation))
        )
        return connecting.addTimeout(
            timeout, self._reactor, lambda result, seconds: tooLate
        )

    def _converse(self, farEnd: object) -> Deferred[Outcome]:
        """
        Begin the conversation.

        @return: fires with its outcome.
        """
        conversation = self._conversation
        if self._options.name:
            conversation.introduce(self._options.name)
        if self._options.isEditing:
            from echostamp.talk.editing import EditingConsole

            self._editing = EditingConsole(
                conversation, self._givenUp, self._painter, self._history
            )
            self._editing.begin()
        elif self._isTerminal:
            attach(self._terminalConsole(), self._reactor)
        else:
            attach(PipeConsole(conversation), self._reactor)
        return conversation.done

    def _terminalConsole(self) -> TerminalConsole:
        """
        Make a console on a terminal whose own line editing is used.
        """
        canMove = not isDumb(os.environ)
        return TerminalConsole(
            self._conversation,
            self._painter,
            sys.stdout.encoding,
            EDITING_HINT if canMove else "",
            TypedRows() if canMove else None,
        )

    def _notConnected(self, failure: Failure) -> Outcome:
        """
        Explain why there is no connection.
        """
        return Outcome(FAR_END_FAILED, f"{self._target.name}: {whatFailed(failure)}")

    def _interrupted(self, number: int) -> None:
        """
        Abandon the conversation on a signal, before any other event is handled.
        """
        self._endSoon(number)
        if self._isTerminal and self._editing is None:
            complain("")
        outcome = Outcome(128 + number)
        self._conversation.abandon(outcome)
        self._reactor.callFromThread(self._leave, outcome)

    def _endSoon(self, number: int) -> None:
        """
        Let the process end soon, also if it is too busy to end as it should: a terminal
        may take no more, and much that was typed may be long to draw.
        """

        def end(alarm: int, frame: object) -> None:
            if self._beforeDeath is not None:
                self._beforeDeath()
            os._exit(128 + number)

        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, MOST_PARTING)

    def _leave(self, outcome: Outcome) -> None:
        """
        Leave the screen tidy, and end.
        """
        if self._editing is None:
            self._end(outcome)
        else:
            self._editing.abandon(lambda: self._end(outcome))

    def _givenUp(self) -> None:
        """
        Abandon the conversation on Ctrl-C during line editing.
        """
        self._endSoon(signal.SIGINT)
        outcome = Outcome(128 + signal.SIGINT)
        self._conversation.abandon(outcome)
        self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        """
        Disconnect, and end the command.
        """
        if not self._conversation.isConnected:
            if self._beforeDeath is not None:
                self._beforeDeath()
            self._run.end(outcome)
            return
        farEnd = self._conversation.farEnd
        farEnd.parted.addCallback(lambda _: self._run.end(outcome))
        farEnd.part()
