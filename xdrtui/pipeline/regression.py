"""Rules against the events written down for them: do they still find what they are for?

In: folders, and the rules. Out: a `Verdict` a case. Two ways of writing cases are read: SigmaHQ's (`info.yml`
names the rule, recorded events lie beside it) and the pack's (`x.events.json` beside `x.yml`: `positive`
events the rule must find, `negative` ones it must not). Nothing is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from detectors.contract import NULL
from detectors.correlate.model import Match as Counted
from detectors.sigma.documents import read_documents
from xdrtui.errors import RuleError, SourceError
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.pipeline.scan import Scanner
from xdrtui.sources.files import open_files, walk
from xdrtui.store.batch import Found

INFO = "info.yml"
EVENTS = ".events.json"
RECORDINGS = (".evtx", ".jsonl", ".json", ".raw", ".log", ".txt", ".xml")
"""Endings of recordings that lie beside an info.yml without being named in it, the best first."""


class Recorded(msgspec.Struct, frozen=True):
    """A recording in which a rule must match `at_least` times. place: what people call the case; file: None
    where there is no recording."""

    place: str
    rule: str
    title: str
    file: Path | None
    at_least: int = 1


class Written(msgspec.Struct, frozen=True):
    """Events written for a rule. rule: id, or name (`named`) where a file holds several rules, or empty for
    the only rule of `rule_file`; positive: found, each of them (a correlation: all together); negative: not
    found."""

    place: str
    rule: str
    rule_file: str
    positive: tuple[dict[str, object], ...] = ()
    negative: tuple[dict[str, object], ...] = ()


class Wrong(msgspec.Struct, frozen=True):
    """A case that cannot be read."""

    place: str
    reason: str


Case = Recorded | Written | Wrong


class Verdict(msgspec.Struct, frozen=True):
    """Whether a case passed; the reason where it did not. found: matches of the rule; wanted: at least so
    many."""

    place: str
    rule: str
    title: str
    passed: bool
    reason: str = ""
    found: int = 0
    wanted: int = 1


def read_cases(paths: Iterable[str | Path]) -> list[Case]:
    """Every case under the paths, in the order of the files. Raises SourceError where a path is not there."""
    cases: list[Case] = []
    for path in paths:
        for name in walk(path):
            file = Path(name)
            try:
                if file.name == INFO:
                    cases += _recorded(file, _common(Path(path), file))
                elif name.endswith(EVENTS):
                    cases += _written(file)
            except (ValueError, TypeError, OSError, msgspec.ValidationError) as error:
                cases.append(Wrong(name, f"the case cannot be read: {error}"))
    return cases


def rule_files_beside(cases: Iterable[Case]) -> list[str]:
    """The rule files that stand beside written events."""
    return sorted({case.rule_file for case in cases if isinstance(case, Written)})


def wanted_ids(cases: Iterable[Case]) -> frozenset[str]:
    """Ids of the rules that recorded cases name."""
    return frozenset(case.rule for case in cases if isinstance(case, Recorded))


def run_cases(
    cases: Sequence[Case], book: Rulebook, on_done: Callable[[Verdict], None] = lambda verdict: None
) -> list[Verdict]:
    """Judge every case by these rules."""
    verdicts: list[Verdict] = []
    scanner, process = Scanner(book), Process(book)
    for case in cases:
        if isinstance(case, Wrong):
            verdict = Verdict(case.place, "", "", False, case.reason)
        elif isinstance(case, Recorded):
            verdict = _judge_recorded(case, book, scanner)
        else:
            verdict = _judge_written(case, book, process)
        verdicts.append(verdict)
        on_done(verdict)
    return verdicts


# --- SigmaHQ's layout


def _common(top: Path, file: Path) -> str:
    """What people call the folder of a case: its path below the one that was given."""
    folder = file.parent
    return str(folder.relative_to(top)) if folder != top and folder.is_relative_to(top) else str(folder)


def _recorded(info: Path, place: str) -> list[Case]:
    documents, problems = read_documents(info.read_bytes(), str(info))
    if problems or not documents:
        return [Wrong(place, str(problems[0]) if problems else f"{info}: empty")]
    body = documents[0]
    rules = [(str(each["id"]).lower(), str(each.get("title") or "")) for each in _maps(body, "rule_metadata")]
    if not rules:
        return [Wrong(place, f"{info}: rule_metadata names no rule")]
    tests = _maps(body, "regression_tests_info")
    cases: list[Case] = []
    for rule, title in rules:
        if not tests:
            cases.append(Recorded(place, rule, title, _recording_of(info.parent, rule)))
        for number, test in enumerate(tests):
            name = place if len(tests) == 1 else f"{place} [{number + 1}]"
            at_least = int(str(test.get("match_count") or 1))
            cases.append(Recorded(name, rule, title, _named(info, str(test.get("path") or "")), at_least))
    return cases


def _maps(body: Mapping[str, object], key: str) -> list[dict[str, object]]:
    value = body.get(key) or []
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _named(info: Path, path: str) -> Path | None:
    """The recording that an info.yml names: the file of that name beside it, and no other place, since a
    path in data must not choose what is read."""
    name = Path(path.replace("\\", "/")).name
    file = info.parent / name
    return file if name and file.is_file() else None


def _recording_of(folder: Path, rule: str) -> Path | None:
    """The recording that bears the rule's id, where info.yml says nothing of tests."""
    for ending in RECORDINGS:
        file = folder / f"{rule}{ending}"
        if file.is_file():
            return file
    return None


def _judge_recorded(case: Recorded, book: Rulebook, scanner: Scanner) -> Verdict:
    found, reason = 0, ""
    if case.rule not in book.rules:
        reason = _absent(case.rule, book)
    elif case.file is None:
        reason = "there is no recording beside info.yml"
    else:
        try:
            found, reason = _scanned(case, scanner)
        except SourceError as error:
            reason = str(error)
    rule = book.rules.get(case.rule)
    title = rule.title if rule else case.title
    return Verdict(case.place, case.rule, title, not reason, reason, found, case.at_least)


def _scanned(case: Recorded, scanner: Scanner) -> tuple[int, str]:
    """How often the rule matched, and why that will not do."""
    assert case.file is not None
    found = events = unrouted = dead = 0
    types: set[str] = set()
    for messages in open_files([case.file]):
        done = scanner.scan(messages)
        counts = done.counts
        found += sum(match.rule == case.rule for match in done.matches)
        events, unrouted, dead = events + counts.events, unrouted + counts.unrouted, dead + counts.dead
        types.update(counts.event_types)
    if found >= case.at_least:
        return found, ""
    if not events:
        return found, f"no event could be read ({dead} dead letters)"
    met = f"{events} events of {', '.join(sorted(types))}"
    unknown = f", {unrouted} of them of no known layout" if unrouted else ""
    return found, f"matched {found} times, {case.at_least} wanted, in {met}{unknown}"


def _absent(rule: str, book: Rulebook) -> str:
    """Why a rule is not among the usable ones."""
    for file, text in book.texts.items():
        if rule.encode() in text.lower():
            problem = next((each for each in book.problems if each.file == file), None)
            return str(problem) if problem else f"{file} names it, but it is not in use"
    return "the rule is not among those given (see --rules)"


# --- the pack's layout


def _written(file: Path) -> list[Case]:
    data = msgspec.convert(json.loads(file.read_bytes()), dict[str, object])
    stem = str(file).removesuffix(EVENTS)
    rule_file = next((f"{stem}{e}" for e in (".yml", ".yaml") if Path(f"{stem}{e}").is_file()), f"{stem}.yml")
    if "positive" in data or "negative" in data:
        return [_pair(str(file), "", rule_file, data)]
    return [_pair(f"{file}: {name}", str(name), rule_file, pair) for name, pair in data.items()]


def _pair(place: str, rule: str, rule_file: str, data: object) -> Case:
    pair = msgspec.convert(data, dict[str, tuple[dict[str, object], ...]])
    unknown = sorted(set(pair) - {"positive", "negative"})
    if unknown:
        return Wrong(place, f"'{unknown[0]}' is neither positive nor negative")
    return Written(place, rule, rule_file, pair.get("positive", ()), pair.get("negative", ()))


def payload_of(event: Mapping[str, object]) -> bytes:
    """An event as its source writes it: an object as JSON, {"line": text} as that line."""
    line = event.get("line")
    return line.encode() if isinstance(line, str) and len(event) == 1 else json.dumps(event).encode()


def _judge_written(case: Written, book: Rulebook, process: Process) -> Verdict:
    rules = [rule for rule in book.rules.values() if _is(case, rule.file, rule.id, rule.name)]
    correlations = [each for each in book.correlations.rules if _is(case, each.file, each.id, each.name)]
    if len(rules) + len(correlations) != 1:
        problem = next((str(each) for each in book.broken if each.file == case.rule_file), "")
        several = "it holds several rules: give each its events by name" if rules or correlations else ""
        reason = problem or several or f"{case.rule_file} holds no such rule"
        return Verdict(case.place, case.rule, "", False, reason)
    wanted = len(case.positive)
    if rules:
        rule_id, title = rules[0].id, rules[0].title
        hits = {each.position.offset for each in _found(process, case.positive) if each.rule == rule_id}
        wrong = {each.position.offset for each in _found(process, case.negative) if each.rule == rule_id}
        missed = sorted(set(range(wanted)) - hits)
        reason = _numbers("does not find positive event", missed) or _numbers(
            "finds negative event", sorted(wrong)
        )
        return Verdict(case.place, rule_id, title, not reason, reason, len(hits), wanted)
    rule_id, title = correlations[0].id, correlations[0].title
    fired = rule_id in _fired(book, _found(process, case.positive))
    falsely = rule_id in _fired(book, _found(process, case.negative))
    reason = "does not fire on its positive events" if not fired else ""
    reason = reason or ("fires on its negative events" if falsely else "")
    return Verdict(case.place, rule_id, title, not reason, reason, int(fired), 1)


def _is(case: Written, file: str, id: str, name: str) -> bool:
    return Path(file) == Path(case.rule_file) and (not case.rule or case.rule in (id, name))


def _numbers(what: str, numbers: Sequence[int]) -> str:
    return f"{what} {', '.join(str(number + 1) for number in numbers)}" if numbers else ""


def _found(process: Process, events: Sequence[Mapping[str, object]]) -> list[Found]:
    if not events:
        return []
    messages = Messages(
        Source("events", "events", "file"), 0, range(len(events)), [payload_of(event) for event in events]
    )
    return process.run(messages, ReplayClock()).found


def _fired(book: Rulebook, found: Sequence[Found]) -> set[str]:
    state = book.correlations.new_state()
    fired = state.feed(_counted(each) for each in found if each.feeds)
    return {each.correlation for each in (*fired, *state.finish())}


def _counted(found: Found) -> Counted:
    captures = {
        field: tuple(value) if isinstance(value, list) else NULL if value is None else value
        for field, value in found.captures.items()
    }
    return Counted(found.rule, found.window_time, tuple(found.position), captures)


def tally(verdicts: Sequence[Verdict]) -> str:
    """The summary, as one sentence."""
    passed = sum(verdict.passed for verdict in verdicts)
    return f"{passed} of {len(verdicts)} cases pass; {len(verdicts) - passed} fail."


def require_cases(cases: Sequence[Case]) -> None:
    """Raises RuleError where there is nothing to test."""
    if not cases:
        raise RuleError(
            f"no case was found: a case is an {INFO} with its recording (SigmaHQ's layout), or x{EVENTS} "
            "beside x.yml; see `xdrtui help rules`."
        )


def shown(verdicts: Iterable[Verdict], all_of_them: bool) -> Iterator[Verdict]:
    """Those to print: the failures, or all."""
    return (verdict for verdict in verdicts if all_of_them or not verdict.passed)
