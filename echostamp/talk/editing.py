"""
A console with line editing, for who has the extra C{terminal}: prompt_toolkit.

Lines that come while somebody types appear above the prompt, and what has been typed
stays whole under it.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import Task
from collections.abc import Callable, Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.output.vt100 import Vt100_Output
from twisted.internet.interfaces import IDelayedCall

from echostamp.exitstatus import NEAR_END_FAILED, Outcome
from echostamp.intercom.parsing import Origin
from echostamp.talk.conversation import QUIET, Conversation
from echostamp.talk.terminal import PROMPT, Painter

#: Characters of a line that wait for its end.
_LONGEST = 65_536


class EditingConsole:
    """
    A console with somebody before it, and prompt_toolkit in between.

    It needs Twisted's asyncio reactor.
    """

    isTerminal = True

    def __init__(
        self,
        conversation: Conversation,
        interrupted: Callable[[], None],
        painter: Painter,
    ) -> None:
        """
        @param conversation: what to be the near side of.
        @param interrupted: is called on Ctrl-C.
        @param painter: makes text of what comes.
        """
        self.conversation = conversation
        conversation.console = self
        self._interrupted = interrupted
        self._painter = painter
        output = Vt100_Output.from_pty(sys.stdout)
        # Nothing of ours depends on where on the screen the prompt is.
        output.enable_cpr = False
        self._session: PromptSession[str] = PromptSession(
            PROMPT, output=output, enable_suspend=True
        )
        self._isEnded = False
        self._beginning = ""
        self._wait: IDelayedCall | None = None

    def begin(self) -> None:
        """Ask for lines."""
        self._typing = asyncio.ensure_future(self._type())
        self._typing.add_done_callback(self._typed)

    async def _type(self) -> None:
        """
        Take lines until there are no more.
        """
        # Also from one prompt to the next: else what is typed there would be echoed.
        with self._session.input.raw_mode():
            while not self._isEnded:
                try:
                    typed = await self._session.prompt_async(handle_sigint=False)
                except KeyboardInterrupt:
                    self._interrupted()
                    return
                except EOFError:
                    typed = ""
                if not self._isEnded:
                    self._send(typed)

    def _typed(self, typing: Task[None]) -> None:
        """
        There are no more lines; perhaps because something is wrong with us.
        """
        if error := typing.exception():
            why = f"line editing: {error!r}"
            self.conversation.finish(Outcome(NEAR_END_FAILED, why))

    def _send(self, typed: str) -> None:
        """
        Send what was typed; nothing ends the conversation.
        """
        # What was pasted may have several lines.
        for line in typed.split("\n"):
            if line:
                self.conversation.send(line.encode("utf-8", "replace") + b"\n")
        if not typed:
            self._isEnded = True
            self.conversation.inputEnded()

    def show(self, heard: Sequence[tuple[Origin, bytes]]) -> None:
        """
        Show what came back; the beginning of a line waits a little for its end.
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
        Show a line that has not ended.
        """
        text, self._beginning = self._beginning, ""
        if text:
            self._write(f"{text}\n")

    def _stopWaiting(self) -> None:
        """
        No line has to wait.
        """
        if self._wait is not None and self._wait.active():
            self._wait.cancel()

    def _write(self, text: str) -> None:
        """
        Write above the prompt, which is drawn anew.
        """
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

    def finish(self) -> None:
        """Take the prompt away, and write what is left."""
        self._isEnded = True
        self._stopWaiting()
        application = self._session.app
        if application.is_running and not application.is_done:
            application.exit(result="")
        self._typing.add_done_callback(self._close)

    def _close(self, typing: Task[None]) -> None:
        """
        The prompt is gone.
        """
        self._beginning += self._painter.rest()
        self._showBeginning()
        self.conversation.outputClosed(isFlushed=True)
