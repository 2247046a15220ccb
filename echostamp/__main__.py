"""C{python -m echostamp}: the same as the C{echostamp} command."""

import sys

from echostamp.client.command import main

if __name__ == "__main__":
    sys.exit(main())
