"""
The descriptors of a worker.
"""

from __future__ import annotations

#: Its log, its standard error, the messages to it and those from it.
LOG, ERRORS, TO_WORKER, FROM_WORKER = 1, 2, 3, 4

#: The first of those that it is given: the shared table, then the sockets.
FIRST_GIVEN = 5
