"""
The house: which room of the package may import which, and the other rules that the
source keeps.  L{echostamp.test.test_architecture} holds the tree to these tables;
C{docs/draw_rooms.py} draws the first.

A table that has to grow is a decision.  Each exception says its reason.
"""

from __future__ import annotations

#: What each room imports.  C{room.module} allows that module only.  A room may always
#: import its own modules and the leaves.
ARROWS: dict[str, tuple[str, ...]] = {
    "client": (
        "talk",
        "report",
        "probe",
        "history",
        "monitor",
        "connect",
        "measure",
        "intercom.naming",
        "running",
    ),
    "daemon": (
        "web",
        "history",
        "monitor",
        "probe.surroundings",
        "listen",
        "connect",
        "intercom",
        "line",
        "rfc8762",
        "workers",
    ),
    "web": (
        "plots",
        "history",
        "report",
        "monitor",
        "measure",
        "connect",
        "intercom",
    ),
    "plots": ("history.row", "monitor.event", "measure.verdicts"),
    "history": ("monitor", "measure"),
    "monitor": ("probe", "connect", "measure"),
    "talk": ("connect", "intercom", "line", "running"),
    "report": (
        "measure",
        "rfc8762.findings",
        "rfc8762.hops",
        "rfc8762.timestamps",
        "rfc8762.tlvvalues",
    ),
    "probe": ("connect", "line", "rfc8762", "measure"),
    "listen": ("tls", "line"),
    "connect": ("tls",),
    "intercom": ("line",),
    "line": (),
    "rfc8762": (),
    "tls": (),
    "measure": (),
    "workers": (),
    # Modules beside the rooms.
    "running": (),
    "__main__": ("client",),
    "twisted/plugins": (),
}

#: What each room is for.
ROOMS: dict[str, str] = {
    "client": "the echostamp command",
    "daemon": "what twistd runs",
    "web": "status page, /metrics",
    "plots": "rows as plots in SVG",
    "history": "what was measured",
    "monitor": "watches peers all the time",
    "talk": "the interactive client",
    "report": "a Result as text and JSON",
    "probe": "sends and follows probes",
    "listen": "how connections come in",
    "connect": "from a target to a link",
    "intercom": "the conversation",
    "line": "the line protocol",
    "rfc8762": "STAMP",
    "tls": "TLS",
    "measure": "from T1..T4 to a Result",
    "workers": "processes of one daemon",
}

#: Rooms that do not exist yet: their arrows are decided before their code.
PLANNED: tuple[str, ...] = ()

#: Modules that everything may import.
LEAVES = (
    "stamps",
    "addresses",
    "endpointparts",
    "units",
    "values",
    "times",
    "ring",
    "text",
    "markup",
    "tcpinfo",
    "exitstatus",
    "baresocket",
    "transportabove",
    "fileversions",
    "keyfiles",
    "columns",
)

#: The leaves that leaves may import.
LEAVES_OF_LEAVES = ("text", "times", "addresses", "units")

#: Modules that import no Twisted and no zope, and of ours only leaves and pure modules
#: of their own room.  C{room.*} names every module of a room.
PURE = (
    "stamps",
    "addresses",
    "endpointparts",
    "units",
    "values",
    "times",
    "ring",
    "text",
    "markup",
    "columns",
    "line.stamper",
    "line.replies",
    "line.settings",
    "line.stampclock",
    "intercom.allowance",
    "intercom.commands",
    "intercom.entries",
    "intercom.entryvalues",
    "intercom.formatting",
    "intercom.naming",
    "intercom.outbox",
    "intercom.parsing",
    "intercom.recalling",
    "intercom.recent",
    "intercom.sharedroom",
    "rfc8762.admission",
    "rfc8762.answers",
    "rfc8762.findings",
    "rfc8762.hops",
    "rfc8762.keys",
    "rfc8762.lastdurations",
    "rfc8762.losses",
    "rfc8762.observations",
    "rfc8762.packets",
    "rfc8762.policy",
    "rfc8762.sendersession",
    "rfc8762.sentpackets",
    "rfc8762.sessions",
    "rfc8762.settledlosses",
    "rfc8762.timestamps",
    "rfc8762.tlvreading",
    "rfc8762.tlvs",
    "rfc8762.tlvvalues",
    "measure.*",
    "daemon.relayplace",
    "client.reporttable",
    "client.keys",
    "client.watchrow",
    "client.watchtable",
    "client.watchview",
    "monitor.defaults",
    "monitor.event",
    "monitor.metricformats",
    "monitor.metricnames",
    "monitor.metrictext",
    "monitor.pausedprobes",
    "monitor.spanfigures",
    "monitor.steps",
    "monitor.tally",
    "monitor.totals",
    "monitor.tomlpieces",
    "monitor.mistakes",
    "monitor.peerkeys",
    "monitor.peervalues",
    "probe.flights",
    "probe.messages",
    "probe.plan",
    "probe.schedule",
    "probe.slots",
    "history.document",
    "history.minutes",
    "history.mixture",
    "history.row",
    "history.steps",
    "plots.*",
    "listen.descriptions",
    "listen.proxyheader",
    "listen.proxyline",
    "talk.exchange",
    "talk.shown",
    "talk.bell",
    "talk.members",
    "talk.regaining",
    "talk.unanswered",
    "talk.wrapping",
    "tls.engine",
    "tls.pem",
    "tls.subject",
    "web.cells",
    "web.celltexts",
    "web.eventtable",
    "web.faults",
    "web.fields",
    "web.frame",
    "web.frames",
    "web.judgedrow",
    "web.judgedrows",
    "web.links",
    "web.matrix",
    "web.matrixfilter",
    "web.matrixparts",
    "web.places",
    "web.query",
    "web.ranges",
    "web.requestheaders",
    "web.routes",
    "web.rowdata",
    "web.rowdocument",
    "web.totals",
    "web.troubles",
    "workers.restarts",
    "workers.table",
)

#: Pure modules that import a pure module of another room, and the reason.
PURE_ACROSS_ROOMS: dict[tuple[str, str], str] = {
    ("history.minutes", "measure.delay"): "a row has figures of a summary",
    ("history.minutes", "measure.verdicts"): "a row has a name for each verdict",
    ("history.minutes", "measure.oneway"): "a row has figures of each way",
    ("history.minutes", "monitor.spanfigures"): "a row is made of a span's figures",
    ("history.minutes", "monitor.tally"): "a row is made of a peer's counters",
    ("client.reporttable", "history.row"): "the table shows rows of a history",
    ("history.document", "measure.verdicts"): "a verdict has the words of measure",
    ("history.mixture", "measure.verdicts"): "the worst verdict stays",
    ("client.reporttable", "measure.verdicts"): "an offset that does not fit is marked",
    ("intercom.parsing", "line.replies"): (
        "the intercom's lines are the line protocol's: replies are counted once"
    ),
    ("talk.exchange", "intercom.parsing"): "replies are found among others' lines",
    ("talk.members", "intercom.parsing"): "where a piece comes from is said once",
    ("talk.regaining", "intercom.naming"): "the rules for names are said once",
    ("talk.shown", "line.replies"): "replies are counted once",
    ("monitor.spanfigures", "measure.result"): "a span has the figures of its probes",
    ("monitor.peerkeys", "probe.messages"): "the sizes of messages are keys' limits",
    ("probe.plan", "measure.samples"): "a plan says how many probes are kept",
    ("probe.plan", "measure.windowspec"): "a plan names the windows that are kept",
    ("web.eventtable", "monitor.event"): "a table is of events",
    ("web.eventtable", "plots.eventmarks"): "its signs and words are those of marks",
    ("web.eventtable", "plots.timezones"): "its times are in the zone of the plots",
    ("plots.eventmarks", "monitor.event"): "marks are of events",
    ("plots.lossplot", "history.row"): "a plot is of rows",
    ("plots.offsetplot", "history.row"): "a plot is of rows",
    ("plots.offsetplot", "measure.verdicts"): "a strip shows the verdicts",
    ("plots.plotframe", "history.row"): "a plot is of rows",
    ("plots.plotpaths", "history.row"): "a plot is of rows",
    ("plots.rowvalues", "history.row"): "a plot is of rows",
    ("web.cells", "measure.offsetwindow"): "an offset's verdict is judged",
    ("web.query", "monitor.mistakes"): (
        "an unknown parameter is corrected as an unknown key of a peer"
    ),
    ("web.rowdocument", "measure.offsetwindow"): (
        "the verdicts of another daemon are those of the measurement"
    ),
    ("web.rowdocument", "monitor.steps"): "a long row is read in small steps",
}

#: Files that import modules of ours inside a function, the modules, and the reason.
LATE_IMPORTS: dict[str, tuple[tuple[str, ...], str]] = {
    "echostamp/daemon/relaypart.py": (
        ("daemon.relaying",),
        "txredisapi is optional, and imports much",
    ),
    "echostamp/__main__.py": (
        ("client",),
        "SIGINT must end the process in silence while these are imported",
    ),
    "echostamp/client/reactor.py": (
        ("client.epoll",),
        "a process has one reactor, and some systems have no epoll",
    ),
    "echostamp/client/pingoptions.py": (
        (
            "client.reactor",
            "client.output",
            "client.ping",
            "measure.thresholds",
            "probe.plan",
        ),
        "Twisted takes long to import, and the help does not need it",
    ),
    "echostamp/client/probeoptions.py": (
        ("connect.tls", "probe.dialers", "probe.plan", "probe.route"),
        "Twisted takes long to import, and the help does not need it",
    ),
    "echostamp/client/reportoptions.py": (
        ("client.historyreport",),
        "Twisted takes long to import, and the help does not need it",
    ),
    "echostamp/client/talkoptions.py": (
        ("client.reactor", "connect.tls", "talk.run", "talk.terminal"),
        "Twisted takes long to import, and the help does not need it",
    ),
    "echostamp/client/watchoptions.py": (
        (
            "client.reactor",
            "client.peerfiles",
            "client.watch",
            "monitor.mistakes",
            "monitor.peer",
            "probe.plan",
        ),
        "Twisted takes long to import, and the help does not need it",
    ),
    "echostamp/daemon/portsettings.py": (
        ("listen.proxy",),
        "few daemons have a proxy: endpoint; the others start faster",
    ),
    "echostamp/daemon/optionalparts.py": (
        (
            "daemon.watching",
            "daemon.historymaking",
            "daemon.website",
            "daemon.workers",
        ),
        "few daemons watch peers, or have a history, a web site or workers; the others "
        "start faster",
    ),
    "echostamp/daemon/roompages.py": (
        ("web.upgrade",),
        "wsproto is an optional dependency",
    ),
    "echostamp/daemon/reflecting.py": (
        ("rfc8762.sockets",),
        "a daemon without --reflector starts faster, and with less memory",
    ),
    "echostamp/daemon/reflectorrules.py": (
        ("rfc8762",),
        "a daemon without --reflector starts faster, and with less memory",
    ),
    "echostamp/daemon/reflectorworkers.py": (
        ("rfc8762.sessions",),
        "a daemon without --reflector starts faster, and with less memory",
    ),
    "echostamp/probe/dialers.py": (
        (
            "probe.sharing",
            "probe.stampsession",
            "probe.udpdialer",
            "rfc8762.sharedports",
        ),
        "a run over the line protocol starts faster",
    ),
    "echostamp/probe/prober.py": (
        ("probe.windowedprobes",),
        "a run that keeps its probes starts faster",
    ),
    "echostamp/report/document.py": (
        ("report.stampdocument",),
        "a run over the line protocol ends faster",
    ),
    "echostamp/report/summary.py": (
        ("report.stampfigures",),
        "a run over the line protocol ends faster",
    ),
    "echostamp/talk/run.py": (
        ("talk.editing", "talk.linehistory"),
        "prompt_toolkit is an optional dependency",
    ),
    "echostamp/web/others.py": (
        ("web.fetching",),
        "few daemons read the rows of others; the rest have no web client in memory",
    ),
}

#: Where C{from twisted.internet import reactor} is allowed: file and function.  The
#: import installs a reactor, so only what starts the program may do it.
REACTOR_IMPORTS = (
    ("echostamp/daemon/service.py", "makeService"),
    ("echostamp/daemon/worker.py", "main"),
    ("echostamp/client/reactor.py", "installedReactor"),
)

#: Packages and modules that the program does not import, and the reason.
BANNED_IMPORTS: dict[str, str] = dict.fromkeys(
    (
        "OpenSSL",
        "cryptography",
        "service_identity",
        "twisted.internet.ssl",
        "twisted.protocols.tls",
    ),
    "TLS is the standard library's",
)

#: Files that use private names of Twisted, and the reason.
PRIVATE_NAMES_OF_TWISTED: dict[str, str] = {}

#: Public names that two classes of the package have, and the reason.
SHARED_CLASS_NAMES: dict[str, str] = {}

#: The most lines of a function, arguments of a constructor, and lines of a file.
MOST_FUNCTION_LINES, MOST_ARGUMENTS, MOST_FILE_LINES = 60, 6, 300

#: Functions that are longer, and the reason.
LONG_FUNCTIONS: dict[str, str] = {}

#: Classes whose constructors take more arguments, and the reason.
WIDE_CONSTRUCTORS: dict[str, str] = {}

#: Files that are longer, and the reason.
LONG_FILES: dict[str, str] = {
    "echostamp/line/protocol.py": "one class: all events of a connection",
    "echostamp/probe/prober.py": "one class: all events of a run",
    "echostamp/tls/transport.py": "one class: all events of a connection",
}

#: What plain English does without: what it is called, and its regular expression.  Each
#: is looked for in docstrings, comments, messages, help texts and pages of docs.
BANNED_PHRASES: dict[str, str] = {
    "be told": r"\bbe\s+told\b",
    "anew": r"\banew\b",
    "for ever": r"\bfor\s+ever\b",
    "a sentence that begins with Who or Whom": (
        r"(?:\A\s*|[.!?:][\"')}`]*\s+|\n\s*\n\s*|(?:^|\s)[-*]\s+|\s{2,})Whom?\b"
    ),
    "an installation by the bare name, which no package index has": (
        r"\bpipx?\s+(?:install|run)\s+(?:-\S+\s+)*[\"']?echostamp\b"
    ),
}

#: Lines that hold such a phrase and may: the file, a part of the line, and the reason.
PHRASES_THAT_MAY_STAY: tuple[tuple[str, str, str], ...] = ()
