"""What goes on while photond runs by itself: being asked, being watched over, and keeping out of the way.

`client` is imported by commands that must start quickly and imports nothing heavy; keep it so.
"""
