"""Tests for L{echostamp.talk.completing}."""

from __future__ import annotations

import asyncio

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output import DummyOutput
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.parsing import Origin
from echostamp.talk.completing import NameCompleter
from echostamp.talk.members import Members

#: Seconds after which a test has failed.
DEADLINE = 10


def knowing(*names: str) -> Members:
    """
    Make members with names.
    """
    members = Members()
    for name in names:
        members.heard(Origin.NOTICE, b"[1] * %s joined\n" % name.encode())
    return members


class NameCompleterTests(SynchronousTestCase):
    """
    Names are completed.
    """

    def test_places(self) -> None:
        """A name is completed behind C{@} where a word begins, and behind C{/name}
        where the line does."""
        completer = NameCompleter(knowing("carol", "bob", "bert"))
        for text, names in [
            ("@", ["bert", "bob", "carol"]),
            ("hi @b", ["bert", "bob"]),
            ("hi\t@B", ["bert", "bob"]),
            ("/name c", ["carol"]),
            ("hi\n/name c", ["carol"]),
            ("/name  ", ["bert", "bob", "carol"]),
            ("mail@b", []),
            ("b", []),
            ("@b ", []),
            ("x /name b", []),
            ("/name b ", []),
            ("/who b", []),
            ("", []),
        ]:
            found = completer.get_completions(Document(text), CompleteEvent())
            self.assertEqual([each.text for each in found], names, text)

    def typed(self, members: Members, *keys: str) -> str:
        """
        Type keys, each once what the one before has begun is done, and then Enter.
        """

        async def type_() -> str:
            completer, bindings = NameCompleter(members), KeyBindings()
            completer.bindTab(bindings)
            with create_pipe_input() as pipe:
                session: PromptSession[str] = PromptSession(
                    input=pipe,
                    output=DummyOutput(),
                    completer=completer,
                    complete_while_typing=False,
                    key_bindings=bindings,
                )
                typing = asyncio.ensure_future(session.prompt_async())
                buffer = session.default_buffer
                changed = asyncio.Event()
                for event in buffer.on_text_changed, buffer.on_completions_changed:
                    event.add_handler(lambda _: changed.set())
                for key in keys:
                    changed.clear()
                    pipe.send_text(key)
                    await asyncio.wait_for(changed.wait(), DEADLINE)
                pipe.send_text("\r")
                return await asyncio.wait_for(typing, DEADLINE)

        return asyncio.run(type_())

    def test_one(self) -> None:
        """One match is inserted."""
        self.assertEqual(
            self.typed(knowing("bob", "carol"), "@c", "\t", "!"), "@carol!"
        )

    def test_otherCase(self) -> None:
        """A match in other letters replaces them."""
        self.assertEqual(self.typed(knowing("Bob"), "@b", "\t", "!"), "@Bob!")

    def test_tabElsewhere(self) -> None:
        """Elsewhere, and where no name is known, Tab is a character."""
        self.assertEqual(self.typed(knowing("bob"), "b", "\t", "x"), "b\tx")
        self.assertEqual(self.typed(Members(), "@b", "\t", "x"), "@b\tx")
