"""What was meant by a name that there is not."""

import pytest

from pykeen_negater.utils.spelling import check_known, did_you_mean, expected_names, nearest


def test_nearest_first():
    names = ["proxy-gradients", "full-gradients", "probe"]
    assert nearest("FULL_GRADIENT", names) == ["full-gradients", "proxy-gradients"]
    assert nearest("magic", names) == []
    # the beginning of a name, even of a long one
    assert nearest("ful", names) == ["full-gradients"]
    assert nearest("fu", names) == []


def test_many_names_are_listed_only_if_none_is_near():
    names = [f"name{letter}" for letter in "abcdefghijklmn"]
    assert expected_names("nameA!", names).startswith("expected one of 14 names. Did you mean namea")
    assert expected_names("xyz", names) == f"expected one of {', '.join(names)}."


def test_at_most_three_are_named():
    assert nearest("name", [f"name{i}" for i in range(9)]) == ["name8", "name7", "name6"]


def test_a_question_names_the_nearest_of_each_word():
    assert did_you_mean(["poolsize", "zzz", "Seeds"], ["pool_size", "seed"]) == " Did you mean pool_size and seed?"
    # names that can be gone through once are gone through for every word
    assert did_you_mean(["seeds", "ks"], iter(["seed", "ks"])) == " Did you mean seed and ks?"
    assert did_you_mean([], ["seed"]) == ""


def test_few_names_are_listed_in_order():
    assert expected_names("x", ["b", "a"]) == "expected one of a, b."
    assert expected_names("probes", ["probe", "kge"]) == "expected one of kge, probe. Did you mean probe?"


def test_all_unknown_names_are_said_with_what_was_meant():
    names = [f"name{letter}" for letter in "abcdefghijklmn"]
    check_known("key", ["namea", "nameb"], iter(names))
    check_known("key", [], [])
    with pytest.raises(ValueError, match=r"^found the key\(s\) 'a', 'k', expected some of k_, b\. Did you mean k_\?$"):
        check_known("key", ["k", "b", "a"], ["k_", "b"])
    with pytest.raises(ValueError, match=r"^a\.json: found the key\(s\) 'name-a', expected some of 14 names\. Did you"):
        check_known("key", ["name-a"], names, "a.json")
    with pytest.raises(ValueError, match=f"expected some of {', '.join(names)}\\.$"):
        check_known("key", [3], names)
