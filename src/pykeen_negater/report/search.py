"""The search index of a page: negatives, rejected candidates, and corruptions that are likely true."""

import base64
import gzip
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
import torch

from ..pools.codec import NUM_LEVELS, decode_hardness, decode_risk, score_range
from ..pools.negative_pools import NegativePools
from ..pools.outcomes import OUTCOMES
from ..triples.indexing import RELATION, keys_to_triples
from ..utils.counting import counted
from .examples import find_positives
from .numbers import multiple, number, percent
from .phrases import Names

__all__ = [
    "Kind",
    "SearchIndex",
]

#: The most negatives that a page can be searched for, the most training triples that they belong to, and the most
#: corruptions that are likely true. A page with this many takes a few megabytes.
MOST_NEGATIVES, MOST_TRIPLES, MOST_SUSPECTED = 200_000, 40_000, 20_000

#: The kinds of rows
Kind = Literal["kept", "too_risky", "taken_for_true", "suspected"]

_KINDS: tuple[Kind, ...] = ("kept", "too_risky", "taken_for_true", "suspected")

#: A row: the position of the training triple, the replaced column, the id that replaces it, the kind, the level of the
#: score (or, from 256 on, the position among single scores; −1 for none), the risk (likewise), and the place in the
#: pool
_COLUMNS = ("positive", "side", "part", "kind", "score", "risk", "place")


class SearchIndex:
    """Rows to search, with the reason why each of them was kept or rejected."""

    def __init__(self, pools: NegativePools, names: Names) -> None:
        """Choose the rows.

        If there are more negatives than a page can hold, the hardest of each pool are taken, the same number of each;
        if there are more triples than a page can hold, some at equal distances are taken.

        :param pools: the pools
        :param names: their phrases
        """
        self.pools = pools
        self.names = names
        self.num_negatives = len(pools)
        sizes = np.diff(pools.offsets.numpy()).reshape(pools.num_triples, len(pools.sides))
        self._triples = np.flatnonzero(sizes.any(axis=1))
        #: The number of training triples with negatives
        self.num_covered = len(self._triples)
        if self.num_covered > MOST_TRIPLES:
            self._triples = self._triples[np.linspace(0, self.num_covered - 1, MOST_TRIPLES).astype(int)]
        self._sizes = sizes[self._triples]
        #: The most negatives of a triple and side that can be found
        self.per_pool = int(self._sizes.max(initial=0))
        while self.per_pool > 1 and self._sizes.clip(max=self.per_pool).sum() > MOST_NEGATIVES:
            self.per_pool -= 1

    @property
    def num_searched(self) -> int:
        """The number of negatives that can be found."""
        return int(self._sizes.clip(max=self.per_pool).sum())

    @property
    def num_suspected(self) -> int:
        """The number of corruptions that are likely true, and can be found."""
        return min(len(self.pools.suspected), MOST_SUSPECTED)

    @property
    def covers(self) -> str:
        """A description of the rows in words."""
        if self.num_searched == self.num_negatives:
            kept = {0: "no negatives", 1: "the only negative"}.get(
                self.num_negatives, f"all {self.num_negatives:,} negatives"
            )
        else:
            hardest = "hardest" if self.per_pool == 1 else f"{self.per_pool} hardest"
            kept = f"{self.num_searched:,} of {self.num_negatives:,} negatives, the {hardest} of each pool"
            if len(self._triples) < self.num_covered:
                kept += f" of one in {round(self.num_covered / len(self._triples))} training triples"
        parts = [kept]
        if self._rejected is not None:
            parts.append(f"{counted(len(self._rejected), 'candidate')} that mining has noted when it threw them out")
        if self.num_suspected:
            of_all = len(self.pools.suspected)
            those = (
                f"the {self.num_suspected:,} riskiest of {of_all:,}"
                if self.num_suspected < of_all
                else f"all {of_all:,}"
            )
            parts.append(f"{those} corruptions that are likely true")
        return ", ".join(parts[:-1]) + (", and " if len(parts) > 1 else "") + parts[-1]

    @cached_property
    def _rejected(self) -> pd.DataFrame | None:
        noted = pd.DataFrame(self.pools.metadata.get("statistics", {}).get("rejected", {}))
        return None if noted.empty else noted

    def encode(self) -> str:
        """Write the rows for the page's script.

        :return: JSON, packed with gzip, in base64: ``entities`` and ``relations``, names; ``heads``, ``middles`` and
            ``tails`` of the training triples; a column for each field of a row, in the order to show; ``scores``,
            ``risks`` and ``harder`` by level or position; ``reasons`` by kind; whether risks are known, as ``judged``
        """
        judged = self.pools.max_risk is not None
        rows, scores, risks = self._rows(judged)
        levels = decode_hardness(np.arange(NUM_LEVELS), *score_range(self.pools.metadata))
        by_level = np.bincount(self.pools.hardness.numpy(), minlength=NUM_LEVELS)
        below = (by_level.cumsum() - by_level) / max(1, len(self.pools))
        triples = keys_to_triples(self.pools.keys.numpy(), self.pools.num_entities, self.pools.num_relations)
        used, positives = np.unique(rows["positive"], return_inverse=True)
        rows["positive"] = positives
        triples = triples[used]
        is_relation = (rows["side"] == RELATION).to_numpy()
        parts = rows["part"].to_numpy().copy()
        entities, flat = np.unique(
            np.concatenate([triples[:, 0], triples[:, 2], parts[~is_relation]]), return_inverse=True
        )
        relations, flat_relations = np.unique(
            np.concatenate([triples[:, RELATION], parts[is_relation]]), return_inverse=True
        )
        count = len(triples)
        parts[~is_relation], parts[is_relation] = flat[2 * count :], flat_relations[count:]
        rows["part"] = parts
        content = {
            "entities": [self.names.entity(int(i)).name for i in entities],
            "relations": [self.names.relation(int(i)).name for i in relations],
            "heads": flat[:count].tolist(),
            "middles": flat_relations[:count].tolist(),
            "tails": flat[count : 2 * count].tolist(),
            **{name: rows[name].tolist() for name in _COLUMNS},
            "scores": [number(float(score)) for score in levels] + list(map(number, scores)),
            "risks": [multiple(float(risk)) for risk in self._risk_levels] + list(map(multiple, risks)),
            "harder": [percent(float(share)) for share in below],
            "judged": judged,
            "reasons": [self._reasons[kind] for kind in _KINDS],
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()

    @cached_property
    def _risk_levels(self) -> np.ndarray:
        return decode_risk(torch.arange(NUM_LEVELS, dtype=torch.uint8)).numpy()

    @property
    def _reasons(self) -> Mapping[Kind, str]:
        """Describe why rows were kept or rejected."""
        mined, drawn = self.pools.max_mined_risk, self.pools.max_risk
        risk = "no guard has judged it" if drawn is None else f"risk within {multiple(mined)}"
        return {
            "kept": f"Kept: no. {{place}} of its pool, harder than {{harder}} of all; {risk}.",
            "too_risky": f"Thrown out: the guard lets none above {multiple(mined)} pass.",
            "taken_for_true": "Thrown out: its score reaches θ of its relation, so that the ranker takes it for true.",
            "suspected": f"Likely true: what is riskier than {multiple(drawn)} is drawn less often, even at random.",
        }

    def _rows(self, judged: bool) -> tuple[pd.DataFrame, list[float], list[float]]:
        """List the rows in the order to show, and the scores and risks that are not levels."""
        kept = self._kept(judged)
        scores: list[float] = []
        risks: list[float] = []
        parts = [kept]
        if self._rejected is not None:
            noted = self._rejected
            scores = noted["score"].astype(float).tolist()
            risks = noted["risk"].astype(float).tolist() if judged else []
            places = NUM_LEVELS + np.arange(len(noted))
            parts.append(
                pd.DataFrame(
                    {
                        "positive": noted["positive"],
                        "side": noted["side"],
                        "part": noted["replacement"],
                        "kind": [_KINDS.index(OUTCOMES[i]) for i in noted["outcome"]],
                        "score": places,
                        "risk": places if judged else -1,
                        "place": 0,
                    }
                )
            )
        parts.append(self._suspected())
        return pd.concat(parts, ignore_index=True)[list(_COLUMNS)].astype(np.int64), scores, risks

    def _kept(self, judged: bool) -> pd.DataFrame:
        shown, width = self._sizes.clip(max=self.per_pool), len(self.pools.sides)
        starts = self.pools.offsets.numpy()[self._triples[:, None] * width + np.arange(width)]
        counts = shown.ravel()
        place = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
        positions = np.repeat(starts.ravel(), counts) + place
        hardness = self.pools.hardness.numpy()[positions]
        frame = pd.DataFrame(
            {
                "positive": np.repeat(np.repeat(self._triples, width), counts),
                "side": np.repeat(np.tile(self.pools.sides, len(self._triples)), counts),
                "part": self.pools.replacements.numpy()[positions],
                "kind": _KINDS.index("kept"),
                "score": hardness.astype(np.int64),
                "risk": self.pools.risk.numpy()[positions].astype(np.int64) if judged else -1,
                "place": place + 1,
            }
        )
        return frame.iloc[np.argsort(-hardness.astype(np.int16), kind="stable")]

    def _suspected(self) -> pd.DataFrame:
        levels = self.pools.suspected_risk.numpy()
        chosen = np.argsort(-levels.astype(np.int16), kind="stable")[: self.num_suspected]
        suspected = keys_to_triples(
            self.pools.suspected.numpy()[chosen], self.pools.num_entities, self.pools.num_relations
        )
        positives, sides = find_positives(self.pools, suspected)
        frame = pd.DataFrame(
            {
                "positive": positives,
                "side": sides,
                "part": suspected[np.arange(len(suspected)), sides],
                "kind": _KINDS.index("suspected"),
                "score": -1,
                "risk": levels[chosen].astype(np.int64),
                "place": 0,
            }
        )
        return frame[positives >= 0]
