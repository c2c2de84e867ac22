"""photond running by itself: how it is asked, watched over and kept out of the way.

`client` is imported by commands that must start quickly and imports nothing heavy; keep it so.
"""
