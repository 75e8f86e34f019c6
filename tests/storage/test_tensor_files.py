"""Files that are written piece by piece, against those that safetensors writes at once."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pykeen_negater.storage.tensor_files import TensorFile

#: By name, what safetensors sorts by type and name
ARRAYS = [
    {"keys": np.arange(5), "hardness": np.arange(7, dtype=np.uint8), "replacements": -np.arange(7, dtype=np.int32)},
    {"b": np.arange(3, dtype=np.uint8), "a": np.arange(4, dtype=np.uint8), "c": np.array([2**62])},
    {
        "keys": np.arange(3),
        "scores": np.array([0.1, -2.0], dtype=np.float32),
        "ids": np.arange(2, dtype=np.int32),
        "bytes": np.arange(3, dtype=np.uint8),
    },
    {"empty": np.zeros(0, dtype=np.int64), "x": np.array([1], dtype=np.int32)},
    {"empty": np.zeros(0, dtype=np.uint8)},
    {},
]


def _write(path: Path, arrays: dict[str, np.ndarray], step: int) -> None:
    file = TensorFile(path, {name: (array.dtype, len(array)) for name, array in arrays.items()})
    for name, array in arrays.items():
        for start in range(0, len(array), step):
            file.array(name)[start : start + step] = array[start : start + step]


@pytest.mark.parametrize("step", [1, 3, 100])
@pytest.mark.parametrize("arrays", ARRAYS)
def test_bytes_are_those_of_safetensors(tmp_path: Path, arrays: dict[str, np.ndarray], step: int):
    _write(tmp_path / "a.safetensors", arrays, step)
    save_file(arrays, tmp_path / "b.safetensors")
    assert tmp_path.joinpath("a.safetensors").read_bytes() == tmp_path.joinpath("b.safetensors").read_bytes()
    read = load_file(tmp_path / "a.safetensors")
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_what_is_not_written_is_zero(tmp_path: Path):
    tmp_path.joinpath("a").write_bytes(b"\xff" * 10_000)
    file = TensorFile(tmp_path / "a", {"x": (np.dtype("int64"), 100), "y": (np.dtype("uint8"), 3)})
    assert file.array("x").tolist() == [0] * 100
    file.array("y")[1] = 9
    # another map sees the same
    assert file.array("y").tolist() == [0, 9, 0]
    assert {name: array.sum() for name, array in load_file(tmp_path / "a").items()} == {"x": 0, "y": 9}


def test_a_full_disk_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("pykeen_negater.storage.tensor_files.reserve", refuse)
    with pytest.raises(OSError, match="no space left"):
        TensorFile(tmp_path / "a", {"x": (np.dtype("int64"), 100)})


def test_types_that_pools_lack(tmp_path: Path):
    with pytest.raises(ValueError, match="float64"):
        TensorFile(tmp_path / "a", {"x": (np.dtype("float64"), 1)})
    assert not tmp_path.joinpath("a").exists()
