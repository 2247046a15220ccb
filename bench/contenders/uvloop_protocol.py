"""
The same asyncio Protocol on uvloop.
"""

import uvloop
from asyncio_protocol import serve

uvloop.run(serve())
