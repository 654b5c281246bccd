"""Faust's care for tables, less what the store does better: there is never anything left to recover."""

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery


class NoRecovery(Recovery):
    """Knows that an assignment is loaded when it is taken."""

    def need_recovery(self) -> bool:
        """Return False.

        Faust asks for the changelog's end after the store has loaded it, when a checkpoint of a partition that
        was kept may have moved it. It would then wait for ever for records that are not fetched.
        """
        return False


class Tables(TableManager):
    """The table manager with that recovery."""

    @property
    def recovery(self) -> Recovery:
        """Return the one recovery service."""
        if self._recovery is None:
            self._recovery = NoRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start at once; stock Faust sleeps a second here, for tables that are declared late."""
        await self._update_channels()
        await self.recovery.start()
