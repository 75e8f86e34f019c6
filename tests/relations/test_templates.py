"""Templates of sentences about pairs."""

import pytest

from pykeen_negater.relations.templates import TEMPLATES, check_pair, fill_template, find_template


def test_templates_are_the_published_ones() -> None:
    a, b, c, d, e = (find_template(letter) for letter in "abcde")
    assert a == "Today, I finally discovered the relation between <subj> and <obj> : <subj> is the <mask> of <obj>"
    assert b == "Today, I finally discovered the relation between <subj> and <obj> : <obj>  is <subj>'s <mask>"
    assert c == "Today, I finally discovered the relation between <subj> and <obj> : <mask>"
    read = "I wasn\u2019t aware of this relationship, but I just read in the encyclopedia that"
    assert d == f"{read} <subj> is the <mask> of <obj>"
    assert e == f"{read} <obj>  is <subj>\u2019s <mask>"


@pytest.mark.parametrize("template", ["f", "<subj> of <obj>", "<mask> of <obj>", "<subj> <mask>", ""])
def test_bad_template(template: str) -> None:
    with pytest.raises(ValueError, match="missing"):
        find_template(template)


def test_a_template_of_ones_own_is_taken_as_it_is() -> None:
    assert find_template("<obj> <mask> <subj>") == "<obj> <mask> <subj>"
    with pytest.raises(ValueError, match="<subj> and <mask> are missing"):
        find_template("<obj>")
    with pytest.raises(ValueError, match="<mask> is missing"):
        find_template("<obj> of <subj>")


def test_words_that_look_like_slots_stay_words() -> None:
    assert fill_template("<subj> <mask> <obj> <subj>", "<obj>", r"\1 <mask>", "[MASK]") == (
        r"<obj> [MASK] \1 <mask> <obj>"
    )


def test_each_slot_is_filled_wherever_it_stands() -> None:
    for template in TEMPLATES.values():
        expected = "[M]".join(part.replace("<subj>", "ox").replace("<obj>", "ass") for part in template.split("<mask>"))
        assert fill_template(template, "ox", "ass", "[M]") == expected


def test_pairs_are_two_words() -> None:
    assert check_pair(["dog", "animal"]) == ("dog", "animal")
    for pair in ("ab", ["a"], ["a", "b", "c"], ["a", " "], ["a", None], []):
        with pytest.raises(ValueError, match="expected two words, a head and a tail, neither of them empty"):
            check_pair(pair)
