"""Dead letters read from the log and written again: the shell of a redrive.

A redrive is told on `control` before its first record is written, with the letters that go, and again when it
has ended. Each of its raw records says which letter it is. So after a kill at any point the log itself tells what
was written: it is looked at before anything more is, and no letter goes twice.

Two processes that begin at the same time both see that: each looks once more behind its own begin, and of two that
have a letter in common the later one in the log goes back. Where neither is later, as for other letters beside it
that lie in another partition of `control`, both may go back; neither writes what the other does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from aiokafka.errors import KafkaError
from msgspec import Struct

from streams.serving.acts import ActRefusedError, Allowance, making
from streams.serving.acts.recalling import standing_acts
from streams.serving.acts.writing import ControlWriter
from streams.serving.reading import TopicReader, topic_reader
from topics import BY_NAME, ContractError, Redrive, TopicsError
from topics.deadletter import redriven_of
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .letters import Chosen, Gathered, Letter, letter_of
from .plan import ATTEMPTS_MAX, LETTERS_MAX, Going, Plan, id_of, planned, record_of, rival_of

WRITE_S = 30.0
"""For the records of one redrive to be acknowledged; what takes longer is broken off."""
CLOCKS_MS = 120_000
"""How far clocks may be apart: so much longer a redrive counts as running, and its records are looked for."""
LOOKED_MAX = 20_000
"""Letters looked at for one redrive; those that stay count too."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What a redrive did."""

    redrive_id: str
    """Empty: all had gone before."""
    written: int
    """Records written now."""
    before: int
    """Letters of the plan that have gone already, as the log says."""


class Redriver:
    """Lists, plans and redrives dead letters. Whether one may is the caller's to know."""

    def __init__(
        self,
        broker: BrokerSettings,
        writer: ControlWriter,
        *,
        now_ms: Callable[[], int],
        attempts_max: int = ATTEMPTS_MAX,
        letters_max: int = LETTERS_MAX,
        write_s: float = WRITE_S,
        clocks_ms: int = CLOCKS_MS,
        allowance: Allowance | None = None,
    ) -> None:
        """Take where the letters are, and what writes the act down; ``write_s`` and ``clocks_ms`` are every writer's.

        ``allowance`` bounds each actor, as it does for all other acts; without one nobody is bounded.
        """
        self._broker, self._writer, self._now_ms = broker, writer, now_ms
        self._attempts_max, self._letters_max, self._write_s = attempts_max, letters_max, write_s
        self._allowance = allowance
        self._clocks_ms = clocks_ms
        self._one_at_a_time = asyncio.Lock()

    async def letters(self, chosen: Chosen, most: int) -> tuple[list[Letter], int]:
        """Return the newest letters that are meant, at most so many, oldest first; and how many more there are.

        Raises:
            TopicsError: No broker answers in time, or there is no such topic.
        """
        gathered = Gathered(most, newest=True)
        async with topic_reader(self._broker, ["deadletters"]) as reader:
            await _gather(reader, chosen, gathered)
        return gathered.letters(), gathered.left_out

    async def plan(self, chosen: Chosen, *, actor: str | None = None) -> Plan:
        """Return what a redrive of the meant letters would do; nothing is written.

        It reads all letters there are: of an ``actor`` who asks for nothing more it counts as an act.

        Raises:
            TooManyActsError: The actor asks too often.
            TopicsError: No broker answers in time, or there is no such topic.
        """
        self._count(actor)
        gathered = Gathered(LOOKED_MAX, newest=False)
        async with topic_reader(self._broker, ["deadletters", "control"]) as reader:
            await _gather(reader, chosen, gathered)
            taken = await self._taken(reader, await _redrives(reader))
        plan = planned(
            gathered.letters(),
            partitions=self._broker.partitions,
            attempts_max=self._attempts_max,
            taken=taken,
            letters_max=self._letters_max,
        )
        return Plan(
            redrive_id=plan.redrive_id,
            going=plan.going,
            staying=plan.staying,
            left_out=plan.left_out + gathered.left_out,
        )

    async def redrive(self, plan: Plan, *, actor: str, reason: str) -> Outcome:
        """Write the letters of a plan again, and on `control` who did it, why and which.

        What was broken off before is settled first: it is told how far it came, and what went does not go again.

        Raises:
            ActRefusedError: Nothing goes, actor or reason is missing, another redrive of such a letter may be
                running, or the actor does too much. Nothing was written.
            TopicsError: No broker answers in time. A part may have been written; asked again, it looks first.
        """
        if not plan.going:
            msg = "none of these letters can go again"
            raise ActRefusedError(msg)
        self._act(
            plan.going, actor, reason, self._now_ms()
        )  # what is refused is refused before anything is done
        self._count(actor)
        async with self._one_at_a_time:
            gone = await self._settle(plan)
            going = [one for one in plan.going if one.letter_id not in gone]
            before = len(plan.going) - len(going)
            if not going:
                return Outcome(redrive_id="", written=0, before=before)
            act = self._act(going, actor, reason, self._now_ms())
            await self._writer.write(act)
            await self._give_way(act)
            await self._write(going, act)
            await self._writer.write(_ended(act, act.letters, self._now_ms()))
        return Outcome(redrive_id=act.redrive_id, written=len(going), before=before)

    def _count(self, actor: str | None) -> None:
        if self._allowance is not None and actor is not None:
            self._allowance.take(actor, self._now_ms() / 1000)

    @staticmethod
    def _act(going: list[Going], actor: str, reason: str, at_ms: int) -> Redrive:
        return making.redrive(
            id_of(going),
            letters=[one.letter_id for one in going],
            places=[f"{one.topic}/{one.partition}" for one in going],
            actor=actor,
            reason=reason,
            at_ms=at_ms,
        )

    async def _write(self, going: list[Going], act: Redrive) -> None:
        records = [record_of(one, self._broker, act.redrive_id, act.at_ms) for one in going]
        sender = Sender(self._broker)
        try:
            async with asyncio.timeout(self._write_s):
                await sender.deliver(records, on_resend=_refuse_resend)
        except (KafkaError, TimeoutError) as error:
            raise TopicsError(_BROKEN_OFF.format(str(error) or "no answer in time")) from None
        finally:
            await sender.close()

    async def _settle(self, plan: Plan) -> set[str]:
        """Tell of redrives that were broken off how far they came; return the letters that have gone.

        Raises:
            ActRefusedError: One of the plan's letters may be on its way just now.
        """
        meant = {one.letter_id for one in plan.going}
        gone: set[str] = set()
        async with topic_reader(self._broker, ["control"]) as reader:
            for act in await _redrives(reader):
                if act.ended_ms is not None:
                    gone.update(act.letters)
                elif not self._may_run(act):
                    written = await self._written(reader, act)
                    gone.update(written)
                    await self._writer.write(_ended(act, written, self._now_ms()))
                elif not meant.isdisjoint(act.letters):
                    raise ActRefusedError(self._running(act))
        return gone

    async def _give_way(self, act: Redrive) -> None:
        """Go back if another process has begun to redrive one of these letters since the log was looked at.

        Raises:
            ActRefusedError: It has. What the log says of its redrive is as if this one had not begun.
        """
        async with topic_reader(self._broker, ["control"]) as reader:
            told = [one async for one in _every_redrive(reader)]
        rival = rival_of(act, [one for one in told if self._may_run(one)])
        if rival is None:
            return
        is_same = (
            rival.redrive_id == act.redrive_id
        )  # then ours has taken its place on a compacted topic
        await self._writer.write(rival if is_same else _ended(act, [], self._now_ms()))
        raise ActRefusedError(self._running(rival))

    async def _taken(self, reader: TopicReader, acts: list[Redrive]) -> dict[str, str]:
        """Return by letter id, in words, what has gone already, or may be on its way."""
        taken: dict[str, str] = {}
        for act in acts:
            words = f"it went again with redrive {act.redrive_id}, by {act.actor}"
            letters = act.letters
            if act.ended_ms is None:
                is_running = self._may_run(act)
                words = self._running(act) if is_running else words
                letters = letters if is_running else await self._written(reader, act)
            taken.update(dict.fromkeys(letters, words))
        return taken

    async def _written(self, reader: TopicReader, act: Redrive) -> list[str]:
        """Return which letters of a redrive that was broken off are in the raw topics."""
        places = [
            (topic, int(number)) for topic, _, number in (p.rpartition("/") for p in act.places)
        ]
        until_ms = act.at_ms + round(self._write_s * 1000) + self._clocks_ms
        found: set[str] = set()
        async for record in reader.parts(places, since_ms=act.at_ms, until_ms=until_ms):
            redriven = redriven_of(record.headers)
            if redriven is not None and redriven.redrive_id == act.redrive_id:
                found.add(redriven.letter_id)
        return [letter for letter in act.letters if letter in found]

    def _may_run(self, act: Redrive) -> bool:
        return self._left_s(act) > 0

    def _running(self, act: Redrive) -> str:
        return (
            f"redrive {act.redrive_id} by {act.actor} has begun and may be writing it now;"
            f" ask again in {self._left_s(act):.0f} s"
        )

    def _left_s(self, act: Redrive) -> float:
        """Return how long a redrive may still be writing; by then it has ended, or never will."""
        return self._write_s + (act.at_ms + self._clocks_ms - self._now_ms()) / 1000


_BROKEN_OFF = "the redrive was broken off: {}. A part may be written; asked for again, it looks at the log first"


def _refuse_resend() -> None:
    """What was sent may have arrived: sent again without a look, it would be there twice."""
    msg = _BROKEN_OFF.format("the broker did not acknowledge its records")
    raise TopicsError(msg)


def _ended(act: Redrive, written: list[str], ended_ms: int) -> Redrive:
    return making.redrive(
        act.redrive_id,
        letters=written,
        places=act.places,
        actor=act.actor,
        reason=act.reason,
        at_ms=act.at_ms,
        ended_ms=ended_ms,
    )


async def _gather(reader: TopicReader, chosen: Chosen, gathered: Gathered) -> None:
    async for record in reader.whole("deadletters", chosen.since_ms):
        letter = letter_of(record)
        if letter is not None and chosen.fits(letter):
            gathered.take(letter)


async def _every_redrive(reader: TopicReader) -> AsyncIterator[Redrive]:
    """Yield every word on redrives, those of one id in their order."""
    decode = BY_NAME["control"].decoder().decode
    async for record in reader.whole("control"):
        try:
            act = None if record.value is None else decode(record.value)
        except ContractError:
            continue
        if isinstance(act, Redrive):
            yield act


async def _redrives(reader: TopicReader) -> list[Redrive]:
    return (await standing_acts(reader)).redrives()
