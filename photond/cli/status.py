"""`photond status`."""

from typing import Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, print_json, print_line, printable
from photond.cli.session import Session
from photond.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "status")(status)


def status(
    session: Session, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show what is in the index, what is waiting, and which photos failed and why.

    Exits with 0 if every photo is indexed, with 1 if some failed or are waiting.
    """
    from photond.store import embeddings, files, jobs, packs, scans
    from photond.store.database import explained

    connection = session.open_index()
    with explained(session.database):
        counts = files.counts_by_state(connection)
        stored = {pack.id: pack for pack in packs.all_packs(connection)}
        embedded = {id_: embeddings.count_embeddings(connection, id_) for id_ in stored}
        serving = next((pack for pack in stored.values() if pack.state == "serving"), None)
        fingerprint = session.pack.fingerprint
        chosen = next((one for one in stored.values() if one.fingerprint == fingerprint), None)
        # What answers: the pack in use, or the one that it is about to replace.
        answers = session.pack.name if serving is None or serving is chosen else serving.name
        answering = 0 if serving is None else embedded[serving.id]
        switching = None if answers == session.pack.name else session.pack.name
        switched = 0 if chosen is None else embedded[chosen.id]
        waiting = jobs.count_waiting(connection)
        failures = jobs.failures(connection)
        last = scans.last_scans(connection)
    size = session.database.stat().st_size
    if json:
        print_json(
            {
                "index": str(session.database),
                "bytes": size,
                "pack": answers,
                "switching_to": switching and {"pack": switching, "embeddings": switched},
                "photos": counts.get("present", 0),
                "offline": counts.get("offline", 0),
                "missing": counts.get("missing", 0),
                "embeddings": answering,
                "waiting": waiting,
                "failed": [
                    {"path": one.path, "reason": one.reason, "quarantined": one.is_quarantined}
                    for one in failures
                ],
                "folders": [
                    {
                        "path": scan.path,
                        "scan_started_at": scan.started_at,
                        "scan_finished_at": scan.finished_at,
                    }
                    for scan in last
                ],
            }
        )
    else:
        print_line(f"index     {session.database} ({size / 1e6:.1f} MB)")
        print_line(f"pack      {answers}, {answering:,} embeddings")
        if switching:
            print_line(f"switching to {switching}, {switched:,} embeddings so far")
        print_line(f"photos    {counts.get('present', 0):,}")
        for state in ("offline", "missing"):
            if count := counts.get(state):
                print_line(f"{state:<10}{count:,}")
        if waiting:
            print_line(f"waiting   {waiting:,} (`photond index` goes on with them)")
        for scan in last:
            finished = scan.finished_at or "not finished"
            print_line(f"folder    {printable(scan.path)}, last scan {finished}")
        if failures:
            print_line(f"failed    {len(failures):,}")
        for one in failures:
            print_line(f"  {printable(one.path)}: {one.reason}")
    finish(ExitCode.INCOMPLETE if failures or waiting else ExitCode.DONE)
