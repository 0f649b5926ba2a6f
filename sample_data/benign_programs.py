"""Programs in the cloud account: deployments, services that read objects and secrets, recovery, AWS itself.

Analytics reads objects all day, programs read the secrets that are theirs, the build role is refused now
and then.
"""

from __future__ import annotations

from sample_data.account import (
    ACCOUNT,
    ANALYTICS,
    BACKUP_ROLE,
    DEPLOY_ROLE,
    SECRETS,
    SERVICES,
    SHOP_ROLE,
    WORKER_ROLE,
    Principal,
    Trail,
)
from sample_data.world import ALWAYS, MINUTE, OFFICE, SECOND, SERVICE, Day, Dice


class Programs:
    def __init__(self, day: Day, trail: Trail, dice: Dice) -> None:
        self.day, self.trail, self.dice = day, trail, dice

    def run(self) -> None:
        self._deployments()
        self._data()
        self._recovery()
        self._services()

    def _deployments(self) -> None:
        t, dice = self.trail, self.dice
        for time in dice.moments(self.day, 60, OFFICE):
            for service, name, request in (
                ("sts", "GetCallerIdentity", None),
                ("secretsmanager", "GetSecretValue", {"secretId": "prod/ci/registry"}),
                ("ecr", "GetAuthorizationToken", None),
                ("ecs", "DescribeServices", {"cluster": "shop"}),
                ("ecs", "UpdateService", {"cluster": "shop", "service": "api"}),
                ("secretsmanager", "GetSecretValue", {"secretId": "stage/shop/db"}),
                ("cloudfront", "CreateInvalidation", {"distributionId": "E1EXAMPLE"}),
                ("iam", "PassRole", None),
            ):
                refused = name == "PassRole" or (name == "UpdateService" and dice.chance(0.05))
                t.call(
                    time,
                    DEPLOY_ROLE,
                    service,
                    name,
                    dict(request) if request else None,
                    {},
                    "AccessDenied" if refused else "",
                )
                time += dice.between(1, 9) * SECOND
            t.object(
                time,
                DEPLOY_ROLE,
                "PutObject",
                "alder-build-artifacts",
                f"build/{dice.between(100, 999)}/app.zip",
                dice.between(900_000, 90_000_000),
            )

    def _data(self) -> None:
        """Programs read and write objects and their own secrets all day."""
        t, dice = self.trail, self.dice
        for who, count, buckets, writes in (
            (ANALYTICS, 3_200, ("alder-etl-raw", "alder-etl-curated", "alder-customer-exports"), 0.2),
            (SHOP_ROLE, 4_200, ("alder-media", "alder-web-assets"), 0.1),
            (WORKER_ROLE, 3_000, ("alder-invoices", "alder-reports"), 0.5),
        ):
            for time in dice.moments(self.day, count, SERVICE):
                name = "PutObject" if dice.chance(writes) else "GetObject"
                t.object(
                    time,
                    who,
                    name,
                    dice.one(buckets),
                    f"{dice.between(2024, 2026)}/{dice.between(1, 12):02d}/"
                    f"part-{dice.between(0, 9_999):05d}.parquet",
                    dice.between(9_000, 9_000_000),
                )
        for who, secrets in (
            (SHOP_ROLE, SECRETS[:2]),
            (WORKER_ROLE, SECRETS[3:4]),
            (ANALYTICS, SECRETS[2:3]),
        ):
            for time in dice.moments(self.day, 160, SERVICE):
                t.call(time, who, "secretsmanager", "GetSecretValue", {"secretId": dice.one(secrets)})
        for time in dice.moments(self.day, 900, SERVICE):
            t.call(
                time,
                dice.one((SHOP_ROLE, WORKER_ROLE)),
                "kms",
                "Decrypt",
                {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
                reads=True,
            )

    def _recovery(self) -> None:
        """Snapshots for a bad day; an old share with another account is taken back."""
        t, dice = self.trail, self.dice
        for number, time in enumerate(self.day.every(30 * MINUTE, MINUTE, dice)):
            snapshot = f"snap-0{digest_of(number)}"
            t.call(
                time,
                BACKUP_ROLE,
                "ec2",
                "CreateSnapshot",
                {"volumeId": f"vol-0{digest_of(number % 7)}"},
                {"snapshotId": snapshot},
            )
            t.call(
                time + 9 * SECOND,
                BACKUP_ROLE,
                "ec2",
                "CopySnapshot",
                {"sourceSnapshotId": snapshot, "sourceRegion": "eu-central-1"},
            )
            t.call(
                time + 30 * SECOND,
                BACKUP_ROLE,
                "ec2",
                "DeleteSnapshot",
                {"snapshotId": f"snap-0{digest_of(number + 99)}"},
            )
        t.call(
            self.day.at("05:10:11"),
            BACKUP_ROLE,
            "ec2",
            "ModifySnapshotAttribute",
            {
                "snapshotId": "snap-0b1946ac92492d234",
                "attributeType": "CREATE_VOLUME_PERMISSION",
                "createVolumePermission": {"remove": {"items": [{"userId": "444455556666"}]}},
            },
        )
        for time in dice.moments(self.day, 200, ALWAYS):
            t.object(
                time,
                BACKUP_ROLE,
                "PutObject",
                "alder-backups",
                f"db/2026-03-05/{dice.between(0, 999):03d}.dump",
                52_428_800,
            )

    def _services(self) -> None:
        t, dice = self.trail, self.dice
        for time in dice.moments(self.day, 1_900, SERVICE):
            who: Principal = dice.one(SERVICES)
            target = dice.one((SHOP_ROLE, WORKER_ROLE, ANALYTICS))
            t.call(
                time,
                who,
                "sts",
                "AssumeRole",
                {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/{target.name}", "roleSessionName": target.session},
                {"credentials": {"accessKeyId": target.key}},
                reads=True,
            )
        for time in dice.moments(self.day, 260, SERVICE):
            t.call(
                time,
                SERVICES[0],
                "ec2",
                dice.one(("RunInstances", "TerminateInstances")),
                {"instanceType": "t3.medium"},
                {"instancesSet": {"items": [{"instanceId": f"i-0{dice.hexes(16)}"}]}},
            )


def digest_of(number: int) -> str:
    return f"{number * 2_654_435_761 % 2**64:016x}"
