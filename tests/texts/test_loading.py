"""Texts of labels."""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.sampling.pool_source import _settings_key
from pykeen_negater.texts.loading import Texts, extend_texts, load_texts, read_texts, texts_digest
from pykeen_negater.triples.graphs import Graph

PHRASES = ["none", "nan", "NA", "null", "dog ", " ", "N/A"]


def _graph(entities: list[str], relations: tuple[str, ...] = ("atLocation",)) -> Graph:
    return Graph.from_triples(np.array([[0, 0, 1]]), len(entities), len(relations), tuple(entities), relations)


def test_two_columns_are_exact(tmp_path):
    path = tmp_path / "entity2text.txt"
    path.write_text("".join(f"{phrase}x\t{phrase}\n" for phrase in PHRASES if phrase.strip()))
    assert read_texts(path) == {f"{phrase}x": phrase for phrase in PHRASES if phrase.strip()}
    path.write_text("".join(f"{phrase}\tx\n" for phrase in PHRASES))
    assert read_texts(str(path)) == dict.fromkeys(PHRASES, "x")


def test_three_columns_are_joined(tmp_path):
    path = tmp_path / "texts.tsv"
    path.write_text("Q1\tnone\tnan\nQ2\tdog\t\nQ3\t\tan animal\nQ4\t\t\n")
    assert read_texts(path) == {"Q1": "none: nan", "Q2": "dog", "Q3": "an animal", "Q4": ""}


def test_json_is_exact(tmp_path):
    path = tmp_path / "texts.json"
    texts = {phrase: phrase for phrase in PHRASES} | {"ü": "ß"}
    path.write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
    assert read_texts(path) == texts


def test_parquet_is_exact(tmp_path):
    path = tmp_path / "texts.parquet"
    pd.DataFrame({"label": PHRASES, "text": ["x", *PHRASES[1:]]}).to_parquet(path)
    expected = dict(zip(PHRASES, ["x", *PHRASES[1:]], strict=True))
    assert read_texts(path) == expected | {" ": ""}


@pytest.mark.parametrize("missing", [None, float("nan"), "", " "])
@pytest.mark.parametrize("others", ["nan", None])
def test_parquet_with_missing_description(tmp_path, missing, others):
    path = tmp_path / "texts.parquet"
    pd.DataFrame({"a": ["Q1", "Q2"], "b": ["dog", "none"], "c": [missing, others]}).to_parquet(path)
    assert read_texts(path) == {"Q1": "dog", "Q2": "none: nan" if others else "none"}


def test_parquet_with_number_labels(tmp_path):
    path = tmp_path / "texts.parquet"
    pd.DataFrame({"a": [1, 2], "b": ["dog", None]}).to_parquet(path)
    assert read_texts(path) == {"1": "dog", "2": ""}


def test_parquet_with_categories(tmp_path):
    path = tmp_path / "texts.parquet"
    pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": pd.Categorical(["dog", None])}).to_parquet(path)
    assert read_texts(path) == {"x": "dog", "y": ""}


@pytest.mark.parametrize("width", [1, 4])
def test_parquet_of_another_width(tmp_path, width):
    path = tmp_path / "texts.parquet"
    pd.DataFrame({str(i): ["x"] for i in range(width)}).to_parquet(path)
    with pytest.raises(ValueError, match=rf"texts\.parquet: found {width} column\(s\), expected 2 \(label, text\)"):
        read_texts(path)


@pytest.mark.parametrize("content", ["[]", '"dog"', "null"])
def test_json_of_another_shape(tmp_path, content):
    path = tmp_path / "texts.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"texts\.json: found another JSON value, expected one object that maps"):
        read_texts(path)


def test_json_with_another_value(tmp_path):
    path = tmp_path / "texts.json"
    path.write_text('{"b": "cat", "a": ["dog"]}')
    with pytest.raises(ValueError, match=r"found \['dog'\] for 'a' in .*texts\.json, expected a text, or None where"):
        read_texts(path)


def test_json_with_a_byte_order_mark_numbers_and_null(tmp_path):
    path = tmp_path / "texts.json"
    path.write_text('{"a": "Käfig", "b": 1, "c": 2.0, "d": null}', encoding="utf-8-sig")
    assert read_texts(path) == {"a": "Käfig", "b": "1", "c": "2", "d": ""}


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": "\xff"}', b"a\tb\n"])
def test_invalid_json(tmp_path, content):
    path = tmp_path / "texts.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"texts\.json is not valid JSON: .+"):
        read_texts(path)


def test_text_file_of_another_width(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("a\tdog\nb\n")
    with pytest.raises(ValueError, match=r"texts\.txt, line 2: found 1 tab-separated column\(s\), expected 2"):
        read_texts(path)


def test_text_file_that_is_not_utf8(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes("a\tKäfig\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"texts\.txt is not UTF-8"):
        read_texts(path)


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.parquet"])
def test_missing_file(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        read_texts(tmp_path / name)


def test_labels_serve_as_texts(caplog):
    texts = load_texts(_graph(["land_reform.n.01", "none", "NewYork"], ("AtLocation", "_hypernym")))
    assert texts == Texts(("land reform", "none", "new york"), ("at location", "hypernym"))
    assert not caplog.records


@pytest.mark.parametrize("labels", [["Q42", "Q7259"], ["/m/027rn", "/m/06cx9"], ["0", "1", "2"]])
def test_opaque_entities_have_no_texts_and_one_warning(labels, caplog):
    with caplog.at_level(logging.DEBUG):
        assert load_texts(_graph(labels)) is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    message = caplog.records[0].getMessage()
    assert "entity_text" in message
    assert labels[0] in message


def test_opaque_entities_with_texts(tmp_path, caplog):
    path = tmp_path / "texts.tsv"
    path.write_text("Q1\tdog\tan animal\nQ2\tnone\t\nQ9\tunused\t\n")
    texts = load_texts(_graph(["Q1", "Q2"], ("P31",)), entity_text=path, relation_text={"P31": "instance of"})
    assert texts == Texts(("dog: an animal", "none"), ("instance of",))
    assert not caplog.records


def test_opaque_relations_serve_if_the_entities_are_readable():
    assert load_texts(_graph(["dog", "cat"], ("P31",))) == Texts(("dog", "cat"), ("P31",))


@pytest.mark.parametrize("suffix", ["tsv", "json", "parquet"])
def test_missing_value_look_alikes_survive(tmp_path, suffix, caplog):
    labels = ["none", "nan", "NA", "null", "dog "]
    path = tmp_path / f"texts.{suffix}"
    pairs = [(label, word) for label in labels for word in [f"the {label.strip()}"]]
    if suffix == "tsv":
        path.write_text("".join(f"{label}\t{text}\n" for label, text in pairs))
    elif suffix == "json":
        path.write_text(json.dumps(dict(pairs)))
    else:
        pd.DataFrame(pairs).rename(columns=str).to_parquet(path)
    texts = load_texts(_graph(labels), entity_text=path)
    assert texts is not None
    assert texts.entities == ("the none", "the nan", "the NA", "the null", "the dog")
    assert not caplog.records


@pytest.mark.parametrize("text", ["none", "nan", "NA", "null"])
def test_missing_value_look_alikes_are_texts(text):
    texts = load_texts(_graph(["a", "b"]), entity_text={"a": text, "b": "x"})
    assert texts is not None
    assert texts.entities == (text, "x")


def test_partial_texts_fall_back_to_labels_with_one_summary(caplog):
    with caplog.at_level(logging.DEBUG):
        texts = load_texts(_graph(["aB", "dogHouse", "Q3", "d"]), entity_text={"aB": "first", "Q3": "  ", "other": "x"})
    assert texts is not None
    assert texts.entities == ("first", "dog house", "Q3", "d")
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    assert "entity_text has no text for 3 of 4 labels (75.0 %, e.g. dogHouse, Q3, d)" in message


def test_partial_relation_texts_are_summarised_by_name(caplog):
    texts = load_texts(_graph(["a", "b"], ("likes", "atPlace")), relation_text={"likes": "is fond of"})
    assert texts is not None
    assert texts.relations == ("is fond of", "at place")
    assert [record.getMessage().split()[0] for record in caplog.records] == ["relation_text"]


@pytest.mark.parametrize("kind", ["entity", "relation"])
def test_texts_that_match_no_label(tmp_path, kind):
    path = tmp_path / "texts.tsv"
    path.write_text("label\ttext\nQ7\tseven\n")
    graph = _graph(["a", "b"], ("likes",))
    with pytest.raises(ValueError, match=rf"{kind}_text holds none of the .*found e\.g\. \['label', 'Q7'\], expected"):
        load_texts(graph, **{f"{kind}_text": path})


def test_empty_texts_match_no_label():
    with pytest.raises(ValueError, match=r"entity_text holds none of the 2 entity labels"):
        load_texts(_graph(["a", "b"]), entity_text={})


def test_texts_for_a_graph_without_labels():
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1)
    for source in ({"entity_text": {"a": "x"}}, {"relation_text": {"a": "x"}}):
        with pytest.raises(ValueError, match="found texts for a graph without labels, expected a TriplesFactory"):
            load_texts(graph, **source)


def test_graph_without_labels_has_no_texts_and_one_warning(caplog):
    assert load_texts(Graph.from_triples(np.array([[0, 0, 1]]), 2, 1)) is None
    assert ["have no labels" in record.getMessage() for record in caplog.records] == [True]


def test_digest():
    texts = Texts(("a", "b"), ("r",))
    digest = texts_digest(texts)
    assert digest is not None
    assert len(digest) == 32
    assert texts_digest(Texts(("a", "b"), ("r",))) == digest
    others = [Texts(("b", "a"), ("r",)), Texts(("a",), ("b", "r")), Texts(("ab",), ("r",)), Texts(("a", "b "), ("r",))]
    assert len({digest, *map(texts_digest, others)}) == 5
    assert texts_digest(None) is None


def test_estimated_length_agrees_with_a_loop():
    texts = Texts(("a" * 3, "b" * 10, "c" * 50), ("r" * 7, "s"))
    triples = np.random.default_rng(0).integers((3, 2, 3), size=(20, 3))
    quarters = [(len(texts.entities[h] + texts.relations[r] + texts.entities[t])) / 4 for h, r, t in triples]
    assert texts.estimate_length(triples) == 4 + int(np.ceil(np.mean(quarters)))


def test_sentence_is_cut_to_its_width():
    texts = Texts(("dog", "x" * 60), ("at location",))
    assert texts.sentence(np.array([0, 0, 0])) == "dog · at location · dog"
    assert texts.sentence((0, 0, 1), width=11) == f"dog · at location · {'x' * 10}…"


def test_texts_of_other_entities_come_after_those_of_the_graph(small_texts: Texts):
    assert extend_texts(small_texts, ()) == small_texts
    extended = extend_texts(small_texts, ("good_friend", "Q7"), {"Q7": "luck", "unused": "nothing"})
    assert extended.entities == (*small_texts.entities, "good friend", "luck")
    assert extended.relations == small_texts.relations


LABELS = ["a", "b", "c", "d", "42", "e"]


@pytest.mark.parametrize(
    "source",
    [
        {"a": "dog", "b": None, "c": float("nan"), "d": pd.NA, 42: 1999, "e": np.float64(7)},
        {"a": np.str_("dog"), "b": pd.NaT, "42": np.int64(1999), "e": 7.0, None: "x", float("nan"): "y"},
        pd.Series({"a": "dog", "b": None, 42: 1999, "e": 7}),
        pd.DataFrame({"text": ["dog", None, 1999.0, 7.0]}, index=["a", "b", "42", "e"])["text"],
    ],
)
def test_what_pandas_holds(source, caplog):
    texts = load_texts(_graph(LABELS), entity_text=source)
    assert texts is not None
    assert texts.entities == ("dog", "b", "c", "d", "1999", "7")
    assert "entity_text has no text for 3 of 6 labels" in caplog.text


@pytest.mark.parametrize("name", ["entity_text", "relation_text"])
@pytest.mark.parametrize("source", [42, "", True, ["dog", "cat"], ("a", "b"), {"a"}, b"texts.tsv", np.arange(3)])
def test_source_of_a_wrong_type(name, source):
    expected = (
        rf"^found {name}=.*, expected a mapping of labels to texts, the path of a file with one, or 'wikidata'\.$"
    )
    for build in (lambda: load_texts(_graph(["a", "b"]), **{name: source}), lambda: MiningSettings(**{name: source})):
        with pytest.raises(ValueError, match=expected):
            build()


@pytest.mark.parametrize("value", [["dog"], {"name": "dog"}, True, b"dog", {"dog"}, pd.Series(["dog"]), np.arange(3)])
def test_value_of_a_wrong_type(value):
    with pytest.raises(ValueError, match=r"^found .* for 'a' in entity_text, expected a text, or None where there is"):
        load_texts(_graph(["a", "b"]), entity_text={"b": "cat", "a": value})


def test_key_of_a_wrong_type():
    with pytest.raises(ValueError, match=r"^found the key \('a', 'b'\) in relation_text, expected labels\.$"):
        load_texts(_graph(["a", "b"]), relation_text={("a", "b"): "dog"})


def test_labels_serve_where_all_texts_are_missing(caplog):
    texts = load_texts(_graph(["aB", "c"]), entity_text={"aB": None, "c": pd.NA})
    assert texts is not None
    assert texts.entities == ("a b", "c")
    assert "entity_text has no text for 2 of 2 labels" in caplog.text
    assert load_texts(_graph(["Q42", "Q7"]), entity_text={"Q42": None}) is None
    assert "are opaque ids" in caplog.text


def test_settings_hold_plain_values():
    settings = MiningSettings(
        entity_text=pd.Series({"a": "dog", 1: pd.NA}),
        relation_text=Path("texts.tsv"),
        entity_types={"a": np.array(["x", 2], dtype=object), "b": float("nan")},
    )
    assert settings.entity_text == {"a": "dog", "1": ""}
    assert settings.relation_text == "texts.tsv"
    assert settings.entity_types == {"a": ["x", "2"], "b": []}
    # which used to fail for NaN and series
    assert _settings_key(settings) == _settings_key(
        MiningSettings(
            entity_text={"a": "dog", "1": None}, relation_text="texts.tsv", entity_types={"a": ["x", "2"], "b": None}
        )
    )


def test_lone_surrogates():
    graph = _graph(["caf\udce9", "dog"], ("r\ud800",))
    texts = load_texts(graph, entity_text={"caf\udce9": "a \ud83d\ude00 \udce9"})
    assert texts is not None
    assert texts == Texts(("a 😀 \ufffd", "dog"), ("r\ufffd",))
    assert texts_digest(texts) is not None
    assert extend_texts(texts, ["\udce9"]).entities[-1] == "\ufffd"


@pytest.mark.parametrize("labels", [["wd:Q42", "wd:Q7"], ["http://www.wikidata.org/entity/Q42", "dog:Q7"]])
def test_wikidata_is_suggested(labels, caplog):
    assert load_texts(_graph(labels)) is None
    assert "or 'wikidata'" in caplog.text
