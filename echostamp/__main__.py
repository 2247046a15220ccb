"""
The start of the C{echostamp} command: the command itself, and C{python -m echostamp}.
"""

import gc
import signal
import sys


def main() -> int:
    """
    Run the command, whose imports take a while: SIGINT ends the process during them
    without a traceback, as SIGTERM does.

    @return: the exit status: see L{echostamp.client.command.main}.
    """
    # Python's own handler would raise KeyboardInterrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Imports leave next to no garbage.  CommandRun, which runs the reactor, enables the
    # collections again.
    gc.disable()
    from echostamp.client import command

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
