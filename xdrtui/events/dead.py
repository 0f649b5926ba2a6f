"""Dead letters for the detectors: what no decoder reads is still searched for keywords.

In: the dead letters of a batch. Out: one frame of unrouted events, whose only field `message` is the letter's
text, read lossily and cut to a cap. They are no events: nothing counts them, no window moves by them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from detectors.contract import EventFrame, Text
from xdrtui.events.frame import DecodedFrame
from xdrtui.events.layouts.layout import UNROUTED, Resolved
from xdrtui.events.message import DeadLetter, Messages
from xdrtui.events.route import Route

LONGEST_TEXT = 1 << 20
"""So many bytes of a message that nothing can read are searched; fewer are kept."""

_RESOLVED = Resolved(UNROUTED, {}, "unreadable: {message}")


def frame_of_dead(
    messages: Messages, dead: Sequence[DeadLetter], unrouted: Route, fields: Iterable[str]
) -> DecodedFrame:
    """The letters as rows, in their order, with columns for these fields."""
    places = [bisect_left(messages.offsets, letter.position.offset) for letter in dead]
    raws = [_bytes(letter, messages.payloads[at]) for letter, at in zip(dead, places, strict=True)]
    texts = [raw.decode("utf-8", "replace") for raw in raws]
    columns: dict[str, Sequence[Text]] = {name: [None] * len(dead) for name in fields}
    if "message" in columns:
        columns["message"] = texts

    def event(row: int) -> Mapping[str, Text]:
        return {"message": texts[row]}

    return DecodedFrame(
        Route(unrouted.shape, _RESOLVED, False),
        EventFrame(UNROUTED, columns, raws, event),
        (messages.source.uid, messages.partition, messages.offsets),
        places,
        [letter.position.index for letter in dead],
        [None] * len(dead),
        set(),
    )


def _bytes(letter: DeadLetter, payload: bytes) -> bytes:
    """What the letter is about: where it is its whole message, more of that than the letter keeps."""
    return payload[:LONGEST_TEXT] if payload and letter.size == len(payload) else letter.payload
