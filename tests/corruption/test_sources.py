"""Sources of negatives, each against the plainest way to find what it may draw."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pykeen.sampling import PseudoTypedNegativeSampler

from pykeen_negater.corruption.corruptions import corrupt_at_random
from pykeen_negater.corruption.listed import read_negatives
from pykeen_negater.corruption.sources import (
    AntonymsNegativeSource,
    NegationNegativeSource,
    NegativeSource,
    PrecomputedNegativeSource,
    PyKEENNegativeSource,
    RandomNegativeSource,
    SANSNegativeSource,
    SlotsNegativeSource,
    UniformNegativeSource,
    negative_source_resolver,
)
from pykeen_negater.texts.labels import reading
from pykeen_negater.texts.loading import Texts, load_texts
from pykeen_negater.texts.readings import find_readings
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, SIDES, TAIL
from pykeen_negater.triples.tables import read_triples

from ..cases import NegativeSourceTestCase, concrete_cases, random_graph
from .conftest import Triple, in_slots, prepare, small_antonyms, within_hops, write_antonyms, write_negatives


def test_every_source_has_a_test_case():
    assert {case.cls for case in concrete_cases(NegativeSourceTestCase)} == set(negative_source_resolver)


def test_resolver_names():
    assert negative_source_resolver.lookup(None) is RandomNegativeSource
    assert set(negative_source_resolver.lookup_dict) == {
        "random", "uniform", "slots", "negation", "antonyms", "sans", "precomputed", "pykeen",
    }  # fmt: skip


class TestRandomNegativeSource(NegativeSourceTestCase):
    """A share is in the slot."""

    cls = RandomNegativeSource

    @pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("side", list(SIDES))
    def test_share(self, share: float, side: str):
        graph = random_graph()
        texts = self.texts(graph)
        corruptor = prepare(RandomNegativeSource(in_slot_share=share), graph, texts)
        drawn = corruptor.draw(graph.triples, {side: 1}, 0, np.random.default_rng(3))
        expected = corrupt_at_random(
            graph, graph.triples, SIDES[side], share, np.random.default_rng(3), find_readings(graph, texts)
        )
        np.testing.assert_array_equal(drawn, expected)

    def test_default_share(self):
        assert RandomNegativeSource().in_slot_share == 0.5

    @pytest.mark.parametrize("share", [-0.1, 1.1, "half"])
    def test_bad_share(self, share: float):
        with pytest.raises(ValueError, match=r"found in_slot_share=.*, expected a share in \[0, 1\]"):
            RandomNegativeSource(in_slot_share=share)


class TestUniformNegativeSource(NegativeSourceTestCase):
    """Anything goes."""

    cls = UniformNegativeSource

    def test_goes_anywhere(self, tmp_path: Path):
        graph = Graph.from_triples(np.array([[0, 0, 1], [2, 0, 3]]), 10, 1)
        drawn, _ = self.draw(tmp_path, graph, {"head": 100})
        assert set(drawn[:, HEAD].tolist()) == set(range(10))


class TestSlotsNegativeSource(NegativeSourceTestCase):
    """Only the slot."""

    cls = SlotsNegativeSource

    @pytest.mark.parametrize("side", ["head", "tail"])
    def test_stays_in_slot(self, tmp_path: Path, side: str):
        graph = random_graph(0, num_entities=60, num_triples=80)
        assert in_slots(graph, self.draw(tmp_path, graph, {side: 1})[0], SIDES[side]).all()


class TestNegationNegativeSource(NegativeSourceTestCase):
    """What an entity is not."""

    cls = NegationNegativeSource

    @pytest.mark.parametrize("side", ["head", "tail"])
    def test_every_entity_is_negated(self, tmp_path: Path, side: str):
        graph = random_graph(0, num_entities=40)
        negatives, texts = self.draw(tmp_path, graph, {side: 1})
        assert len(negatives) == len(graph)
        for positive, negative in zip(graph.triples, negatives, strict=True):
            assert reading(texts[negative[SIDES[side]]]) == reading(f"not {texts[positive[SIDES[side]]]}")

    def test_a_negation_that_is_an_entity_is_that_entity(self):
        # (not) a dog | is | an animal; (not) a dog | likes | bones
        texts = Texts(("a dog", "not a dog", "an animal", "bones", "a cat", "a dog"), ("is", "likes"))
        graph = Graph.from_triples(np.array([[0, 0, 2], [0, 1, 3], [1, 1, 3], [4, 1, 2], [5, 0, 3]]), 6, 2)
        corruptor = prepare(NegationNegativeSource(), graph, texts)
        assert "not a dog" not in corruptor.extra_texts
        assert corruptor.extra_texts.count("not an animal") == 1
        heads = {}
        for positive in ([0, 0, 2], [0, 1, 3], [5, 0, 3]):
            drawn = corruptor.corrupt(np.array([positive] * 50), HEAD, np.random.default_rng(0))
            heads[tuple(positive)] = {(texts.entities + corruptor.extra_texts)[head] for head in drawn[:, HEAD]}
        assert heads[0, 0, 2] == {"not a dog"}
        # "not a dog likes bones" is known, and so is every reading of "a dog"
        assert heads[0, 1, 3] == {"a cat"}
        assert heads[5, 0, 3] == {"not a dog"}


class TestAntonymsNegativeSource(NegativeSourceTestCase):
    """One token is replaced by its opposite."""

    cls = AntonymsNegativeSource

    def make(self, folder: Path, graph: Graph) -> NegativeSource:
        """Give half of the entities one or two opposites, some of which are entities."""
        texts = self.texts(graph).entities
        return write_antonyms(
            folder,
            mapping_file={"dog": ["cat", "cat"], "entity": ["thing", "entity", "entity 7 or"]},
            tag_file={text: (0 if text.startswith("entity") else len(text.split()) - 1) for text in texts[::2]},
            token_file={text: text.split() for text in texts},
        )

    def test_what_has_no_opposite_is_replaced_in_its_slot(self, tmp_path: Path):
        texts = Texts(("a warm day", "no token", "the same", "a cold day", "x"), ("r",))
        triples = np.array([[0, 0, 4], [1, 0, 4], [2, 0, 4], [3, 0, 1], [2, 0, 1]])
        graph = Graph.from_triples(triples, 5, 1)
        corruptor = prepare(small_antonyms(tmp_path), graph, texts)
        assert corruptor.extra_texts == ("a cool day",)
        drawn = {
            head: set(
                corruptor.corrupt(np.array([[head, 0, 4]] * 60), HEAD, np.random.default_rng(0))[:, HEAD].tolist()
            )
            for head in (0, 1, 2)
        }
        # of the slot {0, 1, 2, 3}, only 3 is not known to go with x
        assert drawn == {0: {3, 5}, 1: {3}, 2: {3}}

    def test_antonyms_are_drawn_alike(self, tmp_path: Path):
        texts = Texts(("a warm day", "x"), ("r",))
        corruptor = prepare(small_antonyms(tmp_path), Graph.from_triples(np.array([[0, 0, 1]]), 2, 1), texts)
        drawn = corruptor.corrupt(np.array([[0, 0, 1]] * 2000), HEAD, np.random.default_rng(0))[:, HEAD]
        assert corruptor.extra_texts == ("a cold day", "a cool day")
        assert abs((drawn == 2).mean() - 0.5) < 0.05

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({"mapping_file": "{"}, "mapping_file.json is not valid JSON"),
            ({"mapping_file": []}, "mapping_file.json: found another JSON value, expected one object that maps tokens"),
            ({"mapping_file": {"a": "b"}}, "found 'b' for 'a', expected an object that maps tokens to lists"),
            ({"tag_file": {"day": "0"}}, "found '0' for 'day', expected an object that maps phrases to positions"),
            ({"tag_file": {"day": True}}, "found True for 'day'"),
            ({"token_file": {"day": ["a", 1]}}, "expected an object that maps phrases to lists of tokens"),
            ({"tag_file": {"day": 1}}, "found the position 1 for 'day', expected one of its 1 tokens"),
            ({"tag_file": {"day": -2}}, "found the position -2 for 'day'"),
            ({"tag_file": {"a": 0}, "token_file": {"a": ["a"]}}, "hold none of the 2 entities: found e.g. .'a'."),
        ],
    )
    def test_malformed_files(self, tmp_path: Path, files: dict[str, object], message: str):
        graph = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1)
        with pytest.raises(ValueError, match=message):
            prepare(small_antonyms(tmp_path, **files), graph, Texts(("day", "x"), ("r",)))

    @pytest.mark.parametrize("name", ["mapping_file", "tag_file", "token_file"])
    def test_missing_file(self, tmp_path: Path, name: str):
        small_antonyms(tmp_path)
        tmp_path.joinpath(f"{name}.json").unlink()
        with pytest.raises(FileNotFoundError, match=rf"found no file .*{name}.json, expected a JSON object that maps"):
            AntonymsNegativeSource(
                **{key: str(tmp_path / f"{key}.json") for key in ("mapping_file", "tag_file", "token_file")}
            )

    def test_identity_is_the_content(self, tmp_path: Path):
        before = small_antonyms(tmp_path).identify()
        assert small_antonyms(tmp_path, tag_file={"day": 0}).identify() != before

    def test_files_of_negater(self, data_folder: Path):
        folder = data_folder / "conceptnet-true-neg"
        files = {"mapping_file": "antonyms_gold", "tag_file": "tags", "token_file": "tokenized_phrases"}
        source = AntonymsNegativeSource(
            **{name: str(folder / "antonyms" / f"{file}.json") for name, file in files.items()}
        )
        graph = Graph.from_factory(read_triples(folder / "train.txt"))
        texts = load_texts(graph)
        corruptor = prepare(source, graph, texts)
        names = texts.entities + corruptor.extra_texts
        antonyms, tags, tokens = (json.loads(Path(path).read_text()) for path in vars(source).values())
        triples = graph.triples[::20]
        slots = {(triple[RELATION], triple[HEAD]) for triple in graph.triples.tolist()}
        replaced = 0
        negatives = {tuple(row[1:]): row[HEAD] for row in corruptor.corrupt(triples, HEAD, np.random.default_rng(0))}
        positives = Counter(tuple(triple[1:].tolist()) for triple in triples)
        for head, relation, tail in triples.tolist():
            if positives[relation, tail] > 1 or (relation, tail) not in negatives:
                continue
            new, label = int(negatives[relation, tail]), graph.entity_labels[head]
            words, tag = tokens[label], tags[label]
            options = [
                " ".join([*words[:tag], antonym, *words[tag + 1 :]])
                for antonym in (antonyms.get(words[tag], []) if tag >= 0 else [])
            ]
            replaced += names[new] in options
            assert names[new] in options or (not options and (relation, new) in slots), (label, names[new], options)
        assert replaced > 100


class TestSANSNegativeSource(NegativeSourceTestCase):
    """Near the other end."""

    cls = SANSNegativeSource

    @pytest.mark.parametrize(("side", "anchor"), [("head", TAIL), ("tail", HEAD)])
    def test_corruptions_are_near_the_other_end(self, tmp_path: Path, side: str, anchor: int):
        graph = random_graph(1, num_entities=200, num_triples=220)
        negatives, _ = self.draw(tmp_path, graph, {side: 1})
        near = [row[SIDES[side]] in within_hops(graph, row[anchor], 2) for row in negatives.tolist()]
        # all but those whose neighbours are all known to be right
        fallen_back = negatives[~np.array(near)]
        assert len(fallen_back) < 0.1 * len(negatives)
        assert in_slots(graph, fallen_back, SIDES[side]).all()

    def test_lonely_pairs_are_corrupted_in_their_slot(self, tmp_path: Path):
        graph = Graph.from_triples(np.array([[0, 0, 1], [2, 0, 3]]), 5, 1)
        negatives, _ = self.draw(tmp_path, graph, {"tail": 30})
        assert set(map(tuple, negatives.tolist())) == {(0, 0, 3), (2, 0, 1)}

    def test_nothing_but_loops(self, tmp_path: Path):
        graph = Graph.from_triples(np.array([[3, 0, 3], [4, 0, 4]]), 5, 1)
        negatives, _ = self.draw(tmp_path, graph, {"tail": 5})
        assert set(map(tuple, negatives.tolist())) == {(3, 0, 4), (4, 0, 3)}

    @pytest.mark.parametrize("k", [0, -1, 1.5, "2"])
    def test_bad_k(self, k: int):
        with pytest.raises(ValueError, match=r"found k=.*, expected a number of hops of at least 1"):
            SANSNegativeSource(k=k)


class TestPrecomputedNegativeSource(NegativeSourceTestCase):
    """Negatives of the user's own."""

    cls = PrecomputedNegativeSource
    takes_files = True
    corrupts_the_side = False

    def make(self, folder: Path, graph: Graph) -> NegativeSource:
        """List fewer negatives than an epoch needs, some of them known."""
        texts = self.texts(graph)
        triples = np.concatenate([graph.triples[:3], graph.triples[:12][:, [2, 1, 0]]]).tolist()
        return write_negatives(
            folder,
            [(texts.entities[h], texts.relations[r], texts.entities[t]) for h, r, t in triples]
            + [(texts.entities[3], texts.relations[-1], texts.entities[i]) for i in range(4, graph.num_entities)],
        )

    @pytest.mark.parametrize("epochs", [1, 3, 7])
    @pytest.mark.parametrize("count", [1, 40])
    def test_epochs_have_negatives_of_their_own(self, tmp_path: Path, epochs: int, count: int):
        graph = random_graph(0, num_entities=50, num_triples=10)
        texts = self.texts(graph)
        slots = {(r, side, triple[side]) for triple in graph.triples.tolist() for side in (0, 2) for r in [triple[1]]}
        listed = [
            (h, 3, t) for h in range(6) for t in range(6, 50)
        ]  # the relation without triples, so that nothing else yields them
        source = write_negatives(
            tmp_path, [(texts.entities[h], texts.relations[r], texts.entities[t]) for h, r, t in listed]
        )
        ids = {texts.entities[i]: i for i in reversed(range(50))}
        expected = {(ids[texts.entities[h]], r, ids[texts.entities[t]]) for h, r, t in listed}
        corruptor = prepare(source, graph, texts, epochs)
        needed = 2 * count * len(graph)
        used: list[Triple] = []
        for epoch in range(epochs):
            drawn = corruptor.draw(graph.triples, {"head": count, "tail": count}, epoch, np.random.default_rng(epoch))
            rows = list(map(tuple, drawn.tolist()))
            from_file = [row for row in rows if row in expected]
            assert abs(len(from_file) - min(needed, len(expected) / epochs)) <= 1
            assert len(rows) == needed
            used += from_file
            for head, relation, tail in set(rows) - expected:
                assert (relation, 0, head) in slots
                assert (relation, 2, tail) in slots
        assert len(set(used)) == len(used)
        if needed * epochs >= len(expected):
            assert set(used) == expected

    def test_phrases_that_are_no_entities(self, tmp_path: Path):
        graph = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1, ("a", "b"), ("r",))
        rows = [("a", "r", "bigCat"), ("b", "r", "old_dog"), ("b", "r", "a"), ("bigCat", "r", "b"), ("a", "r", "b")]
        source, texts = write_negatives(tmp_path, rows), Texts(("a", "b"), ("r",))
        corruptor = prepare(source, graph, texts, epochs=1)
        # read as other labels are
        assert corruptor.extra_texts == ("big cat", "old dog")
        drawn = corruptor.draw(graph.triples, {"head": 4}, 0, np.random.default_rng(0))
        assert sorted(map(tuple, drawn.tolist())) == [(0, 0, 2), (1, 0, 0), (1, 0, 3), (2, 0, 1)]
        # a file for the sampler holds entities only
        with pytest.raises(ValueError, match=r"found 2 unknown phrase\(s\), e\.g\. 'bigCat', 'old_dog', expected"):
            read_negatives(source.path, graph, texts)
        numbered = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1, ("0", "1"), ("0",))
        assert prepare(source, numbered, texts).extra_texts == ("bigCat", "old_dog")

    def test_unknown_relations(self, tmp_path: Path):
        graph = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1)
        with pytest.raises(ValueError, match=r"found 2 unknown relation\(s\), e\.g\. 'q', 'p', expected labels"):
            prepare(write_negatives(tmp_path, [("a", "q", "y"), ("a", "p", "b")]), graph, Texts(("a", "b"), ("r",)))

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([("a", "r", "b")], "found 1 triples, all of them known"),
            ([("head", "relation", "tail")], "found no triple, expected negatives"),
            ([], "found no triple, expected negatives"),
            ([("a", "b")], r"line 1: found 2 tab-separated column\(s\), expected 3 or 4"),
        ],
    )
    def test_bad_files(self, tmp_path: Path, rows: list[tuple[str, ...]], message: str):
        graph = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1)
        with pytest.raises(ValueError, match=message):
            prepare(write_negatives(tmp_path, rows), graph, Texts(("a", "b"), ("r",)))

    def test_missing_file(self, tmp_path: Path):
        with pytest.raises(FileNotFoundError, match=r"found no file .*nowhere\.tsv, expected negatives"):
            PrecomputedNegativeSource(path=str(tmp_path / "nowhere.tsv"))


class TestPyKEENNegativeSource(NegativeSourceTestCase):
    """What PyKEEN draws."""

    cls = PyKEENNegativeSource

    def test_is_the_sampler(self):
        graph = random_graph(0, num_entities=2000, num_triples=50)
        source = PyKEENNegativeSource(sampler="pseudotyped")
        assert source.sampler is PseudoTypedNegativeSampler
        # what a pseudo-typed sampler draws was seen with the relation, whichever the side
        seen = {(r, e) for h, r, t in graph.triples.tolist() for e in (h, t)}
        negatives = prepare(source, graph, self.texts(graph)).draw(
            graph.triples, {"tail": 2}, 0, np.random.default_rng(0)
        )
        assert all((r, h) in seen and (r, t) in seen for h, r, t in negatives.tolist())

    def test_parameters(self, tmp_path: Path):
        path = tmp_path / "pools"
        path.mkdir()
        path.joinpath("a").write_text("1")
        source = PyKEENNegativeSource(sampler="Basic", sampler_kwargs={"filtered": True, "x": str(path), "y": ""})
        before = source.identify()
        assert before["sampler"] == "basic"
        assert before["sampler_kwargs"]["filtered"] is True
        assert before["sampler_kwargs"]["y"] == ""
        path.joinpath("a").write_text("2")
        assert source.identify() != before
        graph = random_graph()
        with pytest.raises(
            ValueError, match="found sampler_kwargs with filtered, x, y, which BasicNegativeSampler does"
        ):
            prepare(source, graph, self.texts(graph))

    def test_bad_parameters(self):
        with pytest.raises(ValueError, match="found sampler='magic', expected one of basic, bernoulli"):
            PyKEENNegativeSource(sampler="magic")
        with pytest.raises(
            ValueError, match="found sampler='negater', whose negatives are mined with the model that is"
        ):
            PyKEENNegativeSource(sampler="negater")
        with pytest.raises(ValueError, match="found num_negs_per_pos among sampler_kwargs, expected none of what"):
            PyKEENNegativeSource(sampler_kwargs={"num_negs_per_pos": 3})


@pytest.mark.parametrize("name", ["random", "uniform", "slots", "sans", "pykeen"])
@pytest.mark.parametrize("side", list(SIDES))
def test_complete_graph_has_no_corruptions(name: str, side: str):
    triples = np.stack(np.meshgrid(range(3), range(2), range(3)), axis=-1).reshape(-1, 3)
    graph = Graph.from_triples(triples, 3, 2)
    corruptor = prepare(negative_source_resolver.make(name), graph, Texts(("a", "b", "c"), ("r", "s")))
    assert corruptor.draw(graph.triples, {side: 2}, 0, np.random.default_rng(0)).shape == (0, 3)
