"""Measures how fast a language model is on this machine."""

import functools
import importlib
import time

from ..texts.language_models import loading

__all__ = [
    "measure_throughput",
]


@functools.cache
def measure_throughput(name: str, length: int, training: bool) -> float:
    """Measure how fast a language model is on this machine, with two batches.

    :param name: a folder, or a name on the Hugging Face hub
    :param length: the number of tokens of a sequence
    :param training: whether to measure training steps, rather than forward passes alone
    :return: sequences per second
    """
    import torch
    from pykeen.utils import resolve_device
    from transformers import AutoModel

    # so that fine-tuned models can be measured, too
    importlib.import_module(f"{__package__}.classifier")

    with loading(name):
        model = AutoModel.from_pretrained(name, trust_remote_code=False)
    model = model.to(resolve_device()).train(training)
    input_ids = torch.full((32, length), 5, device=model.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)
    for _ in range(2):  # the first one warms up
        start = time.perf_counter()
        with torch.set_grad_enabled(training):
            output = model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids))[0].sum()
            if training:
                output.backward()
                optimizer.step()
        output.item()
        seconds = time.perf_counter() - start
    return len(input_ids) / seconds
