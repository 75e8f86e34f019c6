"""Fields that say what they are."""

import dataclasses
import inspect
import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pykeen_negater.utils.described_fields import described, document_fields, help_of, takes_fields

if TYPE_CHECKING:
    from fractions import Fraction as Unloaded


@document_fields
@dataclasses.dataclass(frozen=True)
class Settings:
    """How it is done."""

    color: str = described("red", "The color.")
    weight: int | None = described(3, "The weight in grams, " + "very " * 30 + "long.", none="any")
    share: "Unloaded | None" = described(None, "The share.")


@takes_fields(Settings, {"Unloaded": float}, without=["share"])
def paint(*, color: str = "blue", size: int = 2, **settings: int) -> Mapping[str, object]:
    """Paint.

    :param color: its own
    :param size: the size
    :param settings: the rest
    :return: what was given
    """
    return {"color": color, "size": size, **settings}


def test_the_signature_names_each_field():
    assert str(inspect.signature(paint)) == (
        "(*, color: str = 'blue', size: int = 2, weight: int | None = 3) -> collections.abc.Mapping[str, object]"
    )
    assert paint(weight=5) == {"color": "blue", "size": 2, "weight": 5}
    assert pickle.loads(pickle.dumps(paint)) is paint

    @takes_fields(Settings, {"Unloaded": float})
    def share(**rest: int) -> None:
        """Share.

        :param rest: all
        """

    parameters = inspect.signature(share).parameters
    assert list(parameters) == ["color", "weight", "share"]
    assert parameters["share"].annotation == float | None
    assert all(x.kind is x.KEYWORD_ONLY for x in parameters.values())


def test_the_docstrings_describe_each_field():
    lines = inspect.getdoc(paint).splitlines()
    assert lines[:4] == ["Paint.", "", ":param color: its own", ":param size: the size"]
    assert lines[4].startswith(":param weight: The weight in grams, very ")
    assert lines[5].startswith("    very")
    assert lines[5].endswith("long; None for any.")
    assert lines[6:] == [":return: what was given"]
    assert inspect.getdoc(Settings).splitlines()[:3] == ["How it is done.", "", ":param color: The color."]
    assert max(map(len, lines)) <= 120


def test_help_of_a_field():
    color, weight, _ = dataclasses.fields(Settings)
    assert help_of(color) == "The color."
    assert help_of(weight, "0").endswith("long; 0 for any.")
