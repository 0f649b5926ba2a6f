"""`xdrtui kafka check` on the real broker: rights that are missing, and that it leaves no trace."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.kafka.broker import free_ports
from tests.kafka.conftest import new_name
from tests.kafka.rig import Rig, failures
from xdrtui.sources.check import check
from xdrtui.sources.http import WebPlace


@pytest.fixture
def rights(rig: Rig) -> Iterator[Callable[[str, ResourceType, str, AclOperation], None]]:
    """Gives a right to the named user (nobody else has it then), and takes all of them back."""
    admin = AdminClient({"bootstrap.servers": rig.broker.bootstrap()})
    given: list[AclBinding] = []

    def give(user: str, kind: ResourceType, name: str, operation: AclOperation) -> None:
        binding = AclBinding(
            kind,
            name,
            ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for done in admin.create_acls([binding], request_timeout=10).values():
            done.result()
        given.append(binding)

    yield give
    for each in given:
        every = AclBindingFilter(
            each.restype,
            each.name,
            ResourcePatternType.LITERAL,
            None,
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        for done in admin.delete_acls([every]).values():
            done.result()


Give = Callable[[str, ResourceType, str, AclOperation], None]


async def test_each_right_that_is_missing_is_named(rig: Rig, rights: Give) -> None:
    hidden, seen = await rig.broker.create_topic(new_name()), await rig.broker.create_topic(new_name())
    group = new_name()
    rights("owner", ResourceType.TOPIC, hidden, AclOperation.READ)
    rights("analyst", ResourceType.TOPIC, seen, AclOperation.DESCRIBE)
    rights("owner", ResourceType.GROUP, group, AclOperation.READ)
    failed = await failures(rig.settings("LOGIN", "scram-sha-256", topics=[hidden, seen], group=group))
    assert [step.kind for step in failed] == ["topic.hidden", "read.refused", "group.refused"]
    told = [f"{step.what} -> {step.advice}" for step in failed]
    assert f"does not let analyst see the topic {hidden}" in told[0]
    assert f"Read on topic {hidden}" in told[0]
    assert f"analyst may see the topic {seen}, but not read it" in told[1]
    assert f"an ACL that allows Read on topic {seen} to analyst" in told[1]
    assert f"an ACL that allows Read on group {group} to analyst" in told[2]


async def test_a_right_to_describe_a_group_is_not_enough(rig: Rig, rights: Give) -> None:
    topic, group = await rig.broker.create_topic(new_name()), new_name()
    rights("analyst", ResourceType.GROUP, group, AclOperation.DESCRIBE)
    failed = await failures(rig.settings("LOGIN", "plain", topics=[topic], group=group))
    assert [step.kind for step in failed] == ["group.refused"]


async def test_what_is_right_is_told_step_by_step_and_writes_nothing(rig: Rig) -> None:
    topic, group = await rig.broker.create_topic(new_name(), 2), new_name()
    settings = rig.settings("BOTH", "oauthbearer", topics=[topic, f"{topic[:8]}*"], group=group)
    told = await asyncio.to_thread(lambda: list(check(settings)))
    assert all(step.ok for step in told), [step for step in told if not step.ok]
    names = [step.name.removeprefix(f"{settings.brokers[0]} ") for step in told]
    assert names == [
        *["settings", "name", "port", "TLS", "version", "kind of login", "token", "login", "cluster"],
        *[f"topic {topic}", f"topics {topic[:8]}*", f"reading {topic}", f"group {group}"],
    ]
    admin = AdminClient({"bootstrap.servers": rig.broker.bootstrap()})
    groups = {each.group_id for each in admin.list_consumer_groups().result().valid}
    assert group not in groups


async def test_asking_for_a_topic_does_not_make_it(rig: Rig) -> None:
    name = new_name()
    await failures(rig.settings("PLAINTEXT", topics=[name]))
    assert (
        name not in AdminClient({"bootstrap.servers": rig.broker.bootstrap()}).list_topics(timeout=10).topics
    )


async def test_one_broker_of_two_may_be_down(rig: Rig) -> None:
    (port,) = free_ports(1)
    good = rig.broker.bootstrap()
    failed = await failures(
        rig.settings("PLAINTEXT", brokers=[f"127.0.0.1:{port}", good], topics=["__nope-*"])
    )
    assert [step.kind for step in failed] == ["refused", "topic.none"]


def test_a_conversation_that_is_broken_off_ends(rig: Rig) -> None:
    going = check(rig.settings("SECURE", "scram-sha-512"))
    assert next(going).name == "settings"
    assert next(going).ok
    going.close()


def test_hostile_words_of_a_server_do_not_reach_the_terminal(rig: Rig) -> None:
    place = WebPlace("https://user\x07\x9b2J.example:8443/x")
    assert "\x07" not in place.shown and "\x9b" not in place.shown
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        settings = rig.settings(
            "PLAINTEXT", brokers=[f"127.0.0.1\x1b]0;owned\x07:{listener.getsockname()[1]}"]
        )
        (step,) = [step for step in check(settings) if not step.ok]
    assert "\x1b" not in step.what + step.name
