"""What several of the tests of fine-tuning need."""

import pytest
from transformers import AutoTokenizer

from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.texts.loading import Texts

#: Settings for a few seconds
SETTINGS = FineTuningSettings(epochs=3, batch_size=4, max_length=24, validation_share=0.3)


@pytest.fixture(scope="session")
def tokenizer(tiny_bert: str, small_texts: Texts) -> TripleTokenizer:
    """Make the tokenizer of the small graph."""
    return TripleTokenizer(AutoTokenizer.from_pretrained(tiny_bert), small_texts, max_length=24)
