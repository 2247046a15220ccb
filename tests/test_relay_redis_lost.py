"""Acceptance tests of the relay on Redis where Redis refuses, is away, or hostile."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from echostamp.daemon.redisconnection import TOO_LONG
from echostamp.daemon.redisprobes import probes
from echostamp.intercom.entries import Fields
from echostamp.intercom.relay import BEGINNING, RelayError
from tests.harness import deadPort
from tests.redisservers import LASTING, RedisServer, RelayCase, User, entry
from tests.tlspeers import lastingFiles

#: Octets of an entry that no relay reads.
LONG = 17 << 20


class Other(Protocol):
    """
    A server that sends something, whatever it hears.
    """

    def __init__(self, text: bytes) -> None:
        """
        @param text: what it sends.
        """
        self.text = text

    def dataReceived(self, data: bytes) -> None:
        """Send it."""
        assert self.transport is not None
        self.transport.write(self.text)


class RefusalTests(RelayCase):
    """
    Why a relay cannot be used is said in one line.
    """

    async def why(self, url: str, *more: object) -> str:
        """Start a relay, and give why it is not connected."""
        _, user = self.relay(url, *more)
        what, why = await user.next()
        self.assertEqual(what, "disconnected")
        self.assertTrue(why.isprintable() and why, why)
        return str(why)

    async def test_unreachable(self) -> None:
        """Nobody listens; a name has no address."""
        why = await self.why(f"redis://127.0.0.1:{deadPort(self)}/room")
        self.assertEqual(why, "Connection refused")
        why = await self.why("redis://none.invalid/room")
        self.assertEqual(why, "the name does not resolve")

    async def test_passwords(self) -> None:
        """The password is missing, wrong, or not wanted."""
        url = RedisServer(self, "--requirepass", "secret").url()
        await self.connected(url, b"secret")
        wanted = "it wants a password; see --relay-password-file"
        self.assertEqual(await self.why(url), wanted)
        wrong = "the user or the password is wrong"
        self.assertEqual(await self.why(url, b"other"), wrong)
        why = await self.why(RedisServer(self).url(), b"secret")
        self.assertEqual(why, "it has no password; leave --relay-password-file out")

    async def test_users(self) -> None:
        """A user needs its own password, and permission for each command and key."""
        rules = "on", ">secret", "~room*", "+@all"
        server = RedisServer(
            self,
            *("--user", "whole", *rules),
            *("--user", "reader", *rules, "-xadd"),
            *("--user", "stranger", *rules[:2], "~other", "+@all"),
        )
        relay, _ = await self.connected(server.url(user="whole"), b"secret")
        self.assertTrue(await relay.keep(b"a", b"1"))
        why = await self.why(server.url(user="whole"), b"other")
        self.assertEqual(why, "the user or the password is wrong")
        why = await self.why(server.url(user="reader"), b"secret")
        self.assertRegex(why, "^no permission for XADD: .*'xadd' command$")
        why = await self.why(server.url(user="stranger"), b"secret")
        self.assertRegex(why, "^no permission for XLEN: .* key")

    async def test_permissions(self) -> None:
        """Any permission that is missing is named before the relay is connected, so
        that nobody is told again and again that it is."""
        rules = "on", ">secret", "~room*", "+@all"
        commands = [name for name, *_ in probes(b"room")]
        users: list[str] = []
        for command in commands:
            users += ["--user", command.decode(), *rules, f"-{command.decode()}"]
        users += ["--user", "stream", "on", ">secret", "~room", "+@all"]
        server = RedisServer(self, *users)
        for command in commands:
            name = command.decode()
            why = await self.why(server.url(user=name), b"secret")
            self.assertRegex(why, f"^no permission for {name}: ")
        why = await self.why(server.url(user="stream"), b"secret")
        self.assertRegex(why, "^no permission for SRANDMEMBER: .* key")

    async def test_keys(self) -> None:
        """The key holds something else."""
        server = RedisServer(self)
        server.command("SET", "room", "1")
        why = await self.why(server.url())
        self.assertEqual(why, "the key 'room' is no stream")
        server.command("SET", "hall:daemons", "1")
        why = await self.why(server.url("hall"))
        expected = "the key 'hall:daemons' holds another type than SRANDMEMBER needs"
        self.assertEqual(why, expected)

    async def test_noStreams(self) -> None:
        """A server without streams is named."""
        server = RedisServer(self, "--rename-command", "XLEN", "")
        why = await self.why(server.url())
        self.assertEqual(why, "it has no XLEN: Redis 5 or newer is needed")

    async def test_memory(self) -> None:
        """So is one that has no memory left, or does not take writes."""
        server = RedisServer(self, "--maxmemory", "1")
        why = await self.why(server.url())
        self.assertRegex(why, "^XADD: OOM command not allowed")
        server = RedisServer(self, "--replicaof", "127.0.0.1", str(deadPort(self)))
        why = await self.why(server.url())
        self.assertRegex(why, "^XADD: READONLY ")

    async def test_otherProtocol(self) -> None:
        """A server of another protocol is given up."""
        for text in b"\xff\r\n", b"x" * 100_000, b"*x\r\n", b"+1\r\n":
            server: Any = Factory.forProtocol(partial(Other, text))
            port: Any = reactor.listenTCP(0, server, interface="127.0.0.1")
            self.addCleanup(port.stopListening)
            why = await self.why(f"redis://127.0.0.1:{port.getHost().port}/room")
            self.assertEqual(why, "it does not speak Redis' protocol", text)


class TlsTests(RelayCase):
    """
    Over C{rediss:} the name and the chain are verified.
    """

    def setUp(self) -> None:
        """Start a server with a certificate."""
        self.files = lastingFiles()
        self.server = RedisServer(self, pem=self.files.server)
        self.url = self.server.url(scheme="rediss")

    async def test_trusted(self) -> None:
        """A server whose certificate is right is used."""
        relay, user = await self.connected(self.url, None, self.files.ca)
        relay.read(BEGINNING)
        texts = [b"%d" % each * 30_000 for each in range(10)]
        for each in texts:
            relay.append(entry(each))
        self.assertEqual(await user.contents(10), [entry(each) for each in texts])

    async def test_untrusted(self) -> None:
        """One of another CA is not; nor is one that wants TLS, without rediss."""
        for ca in None, self.files.otherCa:
            _, user = self.relay(self.url, None, ca)
            why = "its certificate is of an unknown CA; see --relay-ca"
            self.assertEqual(await user.next(), ("disconnected", why))
        _, user = self.relay(self.server.url())
        _, why = await user.next()
        self.assertIn(why, ("it closed the connection", "the connection was lost"))

    async def test_name(self) -> None:
        """One for another name is not."""
        pem = self.files.write(
            "elsewhere.pem", self.files.authority.issue(hosts=("redis.invalid",))
        )
        url = RedisServer(self, pem=pem).url(scheme="rediss")
        _, user = self.relay(url, None, self.files.ca)
        why = "its certificate is not for '127.0.0.1'"
        self.assertEqual(await user.next(), ("disconnected", why))

    def test_noCa(self) -> None:
        """A file of CAs that cannot be read is named with its option."""
        error = self.assertRaises(ValueError, self.relay, self.url, None, "none.pem")
        self.assertRegex(str(error), "^--relay-ca 'none.pem': ")


class LostTests(RelayCase):
    """
    Redis is away for a while.
    """

    async def again(self, user: User) -> str:
        """Wait until a relay is connected again, and give why it was not."""
        what, why = await user.next()
        self.assertEqual(what, "disconnected")
        while (event := await user.next()) != ("connected",):
            self.assertEqual(event[0], "disconnected")
        return str(why)

    async def test_kill(self) -> None:
        """After a kill -9 the relay is connected again; what Redis keeps is read on,
        and what was asked has failed."""
        server = RedisServer(self, *LASTING)
        relay, user = await self.connected(server.url())
        relay.read(BEGINNING)
        id = await relay.appended(entry(b"1"))
        await user.contents(1)
        server.freeze()
        asked = relay.length()
        server.kill()
        await self.assertFailure(asked, RelayError)
        self.assertIn("disconnected", (await user.next())[0])
        await self.assertFailure(relay.length(), RelayError)
        relay.append(entry(b"lost"))
        server.start()
        while (await user.next()) != ("connected",):
            pass
        self.assertTrue(await relay.has(id))
        relay.read(id)
        relay.append(entry(b"2"))
        self.assertEqual(await user.contents(1), [entry(b"2")])

    async def test_emptied(self) -> None:
        """A server that comes back without its data has no earlier entry."""
        server = RedisServer(self, "--save", "")
        relay, user = await self.connected(server.url())
        id = await relay.appended(entry(b"1"))
        server.kill()
        server.start()
        await self.again(user)
        self.assertFalse(await relay.has(id))
        self.assertEqual(await relay.length(), 0)

    async def test_stopped(self) -> None:
        """A server that is stopped is given up after 10 s, also where nothing was asked
        but new entries, and not before."""
        server = RedisServer(self)
        relay, user = await self.connected(server.url())
        relay.read(BEGINNING)
        relay.append(entry(b"1"))
        await user.contents(1)
        server.freeze()
        self.assertEqual(
            await user.next(), ("disconnected", "it did not answer for 10 s")
        )
        server.thaw()
        while (await user.next()) != ("connected",):
            pass

    async def test_stopWhileSilent(self) -> None:
        """A relay does not wait for long for a server that is stopped."""
        server = RedisServer(self)
        relay, user = await self.connected(server.url())
        server.freeze()
        asked = relay.appended(entry(b"1"))
        began = time.monotonic()
        await relay.stop()
        self.assertLess(time.monotonic() - began, 5)
        await self.assertFailure(asked, RelayError)
        self.assertEqual(user.events.pending, [])


class LongTests(RelayCase):
    """
    Somebody has written what is too long.
    """

    async def test_passedOver(self) -> None:
        """An entry that alone is too long is passed over; all others are read, and so
        are those before a place."""
        server = RedisServer(self)
        relay, user = await self.connected(server.url())
        texts = [b"%d" % each for each in range(6)]
        for each in texts[:3]:
            last = await relay.appended(entry(each))
        long = server.command("XADD", "room", "*", "t", last=bytes(LONG))
        for each in texts[3:]:
            last = await relay.appended(entry(each))
        place, whys = BEGINNING, set()
        found: list[Fields] = []
        relay.read(place)
        while len(found) < 6:
            event = await user.next()
            if event[0] == "connected":
                relay.read(place)
            elif event[0] == "disconnected":
                whys.add(event[1])
            else:
                _, place, fields = event
                found.append(fields)
        self.assertEqual(found, [entry(each) for each in texts])
        self.assertEqual(whys, {TOO_LONG})
        self.assertFalse(await relay.has(long))
        before = [fields for _, fields in await relay.before(last, 100)]
        self.assertEqual(before, found)
        before = [fields for _, fields in await relay.before(long, 2)]
        self.assertEqual(before, found[1:3])

    async def test_manyStrings(self) -> None:
        """So is one of very many strings."""
        server = RedisServer(self)
        many = server.command("XADD", "room", "*", *("f", "") * 10_000)
        relay, user = await self.connected(server.url())
        relay.append(entry(b"1"))
        relay.read(BEGINNING)
        for _ in range(2):
            self.assertEqual(await user.next(), ("disconnected", TOO_LONG))
            self.assertEqual(await user.next(), ("connected",))
            relay.read(BEGINNING)
        self.assertEqual(await user.contents(1), [entry(b"1")])
        self.assertFalse(await relay.has(many))

    async def test_asked(self) -> None:
        """So it is where it is found when a place is asked for."""
        server = RedisServer(self)
        long = server.command("XADD", "room", "*", "t", last=bytes(LONG))
        relay, user = await self.connected(server.url())
        for _ in range(2):
            await self.assertFailure(relay.has(long), RelayError)
            self.assertEqual(await user.next(), ("disconnected", TOO_LONG))
            self.assertEqual(await user.next(), ("connected",))
        self.assertFalse(await relay.has(long))
        self.assertEqual(await relay.before(long, 9), [])
