"""The cloud account of the cloud scenario: principals, addresses, buckets; and CloudTrail's records.

One account of the made-up company Alder, read through the organisation's own trail (which a member account
cannot stop). Account numbers, key ids and addresses are those reserved for documentation.
"""

from __future__ import annotations

from dataclasses import dataclass

from sample_data.record import Event, Recorder
from sample_data.world import HOUR, Dice, digest, iso_second

ACCOUNT = "111122223333"
REGION = "eu-central-1"
CLI = (
    "aws-cli/2.15.24 Python/3.11.6 Linux/5.15.0-94-generic exe/x86_64.ubuntu.22 prompt/off command/{command}"
)
MAC = "aws-cli/2.15.17 Python/3.11.7 Darwin/23.3.0 source/arm64 prompt/off command/{command}"
KALI = "aws-cli/2.15.30 Python/3.11.8 Linux/6.6.9-amd64 exe/x86_64.kali.2024 prompt/off command/{command}"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.7.4 (+https://www.terraform.io) terraform-provider-aws/5.38.0"
BOTO = "Boto3/1.34.49 md/Botocore#1.34.49 ua/2.0 os/linux#5.10.209 md/arch#x86_64 lang/python#3.12.1"
CONSOLE = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/122.0.0.0 Safari/537.36"
)


@dataclass(frozen=True)
class Principal:
    """Who calls. kind: IAMUser, AssumedRole, AWSService or Root; a role has a session name."""

    name: str
    kind: str
    address: str
    agent: str
    session: str = ""
    mfa: bool = False

    @property
    def key(self) -> str:
        prefix = "AKIA" if self.kind == "IAMUser" else "ASIA"
        return prefix + digest(self.name, "sha1").upper()[:9] + "EXAMPLE"

    @property
    def arn(self) -> str:
        if self.kind == "AssumedRole":
            return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.name}/{self.session}"
        return f"arn:aws:iam::{ACCOUNT}:user/{self.name}"

    def identity(self, time: int) -> Event:
        """The userIdentity of a record."""
        if self.kind == "AWSService":
            return {"type": "AWSService", "invokedBy": self.name}
        number = digest(self.name, "md5").upper()[:16]
        base: Event = {"type": self.kind}
        if self.kind == "IAMUser":
            base |= {
                "principalId": f"AIDA{number}",
                "arn": self.arn,
                "accountId": ACCOUNT,
                "accessKeyId": self.key,
                "userName": self.name,
            }
            if self.mfa:
                base["sessionContext"] = {
                    "attributes": {"creationDate": iso_second(time - time % HOUR), "mfaAuthenticated": "true"}
                }
            return base
        return base | {
            "principalId": f"AROA{number}:{self.session}",
            "arn": self.arn,
            "accountId": ACCOUNT,
            "accessKeyId": self.key,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": f"AROA{number}",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/{self.name}",
                    "accountId": ACCOUNT,
                    "userName": self.name,
                },
                "attributes": {"creationDate": iso_second(time - time % HOUR), "mfaAuthenticated": "false"},
            },
        }


def _user(name: str, address: str, mfa: bool = False, agent: str = CLI) -> Principal:
    return Principal(name, "IAMUser", address, agent, mfa=mfa)


def _role(name: str, session: str, address: str, agent: str) -> Principal:
    return Principal(name, "AssumedRole", address, agent, session)


LENA = _user("admin-lena", "198.51.100.60", True, CONSOLE)
OMAR = _user("admin-omar", "198.51.100.61", True, MAC)
MATEO = _user("dev-mateo", "198.51.100.62")
DEVELOPERS = (MATEO, _user("dev-yuki", "198.51.100.63", agent=MAC), _user("dev-sofia", "198.51.100.64"))
TERRAFORM_ROLE = _role("ci-terraform", "run-8841", "10.40.1.20", TERRAFORM)
DEPLOY_ROLE = _role("ci-deploy", "pipeline-shop", "10.40.1.21", BOTO)
AUDIT_ROLE = _role("security-audit", "nightly-review", "10.40.1.30", BOTO)
ANALYTICS = _role("analytics-etl", "i-0a41c7e2d9b83f650", "10.40.2.11", BOTO)
BACKUP_ROLE = _role("backup-dr", "dr-daily", "10.40.2.12", BOTO)
SHOP_ROLE = _role("shop-api", "i-07b2f1c34de98a610", "10.40.3.5", BOTO)
WORKER_ROLE = _role("shop-worker", "i-0c93e8a7715bd2f48", "10.40.3.6", BOTO)
WEB_TEAM = _role("AWSReservedSSO_WebTeam_6f0c", "nadia@alder.example", "198.51.100.66", CONSOLE)
SSO_POWER = _role("AWSReservedSSO_PowerUser_91be", "pavel@alder.example", "198.51.100.67", CONSOLE)
SSO_READ = _role("AWSReservedSSO_ReadOnly_2ad7", "greta@alder.example", "198.51.100.68", CONSOLE)
SERVICES = tuple(
    Principal(name, "AWSService", name, name)
    for name in ("autoscaling.amazonaws.com", "lambda.amazonaws.com", "ec2.amazonaws.com")
)

STOLEN = Principal("dev-mateo", "IAMUser", "203.0.113.77", KALI)
PLANTED = Principal("svc-backup-sync", "IAMUser", "203.0.113.77", KALI)
PLANTED_CONSOLE = Principal("svc-backup-sync", "IAMUser", "198.51.100.23", CONSOLE)

BUCKETS = (
    "alder-customer-exports",
    "alder-web-assets",
    "alder-logs-main",
    "alder-invoices",
    "alder-etl-raw",
    "alder-etl-curated",
    "alder-backups",
    "alder-terraform-state",
    "alder-build-artifacts",
    "alder-hr-archive",
    "alder-media",
    "alder-reports",
    "alder-sandbox",
    "alder-mail-archive",
)
EXPORTS = BUCKETS[0]
SECRETS = (
    "prod/shop/db",
    "prod/shop/payments",
    "prod/etl/warehouse",
    "prod/mail/smtp",
    "prod/admin/vpn",
    "prod/ci/registry",
    "prod/crm/api",
    "prod/hr/portal",
    "prod/shop/signing",
    "stage/shop/db",
    "prod/backup/vault",
)


class Trail:
    """Writes CloudTrail records, one a line, as a forwarder unpacks them from `Records`."""

    def __init__(self, recorder: Recorder, dice: Dice) -> None:
        self.recorder, self.dice = recorder, dice

    def call(
        self,
        time: int,
        who: Principal,
        service: str,
        name: str,
        request: Event | None = None,
        answer: Event | None = None,
        error: str = "",
        message: str = "",
        region: str = REGION,
        reads: bool | None = None,
        resources: list[Event] | None = None,
        extra: Event | None = None,
    ) -> None:
        """One call of an API; `service` without the domain, `error` as CloudTrail names it."""
        if reads is None:
            reads = name.startswith(("Get", "List", "Describe", "Head", "Lookup", "Check"))
        data = name in ("GetObject", "PutObject", "HeadObject", "DeleteObject")
        host = f"{service}.amazonaws.com"
        command = f"{service}.{''.join('-' + c.lower() if c.isupper() else c for c in name).strip('-')}"
        event: Event = {
            "eventVersion": "1.09",
            "userIdentity": who.identity(time),
            "eventTime": iso_second(time),
            "eventSource": host,
            "eventName": name,
            "awsRegion": "us-east-1" if service in ("iam", "signin", "sts") else region,
            "sourceIPAddress": who.address,
            "userAgent": who.agent.replace("{command}", command),
        }
        if error:
            what = f"User: {who.arn} is not authorized to perform: {service}:{name}"
            event |= {"errorCode": error, "errorMessage": message or what}
        event |= {
            "requestParameters": request,
            "responseElements": None if error or reads else answer,
            "requestID": self.dice.uuid(),
            "eventID": self.dice.uuid(),
            "readOnly": reads,
        }
        if resources:
            event["resources"] = resources
        event |= {
            "eventType": "AwsApiCall",
            "managementEvent": not data,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Data" if data else "Management",
        }
        if who.kind != "AWSService":
            event["tlsDetails"] = {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": host,
            }
        self.recorder.add("cloudtrail.jsonl", time, event | (extra or {}))

    def object(self, time: int, who: Principal, name: str, bucket: str, key: str, size: int = 0) -> None:
        """A data event of S3."""
        self.call(
            time,
            who,
            "s3",
            name,
            {"bucketName": bucket, "Host": f"{bucket}.s3.{REGION}.amazonaws.com", "key": key},
            resources=[
                {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"},
                {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"},
            ],
            extra={
                "additionalEventData": {
                    "SignatureVersion": "SigV4",
                    "AuthenticationMethod": "AuthHeader",
                    "bytesTransferredIn": 0 if name == "GetObject" else size,
                    "bytesTransferredOut": size if name == "GetObject" else 0,
                }
            },
        )

    def login(self, time: int, who: Principal, success: bool = True, mfa: bool = True) -> None:
        """A console login: a record of another type than calls."""
        failed: Event = {} if success else {"errorMessage": "Failed authentication"}
        identity = who.identity(time)
        identity.pop("accessKeyId", None)
        identity.pop("sessionContext", None) if who.kind == "IAMUser" else None
        self.recorder.add(
            "cloudtrail.jsonl",
            time,
            {
                "eventVersion": "1.08",
                "userIdentity": identity,
                "eventTime": iso_second(time),
                "eventSource": "signin.amazonaws.com",
                "eventName": "ConsoleLogin",
                "awsRegion": "us-east-1",
                "sourceIPAddress": who.address,
                "userAgent": CONSOLE,
                **failed,
                "requestParameters": None,
                "responseElements": {"ConsoleLogin": "Success" if success else "Failure"},
                "additionalEventData": {
                    "LoginTo": "https://console.aws.amazon.com/console/home",
                    "MobileVersion": "No",
                    "MFAUsed": "Yes" if mfa else "No",
                },
                "eventID": self.dice.uuid(),
                "readOnly": False,
                "eventType": "AwsConsoleSignIn",
                "managementEvent": True,
                "recipientAccountId": ACCOUNT,
                "eventCategory": "Management",
                "tlsDetails": {
                    "tlsVersion": "TLSv1.3",
                    "cipherSuite": "TLS_AES_128_GCM_SHA256",
                    "clientProvidedHostHeader": "signin.aws.amazon.com",
                },
            },
        )
