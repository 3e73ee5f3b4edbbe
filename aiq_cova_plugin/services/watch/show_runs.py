"""The history of syncs, and what one run did and could not do. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import run_changes as changes_store
from aiq_cova_plugin.store import runs
from aiq_cova_plugin.store.audit import subjects_of
from aiq_cova_plugin.store.models import Run, RunChange
from aiq_cova_plugin.store.products import names_of

RUNS_PER_PAGE = 50
CHANGES_PER_PAGE = 50
SETTLED = "settled"
"""Of a run that was held back: something came of it."""
_ISSUES_READ = 500
_NAMED_PER_CAUSE = 10
_ISSUES_PER_READ = 1000


@dataclass(frozen=True)
class RunList:
    """One page of the history, newest first, and how many runs ended how."""

    runs: list[Run]
    number_found: int
    counts: dict[str, int]


@dataclass(frozen=True)
class Settlement:
    """The run that came after one that was held back; `is_approved`: a person let it through."""

    run: Run
    is_approved: bool


@dataclass(frozen=True)
class IssueGroup:
    """One cause, and the products it concerns; `named` are the first few of them."""

    field: str
    reason: str
    number_of_products: int
    named: list[tuple[str, str]]


@dataclass(frozen=True)
class RunDetails:
    """One run with its issues, the most frequent cause first.

    `expected` is how many products the store's last whole pass read, None when there was none.
    """

    run: Run
    issues: list[IssueGroup]
    expected: int | None = None


@dataclass(frozen=True)
class ChangeList:
    """One page of what a run changed, in the order it did.

    `counts` is dict: kind of change → number kept; `not_kept` were made and are not listed.
    `names` is dict: product id → name, for the page.
    """

    changes: list[RunChange]
    names: dict[str, str]
    counts: dict[str, int]
    number_found: int
    not_kept: int


@dataclass(frozen=True)
class NamedChange:
    """One change of a run's download."""

    change: RunChange
    product_name: str


@dataclass(frozen=True)
class NamedIssue:
    """One line of a run's download; without an id it says how many more of the kind there are."""

    cova_product_id: str
    product_name: str
    field: str
    reason: str


def run_list(
    ctx: ServiceContext, store_id: str, *, status: str | None = None, page: int = 1
) -> RunList:
    """One page of the store's runs; `status` leaves all others out, `page` counts from 1.

    `held` is the run that waits for a person; those that something came of are `settled`.
    """
    with ctx.database.short() as connection:
        counts = runs.status_counts(connection, store_id)
        last = runs.last_decided_run(connection, store_id) if counts.get("held") else None
        waits = last if last is not None and last.status == "held" else None
        if counts.get("held"):
            counts[SETTLED] = counts["held"] - (waits is not None)
            counts["held"] = int(waits is not None)
        if status == "held":
            found = [waits] if waits is not None and page == 1 else []
        else:
            is_settled = status == SETTLED
            found = runs.runs_page(
                connection,
                store_id,
                status="held" if is_settled else status,
                limit=RUNS_PER_PAGE,
                offset=RUNS_PER_PAGE * (page - 1),
                except_run=waits.id if is_settled and waits is not None else "",
            )
    number = counts.get(status, 0) if status else sum(counts.values())
    return RunList(found, number, counts)


def settlements_of(
    ctx: ServiceContext, store_id: str, found: Iterable[Run]
) -> dict[str, Settlement]:
    """dict: id of a run that was held back → what came of it; one that still waits is left out."""
    held = [run.id for run in found if run.status == "held"]
    if not held:
        return {}
    with ctx.database.short() as connection:
        after = runs.decided_after(connection, store_id, held)
        later = {run.id for run in after.values()}
        approved = subjects_of(connection, store_id, "run_approved", later)
    return {
        run_id: Settlement(run, run.id in approved and run.status != "held")
        for run_id, run in after.items()
    }


def running_run(ctx: ServiceContext, store_id: str) -> Run | None:
    """The run that is under way right now, if any."""
    with ctx.database.short() as connection:
        found = runs.runs_page(connection, store_id, status="running", limit=1, offset=0)
    return found[0] if found else None


def run_details(ctx: ServiceContext, store_id: str, run_id: str) -> RunDetails | None:
    """The run and what it could not use; None when the store has no such run."""
    with ctx.database.short() as connection:
        run = runs.run_of(connection, store_id, run_id)
        if run is None:
            return None
        causes = runs.grouped_issues(connection, run_id)
        ids_by_cause: dict[tuple[str, str], list[str]] = defaultdict(list)
        for issue in runs.issues_of(connection, run_id, limit=_ISSUES_READ):
            ids = ids_by_cause[issue.field, issue.reason]
            if len(ids) < _NAMED_PER_CAUSE and issue.cova_product_id not in ids:
                ids.append(issue.cova_product_id)
        named = {each for ids in ids_by_cause.values() for each in ids}
        names = names_of(connection, store_id, named)
        expected = runs.size_of_last_whole_pass(connection, store_id)
    groups = [
        IssueGroup(
            cause,
            reason,
            number,
            [(each, names.get(each, each)) for each in ids_by_cause[cause, reason]],
        )
        for cause, reason, number in causes
    ]
    return RunDetails(run, groups, expected)


def every_issue(ctx: ServiceContext, store_id: str, run_id: str) -> Iterator[NamedIssue]:
    """Every issue on record with its product's name, read piece by piece."""
    last_id = 0
    while True:
        with ctx.database.short() as connection:
            piece = runs.issues_after(connection, run_id, last_id, limit=_ISSUES_PER_READ)
            names = names_of(connection, store_id, {each.cova_product_id for each in piece})
        for each in piece:
            is_one = each.number_of_products <= 1
            product_id = each.cova_product_id
            # The row that stands for many says in place of an id how many more there are.
            yield NamedIssue(
                product_id if is_one else "",
                names.get(product_id, "") if is_one else product_id,
                each.field,
                each.reason,
            )
        if len(piece) < _ISSUES_PER_READ:
            return
        last_id = piece[-1].id


def run_changes(
    ctx: ServiceContext,
    store_id: str,
    run_id: str,
    *,
    kind: str = "",
    page: int = 1,
    per_page: int = CHANGES_PER_PAGE,
) -> ChangeList | None:
    """One page of what the run changed; None when the store has no such run.

    `kind` is one of `KINDS_OF_CHANGE`, or empty for all; `page` counts from 1.
    """
    with ctx.database.short() as connection:
        run = runs.run_of(connection, store_id, run_id)
        if run is None:
            return None
        counts = changes_store.change_counts(connection, run_id)
        found = changes_store.changes_page(
            connection, run_id, action=kind, limit=per_page, offset=per_page * (page - 1)
        )
        names = names_of(connection, store_id, {each.cova_product_id for each in found})
    kept = sum(counts.values())
    number = counts.get(kind, 0) if kind else kept
    made = run.created + run.updated + run.hidden
    return ChangeList(found, names, counts, number, max(0, made - kept))


def every_change(ctx: ServiceContext, store_id: str, run_id: str) -> Iterator[NamedChange]:
    """Every change of the run that was kept, with its product's name, read piece by piece."""
    last_id = 0
    while True:
        with ctx.database.short() as connection:
            piece = changes_store.changes_after(connection, run_id, last_id, limit=_ISSUES_PER_READ)
            names = names_of(connection, store_id, {each.cova_product_id for each in piece})
        for each in piece:
            yield NamedChange(each, names.get(each.cova_product_id, ""))
        if len(piece) < _ISSUES_PER_READ:
            return
        last_id = piece[-1].id
