"""
Runs nginx before a daemon.
"""

from __future__ import annotations

from pathlib import Path

from tests.harness import lack, tool

#: Debian's nginx loads the stream module from here.
_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

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
{stream}
"""


def nginxCommand(folder: Path, inside: str = "", stream: str = "") -> tuple[str, ...]:
    """
    Configure nginx, or skip the test if it is not installed.

    @param folder: where it writes.
    @param inside: the configuration of the sites.
    @param stream: the configuration of the stream module, if that is needed.
    @return: the command that runs it.
    """
    text = _AROUND.format(folder=folder, inside=inside, stream=stream)
    if stream:
        if not _STREAM.exists():
            lack("nginx's stream module: Debian package libnginx-mod-stream")
        text = f"load_module {_STREAM};\n{text}"
    path = folder / "nginx.conf"
    path.write_text(text)
    nginx = tool("nginx", "nginx")
    return nginx, "-e", "stderr", "-p", str(folder), "-c", str(path)
