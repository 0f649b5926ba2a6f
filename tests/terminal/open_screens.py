"""Open the screens on a store: `python -m tests.terminal.open_screens DIRECTORY [--bug]`.

--bug: the key `i` meets a bug.
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
    sys.exit(run(sys.argv[1], name="acme-prod", person="me", box=box))
