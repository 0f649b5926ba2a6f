"""Open the screens on a store: `python -m tests.terminal.open_screens DIRECTORY [--bug] [--low] [--at PANE]`.

--bug: the key `i` meets a bug; --low: low bandwidth; --at: begin at this pane or address.
"""

import sys

from screens.keeper import keep_terminal


def bug(bench: object) -> None:
    password = "hunter2"
    raise ZeroDivisionError(f"the event says {password}")


if __name__ == "__main__":
    box = keep_terminal()
    from screens.app import run

    if "--bug" in sys.argv:
        from screens.deeds import DEEDS

        DEEDS["investigate"] = bug
    from screens.preferences import Preferences

    low = Preferences(low_bandwidth="--low" in sys.argv)
    at = sys.argv[sys.argv.index("--at") + 1] if "--at" in sys.argv else "queue"
    sys.exit(run(sys.argv[1], preferences=low, initial=at, name="acme-prod", person="me", box=box))
