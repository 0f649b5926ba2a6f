"""Let no offset be committed but by a member of the group: a worker that slept past its session must not.

A process that was stopped for longer than the session's time-out wakes with commits of old in hand. The
broker refuses those that bear the old generation; but once aiokafka has learnt that it is no member any more,
it sends them without a generation, and where everybody else has left the group the broker takes that for
somebody who manages offsets by hand. So such a commit is refused here.
"""

from __future__ import annotations

from typing import Any

from aiokafka.errors import CommitFailedError


def commit_as_member(consumer: Any) -> None:
    """Make commits of this started AIOKafkaConsumer fail with CommitFailedError while it is in no group.

    It must be done where the request is made, under aiokafka's own loop of retries: there is no public place.
    """
    coordinator = consumer._coordinator
    send = getattr(coordinator, "_do_commit_offsets", None)
    if send is None:  # without a group
        return

    async def only_as_member(assignment: Any, offsets: Any) -> None:
        if coordinator.generation < 0 or not assignment.active:
            raise CommitFailedError("this worker was away for too long: the group goes on without it")
        await send(assignment, offsets)

    coordinator._do_commit_offsets = only_as_member
