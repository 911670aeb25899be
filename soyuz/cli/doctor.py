"""`doctor`: look at every file, say what is wrong in plain words, and mend it when told to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from soyuz.cli.verb import common_options, settings_of, show
from soyuz.messenger import Messenger
from soyuz.paths import DataFolder
from soyuz.settings import Settings
from soyuz.store.disk import Owned
from soyuz.store.doctor import Doctor, mend
from soyuz.store.findings import Finding, Keep
from soyuz.store.unusable import why_not


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be; no server may be running.")
@common_options
@click.pass_context
def doctor(ctx: click.Context, repair: bool, data: str | None, as_json: bool) -> None:
    """Check every file of the data folder.

    Changes nothing without --repair, and is safe while the server runs. Exits with 0 when all is
    well, or has been mended, else with 1.
    """
    settings = settings_of(data)
    if not settings.data.is_dir():
        raise click.ClickException(f"there is no data folder {settings.data}")
    try:
        if not DataFolder(settings.data).holds_data():
            raise click.ClickException(
                f"{settings.data} holds no data of Soyuz Messenger. Is that the right folder?"
            )
        examined, findings = _look(settings)
        kept = ""
        left = findings
        if repair and any(finding.mend for finding in findings):
            kept, lost = _mended(settings)
            left = lost + _look(settings)[1]
            findings = findings + lost
    except OSError as error:
        raise click.ClickException(why_not(settings.data, error)) from None
    left = [finding for finding in left if not finding.is_note]
    result = {
        "folder": str(settings.data.resolve()),
        "held_by": examined.owner,
        "messages": examined.events,
        "findings": [_plain(finding, repair and finding not in left) for finding in findings],
        "kept_in": kept,
        "ok": not left,
    }
    show(result, as_json, _report(examined, findings, left, repair, kept))
    ctx.exit(1 if left else 0)


def _look(settings: Settings) -> tuple[Doctor, list[Finding]]:
    messenger = Messenger(settings)
    examined = Doctor(messenger.disk, messenger.documents)
    return examined, list(examined.findings())


def _mended(settings: Settings) -> tuple[str, list[Finding]]:
    """Mend, and let a start do its part; gives where copies are, and what was lost on the way.

    Raises click.ClickException.
    """
    messenger = Messenger(settings)
    try:
        messenger.disk.open()
    except Owned as owned:
        raise click.ClickException(
            f"the folder is held by {owned}. Stop it first, then repair."
        ) from None
    try:
        findings = list(Doctor(messenger.disk, messenger.documents, owner="").findings())
        keep = mend(messenger.disk, findings)
    finally:
        messenger.disk.close()
    started = Messenger(settings)
    started.open()
    try:
        lost = list(_lost(started, keep))
        if any(finding.file.startswith("journal/") for finding in findings):
            for document in started.documents:
                document.write_checkpoint()
    finally:
        started.close()
    return keep.folder.name if keep.folder.exists() else "", lost


def _lost(started: Messenger, keep: Keep) -> Iterator[Finding]:
    for document in started.documents:
        for key in sorted(keep.hoped_for.get(document.name, set()) - document.value.keys()):
            yield Finding(
                document.name,
                f"{key!r} is not in force: what was saved by hand does not have it",
                f"add it again, unless it was deleted: {keep.folder.name}/journal may still have it",
            )


def _plain(finding: Finding, is_mended: bool) -> dict[str, Any]:
    return {
        "file": finding.file,
        "line": finding.line or None,
        "column": finding.column or None,
        "problem": finding.problem,
        "advice": finding.advice,
        "can_mend": finding.mend is not None,
        "mended": is_mended,
        "is_note": finding.is_note,
    }


def _report(
    examined: Doctor, findings: list[Finding], left: list[Finding], repair: bool, kept: str
) -> str:
    lines = [f"The folder is held by {examined.owner}."] if examined.owner else []
    for finding in findings:
        done = repair and finding not in left
        remedy = "Done" if done else "Would" if finding.mend else "You can"
        advice = f"{remedy}: {finding.advice}"
        if finding.is_note:
            advice = finding.advice[:1].upper() + finding.advice[1:]
        lines += [str(finding), f"    {advice}."]
    if kept:
        lines.append(f"What was changed is kept as it was in {kept}/.")
    if all(finding.is_note for finding in findings):
        lines.append(f"All is well. {examined.events} messages were read.")
    elif not left:
        lines.append("All is well now.")
    elif repair:
        lines += ["Not mended:", *(f"    {finding}" for finding in left)]
    elif any(finding.mend for finding in findings):
        lines.append("Nothing was changed. To mend: stop the server, then add --repair.")
    return "\n".join(lines)
