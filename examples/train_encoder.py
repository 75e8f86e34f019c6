"""Trains a text encoder on triplets with mined negatives, for a few steps only, and mines with it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.losses import TripletLoss

from pykeen_negater import mine
from pykeen_negater.pools.exports import export
from pykeen_negater.texts.language_models import require_language_model

STEPS = 8

pools = mine(dataset="nations")
with TemporaryDirectory() as folder:
    path = Path(folder, "triplets.parquet")
    print(f"{export(pools, path, 'triplets'):,} triplets, such as")
    triplets = pd.read_parquet(path)
    print(triplets.head(2).to_string(index=False))

    torch.manual_seed(0)
    encoder = SentenceTransformer(require_language_model(), device="cpu")  # the embedded MiniLM
    loss = TripletLoss(encoder, triplet_margin=1.0)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-5)
    batch = triplets.sample(32, random_state=0)
    encoder.train()
    losses = []
    for _ in range(STEPS):
        texts = [encoder.tokenize(batch[column].tolist()) for column in triplets]
        value = loss(texts, labels=None)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    print(f"loss {losses[0]:.3f} → {losses[-1]:.3f}")

    model = Path(folder, "encoder")
    encoder.save(str(model))
    again = mine(dataset="nations", encoder_kwargs={"model": str(model)})
    print(f"{len(again):,} negatives with the trained encoder")
