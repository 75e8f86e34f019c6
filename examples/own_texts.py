"""Texts and types of your own, for Nations, whose countries have short names, and whose relations are abbreviated."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pykeen.pipeline import pipeline

ENTITY_TEXT = """\
brazil\tBrazil\tthe largest country of South America
burma\tBurma\ta country of Southeast Asia, today Myanmar
china\tChina\tthe People's Republic
cuba\tCuba\tan island in the Caribbean
egypt\tEgypt\ta country on the Nile
uk\tUnited Kingdom\tGreat Britain and Northern Ireland
usa\tUnited States\tof America
ussr\tSoviet Union\tof 1922 to 1991
"""  # for the other six, labels are used, and the log says so

RELATION_TEXT = {
    "ngo": "has non-governmental organisations in common with",
    "ngoorgs3": "has many non-governmental organisations in common with",
    "intergovorgs": "has intergovernmental organisations in common with",
}

ENTITY_TYPES = {"cuba": ["eastern", "island"], "ussr": "eastern", "china": "eastern", "usa": "western", "uk": "western"}

with TemporaryDirectory() as folder:
    path = Path(folder, "entity2text.tsv")
    path.write_text(ENTITY_TEXT, encoding="utf-8")
    result = pipeline(
        dataset="nations",
        model="PairRE",
        negative_sampler="negater",
        negative_sampler_kwargs={
            "num_negs_per_pos": 8,
            "entity_text": str(path),
            "relation_text": RELATION_TEXT,
            "entity_types": ENTITY_TYPES,
        },
        training_kwargs={"num_epochs": 20, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        random_seed=0,
    )
print(f"MRR {result.get_metric('mrr'):.3f}")
