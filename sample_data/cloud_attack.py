"""The cloud scenario: a developer's access key lies in a public repository, and somebody finds it at night.

Each method is a few steps of the story; cloud_story.py tells them.
"""

from __future__ import annotations

import json

from sample_data.account import ACCOUNT, BUCKETS, EXPORTS, PLANTED, PLANTED_CONSOLE, SECRETS, STOLEN, Trail
from sample_data.benign_cloud import CloudDay, ingress, policy
from sample_data.benign_programs import Programs
from sample_data.cloud_story import STORY
from sample_data.record import Event, Recorder, Written
from sample_data.story import Story
from sample_data.world import MILLI, MINUTE, SECOND, Day, Dice

_REFUSED = (
    ("iam", "ListUsers"),
    ("iam", "ListRoles"),
    ("iam", "ListGroups"),
    ("iam", "GetAccountAuthorizationDetails"),
    ("iam", "ListAccessKeys"),
    ("iam", "GetAccountSummary"),
    ("organizations", "ListAccounts"),
    ("kms", "ListKeys"),
    ("ec2", "DescribeInstances"),
    ("ec2", "DescribeSnapshots"),
    ("rds", "DescribeDBInstances"),
    ("lambda", "ListFunctions20150331"),
    ("secretsmanager", "ListSecrets"),
    ("ssm", "DescribeParameters"),
    ("guardduty", "ListDetectors"),
    ("cloudtrail", "DescribeTrails"),
    ("logs", "DescribeLogGroups"),
    ("ecs", "ListClusters"),
    ("eks", "ListClusters"),
    ("dynamodb", "ListTables"),
    ("sns", "ListTopics"),
    ("sqs", "ListQueues"),
    ("cloudformation", "DescribeStacks"),
    ("route53", "ListHostedZones"),
    ("iam", "ListSAMLProviders"),
    ("iam", "ListInstanceProfiles"),
)
_TOOLS = f"arn:aws:iam::{ACCOUNT}:policy/dev-tools"


def cloud(seed: int) -> tuple[Story, Written]:
    day = Day(STORY.date)
    recorder = Recorder(day)
    dice = Dice(seed, "cloud/benign")
    CloudDay(day, Trail(recorder, dice), dice).run()
    dice = Dice(seed, "cloud/programs")
    Programs(day, Trail(recorder, dice), dice).run()
    dice = Dice(seed, "cloud/attack")
    Attack(day, recorder, Trail(recorder, dice), dice).run()
    return STORY, recorder.write()


class Attack:
    def __init__(self, day: Day, recorder: Recorder, trail: Trail, dice: Dice) -> None:
        self.day, self.step, self.trail, self.dice = day, recorder.step, trail, dice

    def run(self) -> None:
        self.try_key()
        self.climb()
        self.stay()
        self.blind()
        self.gather()
        self.carry_off()

    def try_key(self) -> None:
        t, dice = self.trail, self.dice
        with self.step("cld-01"):
            t.call(self.day.at("03:12:07.4"), STOLEN, "sts", "GetCallerIdentity")
        with self.step("cld-02"):
            time = self.day.at("03:14:01")
            for service, name in _REFUSED:
                t.call(
                    time,
                    STOLEN,
                    service,
                    name,
                    None,
                    error="Client.UnauthorizedOperation" if service == "ec2" else "AccessDenied",
                )
                time += dice.between(4_000, 14_000) * MILLI
        with self.step("cld-03"):
            time = self.day.at("03:22:10")
            t.call(time, STOLEN, "s3", "ListBuckets")
            for bucket in BUCKETS:
                for name in ("GetBucketAcl", "GetBucketPolicy"):
                    time += dice.between(900, 2_600) * MILLI
                    t.call(
                        time,
                        STOLEN,
                        "s3",
                        name,
                        {"bucketName": bucket, "Host": f"{bucket}.s3.eu-central-1.amazonaws.com"},
                    )

    def climb(self) -> None:
        t = self.trail
        with self.step("cld-04"):
            document = json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
                separators=(",", ":"),
            )
            t.call(
                self.day.at("03:41:20.1"),
                STOLEN,
                "iam",
                "CreatePolicyVersion",
                {"policyArn": _TOOLS, "policyDocument": document, "setAsDefault": True},
                {"policyVersion": {"versionId": "v4", "isDefaultVersion": True}},
            )
        with self.step("cld-05"):
            t.call(
                self.day.at("03:44:02.9"),
                STOLEN,
                "iam",
                "AttachUserPolicy",
                {"userName": "dev-mateo", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            )

    def stay(self) -> None:
        t, name = self.trail, PLANTED.name
        with self.step("cld-06"):
            t.call(
                self.day.at("03:50:11.5"),
                STOLEN,
                "iam",
                "CreateUser",
                {"userName": name},
                {"user": {"userName": name, "path": "/", "arn": PLANTED.arn}},
            )
            t.call(
                self.day.at("03:50:30.2"),
                STOLEN,
                "iam",
                "AttachUserPolicy",
                {"userName": name, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            )
        with self.step("cld-07"):
            t.call(
                self.day.at("03:51:04.8"),
                STOLEN,
                "iam",
                "CreateAccessKey",
                {"userName": name},
                {"accessKey": {"accessKeyId": PLANTED.key, "status": "Active", "userName": name}},
            )
        with self.step("cld-08"):
            t.call(
                self.day.at("03:56:40.6"),
                STOLEN,
                "iam",
                "CreateLoginProfile",
                {"userName": name, "passwordResetRequired": False},
            )
            t.login(self.day.at("03:58:22.3"), PLANTED_CONSOLE, mfa=False)

    def blind(self) -> None:
        t = self.trail
        with self.step("cld-09"):
            t.call(
                self.day.at("04:05:10.7"),
                PLANTED_CONSOLE,
                "cloudtrail",
                "PutEventSelectors",
                {
                    "trailName": "main-trail",
                    "eventSelectors": [
                        {"readWriteType": "WriteOnly", "includeManagementEvents": True, "dataResources": []}
                    ],
                },
            )
            t.call(
                self.day.at("04:05:41.2"),
                PLANTED_CONSOLE,
                "cloudtrail",
                "StopLogging",
                {"name": f"arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/main-trail"},
            )
        with self.step("cld-10"):
            t.call(
                self.day.at("04:07:15.0"),
                PLANTED_CONSOLE,
                "guardduty",
                "DeleteDetector",
                {"detectorId": "12abc34d567e8fa901bc2d34e56789f0"},
            )

    def gather(self) -> None:
        t, dice = self.trail, self.dice
        with self.step("cld-11"):
            time = self.day.at("04:15:03")
            for secret in SECRETS:
                t.call(time, STOLEN, "secretsmanager", "GetSecretValue", {"secretId": secret})
                time += dice.between(9_000, 17_000) * MILLI
        with self.step("cld-12"):
            t.call(
                self.day.at("04:26:30.4"),
                STOLEN,
                "ec2",
                "AuthorizeSecurityGroupIngress",
                ingress("sg-0aa2", 22, "0.0.0.0/0"),
            )
        with self.step("cld-13"):
            share: Event = {"add": {"items": [{"userId": "999988887777"}]}}
            t.call(
                self.day.at("04:33:12.8"),
                STOLEN,
                "ec2",
                "ModifySnapshotAttribute",
                {
                    "snapshotId": "snap-0f4a1be7c55d2e901",
                    "attributeType": "CREATE_VOLUME_PERMISSION",
                    "createVolumePermission": share,
                },
            )

    def carry_off(self) -> None:
        t, dice = self.trail, self.dice
        with self.step("cld-14"):
            t.call(
                self.day.at("04:40:02.5"),
                PLANTED,
                "s3",
                "DeleteBucketPublicAccessBlock",
                {
                    "bucketName": EXPORTS,
                    "publicAccessBlock": "",
                    "Host": f"{EXPORTS}.s3.eu-central-1.amazonaws.com",
                },
            )
            t.call(
                self.day.at("04:40:31.9"),
                PLANTED,
                "s3",
                "PutBucketPolicy",
                {"bucketName": EXPORTS, "bucketPolicy": policy("*", "s3:GetObject", f"{EXPORTS}/*")},
            )
        with self.step("cld-15"):
            time = self.day.at("04:45:05")
            for number in range(900):
                t.object(
                    time,
                    PLANTED,
                    "GetObject",
                    EXPORTS,
                    f"customers/2026/{number // 90 + 1:02d}/export-{number:05d}.csv.gz",
                    dice.between(200_000, 4_000_000),
                )
                time += dice.between(1_000, 2_300) * MILLI
        assert time < self.day.at("04:45") + 30 * MINUTE + SECOND
