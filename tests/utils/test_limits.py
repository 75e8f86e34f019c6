"""What a process may not have more of is told in one sentence, and is nobody else's fault."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory

from pykeen_negater.cli.main import main
from pykeen_negater.mining.vectors import EntityVectors
from pykeen_negater.utils.limits import ThreadsError, explain_shortage, find_limit, tell_shortage


def _raise_from(error: BaseException, other: BaseException) -> BaseException:
    error.__cause__ = other
    return error


FILES, MEMORY, THREADS = "as many open files as this process may have", "too little memory", "no more threads can be"

#: What libraries raise, the type of what is raised instead, and what it says
SHORTAGES = {
    "open": (OSError(errno.EMFILE, os.strerror(errno.EMFILE), "a"), OSError, FILES),
    "system": (OSError(errno.ENFILE, os.strerror(errno.ENFILE)), OSError, FILES),
    "rust": (Exception("in any language (os error 24)"), OSError, FILES),
    "wrapped": (_raise_from(ValueError("no model"), OSError(errno.EMFILE, "")), OSError, FILES),
    "python": (MemoryError(), MemoryError, MEMORY),
    "map": (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), MemoryError, MEMORY),
    "gpu": (torch.OutOfMemoryError("CUDA ran out"), MemoryError, MEMORY),
    "fork": (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), ThreadsError, THREADS),
}


@pytest.mark.parametrize(("error", "cls", "words"), SHORTAGES.values(), ids=SHORTAGES)
def test_shortages_are_told(error: Exception, cls: type[Exception], words: str):
    with pytest.raises(cls, match=f"^found .*{words}.* What was finished is kept.$") as told, tell_shortage():
        raise error
    assert told.value.__cause__ is error
    # and once
    with pytest.raises(cls) as again, tell_shortage(), tell_shortage():
        raise told.value
    assert again.value is told.value


@pytest.mark.parametrize(
    "error",
    [ValueError("found a, expected b"), FileNotFoundError(errno.ENOENT, "", "a"), RuntimeError("a bug"), KeyError("a")],
)
def test_other_errors_stay(error: Exception):
    assert explain_shortage(error) is None
    with pytest.raises(type(error)) as raised, tell_shortage():
        raise error
    assert raised.value is error


def test_the_system_is_asked_for_threads(monkeypatch: pytest.MonkeyPatch):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("in the words of another version")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ThreadsError, match=THREADS), tell_shortage():
        threading.Thread(target=int).start()


#: Uses up what it may have, and then lets libraries ask for more
HUNGRY = """
import os, resource, sys
import numpy as np, torch
from safetensors import safe_open
from pykeen_negater.utils.limits import tell_shortage

def attempt(name, function):
    try:
        with tell_shortage():
            function()
    except Exception as error:
        print(name, type(error).__mro__[2].__name__, error, sep="|")

path = sys.argv[1]
opened = []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        opened.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
os.close(opened.pop())  # one is not enough, and there again afterwards
attempt("torch file", lambda: safe_open(path, framework="pt"))
for file in opened:
    os.close(file)
limit = 2**31 + 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
attempt("numpy", lambda: np.ones(2**29))
attempt("torch", lambda: torch.ones(2**30))
attempt("python", lambda: bytearray(2**33))
"""


def test_libraries_that_get_no_more(tmp_path: Path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, tmp_path / "a.safetensors")
    command = [sys.executable, "-c", HUNGRY, str(tmp_path / "a.safetensors")]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    lines = [line.split("|") for line in result.stdout.splitlines()]
    assert [line[:2] for line in lines] == [
        ["torch file", "OSError"],
        ["numpy", "MemoryError"],
        ["torch", "MemoryError"],
        ["python", "MemoryError"],
    ]
    assert "(64)" in lines[0][2]
    assert all("of which this process may have 3.0 GiB (ulimit -v)" in line[2] for line in lines[1:])


@pytest.mark.parametrize(("error", "cls", "words"), SHORTAGES.values(), ids=SHORTAGES)
def test_commands_and_pipelines_tell_shortages(
    error: Exception,
    cls: type[Exception],
    words: str,
    small_factory: TriplesFactory,
    empty_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(EntityVectors, "encode", fail)
    result = CliRunner().invoke(main, ["mine", "--dataset", "nations", "--encoder", "structural"])
    assert result.exit_code == 1
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("Error: "))
    assert words in line
    assert "Traceback" not in result.stderr
    with pytest.raises(cls, match=words):
        pipeline(
            training=small_factory,
            testing=small_factory,
            model="TransE",
            epochs=1,
            negative_sampler="negater",
            negative_sampler_kwargs={"encoder": "structural"},
        )
    assert not [path for path in empty_cache.glob("pools/*") if path.is_dir()]


def test_little_memory_is_said_before(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    from pykeen_negater.utils import limits

    assert find_limit("RLIMIT_AS") is None
    limits.warn_of_little_memory()
    assert not caplog.records
    monkeypatch.setattr(limits, "find_limit", lambda name: 2**30)
    monkeypatch.setattr(limits, "_address_space_in_use", lambda name: 2**29)
    limits.warn_of_little_memory()
    (record,) = caplog.records
    assert record.message.startswith("Found room for 0.5 GiB of memory within the limit of this process (ulimit -v)")
