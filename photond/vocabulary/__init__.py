"""The words that photos are tagged with: concepts, what each is a kind of, and the user's own.

This room knows words and nothing of SQL, tensors or photos.
"""
