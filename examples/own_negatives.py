"""Negatives of your own: a file of false triples, which a quarter of the positives get as negatives."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pykeen.pipeline import pipeline

from pykeen_negater import import_negatives

#: head, relation, tail, and a score for how hard each is; the last column is optional
NEGATIVES = """\
cuba\tembassy\tusa\t0.9
usa\tembassy\tcuba\t0.9
china\tembassy\tusa\t0.8
israel\tembassy\tegypt\t0.7
brazil\tmilitaryalliance\tussr\t0.4
uk\tmilitaryalliance\tpoland\t0.6
"""

with TemporaryDirectory() as folder:
    path = Path(folder, "negatives.tsv")
    path.write_text(NEGATIVES, encoding="utf-8")

    pools = import_negatives(path, Path(folder, "own.pools"), dataset="nations")
    triples = pools.metadata["statistics"]["num_triples"]
    coverage = pools.metadata["statistics"]["coverage"]
    print(f"{len(pools)} negatives; {coverage:.0%} of the {triples:,} training triples have one, the others do without")

    result = pipeline(
        dataset="nations",
        model="PairRE",
        negative_sampler="negater",
        negative_sampler_kwargs={"pools": str(pools.path), "hard_fraction": 0.25, "num_negs_per_pos": 8},
        training_kwargs={"num_epochs": 20, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        random_seed=0,
    )
print(f"MRR {result.get_metric('mrr'):.3f}")
