"""The index: what photond knows of the user's photos, in one SQLite file.

This room knows SQL and nothing of pixels or tensors. Its modules are functions over a `Connection`;
the SQL stands where it is used.
"""
