"""Tests for L{echostamp.client.editing}."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

from prompt_toolkit.output.vt100 import Vt100_Output
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client import editing
from echostamp.client.editing import EditingConsole
from echostamp.client.outcome import NEAR_END_FAILED, Outcome
from echostamp.client.terminal import Painter


class FakeSession:
    """
    prompt_toolkit, as far as it is asked for lines.

    @ivar typed: what is typed, line by line, or the errors in its place.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        self.input = self
        self.typed: list[str | BaseException] = []

    def raw_mode(self) -> nullcontext[None]:
        """Change nothing."""
        return nullcontext()

    async def prompt_async(self, **options: object) -> str:
        """Give the next line."""
        typed = self.typed.pop(0)
        if isinstance(typed, BaseException):
            raise typed
        return typed


class FakeConversation:
    """
    A conversation that notes what it is told.
    """

    console: Any = None

    def __init__(self) -> None:
        self.told: list[object] = []

    def send(self, message: bytes) -> None:
        """Note it."""
        self.told.append(message)

    def inputEnded(self) -> None:
        """Note it."""
        self.told.append("input ended")

    def finish(self, outcome: Outcome) -> None:
        """Note it."""
        self.told.append(outcome)


class EditingConsoleTests(SynchronousTestCase):
    """
    What line editing makes of what is typed.
    """

    def typed(self, *lines: str | BaseException) -> list[object]:
        """Let lines be typed, and give what the conversation is told."""
        self.patch(editing, "PromptSession", FakeSession)
        self.patch(Vt100_Output, "from_pty", lambda stdout: FakeSession())
        conversation: Any = FakeConversation()

        async def type_() -> None:
            console: Any = EditingConsole(
                conversation,
                lambda: conversation.told.append("interrupted"),
                Painter({}),
            )
            console._session.typed = list(lines)
            console.begin()
            await asyncio.wait([console._typing])

        asyncio.run(type_())
        told: list[object] = conversation.told
        return told

    def test_lines(self) -> None:
        """Each line is a message, also of what was pasted; only an input with nothing
        at all ends the conversation."""
        self.assertEqual(
            self.typed("one", "two\n\nthree\n", "\n", " ", "", "too late"),
            [b"one\n", b"two\n", b"three\n", b" \n", "input ended"],
        )

    def test_ends(self) -> None:
        """Ctrl-D ends it, Ctrl-C breaks it off."""
        self.assertEqual(self.typed("one", EOFError()), [b"one\n", "input ended"])
        self.assertEqual(self.typed(KeyboardInterrupt()), ["interrupted"])

    def test_error(self) -> None:
        """Whatever goes wrong in it ends the conversation, with one line about it."""
        self.assertEqual(
            self.typed(RuntimeError("no such key")),
            [Outcome(NEAR_END_FAILED, "line editing: RuntimeError('no such key')")],
        )
