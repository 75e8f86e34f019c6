"""Figures about samplers against expectations that are computed by loops over triples."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.triples import CoreTriplesFactory

from pykeen_negater.evaluation import samplers as evaluation
from pykeen_negater.evaluation.samplers import NegativesReport, evaluate_sampler, samplers_to_compare, train_reference
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.sampling.sampler import NegatERNegativeSampler
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, TAIL

Triple = tuple[int, int, int]


@pytest.fixture(scope="module")
def dataset() -> Nations:
    return Nations()


@pytest.fixture(autouse=True)
def _draw_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw a part, in the interest of time."""
    monkeypatch.setattr(evaluation, "NUM_DRAWN", 100_000)


class FakeModel(torch.nn.Module):
    """Scores triples by a table of random numbers, and what it was trained on above all others."""

    num_relations = num_real_relations = 55
    num_entities = 14
    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        # few values, so that some scores are equal
        self.table = torch.randint(6, (14, 55, 14), generator=torch.Generator().manual_seed(0)).float()
        self.table[tuple(Nations().training.mapped_triples.T)] = 10.0

    def predict_hrt(self, batch: torch.Tensor) -> torch.Tensor:
        assert torch.is_inference_mode_enabled()
        return self.table[tuple(batch.T)].unsqueeze(dim=1)

    def wins(self, negative: Triple, positive: Triple) -> float:
        """Compute how often a negative scores above a uniform corruption of the same positive and side."""
        side = next(side for side in (HEAD, TAIL) if negative[side] != positive[side])
        hard = self.table[negative].item()
        others = [self.table[corruption].item() for corruption in corruptions(positive, side)]
        return float(np.mean([(hard > easy) + 0.5 * (hard == easy) for easy in others]))


def corruptions(triple: Triple, side: int) -> list[Triple]:
    """List the uniform corruptions of a triple."""
    return [(*triple[:side], new, *triple[side + 1 :]) for new in range(14) if new != triple[side]]  # type: ignore


def triples_of(factory: CoreTriplesFactory) -> list[Triple]:
    return list(map(tuple, factory.mapped_triples.tolist()))


def held_out(dataset: Nations) -> set[Triple]:
    return {*triples_of(dataset.validation), *triples_of(dataset.testing)}


def uniform_share(dataset: Nations, measure: Callable[[Triple, Triple], float]) -> float:
    """Average over the uniform corruptions of all training triples."""
    values = []
    for triple in triples_of(dataset.training):
        for side in (HEAD, TAIL):
            values.append(np.mean([measure(other, triple) for other in corruptions(triple, side)]))
    return float(np.mean(values))


def make_pools(dataset: Nations, every: int = 3) -> tuple[NegativePools, dict[Triple, list[Triple]]]:
    """Make pools for every third triple: heads for some of these and tails for others, among them false negatives.

    :return: the pools, and the negatives of each triple that has some
    """
    graph = Graph.from_factory(dataset.training)
    known, truth = set(map(tuple, graph.triples.tolist())), held_out(dataset)
    generator = np.random.default_rng(0)
    sizes, replacements = [], []
    negatives: dict[Triple, list[Triple]] = {}
    for i, triple in enumerate(map(tuple, graph.triples.tolist())):
        for side in (HEAD, TAIL):
            chosen = []
            if i % every == 0 and (i % 2 == 0 or side == TAIL):
                options = [other for other in corruptions(triple, side) if other not in known]
                # facts first, so that there are many
                options = sorted(generator.permutation(options).tolist(), key=lambda other: tuple(other) not in truth)
                chosen = [tuple(option) for option in options[: generator.integers(1, 5)]]
                negatives.setdefault(triple, []).extend(chosen)
            sizes.append(len(chosen))
            replacements += [option[side] for option in chosen]
    negatives = {triple: pool for triple, pool in negatives.items() if pool}
    pools = NegativePools(
        keys=graph.index.keys,
        offsets=torch.from_numpy(np.append(0, np.cumsum(sizes))),
        replacements=torch.tensor(replacements, dtype=torch.int32),
        hardness=torch.zeros(len(replacements), dtype=torch.uint8),
        num_entities=graph.num_entities,
        num_relations=graph.num_relations,
        sides=(0, 2),
        vocabulary=graph.vocabulary,
    )
    return pools, negatives


def pool_share(negatives: dict[Triple, list[Triple]], measure: Callable[[Triple, Triple], float]) -> float:
    """Average over the pools of the triples that have one."""
    return float(np.mean([np.mean([measure(n, triple) for n in pool]) for triple, pool in negatives.items()]))


def test_basic_sampler_agrees_with_expectations(dataset):
    report = evaluate_sampler("basic", dataset, reference=FakeModel())
    truth, known = held_out(dataset), set(triples_of(dataset.training))
    assert report.false_negatives == pytest.approx(uniform_share(dataset, lambda n, _: n in truth), abs=0.004)
    assert report.known_positives == pytest.approx(uniform_share(dataset, lambda n, _: n in known), abs=0.006)
    assert report.hardness == pytest.approx(0.5, abs=0.008)
    assert report.coverage is None
    assert report.parts == {}


def test_no_reference_no_hardness(dataset):
    report = evaluate_sampler("basic", dataset)
    assert report.hardness is None
    assert report.false_negatives > 0


def test_a_filtered_sampler_draws_no_known_positives(dataset):
    """What the filter masks is not counted."""
    report = evaluate_sampler("basic", dataset, {"filtered": True, "filterer": "python-set"})
    assert report.known_positives == 0
    assert report.false_negatives > 0


def test_one_side_only(dataset):
    truth = held_out(dataset)
    report = evaluate_sampler("basic", dataset, {"corruption_scheme": ("tail",)})
    expected = np.mean([[n in truth for n in corruptions(t, TAIL)] for t in triples_of(dataset.training)])
    assert report.false_negatives == pytest.approx(expected, abs=0.004)


@pytest.mark.parametrize("every", [3, 1])
def test_negater_sampler_agrees_with_its_pools(dataset, every):
    pools, negatives = make_pools(dataset, every)
    truth, model = held_out(dataset), FakeModel()
    kwargs = {"pools": pools, "hard_fraction": 0.25, "loop_fraction": 0.1}
    report = evaluate_sampler("negater", dataset, kwargs, reference=model)
    assert report.coverage == pytest.approx(len(negatives) / dataset.training.num_triples)
    is_true, wins = lambda n, _: n in truth, model.wins
    parts = report.parts
    assert list(parts) == ["mined", "random", "loops"]
    pooled, uniform = pool_share(negatives, is_true), uniform_share(dataset, is_true)
    assert pooled > 2 * uniform
    assert parts["mined"].false_negatives == pytest.approx(pooled, abs=0.008)
    assert parts["mined"].hardness == pytest.approx(pool_share(negatives, wins), abs=0.008)
    assert parts["mined"].num_distinct == len({negative for pool in negatives.values() for negative in pool})
    assert parts["random"].false_negatives == pytest.approx(uniform, abs=0.005)
    assert parts["random"].hardness == pytest.approx(0.5, abs=0.008)
    loops = loops_of(dataset)
    assert parts["loops"].false_negatives == pytest.approx(pool_share(loops, is_true), abs=0.001)
    assert parts["loops"].hardness == pytest.approx(pool_share(loops, wins), abs=0.008)
    # a tenth of the negatives of triples that can be loops; of the others, a quarter of those with a pool; the rest
    shares = {"mined": 0.0, "random": 0.0, "loops": 0.0}
    for triple in triples_of(dataset.training):
        loop = 0.1 * (triple in loops)
        mined = 0.25 * (triple in negatives)
        for part, share in zip(shares, ((1 - loop) * mined, (1 - loop) * (1 - mined), loop), strict=True):
            shares[part] += share / dataset.training.num_triples
    assert {part: figures.share for part, figures in parts.items()} == pytest.approx(shares, abs=1e-5)
    # what the sampler draws is the parts by their shares
    for name in ("false_negatives", "hardness", "known_positives"):
        mixed = sum(figures.share * getattr(figures, name) for figures in parts.values())
        assert getattr(report, name) == pytest.approx(mixed, abs=0.01), name
    assert [row["part"] for row in report.rows] == ["all", "mined", "random", "loops"]
    assert sum(row["share"] for row in report.rows[1:]) == pytest.approx(1)
    assert report.rows[1]["hardness"] == parts["mined"].hardness


def loops_of(dataset: Nations) -> dict[Triple, list[Triple]]:
    """Turn triples into loops where the sampler does."""
    sampler = NegatERNegativeSampler(
        mapped_triples=dataset.training.mapped_triples, num_entities=14, num_relations=55, mine="never"
    )
    triples = triples_of(dataset.training)
    possible = sampler.loops.possible(dataset.training.mapped_triples.numpy())
    return {
        (head, relation, tail): [(head, relation, head), (tail, relation, tail)]
        for (head, relation, tail), fits in zip(triples, possible, strict=True)
        if fits
    }


def test_relations_with_a_share_of_their_own_are_split_alike(dataset):
    """A relation's own share moves its negatives from one part to another, and mixes no part."""
    pools, negatives = make_pools(dataset)
    relation = next(iter(negatives))[1]
    overrides = {dataset.training.relation_id_to_label[relation]: {"hard_fraction": 1.0}}
    kwargs = {"pools": pools, "hard_fraction": 0.0, "loop_fraction": 0.0, "relation_overrides": overrides}
    parts = evaluate_sampler("negater", dataset, kwargs).parts
    own = sum(triple[1] == relation for triple in negatives)
    assert parts["mined"].share == pytest.approx(own / dataset.training.num_triples)
    assert parts["random"].share == pytest.approx(1 - own / dataset.training.num_triples)
    assert parts["loops"].share == 0
    truth = held_out(dataset)
    is_true = lambda n, _: n in truth  # noqa: E731
    assert parts["mined"].false_negatives == pytest.approx(pool_share(negatives, is_true), abs=0.008)
    assert parts["random"].false_negatives == pytest.approx(uniform_share(dataset, is_true), abs=0.005)


def test_negater_sampler_without_pools(dataset):
    parts = evaluate_sampler("negater", dataset, {"mine": "never", "seed": 987, "loop_fraction": 0.0}).parts
    assert "mined" not in parts
    assert parts["random"].share == 1


def test_negater_sampler_without_any_negative(dataset):
    pools, _ = make_pools(dataset)
    empty = dataclasses.replace(
        pools,
        offsets=torch.zeros_like(pools.offsets),
        replacements=pools.replacements[:0],
        hardness=pools.hardness[:0],
        risk=pools.risk[:0],
    )
    report = evaluate_sampler("negater", dataset, {"pools": empty}, reference=FakeModel())
    assert report.coverage == 0
    assert "mined" not in report.parts
    assert report.parts["random"].hardness == pytest.approx(0.5, abs=0.01)


def test_risky_negatives_do_not_count_as_mined(dataset):
    """The limit of risk is that of the sampler that is evaluated."""
    pools, negatives = make_pools(dataset)
    pools = dataclasses.replace(pools, risk=torch.where(torch.arange(len(pools)) % 2 == 0, 64, 160).to(torch.uint8))
    keys = {tuple(triple): i for i, triple in enumerate(Graph.from_factory(dataset.training).triples.tolist())}
    safe: dict[Triple, list[Triple]] = {}
    for triple, pool in negatives.items():
        start = int(pools.offsets[2 * keys[triple]])
        kept = [negative for i, negative in enumerate(pool, start) if i % 2 == 0]
        if kept:
            safe[triple] = kept
    assert len(safe) < len(negatives)
    truth = held_out(dataset)
    report = evaluate_sampler("negater", dataset, {"pools": pools, "max_risk": 2.0})
    assert report.coverage == pytest.approx(len(safe) / dataset.training.num_triples)
    expected = pool_share(safe, lambda n, _: n in truth)
    assert report.parts["mined"].false_negatives == pytest.approx(expected, abs=0.008)
    # training triples are drawn again
    assert report.known_positives < 0.05


def test_dataset_with_inverse_triples(dataset):
    """They are no triples of their own: the figures are those of the same dataset without them."""
    pools, _ = make_pools(dataset)
    inverse = Nations(create_inverse_triples=True)
    assert inverse.training.num_relations == 2 * dataset.training.num_relations
    reports = [evaluate_sampler("negater", d, {"pools": pools}) for d in (dataset, inverse)]
    first, second = reports
    for name in ("coverage", "false_negatives", "known_positives"):
        assert getattr(second, name) == pytest.approx(getattr(first, name), abs=0.01), name
    mined = [report.parts["mined"].false_negatives for report in reports]
    assert mined[1] == pytest.approx(mined[0], abs=0.01)


def test_same_seed_gives_the_same_and_leaves_randomness_alone(dataset, monkeypatch):
    monkeypatch.setattr(evaluation, "NUM_DRAWN", 2_000)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    reports = [evaluate_sampler("basic", dataset, reference=FakeModel(), seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), before)
    assert reports[0] == reports[1] != reports[2]
    assert isinstance(reports[0], NegativesReport)


@pytest.mark.parametrize("num_negs_per_pos", [1, 7])
def test_number_of_negatives_does_not_matter(dataset, num_negs_per_pos):
    truth = held_out(dataset)
    report = evaluate_sampler("basic", dataset, num_negs_per_pos=num_negs_per_pos)
    assert report.false_negatives == pytest.approx(uniform_share(dataset, lambda n, _: n in truth), abs=0.005)


def test_unknown_sampler(dataset):
    with pytest.raises(ValueError, match=r"found sampler='best', expected one of .*basic.*negater"):
        evaluate_sampler("best", dataset)


def test_samplers_to_compare():
    names = samplers_to_compare()
    assert names[-1] == "negater"
    assert {"basic", "bernoulli", "pseudotyped"} <= set(names)


def test_reference_prefers_training_triples_to_uniform_corruptions(dataset):
    torch.manual_seed(0)
    model = train_reference(dataset.training, num_epochs=12)
    triples = dataset.training.mapped_triples
    corrupted = triples.clone()
    corrupted[:, TAIL] = (triples[:, TAIL] + torch.randint(1, 14, (len(triples),))) % 14
    model.eval()
    with torch.inference_mode():
        assert (model.predict_hrt(triples) > model.predict_hrt(corrupted)).float().mean() > 0.58


def test_reference_depends_on_its_seed_only(dataset):
    scores = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(scores))
        model = train_reference(dataset.training, num_epochs=1, seed=seed)
        model.eval()
        with torch.inference_mode():
            scores.append(model.predict_hrt(dataset.training.mapped_triples[:50]))
    assert torch.equal(scores[0], scores[1])
    assert not torch.equal(scores[0], scores[2])
