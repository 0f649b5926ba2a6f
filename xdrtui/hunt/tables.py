"""SQL over the archive: one table, `events`, read-only, and nothing else that Polars' SQL could reach.

In: a SELECT (or WITH ... SELECT). Out: batches of the answer. Polars' SQL can read any file by its table
functions (`read_csv`, `read_parquet` ...) and make tables, so a statement is taken apart first: what does not
begin as a question is refused, and so is every name of a reading function. The plan is then looked at as
well: it may scan nothing but the archive. Times and columns that the statement asks for prune what is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl
from polars.io.plugins import register_io_source

from xdrtui.errors import XdrtuiError
from xdrtui.store.archive.read import Part, Reader

FIXED = ("time", "event_type", "source", "partition", "offset", "index", "raw")
"""Columns that every event has. An event's field of such a name is `field.NAME`."""

SCAN = "EVENT ARCHIVE"

_TOKEN = re.compile(
    r"""\s+ | --[^\n]* | (?P<odd>\w+'|[$\\#]|/\*) | (?P<text>'(?:[^']|'')*')
        | (?P<name>"(?:[^"]|"")*" | `[^`]*` | [^\W\d]\w*) | (?P<end>;) | (?P<open>['"`]) | .""",
    re.X | re.S,
)
"""What a parser may take for a string or a comment in more than one way (`odd`) is refused."""

MOST_SELECTS = 30
MOST_OPERATORS = 1_000
"""Polars goes down a step for each, and with 300 or 1,500 ends the process by SIGSEGV."""

_FORBIDDEN = re.compile(r"(read|scan)_\w+|read|scan", re.I)


class SqlError(XdrtuiError):
    """The statement is refused, or cannot be understood."""


class Tables:
    """The archive as a table."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.columns = {field: _column(field) for field in sorted(reader.fields)}
        self.schema: dict[str, pl.DataType] = {
            "time": pl.Datetime("ns", "UTC"),
            "event_type": pl.String(),
            "source": pl.String(),
            "partition": pl.Int64(),
            "offset": pl.Int64(),
            "index": pl.Int64(),
            "raw": pl.String(),
            **{column: pl.String() for column in self.columns.values()},
        }

    def ask(self, statement: str, rows: int = 65_536) -> Iterator[pl.DataFrame]:
        """The answer, so many rows at a time. Raises SqlError."""
        plan = self.plan(statement)
        try:
            yield from plan.collect_batches(chunk_size=rows, maintain_order=True)
        except pl.exceptions.PolarsError as error:
            raise SqlError(f"the statement cannot be carried out: {_first(error)}") from None

    def plan(self, statement: str) -> pl.LazyFrame:
        """The statement as a plan that reads nothing but the archive. Raises SqlError."""
        check(statement)
        events = register_io_source(self._read, schema=self.schema, is_pure=True, explain_name=SCAN)
        try:
            plan = pl.SQLContext(events=events).execute(statement, eager=False)
            described = plan.explain(optimized=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SqlError(f"the statement cannot be understood: {_first(error)}") from None
        for line in described.splitlines():
            if " SCAN" in line and SCAN not in line:
                raise SqlError(
                    "the statement reads something else than the archive: there is one table, events"
                )
        return plan

    def _read(
        self, columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        """What Polars asks of the table: some columns, of the rows that a predicate holds for."""
        wanted = list(self.schema) if columns is None else columns
        fields = {field for field, column in self.columns.items() if column in wanted}
        left = n_rows
        for file in self._reader.files:
            for part in self._reader.parts(file, fields):
                data = self._shaped(part, wanted)
                if predicate is not None:
                    data = data.filter(predicate)
                if left is not None:
                    data = data.head(left)
                    left -= data.height
                if data.height:
                    yield data
                if left == 0:
                    return

    def _shaped(self, part: Part, wanted: list[str]) -> pl.DataFrame:
        data = part.data
        made: list[pl.Series] = []
        fields = {column: field for field, column in self.columns.items()}
        for name in wanted:
            kind = self.schema[name]
            if name == "time":
                made.append(data["@time"].cast(pl.Datetime("ns")).dt.replace_time_zone("UTC").alias(name))
            elif name == "event_type":
                made.append(
                    pl.repeat(part.event_type.name, data.height, dtype=pl.String, eager=True).alias(name)
                )
            elif name == "raw":
                texts = [raw.decode("utf-8", "replace") for raw in data["@raw"].to_list()]
                made.append(pl.Series(name, texts, pl.String))
            elif name in FIXED:
                made.append(data[f"@{name}"].cast(kind).alias(name))
            elif fields[name] in data.columns:
                series = data[fields[name]]
                joined = series.list.join(" | ") if isinstance(series.dtype, pl.List) else series
                made.append(joined.alias(name))
            else:
                made.append(pl.repeat(None, data.height, dtype=pl.String, eager=True).alias(name))
        return pl.DataFrame(made) if made else pl.DataFrame(height=data.height)


def _first(error: Exception) -> str:
    """What Polars says, less the plan that it adds."""
    return str(error).partition("\n\n")[0]


def _column(field: str) -> str:
    return f"field.{field}" if field in FIXED else field


def check(statement: str) -> None:
    """Raises SqlError for anything but one question that names no function that reads."""
    if re.search("[\ud800-\udfff]", statement):
        raise SqlError("the statement holds what is no character")
    names: list[str] = []
    ended = False
    operators = 0
    for token in _TOKEN.finditer(statement):
        if token["open"]:
            raise SqlError("a quote in the statement is not closed")
        if token["odd"]:
            raise SqlError(f"{token['odd']} is not understood here: plain quotes, and -- for comments")
        if ended and (token["name"] or token["text"]):
            raise SqlError("one statement at a time")
        if token["end"]:
            ended = True
        elif token["name"]:
            name = token["name"].strip('"`')
            names.append(name)
            if _FORBIDDEN.fullmatch(name):
                raise SqlError(f"{name} reads files, which a hunt may not: there is one table, events")
        elif token[0] in "+-*/%|<>=":
            operators += 1
    folded = [name.lower() for name in names]
    operators += sum(name in ("and", "or", "not") for name in folded)
    if folded.count("select") > MOST_SELECTS or operators > MOST_OPERATORS:
        raise SqlError(
            f"the statement is too long: {MOST_SELECTS} SELECTs, {MOST_OPERATORS:,} operators at most"
        )
    if not names or names[0].lower() not in ("select", "with"):
        raise SqlError("a hunt asks, it changes nothing: begin with SELECT or WITH")
