"""Exact gradient norms of single examples, for a whole batch at once.

The gradient of a layer's parameters is a sum of outer products of its inputs and the gradients of its outputs, so that
its norm follows from inner products of these. Gradients are needed of activations only, not of parameters.

Per-sample norms of linear layers: Goodfellow, *Efficient per-example gradient computations* (2015); of sequences: Li,
Tramèr, Liang and Hashimoto, *Large language models can be strong differentially private learners* (2022).
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from .classifier import TripleClassifier, computing_in, map_triples
from .settings import Precision
from .tokenization import TripleTokenizer

__all__ = [
    "GradientNorms",
    "gradient_magnitudes",
]

logger = logging.getLogger(__name__)

#: Batched norms may differ from those of single examples by this share, which is more than rounding errors
TOLERANCE = 1e-3

#: The number of triples at once. Activations and their gradients are kept, which takes more memory than scoring does;
#: on a CPU, fewer stay in its cache.
BATCH_SIZE, CPU_BATCH_SIZE = 64, 32

#: The input of a module, and the position of its output among all outputs
_Call: TypeAlias = tuple[Tensor, int]


class GradientNorms:
    """Computes gradient magnitudes: how much a model would have to change to take each triple for true.

    The magnitude of a triple is that of the gradient of the binary cross entropy with label 1, over all parameters
    [safavi2021]_. Parameters of linear layers, embeddings and layer norms have batched formulas, however often a layer
    is called. If the norm of a parameter turns out wrong on a first example, the log names it, and all examples are
    computed one by one, so that no parameter is left out.
    """

    def __init__(self, model: nn.Module, norm: str = "sum", precision: Precision = "fp32") -> None:
        """Choose the model and the norm.

        :param model: maps ``input_ids`` and ``attention_mask`` to ``logits`` of shape (batch_size,), and is used in
            evaluation mode
        :param norm: ``sum``, of the L2 norms of all parameter tensors, as NegatER does; ``whole``, the L2 norm of all
            parameters' gradient
        :param precision: what the model computes in, forward and backward. Norms are in single precision, as is the
            first example, with which the formulas are checked.
        """
        self.model = model
        self.norm = norm
        self.precision: Precision = precision
        self._is_batched: bool | None = None

    def __call__(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Compute magnitudes.

        :param inputs: ``input_ids`` and ``attention_mask``, each of shape (batch_size, length)
        :return: shape: (batch_size,), >= 0
        """
        training = self.model.training
        self.model.eval()
        try:
            if self._is_batched is None:
                self._is_batched = self._check(_rows(inputs, slice(0, 2)))
            if self._is_batched:
                squares = self._batched(inputs, self.precision)
            else:
                size = len(inputs["input_ids"])
                single = [self._one_by_one(_rows(inputs, slice(i, i + 1)), self.precision) for i in range(size)]
                squares = {name: torch.stack([one[name] for one in single]) for name in single[0]}
        finally:
            self.model.train(training)
        stacked = torch.stack(list(squares.values()))
        return stacked.sqrt().sum(dim=0) if self.norm == "sum" else stacked.sum(dim=0).sqrt()

    def _check(self, inputs: Mapping[str, Tensor]) -> bool:
        """Tell whether the batched formulas are right for all parameters of this model."""
        batched = self._batched(inputs, "fp32")
        exact = self._one_by_one(_rows(inputs, slice(0, 1)), "fp32")
        expected = {name: float(square) ** 0.5 for name, square in exact.items()}
        noise = TOLERANCE * max(expected.values())
        wrong = []
        for name, value in expected.items():
            if name not in batched:
                is_right = value == 0
            else:
                is_right = abs(float(batched[name][0]) ** 0.5 - value) <= TOLERANCE * max(value, noise)
            if not is_right:
                wrong.append(name)
        if wrong:
            logger.warning(
                "Gradients are computed one by one, which is slow: there is no batched formula for %s.",
                ", ".join(wrong),
            )
        return not wrong

    def _loss(self, inputs: Mapping[str, Tensor], precision: Precision) -> Tensor:
        """Compute the loss with label 1, summed over the examples."""
        with computing_in(precision, inputs["input_ids"].device):
            logits = self.model(**inputs).logits
        return nn.functional.softplus(-logits.float()).sum()

    def _one_by_one(self, inputs: Mapping[str, Tensor], precision: Precision) -> dict[str, Tensor]:
        """Compute the squared norms of the gradients of one example, by parameter."""
        parameters = dict(self.model.named_parameters())
        with _requiring_gradients(parameters.values(), required=True), torch.enable_grad():
            loss = self._loss(inputs, precision)
            gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        return {
            name: torch.zeros((), device=parameter.device) if gradient is None else gradient.square().sum()
            for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True)
        }

    def _batched(self, inputs: Mapping[str, Tensor], precision: Precision) -> dict[str, Tensor]:
        """Compute the squared norms of the gradients of all examples, by parameter; some have no formula."""
        parameters = dict(self.model.named_parameters())
        size = len(inputs["input_ids"])
        calls: dict[nn.Module, list[_Call]] = defaultdict(list)
        outputs: list[Tensor] = []

        def before(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            """Expand inputs that all examples share, e.g. positions, to one per example."""
            if isinstance(module, nn.Embedding) and args[0].shape[0] == 1:
                return (args[0].expand(size, *args[0].shape[1:]), *args[1:])
            return None

        def after(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
            """Note the inputs, and the outputs whose gradients are needed."""
            if not output.requires_grad:
                output.requires_grad_()
            calls[module].append((args[0].detach(), len(outputs)))
            outputs.append(output)
            return output

        layers = [module for module in self.model.modules() if type(module) in _FORMULAS]
        handles = [layer.register_forward_pre_hook(before) for layer in layers]
        handles += [layer.register_forward_hook(after) for layer in layers]
        try:
            with _requiring_gradients(parameters.values(), required=False), torch.enable_grad():
                loss = self._loss(inputs, precision)
                gradients = torch.autograd.grad(loss, outputs, allow_unused=True)
        finally:
            for handle in handles:
                handle.remove()
        names = {id(parameter): name for name, parameter in parameters.items()}
        squares: dict[str, Tensor] = {}
        unknown: set[str] = set()
        for module, made in calls.items():
            used = [(given, gradients[i]) for given, i in made if gradients[i] is not None]
            if not used:
                continue
            if any(gradient.shape[0] != size for _, gradient in used):
                unknown.update(names[id(parameter)] for parameter in module.parameters(recurse=False))
                continue
            for part, square in _FORMULAS[type(module)](module, used).items():
                # if several layers share a parameter, its gradients add up, not their norms
                name = names[id(getattr(module, part))]
                unknown.update({name} & squares.keys())
                squares[name] = square
        return {name: square for name, square in squares.items() if name not in unknown}


def gradient_magnitudes(
    model: TripleClassifier,
    tokenizer: TripleTokenizer,
    triples: np.ndarray,
    norm: str = "sum",
    progress: str | None = None,
    precision: Precision = "fp32",
) -> np.ndarray:
    """Compute the magnitudes of triples.

    :param model: the classifier
    :param tokenizer: the tokenizer of the same graph
    :param triples: shape: (n, 3)
    :param norm: see :class:`GradientNorms`
    :param progress: what the progress bar says; None for no bar
    :param precision: see :class:`GradientNorms`
    :return: shape: (n,), dtype: float32
    """
    batch_size = CPU_BATCH_SIZE if model.device.type == "cpu" else BATCH_SIZE
    return map_triples(GradientNorms(model, norm, precision), model, tokenizer, triples, batch_size, progress)


@contextmanager
def _requiring_gradients(parameters: Any, required: bool) -> Iterator[None]:
    parameters = list(parameters)
    before = [parameter.requires_grad for parameter in parameters]
    for parameter in parameters:
        parameter.requires_grad_(required)
    try:
        yield
    finally:
        for parameter, value in zip(parameters, before, strict=True):
            parameter.requires_grad_(value)


def _rows(inputs: Mapping[str, Tensor], rows: slice) -> dict[str, Tensor]:
    """Select some examples, without padding that none of them needs."""
    length = int(inputs["attention_mask"][rows].sum(dim=1).max())
    return {name: tensor[rows, :length] for name, tensor in inputs.items()}


def _joined(calls: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Concatenate all calls of a layer, each of shape (batch_size, length, ...), in single precision."""
    given, gradients = zip(*calls, strict=True)
    sequences = [
        [tensor.float().reshape(len(tensor), -1, tensor.shape[-1]) for tensor in tensors]
        for tensors in (given, gradients)
    ]
    first, second = (torch.cat(tensors, dim=1) if len(tensors) > 1 else tensors[0] for tensors in sequences)
    return first, second


def _squares(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=-1)


def _linear(module: Any, calls: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    given, gradients = _joined(calls)
    # ‖Σ_t g_t a_tᵀ‖² = Σ_ts (a_t · a_s)(g_t · g_s)
    norms = {"weight": ((given @ given.mT) * (gradients @ gradients.mT)).sum(dim=(1, 2))}
    return norms if module.bias is None else {**norms, "bias": _squares(gradients.sum(dim=1))}


def _embedding(module: Any, calls: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    ids = torch.cat([given.reshape(len(given), -1) for given, _ in calls], dim=1)
    gradients = torch.cat(
        [gradient.float().reshape(len(gradient), -1, gradient.shape[-1]) for _, gradient in calls], dim=1
    )
    same = ids.unsqueeze(dim=1) == ids.unsqueeze(dim=2)
    if module.padding_idx is not None:
        same = same & (ids != module.padding_idx).unsqueeze(dim=1)
    return {"weight": ((gradients @ gradients.mT) * same).sum(dim=(1, 2))}


def _layer_norm(module: Any, calls: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    given, gradients = _joined(calls)
    normalized = nn.functional.layer_norm(given, module.normalized_shape, eps=module.eps)
    norms = {"weight": _squares((normalized * gradients).sum(dim=1))}
    return norms if module.bias is None else {**norms, "bias": _squares(gradients.sum(dim=1))}


#: Functions that compute the squared norms of the gradients of a layer's parameters, for all examples
_FORMULAS: dict[type[nn.Module], Any] = {
    nn.Linear: _linear,
    nn.Embedding: _embedding,
    nn.LayerNorm: _layer_norm,
}
