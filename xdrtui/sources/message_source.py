"""What a worker needs of a source of messages; `KafkaSource` is the only one but for tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.assigned import AskStored
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched, SourceHealth
from xdrtui.sources.reads import Reads


class MessageSource(Protocol):
    """See `KafkaSource`. For the worker to take, a sentence each: notes: what happened to topics and must be
    seen; mended: what went wrong and is right again."""

    notes: list[str]
    mended: list[str]

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def fetch(self, seconds: float) -> list[Fetched]: ...
    async def commit(self, done: Sequence[Fetched]) -> None: ...
    async def place_again(self) -> None: ...
    async def caught_up(self) -> bool: ...
    async def newly_idle(self) -> list[tuple[str, int]]: ...
    async def reads(self, held: Collection[str]) -> Reads | None: ...
    def is_current(self, fetched: Fetched) -> bool: ...
    def set_aside(self, fetched: Fetched, reason: str) -> None: ...
    def health(self) -> SourceHealth: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class OpenSource(Protocol):
    """Makes a source; see `KafkaSource.__init__`."""

    def __call__(
        self,
        settings: KafkaSettings,
        stored: AskStored,
        *,
        owner: Owner,
        until_end: bool,
        clock: Callable[[], int],
    ) -> MessageSource: ...
