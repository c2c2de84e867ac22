"""Model packs and their towers: texts and pixels in, embeddings out.

This room knows tensors and nothing of SQL or photo files, and no model by name: what differs between
SigLIP, CLIP and the others stands in the pack's `model.toml`.
"""
