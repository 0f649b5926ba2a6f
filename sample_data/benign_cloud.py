"""An ordinary day of the cloud account: administrators, developers, builds, an audit role, services that
read data.

Terraform writes policies, the audit role lists everything every night, analytics reads objects all day,
people log in with and without a second factor (single sign-on has it elsewhere), and some calls are denied.
"""

from __future__ import annotations

import json

from sample_data.account import (
    ACCOUNT,
    AUDIT_ROLE,
    BUCKETS,
    DEVELOPERS,
    LENA,
    OMAR,
    SSO_POWER,
    SSO_READ,
    TERRAFORM_ROLE,
    WEB_TEAM,
    Trail,
)
from sample_data.record import Event
from sample_data.world import MINUTE, OFFICE, SECOND, Day, Dice

_LOOK = (
    ("ec2", "DescribeInstances"),
    ("ec2", "DescribeSecurityGroups"),
    ("ec2", "DescribeVolumes"),
    ("ec2", "DescribeSnapshots"),
    ("s3", "ListBuckets"),
    ("iam", "ListUsers"),
    ("iam", "ListRoles"),
    ("iam", "ListPolicies"),
    ("iam", "GetAccountSummary"),
    ("cloudwatch", "DescribeAlarms"),
    ("logs", "DescribeLogGroups"),
    ("rds", "DescribeDBInstances"),
    ("lambda", "ListFunctions20150331"),
    ("cloudtrail", "DescribeTrails"),
    ("cloudtrail", "LookupEvents"),
    ("guardduty", "ListDetectors"),
    ("guardduty", "ListFindings"),
    ("ecs", "ListClusters"),
    ("kms", "ListKeys"),
    ("sts", "GetCallerIdentity"),
)


class CloudDay:
    def __init__(self, day: Day, trail: Trail, dice: Dice) -> None:
        self.day, self.trail, self.dice = day, trail, dice

    def run(self) -> None:
        self._logins()
        self._people()
        self._administration()
        self._terraform()
        self._audit()

    def _logins(self) -> None:
        t, dice = self.trail, self.dice
        for who, count in (
            (LENA, 3),
            (OMAR, 2),
            (WEB_TEAM, 4),
            (SSO_POWER, 4),
            (SSO_READ, 5),
            *((one, 1) for one in DEVELOPERS),
        ):
            for time in dice.moments(self.day, count, OFFICE):
                if who.kind == "IAMUser" and dice.chance(0.5):  # mistyped
                    for wrong in range(dice.between(1, 2)):
                        t.login(time - (wrong + 1) * 11 * SECOND, who, success=False)
                t.login(time, who, mfa=who.kind == "IAMUser")

    def _people(self) -> None:
        """Developers and people of single sign-on look around, and are now and then refused."""
        t, dice = self.trail, self.dice
        for who, count in (
            (LENA, 260),
            (OMAR, 300),
            (SSO_POWER, 380),
            (SSO_READ, 420),
            (WEB_TEAM, 260),
            *((d, 330) for d in DEVELOPERS),
        ):
            for time in dice.moments(self.day, count, OFFICE):
                service, name = dice.one(_LOOK)
                refused = (
                    who in (*DEVELOPERS, SSO_READ)
                    and service in ("iam", "kms", "guardduty")
                    and dice.chance(0.12)
                )
                t.call(time, who, service, name, _request(name), error="AccessDenied" if refused else "")
                if dice.chance(0.2):
                    t.object(
                        time + SECOND,
                        who,
                        "GetObject",
                        dice.one(("alder-build-artifacts", "alder-sandbox")),
                        f"build/{dice.between(100, 999)}/app.zip",
                        dice.between(10_000, 9_000_000),
                    )

    def _administration(self) -> None:
        """New colleagues, rights, keys: an intruder's work, by those who may and with a second factor."""
        t, day = self.trail, self.day
        for clock, name in (("09:12", "dev-tariq"), ("09:40", "dev-elin"), ("13:25", "svc-newsletter")):
            time = day.at(clock) + self.dice.upto(40 * SECOND)
            t.call(
                time, LENA, "iam", "CreateUser", {"userName": name}, {"user": {"userName": name, "path": "/"}}
            )
            t.call(
                time + 5 * SECOND,
                LENA,
                "iam",
                "AddUserToGroup",
                {"groupName": "developers", "userName": name},
            )
            t.call(
                time + 12 * SECOND,
                LENA,
                "iam",
                "AttachUserPolicy",
                {"userName": name, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            )
            if name.startswith("dev-"):
                t.call(
                    time + 20 * SECOND,
                    LENA,
                    "iam",
                    "CreateLoginProfile",
                    {"userName": name, "passwordResetRequired": True},
                )
        for clock, who in (("08:31", DEVELOPERS[1]), ("10:02", DEVELOPERS[2]), ("15:17", OMAR)):
            t.call(
                day.at(clock),
                who,
                "iam",
                "CreateAccessKey",
                {"userName": who.name},
                {"accessKey": {"accessKeyId": who.key, "status": "Active", "userName": who.name}},
            )
            t.call(
                day.at(clock) + 3 * MINUTE,
                who,
                "iam",
                "UpdateAccessKey",
                {"userName": who.name, "status": "Inactive", "accessKeyId": who.key},
            )
        t.call(
            day.at("11:05:30"),
            LENA,
            "iam",
            "AttachGroupPolicy",
            {"groupName": "support", "policyArn": "arn:aws:iam::aws:policy/job-function/SupportUser"},
        )
        t.call(
            day.at("14:48:02"),
            LENA,
            "iam",
            "AttachRolePolicy",
            {"roleName": "break-glass", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        )
        t.call(
            day.at("10:31:20"),
            WEB_TEAM,
            "s3",
            "PutBucketPolicy",
            {
                "bucketName": "alder-web-assets",
                "bucketPolicy": policy("*", "s3:GetObject", "alder-web-assets/*"),
            },
        )

    def _terraform(self) -> None:
        t, dice = self.trail, self.dice
        for time in dice.moments(self.day, 14, OFFICE):
            for _ in range(dice.between(40, 90)):
                service, name = dice.one(_LOOK)
                t.call(time, TERRAFORM_ROLE, service, name, _request(name))
                if dice.chance(0.3):
                    bucket = dice.one(BUCKETS)
                    t.call(
                        time + SECOND,
                        TERRAFORM_ROLE,
                        "s3",
                        dice.one(("GetBucketPolicy", "GetBucketAcl", "GetBucketVersioning")),
                        {"bucketName": bucket, "Host": f"{bucket}.s3.eu-central-1.amazonaws.com"},
                    )
                time += dice.between(1, 3) * SECOND
            name = dice.one(("shop-api", "etl-read", "ci-deploy"))
            t.call(
                time,
                TERRAFORM_ROLE,
                "iam",
                "CreatePolicyVersion",
                {
                    "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/{name}",
                    "setAsDefault": True,
                    "policyDocument": json.dumps(
                        {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": ["s3:GetObject", "s3:ListBucket"],
                                    "Resource": f"arn:aws:s3:::alder-{name}/*",
                                }
                            ],
                        }
                    ),
                },
            )
            t.call(
                time + 2 * SECOND,
                TERRAFORM_ROLE,
                "ec2",
                "AuthorizeSecurityGroupIngress",
                ingress(
                    *dice.one(
                        (
                            ("sg-0aa1", 443, "0.0.0.0/0"),
                            ("sg-0aa2", 22, "10.0.0.0/8"),
                            ("sg-0aa3", 5432, "10.40.0.0/16"),
                        )
                    )
                ),
            )
            if dice.chance(0.4):
                bucket = dice.one(("alder-reports", "alder-media"))
                t.call(
                    time + 4 * SECOND,
                    TERRAFORM_ROLE,
                    "s3",
                    "PutBucketPolicy",
                    {
                        "bucketName": bucket,
                        "bucketPolicy": policy(
                            f"arn:aws:iam::{ACCOUNT}:role/shop-api", "s3:GetObject", f"{bucket}/*"
                        ),
                    },
                )
            t.call(
                time + 6 * SECOND,
                TERRAFORM_ROLE,
                "guardduty",
                "UpdateDetector",
                {
                    "detectorId": "12abc34d567e8fa901bc2d34e56789f0",
                    "enable": True,
                    "findingPublishingFrequency": "FIFTEEN_MINUTES",
                },
            )

    def _audit(self) -> None:
        """Each night, and at noon, the audit role asks for everything: discovery by permission."""
        t, dice = self.trail, self.dice
        for clock in ("02:00", "12:00"):
            time = self.day.at(clock)
            for _ in range(420):
                service, name = dice.one(_LOOK)
                t.call(
                    time,
                    AUDIT_ROLE,
                    service,
                    name,
                    _request(name),
                    region=dice.one(("eu-central-1", "eu-west-1", "us-east-1")),
                )
                time += dice.between(400, 2_600) * 1_000
            t.call(time, AUDIT_ROLE, "iam", "GetAccountAuthorizationDetails", {"maxItems": 1000})
            for bucket in BUCKETS:
                for name in (
                    "GetBucketPolicy",
                    "GetBucketAcl",
                    "GetBucketEncryption",
                    "GetBucketPublicAccessBlock",
                ):
                    time += dice.between(200, 900) * 1_000
                    t.call(
                        time,
                        AUDIT_ROLE,
                        "s3",
                        name,
                        {"bucketName": bucket, "Host": f"{bucket}.s3.eu-central-1.amazonaws.com"},
                    )
            for name in ("DescribeTrails", "GetTrailStatus", "GetEventSelectors"):
                time += SECOND
                t.call(time, AUDIT_ROLE, "cloudtrail", name, {"trailName": "main-trail"})


def policy(principal: str, action: str, resource: str) -> Event:
    """A bucket policy, as CloudTrail tells it: an object, not a text."""
    who: object = "*" if principal == "*" else {"AWS": principal}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": who, "Action": action, "Resource": f"arn:aws:s3:::{resource}"}
        ],
    }


def ingress(group: str, port: int, network: str) -> Event:
    return {
        "groupId": group,
        "ipPermissions": {
            "items": [
                {
                    "ipProtocol": "tcp",
                    "fromPort": port,
                    "toPort": port,
                    "groups": {},
                    "ipRanges": {"items": [{"cidrIp": network}]},
                }
            ]
        },
    }


_REQUESTS: dict[str, Event] = {
    "DescribeInstances": {"filterSet": {}, "instancesSet": {}},
    "ListUsers": {"maxItems": 100},
    "DescribeVolumes": {"maxResults": 500},
    "LookupEvents": {"maxResults": 50},
}


def _request(name: str) -> Event | None:
    return _REQUESTS.get(name)
