"""
A web site in memory whose C{/api/v1/} is read.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.documents import validator
from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import Answer, FakeSource, WebClient
from echostamp.web.site import WebSite, webPages


def apiValidator(name: str) -> Any:
    """
    Give what checks an answer of C{/api/v1/}.

    @param name: of its definition in the schema.
    @raise SkipTest: there is no source tree, or no jsonschema.
    """
    schema = dict(validator(name="api.schema.json").schema)
    del schema["oneOf"]
    jsonschema: Any = importlib.import_module("jsonschema")
    return jsonschema.Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})


class SiteCase(SynchronousTestCase):
    """
    A test of an answer of a web site.
    """

    def setUp(self) -> None:
        """Make a site."""
        self.reactor = FakeReactor()
        self.source = FakeSource()
        self.setUpSite()

    def setUpSite(self) -> None:
        """Make a site of what is there now."""
        self.site = WebSite(self.reactor, webPages(self.reactor, self.source))

    def client(self, room: int = 1 << 30) -> WebClient:
        """Connect."""
        return WebClient(self.site, self.reactor, room)

    def turns(self, *clients: WebClient) -> None:
        """Let the reactor run until no answer is being made."""
        calls, now = self.reactor.getDelayedCalls, self.reactor.seconds()
        while any(each.getTime() <= now for each in calls()):
            self.reactor.advance(0)
            for client in clients:
                client.connection.turn()

    def get(self, path: str, *headers: str, method: str = "GET") -> Answer:
        """Ask for a page."""
        client = self.client()
        client.get(path, *headers, method=method)
        self.turns(client)
        return client.answer(hasBody=method == "GET")

    def json(self, path: str, name: str) -> Any:
        """Ask for a page of JSON, which the schema describes under a name."""
        found = self.get(path)
        self.assertEqual(found.status, 200, found.body)
        document = json.loads(found.text)
        apiValidator(name).validate(document)
        return document

    def assertRefused(self, path: str, status: int, why: str) -> None:
        """Check that a request is refused in a line of text."""
        found = self.get(path)
        self.assertEqual((found.status, found.text), (status, f"{why}\n"))
        self.assertEqual(found.headers["content-type"], "text/plain; charset=utf-8")
        for name in "content-encoding", "content-disposition":
            self.assertNotIn(name, found.headers)
