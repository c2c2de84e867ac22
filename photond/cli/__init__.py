"""The command line: what the user types, and what they read.

Every module imports what it needs inside its commands, and is imported itself when one of them is used:
starting Python and typer is most of the time that `photond query` takes. A module of commands has a
function `register` that adds them to an app, and its commands stand in the table of `photond.cli.app`.
"""
