"""Tests for L{echostamp.talk.editing}."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from prompt_toolkit.output.vt100 import Vt100_Output
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from echostamp.exitstatus import NEAR_END_FAILED, Outcome
from echostamp.intercom.parsing import Origin
from echostamp.talk import editing
from echostamp.talk.editing import EditingConsole
from echostamp.talk.members import Members
from echostamp.talk.terminal import LEAVING_HINT, Painter

#: Seconds after which a test has failed.
DEADLINE = 10


class FakeSession:
    """
    A fake prompt_toolkit session that gives lines.

    @ivar typed: the lines that are typed; an error is raised.
    @ivar accepted: called when a line has ended, before it is given.
    """

    accepted: Callable[[], None] = staticmethod(lambda: None)
    erase_when_done = False

    def __init__(self, *arguments: object, **options: object) -> None:
        self.input = self.output = self.app = self
        self.is_running = self.is_done = False
        self.typed: list[str | BaseException] = []

    def raw_mode(self) -> nullcontext[None]:
        """Change nothing."""
        return nullcontext()

    def exit(self, result: str) -> None:
        """End the prompt, but not twice."""
        assert self.is_running
        assert not self.is_done
        self._isExiting.set_result(result)

    async def prompt_async(self, **options: object) -> str:
        """Give the next line, or wait until the prompt is ended."""
        self._isExiting = asyncio.get_running_loop().create_future()
        self.is_running, self.is_done = True, bool(self.typed)
        if self.is_done:
            self.accepted()
        typed = self.typed.pop(0) if self.typed else await self._isExiting
        self.is_running = self.is_done = False
        if isinstance(typed, BaseException):
            raise typed
        return typed


class WritingSession(FakeSession):
    """
    A fake session that keeps what is written above the prompt.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__()
        self.written: list[str] = []
        self.key_bindings = options.get("key_bindings")

    def write_raw(self, text: str) -> None:
        """Keep text."""
        self.written.append(text)

    def flush(self) -> None:
        """Do nothing."""

    def invalidate(self) -> None:
        """Do nothing."""


class Task:
    """
    A task that does not end.
    """

    def add_done_callback(self, called: object) -> None:
        """Do nothing."""


class FakeConversation:
    """
    A conversation that notes what is called.
    """

    console: Any = None
    isConnected = True

    def __init__(self) -> None:
        self.members = Members()
        self.called: list[object] = []

    def send(self, message: bytes) -> None:
        """Note the message."""
        self.called.append(message)

    def inputEnded(self) -> None:
        """Note the end of the input."""
        self.called.append("input ended")

    def finish(self, outcome: Outcome) -> None:
        """Note the outcome."""
        self.called.append(outcome)

    def outputClosed(self, isFlushed: bool) -> None:
        """Note the end of the output."""
        self.called.append(f"output closed: {isFlushed}")


class EditingConsoleTests(SynchronousTestCase):
    """
    The console turns typed lines into messages.
    """

    def typed(
        self, *lines: str | BaseException, finish: str = "", isIntercom: bool = False
    ) -> list[object]:
        """
        Let lines be typed.

        @param finish: whether the far end ends the conversation before the first line
            is C{"accepted"}, or while it is C{"waited"} for, or a signal C{"abandons"}
            it.
        @return: what was called on the conversation.
        """
        self.patch(editing, "PromptSession", WritingSession)
        self.patch(editing, "Keyboard", lambda stdin: None)
        self.patch(Vt100_Output, "from_pty", lambda stdout: FakeSession())
        conversation: Any = FakeConversation()
        conversation.members.isIntercom = isIntercom

        async def type_() -> None:
            console: Any = EditingConsole(
                conversation,
                lambda: conversation.called.append("interrupted"),
                Painter({}),
            )
            self.session = console._session
            self.session.typed = list(lines)
            if finish == "accepted":
                console._session.accepted = console.finish
            console.begin()
            if finish == "waited":
                asyncio.get_running_loop().call_soon(console.finish)
            if finish == "abandons":
                asyncio.get_running_loop().call_soon(
                    console.abandon, lambda: conversation.called.append("left")
                )
            await asyncio.wait([console._typing], timeout=DEADLINE)
            await asyncio.sleep(0)

        asyncio.run(type_())
        called: list[object] = conversation.called
        return called

    def test_lines(self) -> None:
        """Each line is a message, pasted ones included; only an empty input ends the
        conversation."""
        self.assertEqual(
            self.typed("one", "two\n\nthree\n", "\n", " ", "", "too late"),
            [b"one\n", b"two\n", b"three\n", b" \n", "input ended"],
        )

    def test_intercom(self) -> None:
        """In an intercom an empty input does nothing, and it is said first how to
        leave.  Typed lines go away at Enter."""
        self.assertEqual(
            self.typed("one", "", "\n", "two", EOFError(), isIntercom=True),
            [b"one\n", b"two\n", "input ended"],
        )
        self.assertEqual(self.session.written, [f"{LEAVING_HINT}\n"])
        self.assertTrue(self.session.erase_when_done)

    def test_becomesIntercom(self) -> None:
        """It is said how to leave above the first line of another member, once.  At the
        end, what is being typed stays on the screen."""
        self.patch(editing, "PromptSession", WritingSession)
        self.patch(editing, "Keyboard", lambda stdin: None)
        self.patch(Vt100_Output, "from_pty", lambda stdout: FakeSession())
        conversation: Any = FakeConversation()
        console: Any = EditingConsole(conversation, lambda: None, Painter({}))
        session = console._session
        console.show([(Origin.OWN, b"[1] mine\n")])
        self.assertFalse(session.erase_when_done)
        conversation.members.isIntercom = True
        for _ in range(2):
            console.show([(Origin.OTHER, b"[1] <b> hi\n")])
        self.assertEqual(
            "".join(session.written),
            f"[1] mine\n{LEAVING_HINT}\n[1] <b> hi\n[1] <b> hi\n",
        )
        self.assertTrue(session.erase_when_done)
        console._typing = Task()
        console.abandon(lambda: None)
        self.assertFalse(session.erase_when_done)

    def test_held(self) -> None:
        """While there is no connection, Enter keeps a line in the prompt, and says why.
        An empty line, C{/quit}, and what is typed to search are not kept."""
        self.patch(editing, "PromptSession", WritingSession)
        self.patch(editing, "Keyboard", lambda stdin: None)
        self.patch(Vt100_Output, "from_pty", lambda stdout: FakeSession())
        conversation: Any = FakeConversation()
        console: Any = EditingConsole(conversation, lambda: None, Painter({}))
        session = console._session
        [enter] = [
            each for each in session.key_bindings.bindings if each.keys == ("c-m",)
        ]
        for text, isTyping, isConnected, isHeld in [
            ("hello", True, False, True),
            ("hello", True, True, False),
            ("hello", False, False, False),
            ("/quit", True, False, False),
            (" ", True, False, False),
        ]:
            session.default_buffer = SimpleNamespace(text=text)
            session.current_buffer = session.default_buffer if isTyping else None
            conversation.isConnected = isConnected
            self.assertEqual(enter.filter(), isHeld, text)
        enter.handler(None)
        self.assertEqual(session.written, ["(no connection; the line is not sent)\n"])
        self.assertEqual(conversation.called, [])

    def test_ends(self) -> None:
        """Ctrl-D ends the input, Ctrl-C interrupts the conversation."""
        self.assertEqual(self.typed("one", EOFError()), [b"one\n", "input ended"])
        self.assertEqual(self.typed(KeyboardInterrupt()), ["interrupted"])

    def test_farEndEnds(self) -> None:
        """The far end may end the conversation while a line is typed, or just when it
        is accepted."""
        for finish in "waited", "accepted":
            lines = ["too late"] if finish == "accepted" else []
            self.assertEqual(
                self.typed(*lines, finish=finish), ["output closed: True"], finish
            )

    def test_abandoned(self) -> None:
        """A signal ends the prompt, and nothing that was typed is sent."""
        self.assertEqual(self.typed(finish="abandons"), ["left"])

    def test_error(self) -> None:
        """An error in line editing ends the conversation, with one line about it."""
        self.assertEqual(
            self.typed(RuntimeError("no such key")),
            [Outcome(NEAR_END_FAILED, "line editing: RuntimeError('no such key')")],
        )

    def test_lineWithoutEnd(self) -> None:
        """Of a line that does not end, a part is shown before it grows too long."""
        self.patch(editing, "PromptSession", WritingSession)
        self.patch(editing, "Keyboard", lambda stdin: None)
        self.patch(Vt100_Output, "from_pty", lambda stdout: FakeSession())
        conversation: Any = FakeConversation()
        conversation.reactor = Clock()
        console = EditingConsole(conversation, lambda: None, Painter({}))
        session: Any = console._session
        for _ in range(100):
            console.show([(Origin.OWN, b"x" * 10_000)])
            self.assertLessEqual(len(console._beginning), 65_536)
        console.show([(Origin.OWN, b"\n")])
        self.assertEqual("".join(session.written).count("x"), 1_000_000)

    def test_partsOfALine(self) -> None:
        """The rest of a line whose beginning was shown begins with an edge."""
        self.patch(editing, "PromptSession", WritingSession)
        self.patch(editing, "Keyboard", lambda stdin: None)
        self.patch(Vt100_Output, "from_pty", lambda stdout: FakeSession())
        conversation: Any = FakeConversation()
        conversation.reactor = Clock()
        console = EditingConsole(conversation, lambda: None, Painter({}))
        session: Any = console._session
        console.show([(Origin.OTHER, b"[1] <b> one ")])
        conversation.reactor.advance(2)
        console.show([(Origin.OTHER, b"[1] <c> two\n")])
        self.assertEqual(
            "".join(session.written), "[1] <b> one \n|       [1] <c> two\n"
        )

    def test_linesThatAreNotKept(self) -> None:
        """A line says that typed lines are no longer kept, after the prompt."""
        self.patch(editing, "PromptSession", WritingSession)
        self.patch(editing, "Keyboard", lambda stdin: None)
        self.patch(Vt100_Output, "from_pty", lambda stdout: FakeSession())
        conversation: Any = FakeConversation()
        conversation.reactor = Clock()
        history: Any = SimpleNamespace(failed=None)
        console = EditingConsole(conversation, lambda: None, Painter({}), history)
        session: Any = console._session
        history.failed("No space left on device")
        self.assertEqual(session.written, [])
        conversation.reactor.advance(0)
        self.assertEqual(
            session.written,
            ["(typed lines are no longer kept: No space left on device)\n"],
        )
