"""One look at one repository: what is new in it, and how sure that is."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec
from msgspec import Struct

from streams.collectors.asking import DeniedError, Http
from streams.collectors.port import Clock, Observation, Refused, SourceError
from topics import RepositoryEvent

from .acts import Act, Listing, Unreadable, hashed
from .allowance import HOUR_S
from .grading import Grade, Heard, grade, grade_of_others
from .history import Sifted
from .listing import Listed, Lister, UnreadableError
from .refs import NoAdvertisementError, head_of
from .repository import GONE, Repository
from .settings import DESCRIBE_S, PolledAct

SKEW_MS_MAX = 600_000
"""GitHub's clock is believed within ten minutes of ours, which is the lateness of its events."""
LISTING_OF: dict[PolledAct, Listing] = {
    "commit": "commits",
    "pull_request": "issues",
    "issue": "issues",
    "release": "releases",
    "review": "reviews",
    "comment": "comments",
}


class Look(Struct, kw_only=True):
    """What a look found."""

    observations: list[Observation] = []
    covered_ms: int | None = None
    """Up to when everything has been seen; None: that cannot be said."""
    lost: str = ""
    """Why what is between the last covered time and this look will not come."""
    failure: SourceError | None = None


class Tally(Struct):
    """What became of acts that were found, but for those that were known."""

    new: int = 0
    unreadable: int = 0
    history: int = 0
    rebased: int = 0
    others: int = 0
    """Commits of a fork that are its parent's."""


class Looker:
    """Looks at the repositories of one source."""

    def __init__(
        self,
        source: str,
        *,
        lister: Lister,
        git: Http | None,
        git_url: str,
        acts: frozenset[PolledAct],
        salt: bytes,
        now_ms: Clock,
    ) -> None:
        """Prepare; nothing is asked yet."""
        self.tally = Tally()
        self._source, self._lister, self._git, self._salt = source, lister, git, salt
        self._git_url, self._acts, self._now_ms = git_url.rstrip("/"), acts, now_ms
        # Commits first: by them is seen whether the look is whole.
        wanted = {LISTING_OF[act] for act in acts}
        self._listings = sorted(wanted, key=lambda listing: (listing != "commits", listing))

    async def look(self, repository: Repository, covered_ms: int, now_s: float) -> Look:
        """Look at a repository. What goes wrong is the look's, and what was found before it is kept."""
        look = Look()
        asked_ms = self._now_ms()
        try:
            await self._describe(repository, now_s)
            heard = await self._commits(repository, covered_ms, look)
            for listing in self._listings:
                if listing != "commits":
                    await self._others(repository, listing, covered_ms, look)
        except UnreadableError as error:
            look.observations.append(self._letter(repository, str(error), error.original))
            look.failure = error
        except SourceError as error:
            look.failure = error
        else:
            if not heard.hole:
                look.covered_ms = _through_ms(asked_ms, self._lister.rest.skew_ms)
        self._judge(repository, look)
        return look

    def events(self, repository: Repository, acts: Iterable[Act], how: Grade) -> list[Observation]:
        """Return the events of acts: one for each asset that the repository is of."""
        received_ms = self._now_ms()
        return [
            RepositoryEvent(
                subject=subject,
                source=self._source,
                repository=repository.name,
                event_id=act.id,
                event_ms=act.event_ms,
                received_ms=received_ms,
                act=act.act,
                author=hashed(act.who, self._salt),
                bot=act.bot,
                grade=how,
            )
            for act in acts
            for subject in repository.subjects
        ]

    def sifted(self, repository: Repository, sifted: Sifted, how: Grade) -> list[Observation]:
        """Return what to send of what was new, and count the rest."""
        wanted = [act for act in sifted.new if act.act in self._acts]
        self.tally.new += len(wanted)
        self.tally.unreadable += len(sifted.unreadable)
        self.tally.history += sifted.history
        self.tally.rebased += sifted.rebased
        letters: list[Observation] = [
            self._letter(repository, item.message, item.original, item.digest)
            for item in sifted.unreadable
        ]
        return letters + self.events(repository, wanted, how)

    async def _describe(self, repository: Repository, now_s: float) -> None:
        """Ask for the description when that is due."""
        if now_s < repository.describe_s:
            return
        got = await self._lister.ask(repository, etag=repository.etags.get("description"))
        if got.body:
            try:
                other = repository.describe(got.body)
            except msgspec.MsgspecError as error:
                msg = f"{repository.name}: its description: {error}"
                raise UnreadableError(msg[:200], got.body) from error
            if other is not None:
                raise DeniedError(other, 404)
        if got.etag is not None:
            repository.etags["description"] = got.etag
        repository.describe_s = now_s + DESCRIBE_S

    async def _commits(self, repository: Repository, covered_ms: int, look: Look) -> Heard:
        if "commit" not in self._acts:
            return Heard(listed=None, advertised=None)
        # Git first: a push between the two is then in the listing, and nothing seems to be missing.
        advertised = await self._advertised(repository)
        floor_ms = repository.history.floor_ms(covered_ms)
        listed = await self._lister.changed(repository, "commits", floor_ms)
        if listed is not None:
            await self._take_commits(repository, listed)
        heard = self._heard(repository, advertised, cut=listed is not None and listed.cut)
        if listed is not None:
            sifted = repository.history.sift(
                await self._own(repository, listed),
                covered_ms,
                whole=not listed.cut,
                based="commits" in repository.based,
            )
            look.observations += self.sifted(repository, sifted, grade(heard))
            self._keep(repository, "commits", listed, look)
        if heard.hole:
            repository.etags.pop("commits", None)  # it may be what hides the rest
        return heard

    async def _take_commits(self, repository: Repository, listed: Listed) -> None:
        """Note the head. Where not one commit is left of before, this may be another repository of the same name."""
        commits = [act.id for act in listed.found if isinstance(act, Act)]
        if repository.listed and repository.listed.isdisjoint(commits):
            repository.describe_s = 0.0
            await self._describe(repository, 0.0)
        repository.head = commits[0].partition("/")[2] if commits else ""
        repository.listed = frozenset(commits)

    async def _own(self, repository: Repository, listed: Listed) -> Sequence[Act | Unreadable]:
        """Leave out of a fork's commits those that its parent has: they are the parent's work."""
        known = repository.history.knows
        if repository.upstream is None or all(
            isinstance(act, Unreadable) or known(act.id) for act in listed.found
        ):
            return listed.found
        own = await self._lister.own(repository)
        kept = [act for act in listed.found if isinstance(act, Unreadable) or act.id in own]
        self.tally.others += len(listed.found) - len(kept)
        return kept

    async def _others(
        self, repository: Repository, listing: Listing, covered_ms: int, look: Look
    ) -> None:
        floor_ms = repository.history.floor_ms(covered_ms)
        listed = await self._lister.changed(repository, listing, floor_ms)
        if listed is None:
            return
        sifted = repository.history.sift(
            listed.found, covered_ms, whole=False, based=listing in repository.based
        )
        look.observations += self.sifted(repository, sifted, grade_of_others(cut=listed.cut))
        self._keep(repository, listing, listed, look)

    def _keep(self, repository: Repository, listing: Listing, listed: Listed, look: Look) -> None:
        """Remember a listing that was read to its end, so that it is asked for again only when it changes."""
        repository.based.add(listing)
        if listed.etag is None:
            repository.etags.pop(listing, None)
        else:
            repository.etags[listing] = listed.etag
        if listed.cut:
            look.lost = f"{repository.name}: more {listing} than are read back"

    async def _advertised(self, repository: Repository) -> str | None:
        if self._git is None:
            return None
        url = f"{self._git_url}/{repository.now_called}.git/info/refs"
        with suppress(SourceError, NoAdvertisementError):
            answer = await self._git.get(url, params={"service": "git-upload-pack"})
            return head_of(answer.body)
        return None

    def _heard(self, repository: Repository, advertised: str | None, *, cut: bool) -> Heard:
        now_ms = self._now_ms()
        differ = None not in (advertised, repository.head) and advertised != repository.head
        if not differ:
            repository.differing_since_ms = None
        elif repository.differing_since_ms is None:
            repository.differing_since_ms = now_ms
        shown = f"commit/{advertised}"
        return Heard(
            listed=repository.head,
            advertised=advertised,
            shown=shown in repository.listed or repository.history.knows(shown),
            cut=cut,
            differing_ms=now_ms - (repository.differing_since_ms or now_ms),
        )

    def _judge(self, repository: Repository, look: Look) -> None:
        """Say how the repository stands after a look."""
        error = look.failure
        if error is None:
            repository.failures, repository.gone, repository.wait_s = 0, False, 0.0
            whole = look.covered_ms is not None
            repository.state = "seen" if whole else "git knows a head that is not listed"
        else:
            repository.failures += 1
            repository.wait_s = min(error.wait_s or 0.0, HOUR_S)
            repository.state = str(error)[:200]
            repository.gone = isinstance(error, DeniedError)
            if isinstance(error, DeniedError):
                repository.describe_s = 0.0
                repository.state = f"{GONE.get(error.status, 'refused')} ({error})"[:200]

    def _letter(
        self, repository: Repository, message: str, original: bytes, what: str = "answer"
    ) -> Refused:
        received_ms = self._now_ms()
        origin = f"{self._source}/{repository.name}/{what}"
        return Refused(
            reason="invalid",
            message=message,
            original=original,
            origin=origin if what != "answer" else f"{origin}/{received_ms}",
            received_ms=received_ms,
        )


def _through_ms(asked_ms: int, skew_ms: int) -> int:
    """Return up to when a look has seen everything: by GitHub's clock, where it is behind ours."""
    return asked_ms + min(0, skew_ms) if abs(skew_ms) <= SKEW_MS_MAX else asked_ms
