"""From the bytes of an untrusted photo to an upright picture, its facts, and a model's input."""
