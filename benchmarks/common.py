"""What the benchmarks share: data, provenance and result files."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pykeen.datasets import Dataset, get_dataset
from pykeen.triples import TriplesFactory

from pykeen_negater.tables import read_triples

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
    if folder is None:
        return get_dataset(dataset=name), {}
    training = read_triples(folder / "train.txt")
    testing, validation = (
        TriplesFactory.from_path(
            folder / f"{split}.txt", entity_to_id=training.entity_to_id, relation_to_id=training.relation_to_id
        )
        for split in ("test", "valid")
    )
    texts = {f"{kind}_text": str(folder / f"{kind}2text.tsv") for kind in ("entity", "relation")}
    return get_dataset(training=training, testing=testing, validation=validation), texts


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


def write(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Write rows to a result file and print them."""
    # rows of an earlier run keep what they were made with
    frame = pd.DataFrame([row if "commit" in row else {**row, **provenance()} for row in rows])
    RESULTS.mkdir(exist_ok=True)
    frame.to_csv(RESULTS / f"{name}.tsv", sep="\t", index=False)
    print(frame.to_string(index=False))
    return frame
