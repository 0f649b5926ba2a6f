"""Open the screens on a store: `python -m tests.terminal.open_screens DIRECTORY`."""

import sys

from screens.app import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1], name="acme-prod", person="me"))
