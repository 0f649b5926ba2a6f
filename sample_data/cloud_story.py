"""The cloud scenario as it is told to a student."""

from __future__ import annotations

from sample_data.story import Story, Tale

_KEY = ("user dev-mateo", "address 203.0.113.77")
_PLANTED = ("user svc-backup-sync", "address 198.51.100.23")

STORY = Story(
    scenario="cloud",
    date="2026-03-05",
    title="A key in a public repository",
    story=(
        "A developer's access key was pushed to a public repository. At three in the morning somebody tries "
        "it, finds "
        "that it may change one policy, and with that owns the account, and the customers' data, within "
        "ninety minutes."
    ),
    hosts=("111122223333",),
    tales=(
        Tale(
            "cld-01",
            "Whose key is this?",
            "T1078.004",
            "initial-access",
            "The first call with a found key is always the same: who am I? It comes from an attacker's "
            "distribution of Linux.",
            "CloudTrail, GetCallerIdentity at 03:12",
            "userAgent and sourceIPAddress",
            _KEY,
        ),
        Tale(
            "cld-02",
            "Trying all doors",
            "T1087.004",
            "discovery",
            "Twenty-six calls to as many interfaces in five minutes, each refused: somebody finds out what "
            "the key may do.",
            "CloudTrail of dev-mateo from 03:14",
            "errorCode, counted per userIdentity.arn",
            _KEY,
        ),
        Tale(
            "cld-03",
            "Which buckets are there?",
            "T1619",
            "discovery",
            "All buckets are listed, and of each the policy is read, by a developer's key from a strange "
            "address.",
            "CloudTrail, ListBuckets and GetBucketPolicy at 03:22",
            "sourceIPAddress and userAgent",
            (*_KEY, "bucket alder-customer-exports"),
        ),
        Tale(
            "cld-04",
            "A policy that allows everything",
            "T1098.003",
            "privilege-escalation",
            "The key may write new versions of one policy: the new one allows every action on everything.",
            "CloudTrail, CreatePolicyVersion at 03:41",
            "requestParameters.policyDocument and setAsDefault",
            _KEY,
        ),
        Tale(
            "cld-05",
            "Administrator by own hand",
            "T1098.003",
            "privilege-escalation",
            "dev-mateo attaches AdministratorAccess to dev-mateo.",
            "CloudTrail, AttachUserPolicy at 03:44",
            "requestParameters.policyArn and userName",
            _KEY,
        ),
        Tale(
            "cld-06",
            "A new user",
            "T1136.003",
            "persistence",
            "A user with a harmless name, svc-backup-sync, is made by a key without a second factor, and "
            "made administrator.",
            "CloudTrail, CreateUser at 03:50",
            "requestParameters.userName, userIdentity.userName",
            (*_KEY, "user svc-backup-sync"),
        ),
        Tale(
            "cld-07",
            "A key for somebody else",
            "T1098.001",
            "persistence",
            "dev-mateo makes an access key for svc-backup-sync. People make keys for themselves.",
            "CloudTrail, CreateAccessKey at 03:51",
            "requestParameters.userName against userIdentity.userName",
            (*_KEY, "user svc-backup-sync"),
        ),
        Tale(
            "cld-08",
            "Into the console without a second factor",
            "T1078.004",
            "initial-access",
            "The new user gets a password and logs in to the console, without MFA, from another strange "
            "address.",
            "CloudTrail, ConsoleLogin at 03:58",
            "additionalEventData.MFAUsed with userIdentity.type",
            _PLANTED,
        ),
        Tale(
            "cld-09",
            "The trail is stopped",
            "T1562.008",
            "defense-evasion",
            "The account's own trail is told to record less and then nothing. We still see it by the "
            "organisation's trail.",
            "CloudTrail, PutEventSelectors and StopLogging at 04:05",
            "eventName",
            _PLANTED,
        ),
        Tale(
            "cld-10",
            "The watchman is dismissed",
            "T1562.001",
            "defense-evasion",
            "The detector of GuardDuty, which would have warned, is deleted.",
            "CloudTrail, DeleteDetector at 04:07",
            "eventName",
            _PLANTED,
        ),
        Tale(
            "cld-11",
            "All secrets at once",
            "T1555.006",
            "credential-access",
            "Eleven secrets are read in three minutes by one key; programs read the one or two that are "
            "theirs.",
            "CloudTrail, GetSecretValue from 04:15",
            "requestParameters.secretId, distinct per arn",
            _KEY,
        ),
        Tale(
            "cld-12",
            "SSH for the whole world",
            "T1562.007",
            "defense-evasion",
            "A security group is opened for port 22 from everywhere.",
            "CloudTrail, AuthorizeSecurityGroupIngress at 04:26",
            "cidrIp and fromPort in requestParameters",
            _KEY,
        ),
        Tale(
            "cld-13",
            "A disk for a stranger",
            "T1537",
            "exfiltration",
            "A snapshot of a disk is shared with an account that does not belong to the organisation.",
            "CloudTrail, ModifySnapshotAttribute at 04:33",
            "requestParameters.createVolumePermission.add",
            _KEY,
        ),
        Tale(
            "cld-14",
            "A bucket is opened",
            "T1098",
            "persistence",
            "The block of public access is removed from the customers' exports, and a policy lets everyone "
            "read.",
            "CloudTrail, DeleteBucketPublicAccessBlock and PutBucketPolicy at 04:40",
            "requestParameters.bucketPolicy (Principal)",
            ("user svc-backup-sync", "address 203.0.113.77", "bucket alder-customer-exports"),
        ),
        Tale(
            "cld-15",
            "The customers' data leave",
            "T1530",
            "collection",
            "Nine hundred objects are fetched in half an hour by a user that is an hour old.",
            "CloudTrail, GetObject from 04:45",
            "sourceIPAddress and bucketName, counted",
            ("user svc-backup-sync", "address 203.0.113.77", "bucket alder-customer-exports"),
        ),
    ),
    look_alikes=(
        "The audit role lists everything, twice a day, and is never refused.",
        "Terraform writes policy versions, bucket policies and security groups (443 from everywhere, 22 "
        "from inside).",
        "admin-lena makes users and attaches policies, with a second factor; once AdministratorAccess to "
        "the role break-glass.",
        "Users rotate their own access keys.",
        "Single sign-on logins say MFAUsed No, because the factor is asked elsewhere; people mistype.",
        "Programs read secrets and objects all day; the build role is refused now and then.",
        "The web team makes the bucket of its web site public, on purpose.",
        "The recovery role takes back an old share of a snapshot.",
    ),
)
