"""What the benchmarks share: data, provenance and result files."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import FileLock
from pykeen.datasets import Dataset, get_dataset

from pykeen_negater.triples.tables import read_triples

RESULTS = Path(__file__).with_name("results")


def data_folder() -> Path:
    """Find the data that the environment variable NEGATER_DATA points to."""
    folder = os.environ.get("NEGATER_DATA")
    if folder is None or not Path(folder).is_dir():
        raise SystemExit("NEGATER_DATA must name the folder with the datasets; see benchmarks/README.md.")
    return Path(folder).resolve()


def load(name: str) -> tuple[Dataset, dict[str, str]]:
    """Load a dataset and the sampler's text parameters for it, by PyKEEN's name or as a folder of NEGATER_DATA."""
    folder = None if name == "nations" else data_folder() / name
    if folder is None or not folder.is_dir():
        return get_dataset(dataset=name), {}
    training = read_triples(folder / "train.txt")
    testing, validation = (read_triples(folder / f"{split}.txt", like=training) for split in ("test", "valid"))
    files = {f"{kind}_text": folder / f"{kind}2text.tsv" for kind in ("entity", "relation")}
    texts = {parameter: str(path) for parameter, path in files.items() if path.is_file()}
    return get_dataset(training=training, testing=testing, validation=validation), texts


def load_verified(name: str, dataset: Dataset) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Load the false triples that somebody verified, for validation and test, if a dataset has any."""
    files = [data_folder() / name / f"{split}_negatives.txt" for split in ("valid", "test")]
    if name == "nations" or not all(path.is_file() for path in files):
        return None
    validation, test = (read_triples(path, like=dataset.training).mapped_triples for path in files)
    return validation, test


def provenance() -> dict[str, Any]:
    """Say with what a result was made."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "version": importlib.metadata.version("pykeen-negater"),
        "commit": commit.stdout.strip(),
        "pykeen": importlib.metadata.version("pykeen"),
        "torch": importlib.metadata.version("torch"),
        "device": f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s)",
    }


def append(name: str, keys: list[str], row: dict[str, Any]) -> None:
    """Add a row to a result file; one with the same keys is replaced. Several processes may do so at once."""
    path = RESULTS / f"{name}.tsv"
    RESULTS.mkdir(exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        rows = pd.read_csv(path, sep="\t").to_dict("records") if path.exists() else []
        rows = [old for old in rows if any(old[key] != row[key] for key in keys)]
        frame = pd.DataFrame([*rows, {**row, **provenance()}]).sort_values(keys, kind="stable")
        frame.to_csv(path, sep="\t", index=False, float_format="%.6g")


def write(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Write rows to a result file and print them."""
    # rows of an earlier run keep what they were made with
    frame = pd.DataFrame([row if "commit" in row else {**row, **provenance()} for row in rows])
    RESULTS.mkdir(exist_ok=True)
    frame.to_csv(RESULTS / f"{name}.tsv", sep="\t", index=False)
    print(frame.to_string(index=False))
    return frame
