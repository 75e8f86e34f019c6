"""Tables of neighbours in memory and on disk, against rows that are put one after the other."""

from pathlib import Path

import numpy as np
import pytest

from pykeen_negater.candidates.neighbor_tables import NEIGHBOR, fill_table, keep_table

WIDTH = 4


def make_blocks(seed: int = 0, sizes: tuple[int, ...] = (3, 0, 5, 1)) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw blocks of rows, each of another width."""
    generator = np.random.default_rng(seed)
    widths = [WIDTH, 1, 2, 0]
    return [
        (generator.integers(100, size=(size, width)), generator.random((size, width), dtype=np.float32))
        for size, width in zip(sizes, widths, strict=False)
    ]


def expected_rows(blocks: list[tuple[np.ndarray, np.ndarray]]) -> list[list[tuple[int, float]]]:
    return [
        [*zip(row.tolist(), distances.tolist(), strict=True), *[(-1, np.inf)] * (WIDTH - len(row))]
        for block in blocks
        for row, distances in zip(*block, strict=True)
    ]


def test_rows_follow_each_other_and_are_filled_up():
    blocks = make_blocks()
    table = fill_table(9, WIDTH, iter(blocks))
    assert table.dtype == NEIGHBOR
    assert table.tolist() == expected_rows(blocks)


def test_a_table_on_disk_is_the_same_and_made_once(tmp_path: Path):
    blocks = make_blocks()
    first, recall = keep_table(tmp_path / "table", 9, WIDTH, iter(blocks), lambda: 0.75)
    assert isinstance(first, np.memmap)
    assert first.tolist() == expected_rows(blocks)
    assert recall == 0.75
    again, recall = keep_table(tmp_path / "table", 9, WIDTH, iter(()), lambda: pytest.fail("measured again") and None)
    np.testing.assert_array_equal(again, first)
    assert recall == 0.75


def test_the_recall_is_asked_when_all_is_there(tmp_path: Path):
    seen = []

    def blocks():
        for block in make_blocks():
            yield block
            seen.append(len(block[0]))

    _, recall = keep_table(tmp_path / "table", 9, WIDTH, blocks(), lambda: seen.append("recall"))
    assert recall is None
    assert seen == [3, 0, 5, 1, "recall"]


def test_a_damaged_table_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "table"
    keep_table(path, 9, WIDTH, make_blocks(), lambda: None)
    path.joinpath("neighbors.npy").write_bytes(b"nonsense")
    table, recall = keep_table(path, 9, WIDTH, make_blocks(1), lambda: 0.5)
    assert table.tolist() == expected_rows(make_blocks(1))
    assert recall == 0.5
    assert "is damaged" in caplog.text


def test_a_table_without_rows(tmp_path: Path):
    assert fill_table(0, WIDTH, []).shape == (0, WIDTH)
    for _ in range(2):
        table, recall = keep_table(tmp_path / "table", 0, WIDTH, [], lambda: None)
        assert (table.shape, table.dtype, recall) == ((0, WIDTH), NEIGHBOR, None)


def test_an_interruption_leaves_no_table(tmp_path: Path):
    def blocks():
        yield make_blocks()[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_table(tmp_path / "table", 9, WIDTH, blocks(), lambda: None)
    assert list(tmp_path.iterdir()) == []
