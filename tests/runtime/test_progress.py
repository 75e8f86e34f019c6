"""Bars of a long run, and what is left in total."""

import re
from collections.abc import Callable

import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater import mine
from pykeen_negater.runtime.progress import TRUST, Progress, Step, step

PLAN = {Step.ENCODE: 10.0, Step.PROBE: 20.0, Step.GUARD: 30.0, Step.MINE: 40.0}


@pytest.fixture
def sleep(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the time stand still, except when this is called."""
    now = 0.0

    def pass_time(seconds: float) -> None:
        """Let some seconds pass."""
        nonlocal now
        now += seconds

    monkeypatch.setattr("pykeen_negater.runtime.progress.time.monotonic", lambda: now)
    return pass_time


def test_what_is_left_is_what_was_estimated_if_all_goes_as_estimated(sleep: Callable[[float], None]):
    run = Progress(PLAN, show=False)
    spent = 0.0
    with run.running():
        for name, seconds in PLAN.items():
            with step(name, 4, "part") as bar:
                for _ in range(4):
                    sleep(seconds / 4)
                    spent += seconds / 4
                    bar(1)
                    assert run.left(bar) == pytest.approx(sum(PLAN.values()) - spent)


def test_a_slow_machine_stretches_what_is_left(sleep: Callable[[float], None]):
    run = Progress(PLAN, show=False)
    with run.running(), step(Step.ENCODE, 1, "part"):
        sleep(30.0)
    with run.running(), step(Step.PROBE, 2, "part") as bar:
        sleep(30.0)
        bar(1)
        # the step at hand goes on as it went; of the others, a share of the estimates is believed
        pace = (60.0 + TRUST * 100) / (20.0 + TRUST * 100)
        assert run.left(bar) == pytest.approx(30.0 + pace * 70.0)


def test_what_is_left_out_is_no_longer_waited_for(sleep: Callable[[float], None]):
    run = Progress(PLAN, show=False)
    with run.running(), step(Step.GUARD, 2, "model") as bar:
        assert run.left(bar) == pytest.approx(30.0 + 40.0)
        sleep(30.0)
    # a step that nobody had thought of
    with run.running(), step("Something else", 2, "part") as bar:
        assert run.left(bar) == pytest.approx(40.0)


def test_a_step_within_a_step_moves_its_bar(capsys: pytest.CaptureFixture[str]):
    with step("Outer", 10, "triple") as outer:
        with outer.piece(8), step("Inner", 4, "query") as inner:
            inner(1)
            assert outer.share == pytest.approx(0.2)
            with inner.piece(2), step("Innermost", 2, "part") as innermost:
                innermost(1)
                assert outer.share == pytest.approx(0.4)
        assert outer.share == pytest.approx(0.8)
        outer(2)
    shown = capsys.readouterr().err
    assert "Outer: 100%" in shown
    assert "10/10" in shown
    assert "Inner" not in shown
    # one bar at a time, which moves no cursor
    assert "\x1b" not in shown


def test_a_bar_never_shows_more_than_there_is(capsys: pytest.CaptureFixture[str]):
    with step("Again", 3, "text") as bar:
        bar(2)
        bar(2)  # such as a batch that is computed again in halves
        assert bar.share == 1
    assert "3/3" in capsys.readouterr().err


def test_silence_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]):
    with Progress(PLAN, show=False).running(), step(Step.ENCODE, 3, "text") as bar:
        bar(3)
    assert capsys.readouterr().err == ""


def test_every_step_of_mining_has_a_bar(
    nations: TriplesFactory, empty_cache: object, capsys: pytest.CaptureFixture[str]
):
    mine(triples_factory=nations, encoder="structural")
    shown = capsys.readouterr().err
    finished = re.findall(r"([A-Z][\w ]+): 100%", shown)
    names = list(dict.fromkeys(finished))
    # in the order in which they are estimated
    assert names == [str(name) for name in Step if name in names]
    assert set(names) == {
        Step.ENCODE,
        Step.ENCODE_VISIBLE,
        Step.PROBE,
        Step.FACTORIZATION,
        Step.FEATURES,
        Step.GUARD,
        Step.MINE,
    }
    assert "1592/1592" in shown
    assert "left in total" in shown
