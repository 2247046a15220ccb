"""
How Sphinx builds the site: C{sphinx-build -c docs . build/site}, at the top of the
repository.

The sources are the pages as they lie in the repository, so a link from page to page is
the same on a code host and here.
"""

from __future__ import annotations

import posixpath
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.logging import getLogger

from echostamp import __version__

ROOT = Path(__file__).parents[1]

project = "EchoStamp"
author = "The EchoStamp authors"
version = release = __version__

root_doc = "docs/index"
include_patterns = ["*.rst", "docs/*.rst", "bench/*.rst", "fuzz/*.rst"]
exclude_patterns = [".*"]
# It leads from the top of the site to the index.
html_extra_path = ["index.html"]

highlight_language = "none"
smartquotes = False
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "sidebar_width": "240px"}
html_show_copyright = html_show_sourcelink = html_copy_source = False

# What docstrings name of Python's library, by the page that has it, and of Twisted, by
# its module.
PYTHON = {
    "argparse": ["argparse.ArgumentTypeError"],
    "array": ["array.array"],
    "constants": ["False", "None"],
    "exceptions": ["TimeoutError"],
    "functions": ["float", "int"],
    "select": ["select.epoll"],
    "ssl": [
        "ssl.SSLCertVerificationError",
        "ssl.SSLError",
        "ssl.SSLSocket.getpeercert",
    ],
}
TWISTED = {
    "twisted.internet.defer": ["Deferred"],
    "twisted.internet.error": ["ConnectBindError", "DNSLookupError"],
    "twisted.internet.interfaces": [
        "IConsumer",
        "IHostnameResolver",
        "IProcessTransport",
        "IReactorCore",
        "IReactorFDSet",
        "IReactorProcess",
        "IReactorTCP",
        "IReactorTime",
        "ISSLTransport",
        "ITransport",
    ],
    "twisted.internet.stdio": ["StandardIO"],
    "twisted.internet.task": ["SchedulerStopped"],
    "twisted.protocols.basic": ["LineReceiver"],
    "twisted.web.client": ["Agent"],
}

# The manual pages are pages of the site, too, where something can make HTML of them.
mandoc = shutil.which("mandoc")
manuals = {f"docs/{each.name}" for each in ROOT.glob("docs/*.[18]") if mandoc}

#: Where mandoc finds a manual page: one of ours, or another one.
MANUALS = "%N.%S.html;https://manpages.debian.org/%N.%S"


def resolveLinks(app: Sphinx, doctree: nodes.document) -> None:
    """
    Turn the links to files into the site's own: to the page, or to a copy of the file.
    A link to a folder becomes plain text, and so do titles that lead to the contents.
    """
    here = app.env.docname
    for title in doctree.findall(nodes.title):
        title.attributes.pop("refid", None)
    for link in list(doctree.findall(nodes.reference)):
        path, _, anchor = link.get("refuri", "").partition("#")
        found = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
        if not path or ":" in path or found.startswith("api/"):
            continue
        page = found.removesuffix(".rst")
        if page in app.env.found_docs | manuals:
            uri = app.builder.get_relative_uri(here, page)
            link["refuri"] = f"{uri}#{anchor}" if anchor else uri
        elif (ROOT / found).is_file():
            copy = addnodes.download_reference(reftarget=f"/{found}", refdoc=here)
            copy += link.children
            link.replace_self(copy)
        elif (ROOT / found).is_dir():
            link.replace_self(link.children)
        else:
            getLogger(__name__).warning("no such file: %s", path, location=link)


def manualPages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """
    Give each manual page as Sphinx wants it: its name, what is on it, the template.
    """
    for page in sorted(manuals):
        name = posixpath.basename(page)
        command = str(mandoc), "-T", "html", "-O", f"fragment,man={MANUALS}", name
        body = subprocess.check_output(command, text=True, cwd=ROOT / "docs")
        yield page, {"title": name, "body": body}, "page.html"


def pythonApi(app: Sphinx, error: Exception | None) -> None:
    """
    Write the pages of the Python API, C{api/}, from the docstrings.

    @raise SphinxError: a docstring is wrong, or names what is not there.
    """
    if error is not None:
        return
    # It registers directives of its own, which Sphinx would complain about earlier.
    from pydoctor import driver

    places = {
        name: f"python.org/3/library/{page}.html#{name}"
        for page, names in PYTHON.items()
        for name in names
    } | {
        f"{module}.{name}": f"twisted.org/en/stable/api/{module}.{name}.html"
        for module, names in TWISTED.items()
        for name in names
    }
    lines = [f"{name} py:name 1 docs.{place} -" for name, place in places.items()]
    inventory = app.doctreedir / "others.inv"
    inventory.write_bytes(zlib.compress("\n".join(lines).encode()))
    status = driver.main(
        [
            f"--project-name={project}",
            f"--project-version={version}",
            f"--project-base-dir={ROOT}",
            f"--intersphinx-file={inventory}::https:/",
            "--docformat=epytext",
            "--quiet",
            "--warnings-as-errors",
            "--privacy=HIDDEN:echostamp.test",
            f"--html-output={app.outdir / 'api'}",
            str(ROOT / "echostamp"),
        ]
    )
    if status:
        raise SphinxError("pydoctor found faults in the docstrings")


def setup(app: Sphinx) -> None:
    """
    Resolve the links of each page before Sphinx collects the files to copy.
    """
    app.connect("html-collect-pages", manualPages)
    app.connect("build-finished", pythonApi)
    app.connect("doctree-read", resolveLinks, priority=400)
