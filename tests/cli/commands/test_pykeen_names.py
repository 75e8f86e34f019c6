"""Names that are read from PyKEEN's source are those that its resolvers know."""

import subprocess
import sys

import pytest
from class_resolver import ClassResolver
from pykeen.datasets import dataset_resolver
from pykeen.models import model_resolver
from pykeen.sampling import negative_sampler_resolver

from pykeen_negater.cli.commands.pykeen_names import resolver_names


@pytest.mark.parametrize(
    ("package", "base", "resolver"),
    [
        ("datasets", "Dataset", dataset_resolver),
        ("models", "Model", model_resolver),
        ("sampling", "NegativeSampler", negative_sampler_resolver),
    ],
)
def test_names_are_those_of_the_resolver(package: str, base: str, resolver: ClassResolver):
    # but for the one that this package adds without an entry point for samplers
    assert resolver_names(package, base) == set(resolver.options) - {"negater"}


def test_nothing_is_imported():
    program = (
        "import sys; from pykeen_negater.cli.commands.pykeen_names import resolver_names; "
        "names = resolver_names('models', 'Model'); print('transe' in names, 'pykeen' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", "False"]
