"""How fast a language model is."""

import pytest
from transformers import BertConfig, BertModel

from pykeen_negater.fine_tuning.throughput import measure_throughput


@pytest.mark.parametrize("training", [False, True])
def test_throughput_is_measured(tmp_path, training):
    config = BertConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertModel(config).save_pretrained(tmp_path)
    rate = measure_throughput(str(tmp_path), 4, training)
    assert 0 < rate < float("inf")


@pytest.mark.parametrize("training", [False, True])
def test_throughput_of_a_fine_tuned_model_is_measured(fine_tuned, training):
    assert 0 < measure_throughput(str(fine_tuned), 8, training) < float("inf")


def test_what_was_measured_is_not_measured_again(tiny_bert, monkeypatch):
    rate = measure_throughput(tiny_bert, 6, False)
    monkeypatch.setattr("transformers.AutoModel.from_pretrained", lambda *args, **kwargs: pytest.fail("loaded again"))
    assert measure_throughput(tiny_bert, 6, False) == rate


def test_what_holds_no_model_is_told(tmp_path):
    with pytest.raises(ValueError, match=str(tmp_path)):
        measure_throughput(str(tmp_path), 6, False)
