"""Questions to the index: which photos are near to a text or to another photo, among which."""
