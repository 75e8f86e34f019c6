"""What the tests of mining share."""

from pykeen_negater import NegativePools

#: Mining in a moment, without a language model or a guard
FAST = {"encoder": "structural", "ranker": "similarity", "guard": None}


#: People and where they live; the same names, written in other ways
TWINS = [
    (form.format(name), "lives in", city)
    for i, name in enumerate(("ann lee", "bob roe", "cy doe", "dan poe", "eve kay", "flo may"))
    for form in ("{}", "{}\u200b")
    for city in ("Oslo", "Bern", "Rome", "O\uff53lo")[i % 2 :: 2]
    if form == "{}" or i < 4
] + [("ann lee", "Lives  In", "Bern"), ("flo may", "Lives  In", "Rome")]


def arrays(pools: NegativePools) -> bytes:
    """Read the arrays' file."""
    assert pools.path is not None
    return pools.path.joinpath("pools.safetensors").read_bytes()
