"""How work is run: several processes, batches halved for want of memory, checkpoints, random states, progress."""
