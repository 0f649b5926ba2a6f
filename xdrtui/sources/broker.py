"""Ask a cluster about itself, and say what exactly is wrong where that fails.

In: a connection. Out: a `BrokerReport`, or a `BrokerError` that names the true cause: a failed login, for
one, shows in aiokafka only as 'Unable to bootstrap'; its reason stands in its log alone, so that is listened
to while connecting, and all below the login is then tried step by step (`probe.py`).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from xdrtui.errors import BrokerError
from xdrtui.plain import visible
from xdrtui.sources import kerberos
from xdrtui.sources.address import joined
from xdrtui.sources.connection import KafkaConnection, connection, words_of
from xdrtui.sources.owner import Owner, refusal
from xdrtui.sources.probe import first_problem
from xdrtui.sources.step import Step
from xdrtui.sources.topics import check_topics, is_own, is_pattern, wanted

__all__ = [
    "BrokerReport",
    "KafkaConnection",
    "TopicState",
    "ask_broker",
    "connection",
    "explained",
    "login_refused",
    "look_at_cluster",
    "refuse_foreign_group",
]

log = logging.getLogger(__name__)

_NOT_ALLOWED = 29  # TOPIC_AUTHORIZATION_FAILED


class BrokerReport(msgspec.Struct, frozen=True):
    """What a broker told of itself. topics: name -> number of partitions, those asked for or all but Kafka's
    own and ours."""

    cluster: str
    brokers: tuple[str, ...]
    topics: dict[str, int]


class TopicState(msgspec.Struct, frozen=True):
    """A topic as the cluster tells of it. error: Kafka's code, 0 where there is none; leaderless: partitions
    that nobody serves now."""

    name: str
    error: int
    partitions: int
    leaderless: tuple[int, ...] = ()

    @property
    def hidden(self) -> bool:
        """We may not know of it, whether it exists or not."""
        return self.error == _NOT_ALLOWED


class Cluster(msgspec.Struct, frozen=True):
    """Id, brokers (number -> host:port), topics asked for by name, and all that may be seen."""

    id: str
    brokers: dict[int, str]
    asked: tuple[TopicState, ...]
    seen: tuple[TopicState, ...]


async def look_at_cluster(client: AIOKafkaClient, topics: Sequence[str]) -> Cluster:
    """What a client that has connected can learn; nothing is made there by asking. topics: names."""
    node = client.get_random_node()
    told = (await client.send(node, MetadataRequest(None))).to_object()
    asked: tuple[TopicState, ...] = ()
    if topics:
        named = (await client.send(node, MetadataRequest(list(topics), False))).to_object()
        asked = tuple(_state(each) for each in named["topics"])
    return Cluster(
        told.get("cluster_id") or "",
        {each["node_id"]: joined(each["host"], each["port"]) for each in told["brokers"]},
        asked,
        tuple(_state(each) for each in told["topics"]),
    )


def _state(told: Mapping[str, Any]) -> TopicState:
    partitions = told["partitions"]
    leaderless = tuple(sorted(each["partition"] for each in partitions if each["leader"] < 0))
    return TopicState(told["topic"], told["error_code"], len(partitions), leaderless)


async def ask_broker(
    to: KafkaConnection, topics: Sequence[str] = (), *, all_there: bool = True
) -> BrokerReport:
    """Connect, and learn the cluster's id and its topics; topics: names or patterns, none for all. all_there:
    refuse where one of the names is missing, not only where none is left.

    Raises BrokerError with the true cause: no answer, TLS, login, or a topic that is missing or may not be
    read; SettingsError for a topic that cannot be meant.
    """
    check_topics(topics, own=True)
    names = [each for each in topics if not is_pattern(each)]
    client = AIOKafkaClient(**to.arguments(), client_id="xdrtui-check")
    async with explained(to):
        try:
            await client.bootstrap()
            cluster = await look_at_cluster(client, names)
        finally:
            await client.close()
    for each in cluster.asked:
        if (step := topic_problem(to, each)) and (all_there or step.kind != "topic.missing"):
            raise BrokerError(step.sentence)
    found = {each.name: each for each in (*cluster.seen, *cluster.asked) if not each.error}
    chosen = wanted(topics, found) if topics else [name for name in found if not is_own(name)]
    if topics and not chosen:
        raise BrokerError(
            f"no topic that we may see matches {visible(', '.join(topics))}:"
            " check kafka.topics, and that we have the right to describe them."
        )
    return BrokerReport(
        cluster.id, tuple(cluster.brokers.values()), {name: found[name].partitions for name in chosen}
    )


def topic_problem(to: KafkaConnection, topic: TopicState) -> Step | None:
    """Why a topic that was asked for by name cannot be read, as far as the cluster's own words tell."""
    name = visible(topic.name)
    if topic.hidden:
        what = f"the broker does not let {to.who or 'us'} see the topic {name}, if there is one"
        advice = f"give the right to read and describe it (an ACL: Read on topic {name})"
        return Step(f"topic {name}", False, what, advice, "topic.hidden")
    if topic.error:
        what = f"the cluster has no topic {name} (error {topic.error})" if topic.error != 3 else ""
        what = what or f"the broker at {visible(to.brokers[0])} has no topic {name}"
        return Step(f"topic {name}", False, what, "check kafka.topics, or create it", "topic.missing")
    return None


async def refuse_foreign_group(
    to: KafkaConnection, group: str, topics: Mapping[str, int], owner: Owner
) -> None:
    """Raise BrokerError where another owner has committed offsets in this group: it would take a part of our
    messages. topics: name -> number of partitions."""
    wanted = [TopicPartition(name, n) for name, count in topics.items() for n in range(count)]
    client = AIOKafkaAdminClient(**to.arguments(), client_id="xdrtui-check")
    try:
        await client.start()
        offsets = await client.list_consumer_group_offsets(group, partitions=wanted)
    except KafkaError as error:  # a cluster where no group ever was has no coordinator yet, for one
        log.info("the group's offsets cannot be listed", extra={"error": repr(error)})
        return
    finally:
        await client.close()
    for committed in offsets.values():
        if why := refusal(committed.metadata, owner, group):
            raise BrokerError(why)


@contextlib.asynccontextmanager
async def explained(to: KafkaConnection) -> AsyncIterator[None]:
    """Turn what goes wrong while connecting into a `BrokerError` with its cause."""
    with aiokafka_says() as said:
        try:
            yield
        except (KafkaError, OSError, TimeoutError) as error:
            raise await _cause(to, error, said) from error


@contextlib.contextmanager
def aiokafka_says() -> Iterator[list[str]]:
    """Collect aiokafka's warnings, where alone it tells why a login failed."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    ear = Ear(logging.WARNING)
    logger = logging.getLogger("aiokafka")
    logger.addHandler(ear)
    try:
        yield said
    finally:
        logger.removeHandler(ear)


def login_refused(to: KafkaConnection, said: Sequence[str]) -> Step | None:
    """The step that failed, where aiokafka's log says that the broker refused the login."""
    if not any("AuthenticationFailed" in line for line in said):
        return None
    if to.sasl == "gssapi" and (why := next(filter(None, map(kerberos.reason, said)), "")):
        what = f"there is no ticket for the broker ({visible(why)})"
        advice = "check keytab (or run kinit), the KDC in krb5.conf, kerberos_service, and the brokers' names"
        return Step("login", False, what, advice, "login.kerberos")
    what = f"the broker refuses the login of '{to.who}' by {to.mechanism}"
    advice = "check user and password, and that the broker knows them for this mechanism"
    if to.tokens:
        advice = "check that the broker trusts who gives out the tokens, and oauth_scope"
    return Step("login", False, what, advice, "login.refused")


async def _cause(to: KafkaConnection, error: BaseException, said: Sequence[str]) -> BrokerError:
    """What is wrong: the login where the log says so, else the first that fails of all that comes before."""
    if step := login_refused(to, said):
        return BrokerError(step.sentence)
    if problem := await first_problem(to):
        return problem
    told = visible(said[-1] if said else words_of(error))
    return BrokerError(
        f"the broker at {visible(to.brokers[0])} can be reached and spoken with, but not used ({told}):"
        " `xdrtui kafka check` tells more."
    )
