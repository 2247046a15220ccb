"""
A console with line editing.  It needs the extra C{terminal}, which is prompt_toolkit.

Lines that come while the user types appear above the prompt.  The typed text stays in
one piece below them.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import Task
from collections.abc import Callable, Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout.processors import TabsProcessor
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from twisted.internet.interfaces import IDelayedCall

from echostamp.columns import TAB
from echostamp.exitstatus import NEAR_END_FAILED, Outcome
from echostamp.intercom.parsing import Origin
from echostamp.talk.completing import LIST_ROWS, NameCompleter
from echostamp.talk.conversation import Conversation
from echostamp.talk.exchange import QUIT
from echostamp.talk.keyboard import Keyboard
from echostamp.talk.linehistory import LineHistory
from echostamp.talk.patience import QUIET
from echostamp.talk.terminal import LEAVING_HINT, PROMPT, Painter

#: The most characters of an unfinished line that are held back.
_LONGEST = 65_536


class EditingConsole:
    """
    Reads lines with prompt_toolkit, and prints replies above its prompt.

    It needs Twisted's asyncio reactor.
    """

    isTerminal = True

    def __init__(
        self,
        conversation: Conversation,
        interrupted: Callable[[], None],
        painter: Painter,
        history: LineHistory | None = None,
    ) -> None:
        """
        @param conversation: the conversation that this is the near side of.
        @param interrupted: called on Ctrl-C, where that is no signal.
        @param painter: turns replies into text for the terminal.
        @param history: keeps what is typed for later sessions.
        """
        self.conversation = conversation
        conversation.console = self
        self._interrupted = interrupted
        self._painter = painter
        output = Vt100_Output.from_pty(sys.stdout)
        # We do not need to know the prompt's position on the screen.
        output.enable_cpr = False
        keys = KeyBindings()
        keys.add("enter", filter=Condition(self._isHeld))(lambda event: self._hold())
        completer = NameCompleter(conversation.members)
        completer.bindTab(keys)
        if history is not None:
            history.failed = self._notKept
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            input=Keyboard(sys.stdin),
            output=output,
            enable_suspend=True,
            # The prompt has no colours, also when it is left: see NO_COLOR.
            color_depth=ColorDepth.DEPTH_1_BIT,
            key_bindings=keys,
            completer=completer,
            complete_while_typing=False,
            reserve_space_for_menu=LIST_ROWS,
            history=history,
            input_processors=[TabsProcessor(tabstop=TAB, char1=" ", char2=" ")],
        )
        self._isEnded = False
        self._beginning = ""
        self._leavingHint = f"{LEAVING_HINT}\n"
        self._wait: IDelayedCall | None = None

    def begin(self) -> None:
        """Show the prompt."""
        if self.conversation.members.isIntercom:
            self._write("")
        self._typing = asyncio.ensure_future(self._type())
        self._typing.add_done_callback(self._typed)

    async def _type(self) -> None:
        """
        Read lines until the input ends.
        """
        # Keep raw mode between prompts, too: what is typed then must not be echoed.
        with self._session.input.raw_mode():
            while not self._isEnded:
                try:
                    typed = await self._session.prompt_async(handle_sigint=False)
                except KeyboardInterrupt:
                    self._interrupted()
                    return
                except EOFError:
                    self._end()
                    return
                if not self._isEnded:
                    self._send(typed)

    def _typed(self, typing: Task[None]) -> None:
        """
        End the conversation if line editing has failed.
        """
        if error := typing.exception():
            why = f"line editing: {error!r}"
            self.conversation.finish(Outcome(NEAR_END_FAILED, why))

    def _send(self, typed: str) -> None:
        """
        Send what was typed.  An empty input ends the conversation, but not in an
        intercom.
        """
        # Pasted text may have several lines.
        for line in typed.split("\n"):
            if line:
                self.conversation.send(line.encode("utf-8", "replace") + b"\n")
        if not (typed or self.conversation.members.isIntercom):
            self._end()

    def _end(self) -> None:
        """
        Accept no more lines.
        """
        if not self._isEnded:
            self._isEnded = True
            self.conversation.inputEnded()

    def _isHeld(self) -> bool:
        """
        Say whether Enter cannot send what is typed: there is no connection.
        """
        buffer = self._session.default_buffer
        isLine = buffer.text.strip() not in ("", QUIT.decode())
        isTyping = self._session.app.current_buffer is buffer
        return isTyping and isLine and not self.conversation.isConnected

    def _hold(self) -> None:
        """
        Keep what is typed in the prompt.
        """
        self._write("(no connection; the line is not sent)\n")

    def connectionChanged(self) -> None:
        """Do nothing: this is never behind, and reads on without a connection."""

    def show(self, heard: Sequence[tuple[Origin, bytes]]) -> None:
        """
        Show whole lines.  The beginning of a line waits a little for its end.
        """
        text = self._beginning + self._painter.paint(heard)
        self._stopWaiting()
        whole = text.rfind("\n") + 1
        self._beginning = text[whole:]
        if whole:
            self._write(text[:whole])
        if len(self._beginning) > _LONGEST:
            self._showBeginning()
        elif self._beginning:
            self._wait = self.conversation.reactor.callLater(QUIET, self._showBeginning)

    def _showBeginning(self) -> None:
        """
        Show a line that has no end yet.
        """
        text, self._beginning = self._beginning, ""
        if text:
            self._write(f"{text}\n")
            self._painter.leaveRow()

    def _notKept(self, why: str) -> None:
        """
        Show why what is typed is no longer kept, once the prompt of the typed line is
        gone.
        """
        line = f"(typed lines are no longer kept: {why})\n"
        self.conversation.reactor.callLater(0, self._write, line)

    def _stopWaiting(self) -> None:
        """
        Cancel the timer of an unfinished line.
        """
        if self._wait is not None and self._wait.active():
            self._wait.cancel()

    def _write(self, text: str) -> None:
        """
        Write above the prompt, and draw the prompt again.
        """
        text = self._toldLeaving() + text
        application = self._session.app
        if application.is_running:
            application.renderer.erase()
        try:
            self._session.output.write_raw(text)
            self._session.output.flush()
        except OSError:
            self._isEnded = True
            self.conversation.outputClosed(isFlushed=False)
        application.invalidate()

    def _toldLeaving(self) -> str:
        """
        Once this is an intercom, let typed lines go away at Enter: their replies show
        them at their place among the others.

        @return: what says how to leave, if that was not said.
        """
        if not self.conversation.members.isIntercom:
            return ""
        self._session.app.erase_when_done = not self._isEnded
        hint, self._leavingHint = self._leavingHint, ""
        return hint

    def finish(self) -> None:
        """Remove the prompt, and write what is left."""
        self._leave(self._close)

    def abandon(self, left: Callable[[], object]) -> None:
        """
        Show nothing more, but leave the typed text on the screen.

        @param left: called once the cursor is below that text.
        """
        self._leave(lambda typing: left())

    def _leave(self, left: Callable[[Task[None]], object]) -> None:
        """
        End the prompt.

        @param left: called once it is gone.
        """
        self._isEnded = True
        self._stopWaiting()
        application = self._session.app
        # What is being typed stays.
        application.erase_when_done = False
        if application.is_running and not application.is_done:
            application.exit(result="")
        self._typing.add_done_callback(left)

    def _close(self, typing: Task[None]) -> None:
        """
        Write what is left, once the prompt is gone.
        """
        self._beginning += self._painter.rest()
        self._showBeginning()
        self.conversation.outputClosed(isFlushed=True)
