"""
Runs nginx before a daemon.
"""

from __future__ import annotations

from pathlib import Path

from tests.harness import tool

#: What is around the configuration: nothing is written outside of the folder.
_AROUND = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {inside}
}}
"""


def nginxCommand(folder: Path, inside: str) -> tuple[str, ...]:
    """
    Configure nginx, or skip the test if it is not installed.

    @param folder: where it writes.
    @param inside: the configuration of the sites.
    @return: the command that runs it.
    """
    path = folder / "nginx.conf"
    path.write_text(_AROUND.format(folder=folder, inside=inside))
    nginx = tool("nginx", "nginx")
    return nginx, "-e", "stderr", "-p", str(folder), "-c", str(path)
