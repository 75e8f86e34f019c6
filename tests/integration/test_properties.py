"""What holds for any input: files are read exactly as they are, or refused with the documented errors."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from pykeen.triples import TriplesFactory
from pykeen.triples.utils import load_triples

from pykeen_negater.cli.configuration import read_configuration
from pykeen_negater.cli.negater_configuration import describe_deviations, translate
from pykeen_negater.cli.negater_keys import KEYS, is_negater_configuration
from pykeen_negater.corruption.listed import read_negatives
from pykeen_negater.pools.exports import export, to_frame
from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.texts.labels import humanize
from pykeen_negater.texts.loading import load_texts, read_texts
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import TripleIndex, triples_to_keys
from pykeen_negater.triples.tables import read_rows, read_triples

settings.register_profile(
    "reproducible",
    derandomize=True,
    deadline=None,
    max_examples=60,
    # files are overwritten by the next example
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("reproducible")

#: What a field may hold: anything but what separates fields and lines, and halves of characters
FIELDS = st.text(
    st.one_of(
        st.sampled_from(" \"'\r\x0b\x1c\x85\u2028,;|#\\/_N"),
        st.characters(exclude_characters="\t\n\0\ufeff", exclude_categories=["Cs"]),
    ),
    max_size=8,
)
LABELS = FIELDS.filter(lambda text: text.strip() and not text.endswith("\r"))

#: Anything that may stand in a file
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.text(st.one_of(st.sampled_from('\t\t\n\r\0\ufeff"ab{}[]:,1'), st.characters()), max_size=60).map(
        lambda text: text.encode("utf-8", errors="surrogatepass")
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda children: st.one_of(
        st.lists(children, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), children, max_size=3),
    ),
    max_leaves=5,
)


def _write(path: Path, rows: list[list[str]], line_end: str, bom: bool, blank_after: set[int]) -> Path:
    lines = ["\t".join(row) + line_end + (line_end if i in blank_after else "") for i, row in enumerate(rows)]
    path.write_bytes(("\ufeff" if bom else "").encode() + "".join(lines).encode())
    return path


@given(label=st.text())
def test_humanize_gives_words(label: str):
    words = humanize(label)
    assert words == label or (words == " ".join(words.split()) and "_" not in words and words)


@given(
    texts=st.dictionaries(LABELS, LABELS, min_size=1),
    bom=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n"]),
    blank_after=st.sets(st.integers(0, 5)),
)
def test_texts_are_read_as_they_are(
    texts: dict[str, str], bom: bool, line_end: str, blank_after: set[int], tmp_path: Path
):
    rows = [list(pair) for pair in texts.items()]
    assert read_texts(_write(tmp_path / "texts.tsv", rows, line_end, bom, blank_after)) == texts
    path = tmp_path / "texts.json"
    path.write_text(json.dumps(texts), encoding="utf-8")
    assert read_texts(path) == texts


@given(
    rows=st.lists(st.lists(FIELDS, min_size=3, max_size=3), min_size=1),
    bom=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_rows_are_read_as_they_are(rows: list[list[str]], bom: bool, line_end: str, tmp_path: Path):
    for row in rows:
        assume(not row[-1].endswith("\r"))
    path = _write(tmp_path / "rows.tsv", rows, line_end, bom, set())
    assert [fields for _, fields in read_rows(path, [3])] == rows


@given(
    triples=st.lists(st.lists(FIELDS, min_size=3, max_size=3), min_size=1),
    bom=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_triples_are_read_as_pykeen_reads_them(triples: list[list[str]], bom: bool, line_end: str, tmp_path: Path):
    path = _write(tmp_path / "train.tsv", triples, line_end, bom, set())
    try:
        expected = TriplesFactory.from_path(path)
    except (ValueError, LookupError):
        with pytest.raises(ValueError, match=r"train\.tsv"):
            read_triples(path)
    else:
        assert read_triples(path) == expected


READERS: dict[str, Callable[[Path], Any]] = {
    "texts.tsv": read_texts,
    "texts.json": read_texts,
    "texts.parquet": read_texts,
    "train.tsv": read_triples,
    "config.yaml": read_configuration,
    "config.json": read_configuration,
}


@pytest.mark.parametrize("name", READERS)
@given(content=CONTENTS)
@example(content=b"[" * 5_000)
@example(content=b"a: !!timestamp x")
@example(content=b"a: !!bool x")
@example(content=b"a: !!int ''")
@example(content=b"a: 2001-13-45")
@example(content=b"a: &x [*x]")
@example(content=b"{a: 1}: 2")
@example(content=b"a\tb\0\n")
def test_files_are_read_or_refused(name: str, content: bytes, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(content)
    with suppress(ValueError):
        READERS[name](path)


@given(content=CONTENTS, with_header=st.booleans())
def test_listed_negatives_are_read_or_refused(content: bytes, with_header: bool, small_graph: Graph, tmp_path: Path):
    path = tmp_path / "negatives.tsv"
    path.write_bytes((b"head\trelation\ttail\n" if with_header else b"") + content)
    texts = load_texts(small_graph)
    assert texts is not None
    try:
        negatives = read_negatives(path, small_graph, texts)
    except ValueError:
        return
    assert not small_graph.index.contains(torch.from_numpy(negatives)).any()


@given(
    content=st.dictionaries(st.sampled_from(sorted(KEYS)), VALUES, max_size=6),
    command=st.sampled_from(["fine-tune", "mine"]),
)
def test_configurations_of_negater_are_translated_or_refused(content: dict[str, Any], command: str, tmp_path: Path):
    nested: dict[str, Any] = {}
    for key, value in content.items():
        *sections, name = key.split(".")
        inner = nested
        for section in sections:
            inner = inner.setdefault(section, {})
            assume(isinstance(inner, dict))
        inner[name] = value
    path = tmp_path / "config.yaml"
    path.touch()
    is_negater_configuration(nested)
    for function in (translate, describe_deviations):
        with suppress(ValueError, FileNotFoundError):
            function(nested, command, path)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph with odd labels."""
    entities = draw(st.lists(LABELS, min_size=2, max_size=6, unique=True))
    relations = draw(st.lists(LABELS, min_size=1, max_size=3, unique=True))
    triple = st.tuples(st.sampled_from(entities), st.sampled_from(relations), st.sampled_from(entities))
    triples = draw(st.lists(triple, min_size=1, max_size=8))
    return Graph.from_factory(
        TriplesFactory.from_labeled_triples(
            np.array(triples, dtype=object),
            entity_to_id={label: i for i, label in enumerate(entities)},
            relation_to_id={label: i for i, label in enumerate(relations)},
            filter_out_candidate_inverse_relations=False,
        )
    )


Oracle = dict[tuple[int, ...], list[list[int]]]


@st.composite
def pools_with_oracles(draw: st.DrawFn) -> tuple[Graph, NegativePools, Oracle]:
    """Draw pools, and what they say as a dictionary."""
    graph = draw(graphs())
    sides = tuple(sorted(draw(st.sets(st.sampled_from([0, 1, 2]), min_size=1))))
    limits = (graph.num_entities, graph.num_relations, graph.num_entities)
    oracle: Oracle = {
        tuple(triple): [draw(st.lists(st.integers(0, limits[side] - 1), max_size=3, unique=True)) for side in sides]
        for triple in graph.triples.tolist()
    }
    lists = [ids for by_side in oracle.values() for ids in by_side]
    replacements = [i for ids in lists for i in ids]
    suspected = draw(st.sets(st.integers(0, limits[0] * limits[1] * limits[2] - 1), max_size=3))
    pools = NegativePools(
        keys=graph.index.keys,
        offsets=torch.tensor([0, *map(len, lists)]).cumsum(dim=0),
        replacements=torch.tensor(replacements, dtype=torch.int32),
        hardness=torch.tensor([255 - rank for ids in lists for rank in range(len(ids))], dtype=torch.uint8),
        num_entities=graph.num_entities,
        num_relations=graph.num_relations,
        sides=sides,
        vocabulary=graph.vocabulary,
        suspected=torch.tensor(sorted(suspected), dtype=torch.long),
        suspected_risk=torch.full((len(suspected),), 90, dtype=torch.uint8),
    )
    return graph, pools, oracle


@given(drawn=pools_with_oracles(), others=st.lists(st.tuples(*3 * [st.integers(-2, 7)]), min_size=1))
def test_saved_pools_say_the_same(drawn: tuple[Graph, NegativePools, Oracle], others: list[tuple], tmp_path: Path):
    graph, pools, oracle = drawn
    loaded = NegativePools.load(
        pools.save(tmp_path / "a.pools", Vocabulary(graph.entity_labels, graph.relation_labels))
    )
    queries = [*oracle, *others]
    starts, sizes = loaded.rows(np.array(queries))
    for triple, start, size in zip(queries, starts.tolist(), sizes.tolist(), strict=True):
        found = [loaded.replacements[a : a + n].tolist() for a, n in zip(start, size, strict=True)]
        assert found == oracle.get(triple, [[] for _ in pools.sides])
    assert loaded.load_vocabulary() == Vocabulary(graph.entity_labels, graph.relation_labels)
    assert len(to_frame(loaded)) == len(pools)


@given(drawn=pools_with_oracles())
def test_exported_negatives_are_imported_again(drawn: tuple[Graph, NegativePools, Oracle], tmp_path: Path):
    graph, pools, oracle = drawn
    corruptions = {
        (*triple[:side], i, *triple[side + 1 :])
        for triple, by_side in oracle.items()
        for side, ids in zip(pools.sides, by_side, strict=True)
        for i in ids
    }
    expected = corruptions - set(oracle)
    assume(expected)
    loaded = NegativePools.load(
        pools.save(tmp_path / "a.pools", Vocabulary(graph.entity_labels, graph.relation_labels))
    )
    export(loaded, tmp_path / "negatives.tsv")
    texts = load_texts(graph, {label: f"text of {label}" for label in graph.entity_labels or ()})
    assert texts is not None
    imported = read_negatives(tmp_path / "negatives.tsv", graph, texts)
    assert {tuple(triple) for triple in imported.tolist()} == expected


@given(
    triples=st.lists(st.tuples(*3 * [st.integers(0, 4)]), max_size=10),
    queries=st.lists(st.tuples(*3 * [st.integers(-9, 9)]), min_size=1),
)
def test_look_ups_find_exactly_what_is_there(triples: list[tuple], queries: list[tuple]):
    index = TripleIndex.from_triples(np.array(triples, dtype=np.int64).reshape(-1, 3), 5, 5)
    position, found = index.lookup(torch.tensor(queries))
    assert found.tolist() == [query in triples for query in queries]
    keys = triples_to_keys(torch.tensor(queries), 5, 5)
    assert (index.keys[position[found]] == keys[found]).all()


def _pools_with(tmp_path: Path, head: str, relation: str) -> NegativePools:
    """Make pools with one negative, (c, relation, c) for (head, relation, c)."""
    factory = TriplesFactory.from_labeled_triples(
        np.array([[head, relation, "c"]], dtype=object), filter_out_candidate_inverse_relations=False
    )
    graph = Graph.from_factory(factory)
    pools = NegativePools(
        keys=graph.index.keys,
        offsets=torch.tensor([0, 1]),
        replacements=torch.tensor([1 - factory.entity_to_id["c"]], dtype=torch.int32),
        hardness=torch.tensor([255], dtype=torch.uint8),
        num_entities=2,
        num_relations=1,
        sides=(2,),
        vocabulary=graph.vocabulary,
    )
    path = tmp_path / "a.pools"
    return NegativePools.load(pools.save(path, Vocabulary(graph.entity_labels, graph.relation_labels)))


@pytest.mark.parametrize("label", ["a\tb", "a\nb", "a\0", "\ufeffa"])
def test_labels_that_would_break_lines_are_not_exported(label: str, tmp_path: Path):
    pools = _pools_with(tmp_path, label, "r")
    with pytest.raises(ValueError, match=r"found the label .*Choose the format parquet"):
        export(pools, tmp_path / "negatives.tsv")
    assert not tmp_path.joinpath("negatives.tsv").exists()
    assert export(pools, tmp_path / "negatives.parquet", "parquet") == 1


#: What readers of tables are known to take for something else
_TRAPS = st.sampled_from(
    ['"', '"a"', '"a', 'a"b', "a\tb", "a\rb", "\r\n", "\ufeffa", " a ", " ", "NA", "#", "\\N", "\x1a"]
)


@example(head='"', relation="r")
@example(head='"quoted" once', relation="a\rb")
@example(head="\ufeffa", relation="r\t")
@given(head=LABELS | _TRAPS, relation=LABELS | _TRAPS)
def test_pykeen_reads_what_is_exported_for_it(head: str, relation: str, tmp_path: Path):
    assume(head != "c")
    export(_pools_with(tmp_path, head, relation), tmp_path / "triples.tsv", "triples")
    assert load_triples(tmp_path / "triples.tsv").tolist() == [[head, relation, head]]
    factory = TriplesFactory.from_path(tmp_path / "triples.tsv", filter_out_candidate_inverse_relations=False)
    assert list(factory.entity_to_id) == [head]


def test_what_pykeen_reads_otherwise_is_not_exported(tmp_path: Path):
    with pytest.raises(ValueError, match=r"found the label 'a\\x00', expected none with a null character"):
        export(_pools_with(tmp_path, "a\0", "r"), tmp_path / "triples.tsv", "triples")


def test_relations_that_pykeen_leaves_out_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    export(_pools_with(tmp_path, "a", "knows_inverse"), tmp_path / "triples.tsv", "triples")
    assert "whose relation ends in _inverse, such as knows_inverse, unless it is told" in caplog.text
