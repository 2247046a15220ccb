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
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.output.vt100 import Vt100_Output
from twisted.internet.interfaces import IDelayedCall

from echostamp.client.conversation import QUIET, Conversation
from echostamp.client.terminal import PROMPT, Painter
from echostamp.line.hearing import Voice

#: Characters that may wait to be shown before no more is read from the far end.
_MOST = 262_144


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
        self._isEnded = self._isFull = False
        self._waiting: list[str] = []
        self._size = 0
        self._wait: IDelayedCall | None = None
        self._typing: Task[None] | None = None
        self._writing: Task[None] | None = None
        self._closing: Task[None] | None = None

    def begin(self) -> None:
        """Ask for the first line."""
        self._typing = asyncio.ensure_future(self._type())

    async def _type(self) -> None:
        """
        Take lines until there are no more.
        """
        while not self._isEnded:
            try:
                typed = await self._session.prompt_async(handle_sigint=False)
            except KeyboardInterrupt:
                self._interrupted()
                return
            except EOFError:
                typed = ""
            if self._isEnded:
                return
            # What was pasted may have several.
            lines = [line for line in typed.splitlines() if line]
            for line in lines:
                self.conversation.send(line.encode("utf-8", "replace") + b"\n")
            if not lines:
                self._isEnded = True
                self.conversation.inputEnded()

    def show(self, heard: Sequence[tuple[Voice, bytes]]) -> None:
        """Show what came back, above the prompt."""
        text = self._painter.paint(heard)
        self._waiting.append(text)
        self._size += len(text)
        if self._size > _MOST and not self._isFull:
            self._isFull = True
            self.conversation.farEnd.pauseProducing()
        self._write()

    def _write(self) -> None:
        """
        Write the lines that are there; the beginning of one waits a little for its end.
        """
        if self._writing is not None:
            return
        if self._wait is not None and self._wait.active():
            self._wait.cancel()
        text = "".join(self._waiting)
        whole = text.rfind("\n") + 1
        self._waiting = [text[whole:]]
        self._size -= whole
        if whole:
            self._writing = asyncio.ensure_future(self._writeOut(text[:whole]))
        elif self._size > _MOST:
            self._writeBeginning()
        elif text:
            self._wait = self.conversation.reactor.callLater(
                QUIET, self._writeBeginning
            )

    def _writeBeginning(self) -> None:
        """
        Write a line that has not ended.
        """
        self._waiting.append("\n")
        self._size += 1
        self._write()

    async def _writeOut(self, text: str) -> None:
        """
        Write above the prompt.
        """
        try:
            await run_in_terminal(lambda: self._print(text))
        except OSError:
            self._isEnded = True
            self.conversation.outputClosed(isFlushed=False)
        self._writing = None
        if self._isFull and self._size <= _MOST:
            self._isFull = False
            self.conversation.farEnd.resumeProducing()
        self._write()

    def _print(self, text: str) -> None:
        """
        Write where the prompt is not.
        """
        output = self._session.output
        output.write_raw(text)
        output.flush()

    def finish(self) -> None:
        """Take the prompt away, and write what is left."""
        self._isEnded = True
        self._closing = asyncio.ensure_future(self._close())

    async def _close(self) -> None:
        """
        End.
        """
        if self._session.app.is_running:
            self._session.app.exit(result="")
        if self._typing is not None:
            await self._typing
        if rest := self._painter.rest():
            self._waiting.append(rest)
        if "".join(self._waiting):
            self._writeBeginning()
        while self._writing is not None:
            await self._writing
        self.conversation.outputClosed(isFlushed=True)
