"""Acceptance tests of the relay on Redis, with a real server."""

from __future__ import annotations

import os

from zope.interface.verify import verifyObject

from echostamp.intercom.relay import BEGINNING, PRESENT, IRelay
from tests.redisservers import RedisServer, RelayCase, entry

#: What no text has, and Redis has to keep.
OCTETS = bytes(range(256)) + b"\r\n$5\r\n*1\r\n"

#: All commands that a user of Redis needs, beside AUTH, which everybody has.
COMMANDS = (
    *("+xadd", "+xread", "+xrange", "+xrevrange", "+xlen"),
    *("+set", "+getrange", "+pexpire", "+exists", "+del"),
    *("+sadd", "+srem", "+srandmember"),
)


class StreamTests(RelayCase):
    """
    Entries are added and read.
    """

    def setUp(self) -> None:
        """Start a server."""
        self.server = RedisServer(self)
        self.url = self.server.url()

    async def test_order(self) -> None:
        """All relays give the entries of all, in one order, whatever they hold."""
        one, first = await self.connected(self.url)
        other, second = await self.connected(self.url)
        self.assertTrue(verifyObject(IRelay, one))
        one.read(BEGINNING)
        other.read(BEGINNING)
        texts = [OCTETS, b"", b"12", b"-1.5", *(b"%d" % each for each in range(96))]
        for each in texts[::2]:
            one.append(entry(each))
        for each in texts[1::2]:
            other.append(entry(each))
        found = await first.contents(len(texts))
        self.assertEqual(found, await second.contents(len(texts)))
        self.assertCountEqual(found, map(entry, texts))

    async def test_asked(self) -> None:
        """The ids of entries, how many there are, and the last ones are given; what is
        no id is none."""
        relay, _ = await self.connected(self.url)
        self.assertFalse(await relay.has(b"1-1"))
        self.assertEqual(await relay.length(), 0)
        self.assertEqual(await relay.before(b"1-1", 5), [])
        texts = [b"%d" % each for each in range(100)]
        ids = [await relay.appended(entry(each)) for each in texts]
        self.assertTrue(await relay.has(ids[7]))
        for wrong in b"1-1", b"x", b"18446744073709551616-0", b"1", b"1-1-1":
            self.assertFalse(await relay.has(wrong))
        self.assertEqual(await relay.length(), 100)
        entries = [(id, entry(text)) for id, text in zip(ids, texts, strict=True)]
        self.assertEqual(await relay.before(ids[90], 50), entries[41:91])
        self.assertEqual(await relay.before(ids[90], 1000), entries[:91])
        self.assertEqual(await relay.before(ids[90], 0), [])

    async def test_readAgain(self) -> None:
        """A read replaces the one before, also while that waits for entries."""
        relay, user = await self.connected(self.url)
        ids = [await relay.appended(entry(b"%d" % each)) for each in range(40)]
        relay.read(ids[38])
        self.assertEqual(await user.contents(1), [entry(b"39")])
        relay.read(ids[9])
        relay.read(ids[36])
        relay.append(entry(b"40"))
        texts = b"37", b"38", b"39", b"40"
        self.assertEqual(await user.contents(4), [entry(each) for each in texts])

    async def test_pause(self) -> None:
        """Nothing is received between pause and resume."""
        relay, user = await self.connected(self.url)
        other, second = await self.connected(self.url)
        relay.read(BEGINNING)
        relay.append(entry(b"0"))
        self.assertEqual(await user.contents(1), [entry(b"0")])
        relay.pause()
        other.read(BEGINNING)
        for each in range(1, 100):
            relay.append(entry(b"%d" % each))
        await second.contents(100)
        self.assertEqual(user.events.pending, [])
        relay.resume()
        texts = [b"%d" % each for each in range(1, 100)]
        self.assertEqual(await user.contents(99), [entry(each) for each in texts])

    async def test_bounded(self) -> None:
        """The stream is trimmed, and keeps what is promised.  A reader that was away
        for too long is told so."""
        relay, user = await self.connected(self.url)
        first = await relay.appended(entry(b"first"))
        for each in range(relay.keeps + 1000):
            relay.append(entry(b"%d" % each))
        length = await relay.length()
        self.assertTrue(relay.keeps <= length < relay.keeps + 200, length)
        relay.read(first)
        self.assertEqual(await user.next(), ("trimmed",))
        [[last, _]] = await relay.before(b"18446744073709551615-0", 1)
        [[place, _], *_] = await relay.before(last, length)
        relay.read(place)
        found = await user.contents(length - 1)
        self.assertEqual(found[-1], entry(b"%d" % (relay.keeps + 999)))

    async def test_stop(self) -> None:
        """What was appended before the stop is in the stream, and nothing is called
        after it."""
        relay, user = await self.connected(self.url)
        relay.read(BEGINNING)
        for _ in range(1000):
            relay.append(entry(os.urandom(1000)))
        await relay.stop()
        self.assertEqual(self.server.command("XLEN", "room"), b"1000")
        self.assertEqual(user.events.pending, [])


class PresenceTests(RelayCase):
    """
    Daemons are present, and claim things.
    """

    def setUp(self) -> None:
        """Start a server."""
        self.server = RedisServer(self)
        self.url = self.server.url()

    async def test_presence(self) -> None:
        """A daemon is present with its state until it expires or is forgotten."""
        relay, _ = await self.connected(self.url)
        self.assertFalse(await relay.keep(b"a", None))
        self.assertEqual(await relay.present(), set())
        for name, state in (b"a", OCTETS), (b"b", b"2"), (b"c", b"3"):
            self.assertTrue(await relay.keep(name, state))
        self.assertTrue(await relay.keep(b"a", None))
        self.assertEqual(await relay.present(), {b"a", b"b", b"c"})
        states = {b"a": OCTETS, b"b": b"2", b"c": b"3"}
        self.assertEqual(await relay.states(), states)
        await relay.forget(b"b")
        self.server.command("PEXPIRE", "room:daemon:c", "-1")
        self.assertEqual(await relay.states(), {b"a": OCTETS})
        self.assertEqual(await relay.present(), {b"a"})
        self.assertEqual(self.server.command("SMEMBERS", "room:daemons"), b"a")
        self.assertFalse(await relay.keep(b"c", None))

    async def test_expiry(self) -> None:
        """Each renewal makes the presence expire after the same time."""
        relay, _ = await self.connected(self.url)
        for state in b"1", None:
            await relay.keep(b"a", state)
            left = int(self.server.command("PTTL", "room:daemon:a"))
            self.assertTrue(PRESENT * 1000 - 5000 < left <= PRESENT * 1000, left)
            self.server.command("PEXPIRE", "room:daemon:a", "9000")

    async def test_claim(self) -> None:
        """One daemon gets a claim, until it expires."""
        one, _ = await self.connected(self.url)
        other, _ = await self.connected(self.url)
        self.assertTrue(await one.claim(b"begin", 5))
        self.assertFalse(await other.claim(b"begin", 5))
        self.assertTrue(await other.claim(b"gone:a", 0.05))
        while not await one.claim(b"gone:a", 5):
            pass
        left = int(self.server.command("PTTL", "room:claim:gone:a"))
        self.assertTrue(0 < left <= 5000, left)

    async def test_hostileState(self) -> None:
        """Of a state that is too long, only a part is read."""
        relay, _ = await self.connected(self.url)
        await relay.keep(b"a", b"1")
        self.server.command("SETRANGE", "room:daemon:a", "100000000", "x")
        states = await relay.states()
        self.assertEqual(len(states[b"a"]), 1 << 22)

    async def test_permissions(self) -> None:
        """A user with permission for some commands and keys does all of it."""
        rules = "on", ">secret", "~room", "~room:*", "-@all", *COMMANDS
        server = RedisServer(self, "--user", "few", *rules)
        relay, user = await self.connected(server.url(user="few"), b"secret")
        relay.read(BEGINNING)
        id = await relay.appended(entry(b"1"))
        self.assertEqual(await user.contents(1), [entry(b"1")])
        self.assertTrue(await relay.has(id))
        self.assertEqual(await relay.length(), 1)
        self.assertEqual(await relay.before(id, 9), [(id, entry(b"1"))])
        self.assertTrue(await relay.claim(b"a", 1))
        for name in b"a", b"b":
            self.assertTrue(await relay.keep(name, b"1"))
            self.assertTrue(await relay.keep(name, None))
        await relay.forget(b"a")
        self.assertEqual(await relay.states(), {b"b": b"1"})
        server.command("--user", "few", "--pass", "secret", "DEL", "room:daemon:b")
        self.assertEqual(await relay.present(), set())
        self.assertEqual(user.events.pending, [])
