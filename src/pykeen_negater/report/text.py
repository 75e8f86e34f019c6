"""A report as tables in a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from .content import RelationFigures, ReportContent
from .numbers import duration, fraction, multiple, number, percent

__all__ = [
    "print_report",
]

#: The most rows of examples and relations
MOST_ROWS = 20


def print_report(content: ReportContent, console: Console | None = None) -> None:
    """Print a report.

    :param content: what it says
    :param console: the terminal
    """
    console = console or Console()
    for part in _parts(content):
        console.print(part)
        console.print()


def _parts(content: ReportContent) -> Iterator[RenderableType]:
    yield Text(f"Hard negatives of {content.title}", style="bold")
    yield _overview(content)
    if content.durations:
        rows = [(step, f"{seconds:,.1f}") for step, seconds in content.durations.items()]
        yield _table("How long it took", ("step", "seconds"), rows)
    if content.reasons:
        yield _table(
            "What became of candidates",
            ("outcome", "candidates", "share", "because"),
            [(reason.name, number(reason.count), percent(reason.share), reason.because) for reason in content.reasons],
            wide=(0, 3),
        )
    if content.advice:
        yield Text(content.advice)
    if content.guard:
        yield from _guard(content)
    yield _comparison(content)
    yield _relations(content)
    for title, examples in (
        ("Hardest negatives", content.negatives),
        ("Likely true after all, and kept out", content.suspects),
    ):
        # the first of each relation, of the largest relations
        first = {example.relation: example for example in reversed(examples)}
        shown = [first[relation.id] for relation in content.relations if relation.id in first][:MOST_ROWS]
        if shown:
            yield _table(
                f"{title}: one of each relation",
                ("negative", "beside the known triple", "score", "risk"),
                [(str(it.negative), str(it.positive), number(it.score), multiple(it.risk)) for it in shown],
                wide=(0, 1),
            )


def _overview(content: ReportContent) -> Table:
    rows = [
        ("triples", number(content.num_triples)),
        ("entities", number(content.num_entities)),
        ("relations", number(content.num_relations)),
        ("negatives", number(content.num_negatives)),
        ("triples with negatives", percent(content.coverage.share)),
        ("triples without", number(content.coverage.num_empty)),
        ("median risk", multiple(content.median_risk)),
        ("likely true corruptions", number(content.num_suspects)),
        ("mined in", duration(content.seconds)),
    ]
    return _table("What was mined", ("", ""), rows)


def _guard(content: ReportContent) -> Iterator[Table]:
    guard = content.guard or {}
    parts = [guard.get(name, {}) for name in ("proposed", "all")]
    measures = (
        ("candidates", "answers", number),
        ("hidden triples among them", "hidden", number),
        ("AUC", "auc", fraction),
        ("AUC within a relation", "auc_by_relation_and_side", fraction),
        ("Brier skill", "brier_skill", fraction),
    )
    yield _table(
        "The guard, on hidden triples",
        ("measure", "proposed", "plausible"),
        [(label, *(form(part.get(name)) for part in parts)) for label, name, form in measures],
    )
    for part, title in zip(parts, ("what mining proposes", "all that is plausible"), strict=True):
        if "reliability" in part:
            pairs = zip(part["reliability"]["predicted"], part["reliability"]["observed"], strict=True)
            rows = [(str(i), f"{a:.2e}", f"{b:.2e}") for i, (a, b) in enumerate(pairs, start=1)]
            yield _table(f"Reliability on {title}, by tenths", ("tenth", "predicted", "observed"), rows)


def _comparison(content: ReportContent) -> RenderableType:
    if content.comparison is None:
        return Text("False negatives and hardness beside other samplers: pass --evaluate DATASET.")
    return _table(
        f"Samplers; hardness by {content.comparison.reference}",
        ("sampler", "false negatives", "known positives", "hardness"),
        [
            (row.name, percent(row.false_negatives), percent(row.known_positives), percent(row.hardness))
            for row in content.comparison.samplers
        ],
    )


def _relations(content: ReportContent) -> Table:
    shown = content.relations[:MOST_ROWS]
    left = len(content.relations) - len(shown)
    title = "Relations" + (f": the {len(shown)} largest, {left:,} more are left out" if left else "")
    skipped = [reason for reason in content.reasons if reason.because]
    headers = ("relation", "triples", "coverage", "negatives", "score", "risk", "likely true")
    return _table(
        title,
        (*headers, *(["θ_r"] if content.score_counts is not None else []), *(reason.name for reason in skipped)),
        [
            (*_figures(relation, content), *(_skipped(relation, reason.outcome) for reason in skipped))
            for relation in shown
        ],
    )


def _figures(relation: RelationFigures, content: ReportContent) -> Sequence[str]:
    return (
        relation.phrase.name,
        number(relation.num_triples),
        percent(relation.coverage),
        number(relation.num_negatives),
        number(relation.median_score),
        multiple(relation.median_risk),
        number(relation.num_suspects),
        *([number(relation.threshold)] if content.score_counts is not None else []),
    )


def _skipped(relation: RelationFigures, outcome: str) -> str:
    return number((relation.outcomes or {}).get(outcome))


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], wide: Sequence[int] = (0,)) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", show_header=any(headers))
    for i, header in enumerate(headers):
        table.add_column(header, justify="left" if i in wide else "right", overflow="fold")
    for row in rows:
        # nothing that a graph says is markup
        table.add_row(*map(Text, row))
    return table
