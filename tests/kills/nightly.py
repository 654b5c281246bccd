"""Many rounds: `python -m tests.kills.nightly --kills 200 --seed 7`, or `make nightly`.

Each round has a seed of its own, `SEED/NUMBER`; `--first NUMBER` goes on from there, or repeats one with `--rounds 1`.
Exit 1 when a round finds anything wrong.
"""

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.servers import KafkaServer, provide

from .figures import spread
from .rounds import HangError, Report, Round

FAULTS_A_ROUND = 14
HEAD = (
    "round      workers kills broker unreached  records outputs revisions late letters aborted"
    "  missing wrong extra doubled disordered contradicted uncounted  restart s p50/p95/max     s"
)


def row(report: Report) -> str:
    """Return a line of the table."""
    v = report.verdict
    broker = sum(report.faults.values()) - report.kills
    return (
        f"{report.seed:10} {report.workers:7} {report.kills:5} {broker:6} {report.unreached:9}"
        f"  {v.records:7} {v.outputs:7} {v.revisions:9} {v.late:4} {v.letters:7} {v.aborted:7}"
        f"  {v.missing:7} {v.wrong:5} {v.extra:5} {v.doubled:7} {v.disordered:10} {v.contradicted:12}"
        f" {v.uncounted:9}  {spread(report.restarts_s):22} {report.seconds:5.0f}"
    )


async def run(arguments: argparse.Namespace, folder: Path) -> list[Report]:
    """Run rounds until there are kills enough, or one fails."""
    server = KafkaServer(provide(os.environ), folder / "kafka")
    await asyncio.to_thread(server.start)
    reports: list[Report] = []
    try:
        number, began_s = arguments.first, time.monotonic()
        while sum(r.kills for r in reports) < arguments.kills and len(reports) < arguments.rounds:
            if time.monotonic() - began_s > arguments.minutes * 60:
                say("the time is over")
                break
            reports.append(await one(f"{arguments.seed}/{number}", number, server, folder))
            say(row(reports[-1]))
            if not reports[-1].well:
                break
            number += 1
    finally:
        server.close()
    return reports


async def one(seed: str, number: int, server: KafkaServer, folder: Path) -> Report:
    """Run one round in a folder of its own: one worker and two by turns."""
    mine = folder / f"round-{number}"
    mine.mkdir()
    made = Round(seed, server.bootstrap, mine, workers=1 + number % 2, server=server)
    try:
        return await made.run(FAULTS_A_ROUND)
    except HangError as error:
        say(f"{seed}: {error}")
        report = made.report
        report.ends = [None]
        return report


def say(words: str) -> None:
    """Print at once, for one who watches a log."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def summary(reports: list[Report]) -> None:
    """Print what all rounds gave."""
    kinds: Counter[str] = sum((r.faults for r in reports), Counter())
    statuses: Counter[int] = sum((r.statuses for r in reports), Counter())
    say("\nfaults")
    for name, count in sorted(kinds.items()):
        say(f"  {count:4}  {name}")
    say(f"exit statuses of workers: {dict(sorted(statuses.items()))}")
    for workers in (1, 2):
        took = [s for r in reports if r.workers == workers for s in r.restarts_s]
        if took:
            say(
                f"restarts with {workers} worker(s): {len(took)},"
                f" s p50/p95/max {spread(took)} (death to the first commit of the next process)"
            )
    verdicts = [report.verdict for report in reports]
    say(
        f"{sum(r.kills for r in reports)} kills, {sum(v.records for v in verdicts)} raw records,"
        f" {sum(v.outputs for v in verdicts)} aggregates ({sum(v.revisions for v in verdicts)} of them"
        f" corrections), {sum(v.aborted for v in verdicts)} records aborted and read by nobody"
    )
    for report in (r for r in reports if not r.well):
        say(f"FAILED {report.seed}, last processes ended with {report.ends}")
        say("\n".join(report.verdict.examples))


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills.nightly", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="stop after so many (200)")
    parser.add_argument("--seed", default=str(int(time.time())), help="of all rounds (the time)")
    parser.add_argument("--first", type=int, default=0, help="number of the first round (0)")
    parser.add_argument("--rounds", type=int, default=1_000, help="at most so many")
    parser.add_argument("--minutes", type=float, default=90.0, help="begin no round after this")
    parser.add_argument("--keep", action="store_true", help="keep logs and data when all is well")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it speaks of each reconnect
    folder = Path(tempfile.mkdtemp(prefix="tapereader-kills-"))
    say(f"seed {arguments.seed}, in {folder}\n{HEAD}")
    reports = asyncio.run(run(arguments, folder))
    summary(reports)
    well = bool(reports) and all(report.well for report in reports)
    if well and not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
    elif not well:
        last = reports[-1].seed.rpartition("/") if reports else ("?", "", "0")
        say(f"again: python -m tests.kills.nightly --seed {last[0]} --first {last[2]} --rounds 1")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
