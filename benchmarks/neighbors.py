"""Time, recall and memory of the default neighbour index beside exact search.

Run: python benchmarks/neighbors.py --entities 1000 --entities 100000

Vectors are drawn from a fixed generator, in clusters of 50 on average. The centres are Gaussian, with deviations that
fall as the dimension to the power of −0.4; a vector is its cluster's centre plus a Gaussian of the same shape times a
number from 0.2 to 1.5, of unit length. With these, the cosines of the nearest, and the number of cells that have to be
looked into, are about those of MiniLM's vectors of ConceptNet's 78,088 entities. `--vectors` measures others.

Each size is measured in a process of its own, on one thread unless OMP_NUM_THREADS says otherwise. The index is built
as mining builds it, parameters and recall included, and the ten nearest neighbours of all entities are searched block
by block. Exact search is measured on 10,000 entities, or on all of fewer, and multiplied. The seconds are those of the
processor, summed over threads, since machines are shared; the ratio is that of exact search to building and searching.
Recall is that of the neighbours of the same entities. Memory is the peak of the resident set before exact search, with
the vectors.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
from common import append

from pykeen_negater.candidates.generators import BLOCK_SIZE
from pykeen_negater.embeddings.neighbors import NeighborIndex

DIM, K = 384, 10

#: The most entities that are searched exactly
SAMPLE = 10_000


def generate(size: int, dim: int = DIM) -> np.ndarray:
    """Draw vectors."""
    generator = np.random.default_rng(0)
    deviations = np.arange(1, dim + 1, dtype=np.float32) ** -0.4
    centers = generator.standard_normal((max(size // 50, 1), dim), dtype=np.float32)
    vectors = generator.standard_normal((size, dim), dtype=np.float32)
    vectors *= generator.uniform(0.2, 1.5, size=(size, 1)).astype(np.float32)
    for start in range(0, size, BLOCK_SIZE):
        block = vectors[start : start + BLOCK_SIZE]
        block += centers[generator.integers(len(centers), size=len(block))]
        block *= deviations
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return vectors


def search(index: NeighborIndex, queries: np.ndarray) -> tuple[np.ndarray, float]:
    """Search block by block; a pair (neighbours, seconds)."""
    start = time.process_time()
    found = [index.search(queries[i : i + BLOCK_SIZE], K)[0] for i in range(0, len(queries), BLOCK_SIZE)]
    return np.concatenate(found), time.process_time() - start


def measure(size: int, path: str | None) -> dict[str, object]:
    """Measure one size, in this process."""
    vectors = generate(size) if path is None else np.load(path)
    start = time.process_time()
    index = NeighborIndex.build(vectors)
    built = time.process_time() - start
    found, seconds = search(index, np.arange(len(vectors)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sample = np.sort(np.random.default_rng(1).permutation(len(vectors))[:SAMPLE])
    exact, exact_seconds = search(NeighborIndex(index.vectors, index.metric, "Flat"), sample)
    exact_seconds *= len(vectors) / len(sample)
    recall = np.mean([len(np.intersect1d(*rows)) / K for rows in zip(exact, found[sample], strict=True)])
    return {
        "vectors": "generated" if path is None else Path(path).stem,
        "entities": len(vectors),
        "dimension": vectors.shape[1],
        "index": index.factory,
        "build (s)": round(built, 1),
        "search (s)": round(seconds, 1),
        "exact (s)": round(exact_seconds, 1),
        "ratio": round(exact_seconds / (built + seconds), 1),
        "recall at 10": round(float(recall), 4),
        "reported recall": index.recall if index.recall is None else round(index.recall, 4),
        "peak memory (GiB)": round(memory / 2**20, 2),
    }


@click.command()
@click.option("--entities", "sizes", type=int, multiple=True, default=[1_000, 10_000, 100_000], help="How many.")
@click.option("--vectors", type=click.Path(exists=True), help="A file (.npy) with other vectors.")
@click.option("--in-process", is_flag=True, hidden=True)
def main(sizes: tuple[int, ...], vectors: str | None, in_process: bool) -> None:
    """Measure and write."""
    if in_process:
        print(json.dumps(measure(sizes[0], vectors)))
        return
    for size in sizes if vectors is None else (0,):
        command = [sys.executable, __file__, "--in-process", "--entities", str(size)]
        command += [] if vectors is None else ["--vectors", vectors]
        environment = {"OMP_NUM_THREADS": "1", **os.environ}
        result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        row = json.loads(result.stdout.splitlines()[-1])
        append("neighbors", ["vectors", "entities"], row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
