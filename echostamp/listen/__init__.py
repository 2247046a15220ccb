"""How connections come in: endpoints, sockets, gates and PROXY headers."""
