"""`tapereader evaluate batch`: recorded deep dives asked again, of another model or with another prompt, at the price of batches.

Nothing is written but the journal, which has what was asked and what it cost, under a scope of its own. It is all that
is kept between runs: its intents are acknowledged before anything is sent, and survive whatever ends this process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from secrets import token_hex

from aiokafka.errors import KafkaError
from msgspec import Struct

from agents.account.books import Books
from agents.account.call import Call
from agents.ask.batch import LIFE_MS, Request, digest_of
from agents.ask.batches import ClaudeBatches
from agents.ask.prompt import version, version_of
from agents.calling import REQUEST_OVERHEAD_TOKENS
from agents.evaluation.asked import Asked
from agents.evaluation.evidence import Evidence
from agents.evaluation.judging import Came, Who
from agents.evaluation.questions import Item, items_of
from agents.journal import Journal
from deploy.replay.tape import Tape
from deploy.role import now_ms
from deploy.settings import Settings
from topics import BY_NAME, SettingsError
from topics.broker import check_topics
from topics.outbox import Sender

from .batch_books import ledger_of, open_books
from .batch_model import BatchModel
from .batch_reading import Found, noting, read_candidates, read_journal
from .batch_report import BatchReport, judged_into
from .batch_watch import BatchWatch, Patience
from .evaluation import Evaluation
from .lane import Lane, taken_up
from .reading import READ, EvaluateError, Range, Told, read_marks

SCOPE = "evaluate"
ITEMS_MAX = 1_000
"""Questions of one batch unless told otherwise: a few megabytes, whose intents are written in seconds. The API takes 100,000."""
BODY_BYTES_MAX = 32 << 20
"""Of one batch, which is sent in one request. The API takes 256 MB."""
LEASE_MS = LIFE_MS + 2 * 3_600_000
"""A batch ends within a day; two hours more for whoever looks at it then."""
SLACK_MS = 60_000
"""How far two hosts' clocks may be apart: the journal is read on from so much before it was read last."""


class Options(Struct, frozen=True, kw_only=True):
    """What is asked, and how."""

    span: Range
    model: BatchModel
    scope: str = SCOPE
    system: str | None = None
    """The prompt to be tried; None: a deep dive's own."""
    items_max: int = ITEMS_MAX
    again: bool = False
    """Whether questions are asked again that came to an unknown end, and were charged."""
    cutoffs: Mapping[str, int] = {}
    """By model, from when on it is scored."""
    seed: int = 1
    patience: Patience = Patience()

    @property
    def prompt_version(self) -> str:
        """Of the prompt that is tried."""
        return version() if self.system is None else version_of(self.system)


async def evaluate_batch(
    settings: Settings,
    options: Options,
    *,
    stop: asyncio.Event,
    read: Told,
    told: Callable[[str], None],
) -> BatchReport:
    """Ask about the deep dives of a span in one batch, wait for its end, and return what came of it.

    What the journal has is not asked again, and what is under way is taken up. ``read`` is told of records that are
    read, ``told`` of what is waited for.

    Raises:
        PipelineError: It was refused or broken off; the message says what to do.
    """
    broker = settings.broker
    if broker.embedded:
        msg = "the demo's own broker cannot be asked for offsets by time: evaluate from a Kafka"
        raise EvaluateError(msg)
    if options.scope == settings.agent.budget.scope:
        msg = f"--scope {options.scope}: that is the agent's own (agent.budget.scope); give another"
        raise SettingsError(msg)
    await asyncio.to_thread(check_topics, broker, [BY_NAME[name] for name in READ])
    tape = Tape(broker, stop)
    try:
        await tape.start()
        return await _Batch(settings, options, tape, read, told).evaluated(stop)
    except KafkaError as error:
        msg = f"the evaluation was broken off: {error!r}; what was sent is taken up by the same command"
        raise EvaluateError(msg) from error
    finally:
        await tape.stop()


class _Batch:
    def __init__(
        self,
        settings: Settings,
        options: Options,
        tape: Tape,
        read: Told,
        told: Callable[[str], None],
    ) -> None:
        self._agent, self._broker, self._options = settings.agent, settings.broker, options
        self._tape, self._read, self._told = tape, read, told
        self._name, self._sends = token_hex(4), count(1)
        """Of this process among attempts, and of its sends."""
        self._read_ms = 0
        """Since when the journal may hold what was not read."""

    async def evaluated(self, stop: asyncio.Event) -> BatchReport:
        """Read, ask what is not asked yet, and judge."""
        options, agent = self._options, self._agent
        found = await read_candidates(
            self._broker,
            self._tape,
            agent,
            options.span,
            decided_max=options.items_max,
            told=self._read,
        )
        items = items_of(
            found.decided,
            options.model.name,
            context_tokens_max=agent.model.context_tokens_max,
            system=options.system,
        )
        evidence, asked = Evidence("deep_dive"), self._asked()
        self._read_ms = now_ms() - SLACK_MS
        await read_journal(self._broker, noting(evidence.drift, asked.take))
        async with self._lane(stop) as (lane, books):
            await taken_up(lane, asked, books)
            # It may have waited for hours, in which another process asked.
            await read_journal(self._broker, asked.take, self._read_ms)
            new = [item for item in items if self._is_to_be_asked(item, asked)]
            if new:
                results = await lane.send(
                    lambda: self._calls(new), lambda own: self._others(new, own)
                )
                asked.take_results(results)
            await books.tend()
        return await self._reported(found, items, asked, evidence, len(new))

    def _asked(self) -> Asked:
        model = self._options.model
        scope, prompt = self._options.scope, self._options.prompt_version
        return Asked(scope, model.provider, model.name, prompt)

    def _is_to_be_asked(self, item: Item, asked: Asked) -> bool:
        standing, _ = asked.standing(item.key)
        return standing == "new" or (standing == "unknown" and self._options.again)

    @asynccontextmanager
    async def _lane(self, stop: asyncio.Event) -> AsyncIterator[tuple[Lane, Books]]:
        options, model = self._options, self._options.model
        async with AsyncExitStack() as ending:
            sender = Sender(self._broker)
            ending.push_async_callback(sender.close)
            journal = Journal(self._broker, sender)
            ending.push_async_callback(journal.close)
            ledger = ledger_of(self._agent, self._broker.prefix, options.scope)
            ending.push_async_callback(ledger.close)
            api = ClaudeBatches(
                base_url=model.base_url,
                api_key=model.api_key.get_secret_value(),
                model_id=model.model_id,
                output_config=model.output_config,
            )
            ending.push_async_callback(api.close)
            books = Books(ledger, journal.write, now_ms=now_ms)
            watch = BatchWatch(api, options.patience, stop=stop, told=self._told, now_ms=now_ms)
            lane = Lane(
                api,
                books,
                model.tariff,
                watch=watch,
                patience=options.patience,
                told=self._told,
                opened=lambda: open_books(ledger, self._broker),
            )
            await open_books(ledger, self._broker)
            yield lane, books

    def _calls(self, items: Sequence[Item]) -> list[tuple[Call, Request]]:
        """Return new attempts at some questions, as one batch."""
        if (size := sum(item.body_bytes for item in items)) > BODY_BYTES_MAX:
            msg = f"the batch has {size} bytes, and at most {BODY_BYTES_MAX} are sent: give a shorter span; nothing was sent"
            raise EvaluateError(msg)
        digest = digest_of(item.key for item in items)
        send = f"{now_ms()}-{next(self._sends)}-{self._name}"
        return [self._call(item, digest, f"{item.key[:32]}/{send}") for item in items]

    def _call(self, item: Item, digest: str, attempt_id: str) -> tuple[Call, Request]:
        model, settings = self._options.model, self._agent.model
        call = Call(
            attempt_id=attempt_id,
            item_key=item.key,
            asset=item.decided[0].candidate.asset,
            product="deep_dive",
            priority="state",  # the last that is paid for
            provider=model.provider,
            model=model.name,
            tariff=model.tariff,
            prompt_version=item.prompt.version,
            schema_version=item.prompt.schema.version,
            input_tokens_max=item.size_bytes + REQUEST_OVERHEAD_TOKENS,
            output_tokens_max=settings.output_tokens_max,
            context_tokens_max=settings.context_tokens_max,
            lease_ms=LEASE_MS,
            batch=digest,
        )
        request = Request(
            prompt=item.prompt,
            attempt_id=attempt_id,
            output_tokens_max=settings.output_tokens_max,
        )
        return call, request

    async def _others(self, items: Sequence[Item], own: frozenset[str]) -> list[str]:
        """Return attempts of other processes at the same questions, that are open at this moment.

        Those of before the journal was read are none: they were taken up.
        """
        look = self._asked()
        await read_journal(self._broker, look.take, self._read_ms)
        return look.others_open(frozenset(item.key for item in items), own)

    async def _reported(
        self, found: Found, items: Sequence[Item], asked: Asked, evidence: Evidence, sent: int
    ) -> BatchReport:
        options, span = self._options, self._options.span
        who = Who(
            provider=options.model.provider,
            model=options.model.name,
            prompt_version=options.prompt_version,
            simulated=options.model.simulated,
        )
        came = {item.key: Came(*asked.standing(item.key)) for item in items}
        valid_ms = int(self._agent.gate.state_valid_s * 1000)
        rows = judged_into(evidence, items, came, who, valid_ms)
        for analysis_id, why in found.taken_back.items():
            evidence.take_back(analysis_id, why)
        marks = await read_marks(self._broker, self._tape, span, evidence, self._read)
        evaluation = Evaluation(
            from_ms=span.from_ms,
            to_ms=span.to_ms,
            seed=options.seed,
            analyses=evidence.analyses,
            decisions={},
            unreadable={},
            scores=evidence.scores(marks.find, options.cutoffs, seed=options.seed),
            prompts=[],
            cutoffs=dict(options.cutoffs),
        )
        return BatchReport(
            who=who,
            scope=options.scope,
            questions=len(items),
            sent=sent,
            missed=dict(found.missed),
            candidates=rows,
            evaluation=evaluation,
        )
