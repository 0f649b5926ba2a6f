"""Everything that connecting and reading needs, tried one by one, with what to do about what fails.

In: the settings. Out: `Step`s as they are known: our own settings, each broker from its name to its login,
the brokers that the cluster names, topics and the rights to read them, the group, the schema registry.
Nothing is written there, no topic is made by asking for it, and no group is joined.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.group import HeartbeatRequest

from xdrtui.errors import BrokerError, SettingsError
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.address import joined
from xdrtui.sources.broker import (
    TopicState,
    aiokafka_says,
    login_refused,
    look_at_cluster,
    topic_problem,
)
from xdrtui.sources.connection import KafkaConnection, connection, words_of
from xdrtui.sources.probe import probe, reached
from xdrtui.sources.registry import look_at_registry
from xdrtui.sources.screen import Screen
from xdrtui.sources.step import Step
from xdrtui.sources.topics import check_topics, is_own, is_pattern, wanted

__all__ = ["Step", "check", "steps"]

PATIENCE = 30.0
"""Seconds for one step."""

_REQUEST_MS = 10_000
_MOST_TOPICS = 50
_MOST_BROKERS = 16
_GROUP_TRIES = 10


def check(settings: KafkaSettings) -> Iterator[Step]:
    """The steps, each as soon as it is known. Blocks; not for use within an event loop. Closing the iterator
    ends the conversation."""
    with asyncio.Runner() as runner:
        going = steps(settings)
        try:
            while True:
                try:
                    yield runner.run(_next(going))
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    what = f"nothing further was heard within {PATIENCE:.0f} s"
                    yield Step("patience", False, what, "check the network and the brokers' load", "timeout")
                    return
        finally:
            runner.run(going.aclose())


async def _next(going: AsyncGenerator[Step, None]) -> Step:
    async with asyncio.timeout(PATIENCE):
        return await anext(going)


async def steps(settings: KafkaSettings) -> AsyncGenerator[Step, None]:
    """The steps within an event loop; ends after the first without which nothing further can be tried."""
    try:
        check_topics(settings.topics)
        to = connection(settings)
        if to.tls:
            to.tls_context()
    except (SettingsError, BrokerError) as error:
        what, _, advice = str(error).rstrip(".").rpartition(": ")
        yield Step("settings", False, what or advice, advice if what else "", "settings")
        return
    yield Step("settings", True, _meant(to))
    usable = []
    for broker in to.brokers:
        async for step in probe(to, broker):
            yield Step(f"{visible(broker)} {step.name}", step.ok, step.what, step.advice, step.kind)
        if step.ok:
            usable.append(broker)
    if not usable:
        return
    by = msgspec.structs.replace(to, brokers=tuple(usable))
    client = AIOKafkaClient(
        **by.arguments(),
        client_id="xdrtui-check",
        request_timeout_ms=_REQUEST_MS,
    )
    try:
        with aiokafka_says() as said:
            try:
                await client.bootstrap()
            except (KafkaError, OSError, TimeoutError) as error:
                told = visible(said[-1]) if said else words_of(error)
                yield login_refused(to, said) or Step(
                    "login",
                    False,
                    f"the broker cannot be used ({told})",
                    "see the broker's log",
                    "login.unknown",
                )
                return
        if to.mechanism:
            yield Step("login", True, f"{to.who} is let in by {to.mechanism}")
        reachable = True
        async for step in _brokers(to, client):
            reachable = reachable and step.ok
            yield step
        if not reachable:
            return
        async for step in _within(settings, by, client):
            yield step
    finally:
        await client.close()
    if settings.registry_url:
        yield await look_at_registry(settings)


def _meant(to: KafkaConnection) -> str:
    login = f"as {to.who} by {to.mechanism}" if to.mechanism else "without a login"
    shows = ", showing a certificate" if to.certificate_file else ""
    name = "" if to.check_hostname or not to.tls else ", any host name"
    return f"{'with' if to.tls else 'without'} TLS{shows}{name}, {login}"


async def _within(
    settings: KafkaSettings, to: KafkaConnection, client: AIOKafkaClient
) -> AsyncIterator[Step]:
    """What can be tried once we are let in."""
    names = [each for each in settings.topics if not is_pattern(each)]
    try:
        cluster = await look_at_cluster(client, names)
    except (KafkaError, OSError, TimeoutError) as error:
        what = f"the cluster does not tell of its topics ({words_of(error)})"
        yield Step("cluster", False, what, "see the broker's log", "cluster")
        return
    count = len(cluster.brokers)
    yield Step("cluster", True, f"{cluster.id or 'without a name'}, {count} broker{'s' * (count != 1)}")
    topics: list[str] = []
    for state in cluster.asked:
        problem = topic_problem(to, state)
        yield problem or _topic(state)
        if problem is None:
            topics.append(state.name)
    for shape in [each for each in settings.topics if is_pattern(each)]:
        found = wanted([shape], [each.name for each in cluster.seen if not each.error])
        topics += found
        if found:
            shown = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
            yield Step(f"topics {shape}", True, f"matches {visible(shown)}")
        else:
            what = f"no topic that we may see matches {shape}"
            yield Step(
                f"topics {shape}",
                False,
                what,
                "check the pattern, and the right to describe topics",
                "topic.none",
            )
    if not settings.topics:
        seen = [visible(each.name) for each in cluster.seen if not is_own(each.name)]
        shown = ", ".join(seen[:8]) + (f" and {len(seen) - 8} more" if len(seen) > 8 else "")
        what = f"no topic is set; to be seen here: {shown or 'none'}"
        yield Step("topics", False, what, "name some under kafka.topics", "topic.none")
    counts = {each.name: each.partitions for each in (*cluster.seen, *cluster.asked)}
    async for step in _reading(to, {name: counts[name] for name in sorted(set(topics))[:_MOST_TOPICS]}):
        yield step
    if settings.group:
        yield await _group(to, client, settings.group)


def _topic(state: TopicState) -> Step:
    name = f"topic {visible(state.name)}"
    if state.leaderless:
        what = f"nobody serves {len(state.leaderless)} of its {state.partitions} partitions now"
        return Step(name, False, what, "see which brokers are down", "topic.leaderless")
    return Step(name, True, f"{state.partitions} partition{'s' * (state.partitions != 1)}")


async def _brokers(to: KafkaConnection, client: AIOKafkaClient) -> AsyncIterator[Step]:
    """Clients talk to the brokers under the names that the cluster gives them: can those be reached?"""
    brokers = {each.nodeId: joined(each.host, each.port) for each in client.cluster.brokers()}
    for number, broker in sorted(brokers.items())[:_MOST_BROKERS]:
        if broker in to.brokers:
            continue
        step = await reached(broker)
        if step.ok:
            yield Step(f"broker {number}", True, f"{visible(broker)} takes connections")
            continue
        yield Step(
            f"broker {number}",
            False,
            f"the cluster names its broker {number} to clients as {visible(broker)}: {step.what}",
            "make this name known here, or set the broker's advertised.listeners to one that is",
            "advertised",
        )


async def _reading(to: KafkaConnection, topics: dict[str, int]) -> AsyncIterator[Step]:
    """Fetch from the end of each topic: nothing comes, but a missing right is told at once."""
    if not topics:
        return
    consumer = AIOKafkaConsumer(
        **to.arguments(),
        client_id="xdrtui-check",
        auto_offset_reset="latest",
        isolation_level="read_committed",
        fetch_max_wait_ms=50,
        request_timeout_ms=_REQUEST_MS,
        check_crcs=False,  # the screen does
    )
    Screen(consumer._client)
    try:
        await consumer.start()
        for topic, count in topics.items():
            yield await _read(to, consumer, [TopicPartition(topic, number) for number in range(count)])
    except (KafkaError, OSError, TimeoutError) as error:
        yield Step(
            "reading", False, f"a consumer cannot start ({words_of(error)})", "see the broker's log", "read"
        )
    finally:
        await consumer.stop()


async def _read(
    to: KafkaConnection, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> Step:
    topic = partitions[0].topic
    name = f"reading {visible(topic)}"
    try:
        firsts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        for each in partitions:
            consumer.seek(each, ends[each])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await consumer.getmany(timeout_ms=200, max_records=1)
    except TopicAuthorizationFailedError:
        what = f"{to.who or 'we'} may see the topic {visible(topic)}, but not read it"
        advice = f"give the right: an ACL that allows Read on topic {visible(topic)}"
        return Step(name, False, what, f"{advice} to {to.who or 'us'}", "read.refused")
    except KafkaError as error:
        return Step(name, False, f"it cannot be read ({words_of(error)})", "see the broker's log", "read")
    held = sum(ends.values()) - sum(firsts.values())
    return Step(name, True, f"allowed; offsets of {held:,} messages are there")


async def _group(to: KafkaConnection, client: AIOKafkaClient, group: str) -> Step:
    """Ask for the group as a member would who is none: it must say so, and not that we may not."""
    name = f"group {visible(group)}"
    advice = f"give the right: an ACL that allows Read on group {visible(group)} to {to.who or 'us'}"
    for _ in range(_GROUP_TRIES):
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, group)
            if await client.ready(node):
                answer = await client.send(node, HeartbeatRequest(group, 0, "xdrtui-check"))
                if for_code(answer.error_code) is GroupAuthorizationFailedError:
                    raise GroupAuthorizationFailedError(group)
                return Step(name, True, "may be used")
        except GroupAuthorizationFailedError:
            what = f"{to.who or 'we'} may not use the consumer group {visible(group)}"
            return Step(
                name, False, what, f"{advice}, or set kafka.group to one that we may use", "group.refused"
            )
        except KafkaError as error:  # on a new cluster the first group's coordinator is only being made
            problem = words_of(error)
        else:
            problem = "its coordinator cannot be reached"
        await asyncio.sleep(0.3)
    return Step(
        name, False, f"no coordinator answers for it ({problem})", "try again; see the brokers", "group"
    )
