"""Rule files made to hurt: each tries to take time, memory or the process of whoever reads or runs it.

`FILES` by name. What must come of them: an error with its place, or a rule that runs in bounded time.
"""

from __future__ import annotations

import random

MANY = 10_000


def rule(number: int, detection: str, more: str = "") -> bytes:
    """A rule on network connections as Zeek logs them."""
    body = "\n".join("  " + line for line in detection.splitlines())
    return (
        f"title: Hostile {number}\nid: 00000000-0000-4000-9000-{number:012}\nlevel: high\n{more}"
        f"logsource: {{product: zeek, service: conn}}\ndetection:\n{body}\n"
    ).encode()


def item(number: int, text: str) -> bytes:
    return rule(number, f"sel:\n  {text}\ncondition: sel")


def values(number: int, key: str, given: list[str]) -> bytes:
    lines = "\n".join(f"    - '{each}'" for each in given)
    return rule(number, f"sel:\n  {key}:\n{lines}\ncondition: sel")


def correlation(number: int, text: str) -> bytes:
    return f"title: C\nid: c{number}\ncorrelation: {{timespan: 1h, type: {text}}}\n".encode()


def _words(count: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz-/ ", k=20)) for _ in range(count)]


CATASTROPHIC = (
    "(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){25}$", r"(?=(a+))\1+b", r"(a*)*\1b", "(x+x+)+y",
    "(?=a)(a?){60}a{60}b", r"(?<!b)(\w+\s?)*$", r"(?=.*a)([a-z]+)*\d$", "^(([a-z])+.)+[A-Z]([a-z])+$",
    "((a{0,1000}){0,1000}){0,1000}b", "(a{1,30000}){1,30000}", ".{20000}x.{20000}y", "(?i)(ſ|s|S|K|k)+$",
    "(a|b|ab)*c" * 200, "[^x]*" * 1_000 + "x", "(?:" * 2_000 + "a" + ")" * 2_000, r"(\d+)*(\w+)*(\s+)*!" * 50,
)  # fmt: skip

FILES: dict[str, bytes] = {
    **{f"regex-{n:02}.yml": item(n, f"uid|re: '{each}'") for n, each in enumerate(CATASTROPHIC)},
    "many-contains.yml": values(100, "uid|contains", _words(MANY)),
    "many-equal.yml": values(101, "uid", _words(MANY, 2)),
    "many-all.yml": values(102, "uid|contains|all", _words(MANY, 3)),
    "many-windash.yml": values(103, "uid|contains|windash", [f" -a{w}" for w in _words(MANY, 4)]),
    "many-encoded-dashes.yml": values(104, "uid|windash|base64", [" -a -b -c -d -e -f -g -h"]),
    "many-base64offset.yml": values(105, "uid|base64offset|contains", _words(MANY, 5)),
    "many-networks.yml": values(106, "uid|cidr", [f"10.{n >> 8}.{n & 255}.0/24" for n in range(MANY)]),
    "many-regexes.yml": values(107, "uid|re", [f"(?=a)(a+)+{w.strip('-/ ')}$" for w in _words(MANY, 6)]),
    "many-wildcards.yml": values(108, "uid", [f"*{w}*?{w}*" for w in _words(MANY, 7)]),
    "many-keywords.yml": rule(109, f"keywords: {_words(MANY, 8)!r}\ncondition: keywords"),
    "many-identifiers.yml": rule(
        110, "\n".join(f"s{n}:\n  uid: v{n}" for n in range(MANY)) + "\ncondition: all of s*"
    ),
    "too-many.yml": values(111, "uid", [f"v{n}" for n in range(30_000)]),
    "long-contains.yml": item(200, f"uid|contains: {'x' * 1_000_000}"),
    "long-regex.yml": item(201, f"uid|re: {'a' * 1_000_000}"),
    "long-stars.yml": item(202, f"uid: '{'*a' * 500_000}'"),
    "long-marks.yml": item(203, f"uid: '{'?' * 1_000_000}'"),
    "long-dashes.yml": item(204, f"uid|windash|contains: '{' -a' * 300_000}'"),
    "full-contains.yml": item(210, f"uid|contains: {'x' * 65_000}"),
    "full-stars.yml": item(211, f"uid: '{'*a' * 32_000}'"),
    "full-marks.yml": item(212, f"uid: '{'?' * 65_000}'"),
    "full-dashes.yml": item(213, f"uid|windash|contains: '{' -a' * 21_000}'"),
    "full-regex.yml": item(214, f"uid|re: '{'(a|b)*' * 3_000}'"),
    "long-field.yml": item(205, f"{'f' * 100_000}: x"),
    "long-number.yml": item(206, f"uid|gt: {'9' * 100_000}"),
    "huge-exponent.yml": item(207, "uid|gt: '1e999999999'"),
    "huge-hour.yml": item(208, "ts|hour: '1e999999999'"),
    "huge-placeholders.yml": item(209, f"uid|expand: '{'%a%' * 40}'"),
    "deep-brackets.yml": b"[" * 50_000,
    "deep-maps.yml": b"a: " + b"{b: " * 20_000 + b"}" * 20_000,
    "deep-blocks.yml": b"\n".join(b" " * n + b"a:" for n in range(3_000)),
    "deep-lists.yml": rule(
        300, "sel:\n" + "".join("  " * (n + 1) + "-\n" for n in range(50)) + "condition: sel"
    ),
    "deep-condition.yml": rule(301, f"sel:\n  uid: a\ncondition: {'(' * 20_000}sel{')' * 20_000}"),
    "deep-not.yml": rule(302, f"sel:\n  uid: a\ncondition: {'not ' * 20_000}sel"),
    "wide-condition.yml": rule(303, f"sel:\n  uid: a\ncondition: {' or '.join(['sel'] * 50_000)}"),
    "squared-condition.yml": rule(
        304,
        "\n".join(f"s{n}:\n  uid|re: '(?=a)a+{n}$'" for n in range(300))
        + "\ncondition:\n"
        + "  - 1 of s*\n  - all of s*\n" * 300,
    ),
    "bomb-laughs.yml": b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n".encode() for n in range(1, 30)),
    "bomb-squared.yml": b"a: &a [" + b"x," * 100_000 + b"x]\nb: [" + b"*a," * 25 + b"*a]\n",
    "bomb-merge.yml": b"a: &a {"
    + b",".join(b"k%d: 1" % n for n in range(20_000))
    + b"}\nb: &b {<<: ["
    + b"*a," * 25
    + b"*a]}\n",
    "bomb-self.yml": b"title: T\nlogsource: {product: zeek}\ndetection: &d\n  sel: *d\n  condition: sel\n",
    "bomb-tag.yml": b"!!python/object/apply:os.system ['true']\n",
    "bomb-documents.yml": b"---\na: 1\n" * 10_000,
    "bomb-global.yml": b"action: global\ntitle: G\n---\n" * 50_000,
    "bomb-size.yml": b"# " + b"x" * 5_000_000,
    "bomb-int.yml": item(400, f"uid: {'1' * 50_000}"),
    "bomb-null.yml": b"\0" * 100_000,
    "correlation-number.yml": correlation(
        1, f"event_count, rules: [x], condition: {{gte: 1.{'1' * 10_000}}}"
    ),
    "correlation-names.yml": correlation(2, f"temporal, rules: [{', '.join(f'r{n}' for n in range(MANY))}]"),
    "correlation-condition.yml": correlation(
        3, f"temporal, rules: [a], condition: '{'not (' * 20_000}a{')' * 20_000}'"
    ),
}

VALUES = (
    "a" * 60 + "!", "a" * 5_000 + "!", "x" * 20_000, "ab" * 2_000, "-a " * 1_000, "1 a " * 500 + "?",
    "sSkK" * 500 + "!", "a" * 100_000,
)  # fmt: skip
"""What the events hold: where the expressions do worst."""
