"""Mine once, look at the result, and train with it any number of times."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pykeen.pipeline import pipeline

from pykeen_negater import NegativePools, mine
from pykeen_negater.pools.exports import sentences, to_frame

with TemporaryDirectory() as folder:
    path = Path(folder, "nations.pools")
    mine(dataset="nations", k=16, pool_size=16).save(path)

    pools = NegativePools.load(path)  # memory-mapped, never unpickled
    print(f"{len(pools):,} negatives for {pools.num_triples:,} triples")
    hardest = [lines[0] for lines in sentences(pools).values() if lines]
    print(*hardest[:3], sep="\n")
    print(to_frame(pools)[["head", "relation", "tail", "side", "score"]].head(3).to_string(index=False))

    for model in ("TransE", "DistMult"):
        result = pipeline(
            dataset="nations",
            model=model,
            negative_sampler="negater",
            negative_sampler_kwargs={"pools": str(path), "hard_fraction": 0.25, "num_negs_per_pos": 8},
            training_kwargs={"num_epochs": 20, "use_tqdm": False},
            evaluation_kwargs={"use_tqdm": False},
            random_seed=0,
        )
        print(f"{model}: MRR {result.get_metric('mrr'):.3f}")
