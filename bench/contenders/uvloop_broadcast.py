"""
The same broadcaster on uvloop.
"""

import uvloop
from asyncio_broadcast import serve

uvloop.run(serve())
