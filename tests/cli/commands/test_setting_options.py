"""The options of ``negater mine`` are the settings of mining: their names, defaults and helps."""

import dataclasses
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pykeen_negater.cli.commands.fine_tune import fine_tune
from pykeen_negater.cli.commands.mine import mine
from pykeen_negater.cli.commands.setting_options import read_settings, setting_option
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.mining.settings import MiningSettings

SETTINGS = dataclasses.fields(MiningSettings)


def option(command: click.Command, name: str) -> click.Option:
    """Find an option by the name of its parameter."""
    return next(x for x in command.params if isinstance(x, click.Option) and x.name == name)


def defaults(command: click.Command) -> dict:
    """Get what a command is called with if nothing is said."""
    return command.make_context(command.name, ["--output", "folder"]).params


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda x: x.name)
def test_each_setting_is_an_option_with_its_help(setting: dataclasses.Field):
    found = option(mine, setting.name)
    assert found.help.startswith(setting.metadata["help"].removesuffix("."))
    assert f"--{'neighbors' if setting.name == 'k' else setting.name.replace('_', '-')}" in found.opts


def test_the_defaults_are_those_of_the_settings():
    assert MiningSettings(**read_settings(defaults(mine))) == MiningSettings()


def test_the_options_of_fine_tuning_are_settings_with_their_defaults():
    said = defaults(fine_tune)
    settings = FineTuningSettings()
    names = {x.name for x in dataclasses.fields(FineTuningSettings)}
    shared = names & set(said)
    assert names - shared == {"validation_share", "per_relation"}
    said["max_grad_norm"] = said["max_grad_norm"] or None
    assert {name: said[name] for name in shared} == {name: getattr(settings, name) for name in shared}
    assert said["global_threshold"] is not settings.per_relation
    # the same options in both commands
    for name in (x.name for x in mine.params if x.name in shared):
        assert (option(mine, name).default, option(mine, name).help) == (
            option(fine_tune, name).default,
            option(fine_tune, name).help,
        )


def test_what_options_say():
    @click.command()
    @setting_option("k", "--neighbors", "-k", "k")
    @setting_option("guard")
    @setting_option("max_candidates")
    @setting_option("corruption_scheme")
    @setting_option("encoder_kwargs")
    @setting_option("index", type=click.Path(path_type=Path))
    @click.option("--other", default=1)
    def command(**options: object) -> None:
        click.echo(repr(read_settings(options)))

    def said(*line: str) -> dict:
        result = CliRunner().invoke(command, line)
        assert result.exit_code == 0, result.output
        return eval(result.output)

    assert said() == {"k": 32, "guard": "calibrated", "max_candidates": 20_000, "corruption_scheme": ("head", "tail")}
    line = "-k 5 --guard none --max-candidates 0 --corruption-scheme tail,relation --index folder"
    assert said(*line.split(), "--encoder-kwargs", '{"dim": 8}') == {
        "k": 5,
        "guard": None,
        "max_candidates": None,
        "corruption_scheme": ("tail", "relation"),
        "encoder_kwargs": {"dim": 8},
        "index": "folder",
    }
    # nothing is no setting
    assert "encoder_kwargs" not in said("--encoder-kwargs", "{}")
    helped = CliRunner().invoke(command, ["--help"]).output
    assert "[calibrated|thresholds|none]" in helped
    assert "none for no guard." in " ".join(helped.split())
    assert "0 for all." in " ".join(helped.split())
    assert "The encoder's parameters, as JSON." in " ".join(helped.split())
