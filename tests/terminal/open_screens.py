"""Open the screens on a store: `python -m tests.terminal.open_screens DIRECTORY [--bug] [--low] [--notify]
[--at PANE] [--lock SECONDS] [--topic BROKER/TOPIC]`.

--bug: the key `i` meets a bug; --low: low bandwidth; --notify: bell and title for new critical alerts; --at:
begin at this pane or address; --lock: hide all after so long without a key; --topic: what the live pane
can watch past the workers.
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

    def given(name: str, default: str) -> str:
        return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default

    connection = None
    if "--topic" in sys.argv:
        from xdrtui.settings.model import KafkaSettings

        broker, _, topic = given("--topic", "").partition("/")
        connection = KafkaSettings(brokers=[broker], topics=[topic])
    told = "--notify" in sys.argv
    wanted = Preferences(
        low_bandwidth="--low" in sys.argv,
        bell=told,
        title=told,
        connection=connection,
        lock_minutes=float(given("--lock", "0")) / 60,  # type: ignore[arg-type]
    )
    at = given("--at", "queue")
    sys.exit(run(sys.argv[1], preferences=wanted, initial=at, name="acme-prod", person="me", box=box))
