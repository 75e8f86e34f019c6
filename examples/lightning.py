"""Uses the sampler in PyKEEN's Lightning loop. It needs: pip install pytorch-lightning."""

import warnings

import pytorch_lightning
from pykeen.contrib.lightning import SLCWALitModule
from pykeen.evaluation import RankBasedEvaluator

warnings.filterwarnings("ignore", module="pytorch_lightning")  # warnings about loggers and workers

module = SLCWALitModule(
    dataset="nations",
    model="PairRE",
    negative_sampler="negater",
    negative_sampler_kwargs={"num_negs_per_pos": 8},
    batch_size=256,
    learning_rate=0.01,
)
trainer = pytorch_lightning.Trainer(
    max_epochs=20,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(module)

dataset = module.dataset
evaluation = RankBasedEvaluator().evaluate(
    module.model,
    dataset.testing.mapped_triples,
    additional_filter_triples=[dataset.training.mapped_triples, dataset.validation.mapped_triples],
    use_tqdm=False,
)
print(f"MRR {evaluation.get_metric('mrr'):.3f}")
