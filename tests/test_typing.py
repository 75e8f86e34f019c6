"""Names that are written down are those of the resolvers, and reading them loads nothing."""

import subprocess
import sys
from collections.abc import Iterable

import pytest
from class_resolver import ClassResolver

from pykeen_negater.candidates.generators import candidate_generator_resolver
from pykeen_negater.corruption.sources import negative_source_resolver
from pykeen_negater.embeddings.encoders import encoder_resolver
from pykeen_negater.rankers.resolver import ranker_resolver
from pykeen_negater.typing import CANDIDATE_GENERATORS, ENCODERS, NEGATIVE_SOURCES, RANKERS

#: What takes long to import
HEAVY = {"faiss", "numpy", "pandas", "pykeen", "scipy", "sentence_transformers", "sklearn", "torch", "transformers"}


@pytest.mark.parametrize(
    ("names", "resolver"),
    [
        (ENCODERS, encoder_resolver),
        (CANDIDATE_GENERATORS, candidate_generator_resolver),
        (RANKERS, ranker_resolver),
        (NEGATIVE_SOURCES, negative_source_resolver),
    ],
)
def test_names_are_those_of_the_resolver(names: Iterable[str], resolver: ClassResolver):
    assert {resolver.normalize(name) for name in names} == set(resolver.options)
    # the first is the default, where there is an order
    if names is not NEGATIVE_SOURCES:
        assert resolver.lookup(None) is resolver.lookup(next(iter(names)))


@pytest.mark.parametrize(
    "line",
    [
        "import pykeen_negater.cli.main",
        "from pykeen_negater.cli.main import main; main(['--help'], standalone_mode=False)",
        "from pykeen_negater.cli.main import main; main(['mine', '--help'], standalone_mode=False)",
        "from click.testing import CliRunner; from pykeen_negater.cli.main import main; "
        "CliRunner().invoke(main, prog_name="
        "'negater', env={'_NEGATER_COMPLETE': 'bash_complete', 'COMP_WORDS': 'negater mine --r', 'COMP_CWORD': '2'})",
    ],
)
def test_the_command_line_loads_nothing_heavy(line: str):
    program = f"import sys; {line}; print('loaded:', *sorted({HEAVY} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "loaded:"
