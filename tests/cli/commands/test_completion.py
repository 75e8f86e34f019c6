"""What the tab key gives, asked in the way that bash does."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from pykeen.datasets import dataset_resolver
from pykeen.models import model_resolver

from pykeen_negater.cli.main import main
from pykeen_negater.evaluation.samplers import samplers_to_compare
from pykeen_negater.typing import ENCODERS, NEGATIVE_SOURCES, RANKERS


def complete(line: str) -> list[str]:
    """Complete the last word of a line, which may be empty."""
    words = line.split(" ")
    asked = {"_NEGATER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    result = CliRunner().invoke(main, prog_name="negater", env=asked)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return [found.removeprefix("plain,") for found in result.stdout.split()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("negater fi", ["fine-tune"]),
        ("negater relations t", ["train"]),
        ("negater mine --entity-t", ["--entity-text", "--entity-types"]),
        ("negater mine --candidates s", ["slot"]),
        ("negater mine --dataset nat", ["nations", "nationsliteral"]),
        ("negater report a.pools --evaluate concept", ["conceptnet", "conceptnetfull", "conceptnettrueneg"]),
        ("negater mine --ranker pro", ["probe", "proxy-gradients"]),
        ("negater mine --encoder S", ["sentence-transformer", "structural"]),
        ("negater fine-tune --negatives s", ["sans", "slots"]),
        ("negater evaluate --samplers b", ["basic", "bernoulli"]),
        ("negater evaluate --samplers basic,b", ["basic,bernoulli"]),
        ("negater mine --corruption-scheme head,", ["head,relation", "head,tail"]),
        ("negater report a.pools --reference pair", ["pairre"]),
        ("negater mine --ranker zzz", []),
    ],
)
def test_what_begins_like_the_last_word(line: str, expected: list[str]):
    assert complete(line) == expected


@pytest.mark.parametrize("option", ["mine --dataset", "evaluate --samplers", "evaluate --reference"])
def test_nothing_that_takes_long_is_imported(option: str):
    program = (
        "import sys\n"
        "from pykeen_negater.cli.main import main\n"
        "try:\n    main(prog_name='negater')\n"
        "finally:\n    print([name for name in ('pykeen.datasets', 'pykeen.models', 'torch') if name in sys.modules])"
    )
    line = f"negater {option} "
    asked = {"_NEGATER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    result = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert result.stdout.splitlines()[-1] == "[]"
    assert len(result.stdout.splitlines()) > 3


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("mine --encoder", ENCODERS),
        ("mine --ranker", RANKERS),
        ("mine --negatives", NEGATIVE_SOURCES),
        ("import x.tsv --dataset", dataset_resolver.options),
        ("relations train --dataset", dataset_resolver.options),
        ("evaluate --dataset", dataset_resolver.options),
        ("evaluate --samplers", samplers_to_compare()),
        ("evaluate --reference", model_resolver.options),
    ],
)
def test_all_names(option: str, names: list[str]):
    assert complete(f"negater {option} ") == sorted(names)
