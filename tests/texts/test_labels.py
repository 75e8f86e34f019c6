"""Labels as words, as identifiers, and those that read the same."""

import numpy as np
import pytest

from pykeen_negater.texts.labels import find_alike, humanize, looks_opaque, reading, well_formed


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("acquired_abnormality", "acquired abnormality"),
        ("AtLocation", "at location"),
        ("atLocation", "at location"),
        ("isPartOfHTMLPage", "is part of HTML page"),
        ("HTML", "HTML"),
        ("Berlin", "Berlin"),
        ("New_York", "New York"),
        ("New  York", "New York"),
        ("a McDonald's shop", "a McDonald's shop"),
        ("snake_case with spaces", "snake case with spaces"),
        ("land_reform.n.01", "land reform"),
        ("__dog_NN_1", "dog"),
        ("__land_reform_NN_12", "land reform"),
        ("_member_of_domain_usage", "member of domain usage"),
        ("/people/person/nationality", "people person nationality"),
        ("/people/person/placeOfBirth", "people person place of birth"),
        ("http://dbpedia.org/resource/New_York", "New York"),
        ("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", "type"),
        ("https://example.org/birthPlace/", "birth place"),
        ("<http://dbpedia.org/resource/New_York>", "New York"),
        ("<http://dbpedia.org/resource/S%C3%A3o_Paulo>", "São Paulo"),
        ("http://dbpedia.org/resource/AC%2FDC", "AC/DC"),
        ("http://dbpedia.org/resource/Star_Wars:_A_New_Hope", "Star Wars: A New Hope"),
        ("<http://example.org/Caf\\u00E9>", "Café"),
        ("<http://example.org/page?title=New_York>", "New York"),
        ("http://example.org/page?id=", "page?id="),
        ("http://dbpedia.org/resource/Why?_(song)", "Why? (song)"),
        ("urn:example:birthPlace", "birth place"),
        ("<wasBornIn>", "was born in"),
        ("New%20York", "New York"),
        ("100% sure", "100% sure"),
        ("50%FF", "50%FF"),
        ("5%00", "5%00"),
        ('"42"^^<http://www.w3.org/2001/XMLSchema#integer>', "42"),
        ('"43"^^<http://www.w3.org/2001/XMLSchema#integer>', "43"),
        ('"1999-01-01"^^xsd:date', "1999-01-01"),
        ('"New York"@en', "New York"),
        ('"colour"@en-GB', "colour"),
        ('"say \\"hi\\" \\u00e9"', 'say "hi" é'),
        ('"snake_case http://a/b"', "snake_case http://a/b"),
        ('""@en', '""@en'),
        ('"Weird Al" Yankovic', '"Weird Al" Yankovic'),
        ('"yes" and "no"', '"yes" and "no"'),
        ("Star Wars: A New Hope", "Star Wars: A New Hope"),
        ("3:10 to Yuma", "3:10 to Yuma"),
        ("none", "none"),
        ("dog ", "dog"),
        ("_", "_"),
        ("///", "///"),
        ("", ""),
    ],
)
def test_humanize(label, expected):
    assert humanize(label) == expected


@pytest.mark.parametrize(
    "labels",
    [
        ["Q42", "Q7259", "L7-3"],
        ["/m/027rn", "m.0abc_1", "/g/11b6"],
        ["1", "02084071", "3.5", "12:30"],
        ["GO:0008150", "DB00945", "C0001"],
        ["d41d8cd98f00b204e9800998ecf8427e", "123e4567-e89b-12d3-a456-426614174000", "--"],
        ["Q42", "Q43", "Q44", "dog", "cat"],
        ["wd:Q42", "http://www.wikidata.org/entity/Q42", "<http://www.wikidata.org/entity/Q7>"],
        ["MESH:D017299", "Gene::9021", "CHEBI:15377", "Disease::MESH:D003920", "NCBIGENE:5297"],
        ["http://purl.obolibrary.org/obo/GO_0008150", "http://identifiers.org/hgnc/HGNC:1234", "urn:isbn:0451450523"],
        ["http://rdf.freebase.com/ns/m.027rn", "https://omim.org/entry?id=154700", "_:b0"],
        ["uniprot:Q9Y6K9", "R-HSA-109582", "BSYNRYMUTXBXSQ-UHFFFAOYSA-N", "http://dbpedia.org/resource/E399772"],
        ['"New York"@en', '"42"^^xsd:integer', '"dog"', "wd:Q42"],
    ],
)
def test_opaque_labels(labels):
    assert looks_opaque(labels)


@pytest.mark.parametrize(
    "labels",
    [
        ["brazil", "uk", "commonbloc0"],
        ["none", "nan", "NA"],
        ["dog.n.01", "land_reform.n.01"],
        ["atLocation", "/people/person"],
        ["Q42", "dog"],
        ["a dog", "3 dogs"],
        ["北京", "Ω"],
        ["Star Wars: A New Hope", "3:10 to Yuma", "Terminator 2: 1991"],
        ["Star_Wars:_A_New_Hope", "3:10_to_Yuma", "Mission:Impossible"],
        ["dbr:New_York", "schema:birthPlace", "<http://dbpedia.org/resource/New_York>"],
        ['"42"^^xsd:integer', '"43"^^xsd:integer', "dog"],
        ['"42"^^xsd:integer', '"1999-01-01"^^xsd:date'],
        [],
    ],
)
def test_readable_labels(labels):
    assert not looks_opaque(labels)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("New York", "New\u00a0York"),
        ("New York", "  new   YORK\t"),
        ("caf\u00e9", "cafe\u0301"),
        ("Straße", "STRASSE"),
        ("\ufb01re", "fire"),
        ("H₂O", "h2o"),
        ("dog", "d\u00ado\u200bg\u200e"),
        ("ΑΣ", "ας"),
    ],
)
def test_same_reading(first, second):
    assert first != second
    assert reading(first) == reading(second)
    assert find_alike(["x", second, first, "y"]).tolist() == [0, 1, 1, 3]


@pytest.mark.parametrize(("first", "second"), [("dog", "dogs"), ("cafe", "café"), ("New York", "NewYork"), ("a", "а")])
def test_other_reading(first, second):
    assert reading(first) != reading(second)


def test_alike_agrees_with_a_loop():
    words = ["dog", "Dog", "DOG ", "cat", "c\u00e4t", "ca\u0308t", ""]
    texts = np.random.default_rng(0).choice(words, size=50).tolist()
    expected = [next(i for i, other in enumerate(texts) if reading(other) == reading(text)) for text in texts]
    assert find_alike(texts).tolist() == expected
    assert find_alike([]).tolist() == []


def test_well_formed():
    assert well_formed("caf\udce9 \ud83d\ude00 \ud83d") == "caf\ufffd 😀 \ufffd"
    text = "ordinary 😀 e\u0301"
    assert well_formed(text) is text
