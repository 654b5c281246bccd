"""`tapereader budget`: what the model has cost and may cost."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from . import actor_of, fail, tell

if TYPE_CHECKING:
    from agents.account.ledger import Ledger
    from agents.account.shown import Line, Shown
    from deploy.settings import Settings
    from topics import Control, Intent, Result

budget_app = typer.Typer(
    help="What the model has cost and may cost.", no_args_is_help=True, rich_markup_mode=None
)
NANO = 10**9
NONE = "none"
CALL_S = 5.0
"""An operator waits longer than a call may."""
WRITE_S = 10.0
DIGITS_MAX = 30
"""Of an amount that is looked at: far more than any cap has."""
SHOWN_MAX = 50
"""Differences printed."""
_T = TypeVar("_T")


@budget_app.command(
    "show", epilog="Examples: tapereader budget show; tapereader budget show --json"
)
def budget_show(
    *, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Caps, what is settled, reserved and charged in the windows of now, and when a cap is reached at this rate."""
    import msgspec  # noqa: PLC0415

    from deploy.settings import load  # noqa: PLC0415

    now_ms = _now_ms()
    shown = _asked(load(), lambda ledger: ledger.show(now_ms))
    if as_json:
        told = {**msgspec.to_builtins(shown), "at_ms": now_ms}
        typer.echo(json.dumps(told, indent=2))  # escapes all that is not ASCII
        return
    tell(_lines(shown))


@budget_app.command(
    "set",
    epilog="Examples: tapereader budget set day/all/usd 5 --reason 'a busy week';"
    " tapereader budget set hour/class/state/tokens 200000 --reason trial;"
    " tapereader budget set day/all/usd none --reason 'as in the settings';"
    " tapereader budget set anthropic/claude-haiku-5-5 open --reason 'the defect is mended'",
)
def budget_set(
    name: Annotated[
        str,
        typer.Argument(
            help="WINDOW/ACCOUNT/UNIT: minute, hour or day; all, model/PROVIDER/MODEL or class/CLASS; usd or tokens."
            " Or a closed PROVIDER/MODEL."
        ),
    ],
    amount: Annotated[
        str, typer.Argument(help="The cap; none: each worker's own; open: of a closed model.")
    ],
    reason: Annotated[str, typer.Option(help="Kept with the act.")],
    actor: Annotated[str, typer.Option(help="Default: the user's name.")] = "",
    act_id: Annotated[
        str, typer.Option("--id", help="The same id is the same act, however often it is sent.")
    ] = "",
) -> None:
    """Put a cap before every worker's own, at once; the act is written to the control topic first."""
    from agents.account.terms import check_cap  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    settings = load()
    cap = name.removesuffix("/usd") + "/nano_usd" if name.endswith("/usd") else name
    value = amount
    if amount == "open":
        _check_model(name)
    else:
        value = NONE if amount == NONE else str(_whole(cap, amount))
        check_cap(cap, 0 if value == NONE else int(value))
    act = _act(settings, cap, value, reason=reason, actor=actor, act_id=act_id)
    asyncio.run(_written(settings, act))
    before = _asked(settings, lambda ledger: _set(ledger, cap, value))
    tell([f"{cap}: {value} (was {'nothing' if before is None else before})"])


@budget_app.command(
    "reconcile",
    epilog="Example: tapereader budget reconcile bill.csv (columns attempt_id or request_id, cost_usd or cost_nano_usd)",
)
def budget_reconcile(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The provider's bill, CSV or JSON.")
    ],
) -> None:
    """Compare the provider's bill with the journal; exit 1 if the books are below it anywhere, 2 if nobody can tell."""
    from agents.account.reconciliation import read_bill, reconciled  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    try:
        text = file.read_text(encoding="utf-8-sig")  # spreadsheets begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}")
    bill = read_bill(text, is_json=file.suffix == ".json")
    found = reconciled(bill, asyncio.run(_journal(load())))
    width = max([len("call"), *(len(d.key) for d in found.differences[:SHOWN_MAX])])
    if found.differences:
        typer.echo(f"{'call':{width}}  {'billed':>16}  {'booked':>16}  {'missing':>16}  state")
    for d in found.differences[:SHOWN_MAX]:
        amounts = (d.billed_nano_usd, d.booked_nano_usd, d.missing_nano_usd)
        cells = "  ".join(f"{_usd(amount):>16}" for amount in amounts)
        tell([f"{d.key:{width}}  {cells}  {d.state}"])
    if len(found.differences) > SHOWN_MAX:
        typer.echo(f"... and {len(found.differences) - SHOWN_MAX} more")
    typer.echo(
        f"{found.lines} lines: {_usd(found.billed_nano_usd)} billed, {_usd(found.booked_nano_usd)} booked,"
        f" {len(found.differences)} calls differ; the books are"
        f" {'nowhere below the bill' if found.covered else 'BELOW the bill'}"
    )
    sys.exit(not found.covered)


def _lines(shown: "Shown") -> list[str]:
    head = "open" if shown.open else "closed until a worker has rebuilt the books from the journal"
    said = [f"The budget is {head}; {shown.open_attempts} calls are in flight."]
    said += [f"Closed: {model} ({why})" for model, why in shown.closed_models.items()]
    rows = [("window", "account", "unit", "cap", "settled", "reserved", "charged", "cap reached")]
    rows += [_row(line) for line in shown.lines]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    words = 3  # columns of words; the rest are numbers
    for row in rows:
        cells = [
            f"{cell:{width}}" if n < words else f"{cell:>{width}}"
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        said.append("  ".join(cells).rstrip())
    return said


def _row(line: "Line") -> tuple[str, str, str, str, str, str, str, str]:
    in_usd = line.unit == "nano_usd"

    def told(amount: int) -> str:
        return _usd(amount) if in_usd else str(amount)

    reached = "" if line.reached_in_ms is None else f"in {line.reached_in_ms / 60_000:.1f} min"
    return (
        *(line.window, line.account, "usd" if in_usd else "tokens"),
        "-" if line.cap is None else told(line.cap),
        *(told(line.settled), told(line.reserved), told(line.charged)),
        "now" if line.reached_in_ms == 0 else reached,
    )


def _usd(nano_usd: int) -> str:
    whole, rest = divmod(abs(nano_usd), NANO)
    return f"{'-' if nano_usd < 0 else ''}{whole}.{rest:09}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _whole(cap: str, amount: str) -> int:
    """Return a cap's amount in its own unit: dollars are told, nano-dollars kept."""
    try:
        told = Decimal(amount) * (NANO if cap.endswith("/nano_usd") else 1)
        whole = int(told) if told.adjusted() < DIGITS_MAX else None
    except (ArithmeticError, ValueError):
        told, whole = Decimal(0), None
    if whole is None or whole != told:
        fail(f"{amount!r} is no amount: dollars to the billionth, whole tokens, none or open")
    return whole


def _check_model(name: str) -> None:
    provider, _, model = name.partition("/")
    if not provider or not model or "/" in model:
        fail(
            f"{name!r} is no PROVIDER/MODEL; only a closed model is opened, a cap is an amount or none"
        )


def _asked(settings: "Settings", ask: "Callable[[Ledger], Awaitable[_T]]") -> _T:
    """Ask the ledger of the settings.

    It ends the command where there is none.
    """
    from agents.account.ledger import Ledger  # noqa: PLC0415
    from agents.account.terms import terms_of  # noqa: PLC0415

    agent = settings.agent
    url = agent.budget.redis_url
    if url is None:
        fail("agent.budget.redis_url: not set, so there is no ledger")

    async def asked() -> _T:
        try:
            ledger = Ledger(
                url,
                prefix=settings.broker.prefix,
                scope=agent.budget.scope,
                terms=terms_of(agent.budget, agent.pacing, ()),
                call_s=CALL_S,
            )
        except ValueError as error:  # without the URL, in which there may be a password
            fail(f"agent.budget.redis_url: {error}")
        try:
            return await ask(ledger)
        finally:
            await ledger.close()

    return asyncio.run(asked())


async def _set(ledger: "Ledger", name: str, value: str) -> str | None:
    if value == "open":
        return await ledger.reopen(name)
    return await ledger.set_cap(name, None if value == NONE else int(value))


def _act(
    settings: "Settings", name: str, value: str, *, reason: str, actor: str, act_id: str
) -> "Control":
    from topics import BY_NAME, ContractError, Control, encode  # noqa: PLC0415

    now_ms = _now_ms()
    subject = f"budget/{settings.agent.budget.scope}/{name}"
    digest = sha256(f"{subject} {value} {now_ms}".encode()).hexdigest()[:16]
    act = Control(
        control_id=act_id or f"set_budget/{digest}",
        act="set_budget",
        subject=subject,
        value=value,
        actor=actor_of(actor),
        reason=reason,
        at_ms=now_ms,
    )
    try:
        checked: Control = BY_NAME["control"].decoder().decode(encode(act))
    except ContractError as error:  # written all the same, it would be lost at the next rebuild
        fail(f"no such act can be written: {error}")
    return checked


async def _written(settings: "Settings", act: "Control") -> None:
    """Write an act to the control topic; it ends the command, with nothing changed, where that is refused."""
    from streams.serving.acts.writing import ControlWriter  # noqa: PLC0415
    from topics import TopicsError  # noqa: PLC0415

    writer = ControlWriter(settings.broker, write_s=WRITE_S)
    try:
        await writer.write(act)
    except TopicsError as error:
        fail(f"{error}; no cap was changed")
    finally:
        await writer.close()


async def _journal(settings: "Settings") -> "list[Intent | Result]":
    """Return the journal, whole."""
    from deploy.audit.topic_log import LogError, logs  # noqa: PLC0415
    from topics import BY_NAME  # noqa: PLC0415

    broker, decode = settings.broker, BY_NAME["journal"].decoder().decode
    entries: list[Intent | Result] = []
    try:
        async with logs(broker.reader_options(), 1) as (log,):
            for partition in range(broker.partitions):
                await log.open(broker.topic("journal"), partition)
                while records := await log.read():
                    entries += [decode(r.value) for r in records if r.value is not None]
    except LogError as error:
        fail(str(error))
    return entries
