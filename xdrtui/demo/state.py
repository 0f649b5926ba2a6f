"""What the playing process tells the screen's: one line of JSON each time something changes.

The other way go the names of `ORDERS`, a line each.
"""

from __future__ import annotations

import msgspec

ORDERS = ("pause", "faster", "slower", "step", "hold", "go")


class State(msgspec.Struct, frozen=True):
    """Where the demo stands.

    scenario, number, of: which scenario is played, the how manieth of how many; now: the replay clock,
    nanoseconds since 1970 UTC; times: its speed at this moment (0 = it stands); chosen: the speed chosen for
    the attack; quiet: no step begins hereabouts; held: it waits while somebody reads; step, steps: how many
    of the scenario's steps have begun;
    loading: what came before is read at full speed; failure: why it ended early.
    """

    scenario: str = ""
    number: int = 0
    of: int = 0
    now: int = 0
    times: int = 0
    chosen: int = 0
    quiet: bool = False
    paused: bool = False
    held: bool = False
    step: int = 0
    steps: int = 0
    loading: bool = True
    ended: bool = False
    failure: str = ""
