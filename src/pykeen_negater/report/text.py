"""Prints a report as tables in a terminal."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ..triples.indexing import RELATION
from .content import ReportContent
from .numbers import duration, fraction, multiple, number, percent
from .phrases import TripleText

__all__ = [
    "print_report",
]

#: The longest word for which a column of texts is widened
WIDEST_WORD = 18

#: The most rows of examples and relations
MOST_ROWS = 20


def print_report(content: ReportContent, console: Console | None = None) -> None:
    """Print a report.

    :param content: what it says
    :param console: the terminal
    """
    console = console or Console()
    for part in _parts(content, console.width):
        console.print(part)
        console.print()


def _parts(content: ReportContent, width: int) -> Iterator[RenderableType]:
    yield Text(f"Negatives of {content.title}", style="bold")
    verdict = content.verdict
    yield Text("\n").join(
        [
            Text(verdict.headline, style="bold"),
            *map(Text, verdict.evidence),
            *(Text(f"→ {it}") for it in verdict.changes),
        ]
    )
    if not content.is_mined:
        yield Text("They were imported: nothing is known about how they were made.")
    yield from _examples(content)
    yield Text("\n").join([Text("Train with them", style="bold"), Text(content.snippet)])
    yield _overview(content)
    if content.reasons:
        yield _table(
            "What became of candidates",
            ("outcome", "candidates", "share", "because"),
            [(reason.name, number(reason.count), percent(reason.share), reason.because) for reason in content.reasons],
            wide=(0, 3),
        )
    if content.advice and content.advice not in verdict.changes:
        yield Text(content.advice)
    if content.guard:
        yield from _guard(content)
    yield _comparison(content)
    yield from _relations(content, width)
    if content.durations:
        rows = [(step, f"{seconds:,.1f}") for step, seconds in content.durations.items()]
        yield _table("How long it took; cached steps are not counted", ("step", "seconds"), rows)


def _examples(content: ReportContent) -> Iterator[Table]:
    for title, examples in (
        ("Hardest negatives", content.negatives),
        ("Thrown out", content.rejected),
        ("Likely true after all, whether they were candidates or not", content.suspected),
    ):
        # the first example of each of the largest relations
        first = {example.relation: example for example in reversed(examples)}
        shown = [first[relation.id] for relation in content.relations if relation.id in first][:MOST_ROWS]
        if shown:
            yield _table(
                f"{title}: one of each relation",
                ("negative", "beside the known triple", "score", "risk"),
                [(_words(it.negative), _words(it.positive), number(it.score), multiple(it.risk)) for it in shown],
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
    ]
    if content.guard is not None:
        rows += [
            ("median risk", multiple(content.median_risk)),
            ("likely true corruptions", number(content.num_suspected)),
        ]
    if content.durations:
        rows.append(("mined in, this run; cached steps not counted", duration(content.seconds)))
    return _table("What was mined", ("", ""), rows)


def _guard(content: ReportContent) -> Iterator[Table]:
    guard = content.guard or {}
    parts = [guard.get(name, {}) for name in ("proposed", "all")]
    measures = (
        ("candidates", "answers", number),
        ("hidden triples among them, by head or tail", "hidden", number),
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
        ("sampler", "of all drawn", "false negatives", "training triples", "hardness"),
        [
            (
                row.name,
                percent(row.share),
                percent(row.false_negatives),
                percent(row.known_positives),
                percent(row.hardness),
            )
            for row in content.comparison.samplers
        ],
    )


def _relations(content: ReportContent, width: int) -> Iterator[RenderableType]:
    shown = content.relations[:MOST_ROWS]
    left = len(content.relations) - len(shown)
    title = "Relations" + (f": the {len(shown)} largest, {left:,} more are left out" if left else "")
    columns = {
        "relation": [relation.phrase.name for relation in shown],
        "triples": [number(relation.num_triples) for relation in shown],
        "negatives": [number(relation.num_negatives) for relation in shown],
        "coverage": [percent(relation.coverage) for relation in shown],
        "score": [number(relation.median_score) for relation in shown],
    }
    if content.score_counts is not None:
        columns["θ_r"] = [number(relation.threshold) for relation in shown]
    if content.guard is not None:
        columns["risk"] = [multiple(relation.median_risk) for relation in shown]
        columns["likely true"] = [number(relation.num_suspected) for relation in shown]
    for reason in content.reasons:
        if reason.because:
            columns[reason.name] = [number((relation.outcomes or {}).get(reason.outcome)) for relation in shown]
    names = list(columns)
    # a border of three characters before each column, and one at the end
    needed = [WIDEST_WORD, *(_longest_word((name, *columns[name])) for name in names[1:])]
    fitting = max(2, sum(1 for i in range(len(names)) if sum(needed[: i + 1]) + 3 * (i + 1) + 1 <= width))
    yield _table(title, names[:fitting], list(zip(*(columns[name] for name in names[:fitting]), strict=True)))
    if names[fitting:]:
        yield Text(f"Left out for lack of width: {', '.join(names[fitting:])}.")


def _words(triple: TripleText) -> Text:
    """Write a triple in words, with the part that differs in bold and the relation in italics."""
    words = Text()
    for i, part in enumerate(triple.parts):
        style = " ".join(name for name, applies in (("bold", i == triple.side), ("italic", i == RELATION)) if applies)
        words.append(part.name, style).append(" " if i < len(triple.parts) - 1 else "")
    return words


def _longest_word(cells: Sequence[str | Text]) -> int:
    return max((cell_len(word) for cell in cells for word in str(cell).split()), default=0)


def _table(
    title: str, headers: Sequence[str], rows: Sequence[Sequence[str | Text]], wide: Sequence[int] = (0,)
) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", show_header=any(headers))
    for i, header in enumerate(headers):
        longest = _longest_word([header, *(row[i] for row in rows)])
        if i in wide:
            # words longer than a column are cut off, not wrapped
            table.add_column(header, overflow="ellipsis", min_width=min(longest, WIDEST_WORD))
        else:
            table.add_column(header, justify="right", width=longest)
    for row in rows:
        # texts of a graph are never markup
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table
