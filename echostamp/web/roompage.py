"""
The page of the conversation.  Its script does the rest.
"""

from __future__ import annotations

import gzip

from echostamp.web.frame import PAGE_END, pageHead
from echostamp.web.request import WebRequest

_CONTENT = """\
<h1>Room</h1>
<noscript><p class="error">This page needs JavaScript. Without it, join by
<code>echostamp talk --name NAME HOST:PORT</code> or <code>nc HOST PORT</code>.</p>
</noscript>
<form id="join" hidden>
<label>Your name <input id="name" autocomplete="nickname" maxlength="32"
 pattern="[A-Za-z0-9.:_\\[\\]\\-]+" title="1 to 32 ASCII letters, digits and .:_-[]"
 spellcheck="false" autocapitalize="none"></label>
<button>Join</button>
<span class="muted">Without a name you are your address.</span>
</form>
<section id="room" hidden>
<div id="lines" role="log" aria-live="polite" aria-label="Conversation"
 tabindex="0"></div>
<button type="button" id="newer" hidden>Newer lines</button>
<form id="say">
<label for="line" id="who"></label>
<input id="line" autocomplete="off" enterkeyhint="send" aria-label="Your line">
<button>Send</button>
<button type="button" id="leave">Leave</button>
</form>
<p class="muted">Everybody in the room sees what you send, and your name.
<code>/help</code> lists the commands, if the daemon has any.</p>
</section>
"""


def roomPage(request: WebRequest) -> None:
    """Answer a request for the page."""
    if not request.beginPage():
        return
    head = pageHead(
        "Room \N{EN DASH} EchoStamp",
        here="Room",
        styles=["room.css"],
        scripts=["room.js"],
        refresh=0,
        hasRoom=True,
    )
    body = f"{head}{_CONTENT}{PAGE_END}".encode()
    request.write(gzip.compress(body) if request.takesGzip else body)
    request.finish()
