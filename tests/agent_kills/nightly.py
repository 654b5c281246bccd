"""The proofs of commit, in full: `python -m tests.agent_kills.nightly --kills 90 --seed 7`, or `make nightly`.

Rounds with one agent and two by turns, each a share of all means at all steps (45); 90 are every one with both. Each
round has a seed of its own, `SEED/NUMBER`; `--first NUMBER` goes on from there, or repeats one with `--rounds 1`. Then
the two stalls, of ten minutes each (`--stall-s 0` for none). Exit 1 when anything is wrong.
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

from tests.integration.roles import pipeline
from tests.kills.figures import spread
from tests.kills.nightly import say
from tests.kills.rounds import HangError
from tests.servers import KafkaServer, RedisServer, find_binary, provide
from tests.unit.agents.serving import fake_claude, url_of

from .cluster import Cluster
from .faults import every_fault
from .rounds import LATENCY_MS, Report, Round
from .stalls import LATE_S_MAX, BrokerStall, ModelStall, hang_model, refuse_writes

FAULTS_A_ROUND = 15
HEAD = (
    "round      agents harmed unreached deaths revoked  records candid. alerts analyses model paid charged"
    "  lost unansw. strange hollow crossed uncharged mischarged  differing doubled redecided wasted/max"
    "  restart s p50/p95/max     s"
)
PLENTY = {"usd_per_day": 10_000}


def row(report: Report) -> str:
    """Return a line of the table."""
    v = report.verdict
    return (
        f"{report.seed:10} {report.agents:6} {report.harmed:6} {len(report.unreached):9} {report.deaths:6}"
        f" {report.revocations:7}  {v.records:7} {v.candidates:7} {v.alerts:6} {v.analyses:8} {v.called:5}"
        f" {v.billed:4} {v.charged:7}  {v.lost:4} {v.unanswered:7} {v.strange:7} {v.hollow:6} {v.crossed:7}"
        f" {v.uncharged:9} {v.mischarged:10}  {v.differing:9} {v.doubled:7} {v.redecided:9}"
        f" {v.wasted:6}/{report.wasted_max:<3}  {spread(report.restarts_s):22} {report.seconds:5.0f}"
    )


async def rounds(
    arguments: argparse.Namespace, server: KafkaServer, redis: RedisServer, folder: Path
) -> list[Report]:
    """Run rounds until there are kills enough, or one fails."""
    reports: list[Report] = []
    number, began_s = arguments.first, time.monotonic()
    while sum(r.harmed for r in reports) < arguments.kills and len(reports) < arguments.rounds:
        if time.monotonic() - began_s > arguments.minutes * 60:
            say("the time is over")
            break
        reports.append(await _round(arguments.seed, number, server, redis, folder))
        say(row(reports[-1]))
        if not reports[-1].well:
            break
        number += 1
    return reports


async def _round(
    seed: str, number: int, server: KafkaServer, redis: RedisServer, folder: Path
) -> Report:
    """Run one round in a folder of its own: one agent and two by turns, the same faults for both."""
    mine = folder / f"round-{number}"
    mine.mkdir()
    turn = number // 2
    faults = every_fault(f"{seed}/{turn // 3}")
    share = faults[turn % 3 * FAULTS_A_ROUND :][:FAULTS_A_ROUND]
    made = Round(f"{seed}/{number}", server.bootstrap, redis.url, mine, agents=1 + number % 2)
    try:
        return await made.run(share)
    except HangError as error:
        say(f"{seed}/{number}: {error}")
        made.report.ends = [None]
        return made.report


async def stall_model(
    server: KafkaServer, redis: RedisServer, folder: Path, stall_s: float
) -> ModelStall:
    """Hang the model, by the settings an operator has; the gate alone is told to ask more often."""
    mine = folder / "model"
    mine.mkdir()
    async with fake_claude(latency_ms=LATENCY_MS) as fake:
        settings = {
            "gate": {"cool_down_s": 0},
            "model": {"base_url": url_of(fake), "api_key": "test", "simulated": True},
            "budget": {"redis_url": redis.url, **PLENTY},
        }
        with pipeline(server.bootstrap, f"modelstall.{int(time.time())}.", mine) as line:
            return await hang_model(line, mine, settings, fake, stall_s=stall_s, recover_s=480.0)


async def stall_brokers(redis: RedisServer, folder: Path, stall_s: float) -> BrokerStall:
    """Have the brokers refuse, by the settings and bounds an operator has."""
    mine = folder / "brokers"
    mine.mkdir()
    cluster = Cluster(provide(os.environ), mine)
    prefix = f"brokerstall.{int(time.time())}."
    try:
        await asyncio.to_thread(cluster.start, prefix, 4)
        async with fake_claude(latency_ms=LATENCY_MS) as fake:
            settings = {
                "gate": {"cool_down_s": 0},
                "model": {"base_url": url_of(fake), "api_key": "test", "simulated": True},
                "budget": {"redis_url": redis.url, **PLENTY},
            }
            with pipeline(cluster.first.bootstrap, prefix, mine) as line:
                return await refuse_writes(
                    line,
                    mine,
                    settings,
                    fake,
                    stall_s=stall_s,
                    fail=cluster.copying.kill,
                    heal=cluster.copying.start,
                )
    finally:
        cluster.close()


def tell_model(stall: ModelStall) -> bool:
    """Print what came of the model's stall, and return whether all is well."""
    well = (
        stall.held
        and stall.by_model == 0
        and max(stall.late_s, stall.tally_late_s) < LATE_S_MAX
        and stall.recovered_s < float("inf")
    )
    say(
        f"\nthe model hung: {stall.candidates} candidates came meanwhile, {stall.alerts} of them by alerts, none answered"
        f" by the model but {stall.by_model}; the latest analysis {stall.late_s:+.2f} s from its deadline, the latest tally"
        f" {stall.tally_late_s:+.2f} s from its time (bound {LATE_S_MAX:g}); {stall.recovered_s:.1f} s after it healed the model"
        f" answered again"
    )
    return _told(well, stall)


def tell_brokers(stall: BrokerStall) -> bool:
    """Print what came of the brokers' stall, and return whether all is well."""
    most = max(stall.judged.values(), default=0)
    well = stall.held and 0 < most <= stall.judged_max
    say(
        f"\nthe brokers refused: reading paused after {stall.paused_s:.1f} s and went on {stall.resumed_s:.1f} s after they"
        f" healed; of {stall.behind} records behind, in at most {stall.fetches} fetches a partition, {stall.candidates} made"
        f" candidates; judged {stall.judged.total()}, of one asset at most {most} (bound {stall.judged_max}), the rest coalesced"
    )
    return _told(well, stall)


def _told(well: bool, stall: ModelStall | BrokerStall) -> bool:
    v = stall.verdict
    say(
        f"  {stall.assigned} assignment, generations {sorted(set(stall.generations))}, {stall.deaths} deaths; {v.records} records,"
        f" {v.analyses} analyses, lost {v.lost}, unanswered {v.unanswered}, strange {v.strange}, hollow {v.hollow}, crossed"
        f" {v.crossed}, differing {v.differing}, doubled {v.doubled}; {v.billed} calls billed, {v.charged} charged in full,"
        f" uncharged {v.uncharged}, mischarged {v.mischarged}; bill {v.bill_nano_usd}, ledger {v.booked_nano_usd}"
    )
    if not well:
        say("FAILED")
        say("\n".join(v.examples))
    return well


def summary(reports: list[Report]) -> None:
    """Print what all rounds gave."""
    kinds: Counter[str] = sum((r.faults for r in reports), Counter())
    say("\nfaults: " + ", ".join(f"{name} {count}" for name, count in sorted(kinds.items())))
    unreached = [name for report in reports for name in report.unreached]
    say(f"steps that did not come: {', '.join(unreached) or 'none'}")
    verdicts = [report.verdict for report in reports]
    say(
        f"{sum(r.harmed for r in reports)} faults, {sum(v.records for v in verdicts)} records,"
        f" {sum(v.candidates + v.alerts for v in verdicts)} candidates, {sum(v.analyses for v in verdicts)} analyses;"
        f" {sum(v.doubled for v in verdicts)} doubles, {sum(v.differing for v in verdicts)} with other bytes,"
        f" all at higher offsets; {sum(v.billed for v in verdicts)} calls billed,"
        f" {sum(v.wasted for v in verdicts)} paid for nothing, {sum(v.charged for v in verdicts)} charged in full"
    )
    for report in (r for r in reports if not r.well):
        say(f"FAILED {report.seed}, last processes ended with {report.ends}")
        say("\n".join(report.verdict.examples))


async def run(arguments: argparse.Namespace, folder: Path) -> bool:
    """Run everything and return whether all is well."""
    server = KafkaServer(provide(os.environ), folder / "kafka")
    redis = RedisServer(find_binary(os.environ), folder / "redis")
    try:
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(redis.start)
        well = True
        if arguments.kills:
            say(HEAD)
            reports = await rounds(arguments, server, redis, folder)
            summary(reports)
            well = bool(reports) and all(report.well for report in reports)
        if arguments.stall_s:
            well &= tell_model(await stall_model(server, redis, folder, arguments.stall_s))
            well &= tell_brokers(await stall_brokers(redis, folder, arguments.stall_s))
        return well
    finally:
        redis.close()
        server.close()


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.agent_kills.nightly", description=__doc__
    )
    parser.add_argument("--kills", type=int, default=90, help="stop after so many faults (90)")
    parser.add_argument("--seed", default=str(int(time.time())), help="of all rounds (the time)")
    parser.add_argument("--first", type=int, default=0, help="number of the first round (0)")
    parser.add_argument("--rounds", type=int, default=1_000, help="at most so many")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no round after this")
    parser.add_argument("--stall-s", type=float, default=600.0, help="length of each stall (600)")
    parser.add_argument("--keep", action="store_true", help="keep logs and data when all is well")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it speaks of each reconnect
    folder = Path(tempfile.mkdtemp(prefix="tapereader-agent-kills-"))
    say(f"seed {arguments.seed}, in {folder}")
    well = asyncio.run(run(arguments, folder))
    if well and not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
