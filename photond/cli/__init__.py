"""The command line: what the user types, and what they read.

Every module imports what it needs inside its commands: starting Python and typer is most of the time
that `photond --help` takes, and onnxruntime would double it.
"""
