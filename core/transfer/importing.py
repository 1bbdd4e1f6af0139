"""Import: rows become records, batch by batch, each batch in one transaction."""

import asyncio
import gc
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from core.crm import Call
from core.errors import Refused
from core.events import rehearsal, savepoint, transaction
from core.records import store
from core.records.followed import merges, successors
from core.records.statements import select
from core.records.visibility import visible
from core.resources import Resource
from core.transfer.comparing import news
from core.transfer.entries import Entry, to_values
from core.transfer.finding import AT_ONCE, Finder
from core.transfer.occurrences import Occurrences
from core.transfer.plan import Plan
from core.transfer.problems import Problem, Rejected, because
from core.transfer.reading import Row, Source
from core.transfer.report import Rejects, Report
from core.transfer.statistics import MANY, count_anew

Values = dict[str, Any]
OBJECTS = 400_000  # new objects between two looks for garbage; a batch makes about half as many
PAUSE = 50  # rows that are read at a stretch
BATCH = 2_000  # rows in one transaction

_KNOWN = "SELECT t.id, t.external_id FROM {rows} AS t WHERE t.external_id IN {ids}"


@dataclass(slots=True, eq=False)
class Draft:
    """A row on its way: what it says, the values for the store, the record that it is about, and what stands against it."""

    row: Row
    entry: Entry
    values: Values = field(default_factory=dict)
    record: Any = None
    problem: Problem | None = None

    def refuse(self, rejected: Rejected) -> None:
        """Note why the row is not taken; the first reason stays."""
        self.problem = self.problem or rejected.at(self.row.line)


@dataclass
class Import:
    """One run over a file. `tell` hears how many bytes of the file are done."""

    call: Call
    plan: Plan
    rejects: Rejects
    batch: int = BATCH
    tell: Callable[[int], None] = lambda done: None
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self.finder = Finder(self.call, self._makes, self.plan.chart.source or "", self.report.made)

    async def run(self, source: Source, *, dry: bool) -> Report:
        """Take all rows of a file; with `dry`, undo everything at the end."""
        self.plan.learn(source.columns)
        if source.columns:
            self.plan.check(source.columns)
        with Occurrences() as self._occurrences, seldom_collecting():
            try:
                if dry:
                    async with rehearsal():
                        await self._rows(source)
                else:
                    await self._rows(source)
            finally:
                self.rejects.close()
        if not dry and self.report.created + self.report.updated >= MANY:
            await count_anew(self.call.crm, self.plan.resource)
        return self.report

    async def _rows(self, source: Source) -> None:
        rows = source.rows()
        drafts, done = await self._read(rows), source.done
        while drafts:
            ahead = asyncio.create_task(self._read(rows))  # while the database works on these
            try:
                async with transaction(self.call):
                    await self._batch(drafts)
                await self.call.crm.settle()
            except BaseException:
                ahead.cancel()
                raise
            self.tell(done)
            drafts, done = await ahead, source.done

    async def _read(self, rows: Iterator[Row]) -> list[Draft]:
        """The drafts of the next batch, with a pause now and then in which others go on."""
        drafts: list[Draft] = []
        while len(drafts) < self.batch and (some := list(self._drafts(islice(rows, min(PAUSE, self.batch - len(drafts)))))):
            drafts += some
            await asyncio.sleep(0)
        return drafts

    async def _batch(self, drafts: Sequence[Draft]) -> None:
        await self._content_keys([one for one in drafts if one.problem is None])
        for run in _apart([one for one in drafts if one.problem is None], self._identity):
            await self._run(run)
        for one in drafts:
            if one.problem is not None:
                self.report.reject(one.problem)
                self.rejects.add(one.row, one.problem)

    async def _run(self, drafts: Sequence[Draft]) -> None:
        """Drafts of records that are all different."""
        for place, rejected in (await self.finder.find([one.entry for one in drafts])).items():
            drafts[place].refuse(rejected)
        drafts = [one for one in drafts if one.problem is None]
        await self._match(drafts)
        drafts = [one for one in drafts if one.problem is None]
        for one in drafts:
            one.values = to_values(one.entry)
        await self._update([one for one in drafts if one.record is not None])
        await self._create([one for one in drafts if one.record is None])

    # What a row says

    def _drafts(self, rows: Iterable[Row]) -> Iterator[Draft]:
        for row in rows:
            try:
                yield Draft(row, self._understood(row))
            except Rejected as rejected:
                yield Draft(row, Entry(self.plan.resource), problem=rejected.at(row.line))

    def _understood(self, row: Row) -> Entry:
        if row.problem:
            raise Rejected(row.problem)
        if not row.cells.keys() <= self.plan.takers.keys():
            self.plan.learn(row.cells)
        entry = self.plan.entry(row)
        self.plan.identify(entry, row)
        self.plan.sourced(entry)
        return entry

    async def _content_keys(self, drafts: Sequence[Draft]) -> None:
        """Rows that nothing else tells apart are told apart by what they say, and how often it was said before."""
        nameless = [one for one in drafts if self._identity(one) is None]
        if not nameless or not self.plan.resource.synced:
            return
        contents = [self.plan.content(one.row) for one in nameless]
        for one, content, times in zip(nameless, contents, self._occurrences.count(contents), strict=True):
            one.entry.values["external_id"] = content if times == 1 else f"{content}-{times}"
            one.entry.values["external_source"] = self.plan.source

    def _identity(self, draft: Draft) -> Any:
        """What tells the row from others, None when nothing does yet."""
        values = draft.entry.values
        if self.plan.natural:
            return ("natural", str(draft.row.cells[self.plan.chart.key or ""]))
        if "id" in values:
            return ("id", values["id"])
        if "external_id" in values:
            return ("external_id", (values.get("external_source", ""), values["external_id"]))
        return None

    # Which record it is about

    async def _match(self, drafts: Sequence[Draft]) -> None:
        """Find the records that are there already, deleted ones included."""
        for ways in await self._ways(drafts):
            open_ = {place: key for place, key in ways.items() if drafts[place].record is None}
            keys = [key for key in open_.values() if not isinstance(key, Rejected)]
            led = await self._led(keys)
            records = await self._records([led.get(key, key) for key in keys])
            for place, key in open_.items():
                if isinstance(key, Rejected):
                    drafts[place].refuse(key)
                    continue
                if key in led:
                    _forget_source(drafts[place])
                    drafts[place].record = records.get(led[key])
                else:
                    drafts[place].record = records.get(key)
        for draft in drafts:
            if getattr(draft.record, "deleted_at", None) is not None:
                draft.refuse(Rejected(f"the {self.plan.resource.name} of this row is deleted; restore it first"))

    async def _ways(self, drafts: Sequence[Draft]) -> list[dict[int, uuid.UUID | Rejected]]:
        """Keys by the places of the drafts, the surest way to find them first."""
        if self.plan.natural:
            return [await self.finder.keys(self.plan.resource, self.plan.natural, [one.entry for one in drafts])]
        values = [one.entry.values for one in drafts]
        by_id: dict[int, uuid.UUID | Rejected] = {place: one["id"] for place, one in enumerate(values) if "id" in one}
        pairs = {place: (one.get("external_source", ""), one["external_id"]) for place, one in enumerate(values) if "external_id" in one}
        found = await self._synced(list(pairs.values()))
        return [by_id, {place: found[pair] for place, pair in pairs.items() if pair in found}]

    async def _synced(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], uuid.UUID]:
        """The keys of records that other systems know by these ids, deleted ones included."""
        found: dict[tuple[str, str], uuid.UUID] = {}
        for source in {source for source, _ in pairs}:
            same = [known for one, known in pairs if one == source]
            for start in range(0, len(same), AT_ONCE):
                rows = visible(self.call, self.plan.resource, deleted=True).filter(external_source=source).values("id", "external_id")
                # A filter of so many values takes as long to write as the database takes to answer.
                there = await select(_KNOWN, rows=rows, ids=same[start : start + AT_ONCE])
                found |= {(source, one["external_id"]): uuid.UUID(str(one["id"])) for one in there}
        return found

    async def _led(self, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
        """Of the keys of records that were merged into others, the keys of these."""
        led: dict[uuid.UUID, uuid.UUID] = {}
        for start in range(0, len(keys) if merges(self.plan.resource) else 0, AT_ONCE):
            led |= await successors(self.plan.resource, keys[start : start + AT_ONCE])
        return led

    async def _records(self, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
        found: dict[uuid.UUID, Any] = {}
        for start in range(0, len(keys), AT_ONCE):
            rows = visible(self.call, self.plan.resource, "update", deleted=True).filter(id__in=list(keys[start : start + AT_ONCE]))
            found |= {record.id: record for record in await rows}
        return found

    # Writing

    async def _update(self, drafts: Sequence[Draft]) -> None:
        if not drafts:
            return
        for draft, differ in zip(
            drafts, await news(self.call, self.plan.resource, [(one.record, one.values) for one in drafts]), strict=True
        ):
            if isinstance(differ, Refused):
                draft.problem = because(draft.row.line, differ)
            elif not differ:
                self.report.unchanged += 1
            else:
                await self._update_one(draft, differ)

    async def _update_one(self, draft: Draft, differ: Values) -> None:
        try:
            async with savepoint():
                await store.update(self.call, self.plan.resource, draft.record.id, differ, past=True)
            self.report.updated += 1
        except Refused as refused:
            draft.problem = because(draft.row.line, refused)

    async def _create(self, drafts: Sequence[Draft]) -> None:
        """Make records, all at once where that goes, else by halves until the ones to blame are found."""
        if not drafts:
            return
        try:
            async with savepoint():
                await store.create_many(self.call, self.plan.resource, [one.values for one in drafts], past=True)
            self.report.created += len(drafts)
        except Refused as refused:
            if len(drafts) == 1:
                drafts[0].problem = because(drafts[0].row.line, refused)
                return
            middle = len(drafts) // 2
            await self._create(drafts[:middle])
            await self._create(drafts[middle:])

    def _makes(self, resource: Resource) -> bool:
        wanted = self.plan.chart.make
        return wanted.get(resource.key, wanted.get(resource.snake, wanted.get("*", True)))


def _forget_source(draft: Draft) -> None:
    """The record that stays keeps the id that other systems know it by; the merged one was found by its own."""
    draft.entry.values.pop("external_id", None)
    draft.entry.values.pop("external_source", None)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for garbage that refers to itself now and then only: a batch makes next to none, and looking takes a third of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _apart(drafts: Sequence[Draft], identity: Callable[[Draft], Any]) -> Iterator[list[Draft]]:
    """Cut a batch so that no record is in one piece twice: the second row must see what the first one did."""
    piece: list[Draft] = []
    seen: set[Any] = set()
    for draft in drafts:
        key = identity(draft)
        if key is not None and key in seen:
            yield piece
            piece, seen = [], set()
        piece.append(draft)
        seen.add(key)
    if piece:
        yield piece
