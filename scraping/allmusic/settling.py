"""When the table of results can be read: the answer is there, and the table shows it, at rest."""

from __future__ import annotations

import time

from covergenre.config import scrape as config
from scraping.allmusic.network import Answer, NetworkLog
from scraping.allmusic.result_table import ResultTable

_DOUBT = 10
"""So many times ``settle_seconds`` a table stands still that the answer does not confirm."""


class Settling:
    """Whether the table shows the answer to the last action, and stands still.

    Args:
        log: forgot everything before the action.
        before: the table as the action found it.
    """

    def __init__(self, log: NetworkLog, settings: config.AllMusic, before: ResultTable) -> None:
        self._log = log
        self._rows_per_page = settings.rows_per_page
        self._settle_seconds = settings.browser.settle_seconds
        self._before = before
        self._table = before
        self._since = time.monotonic()

    @property
    def answer(self) -> Answer | None:
        """The newest; an older one is of no interest to the page either."""
        return self._log.results[-1] if self._log.results else None

    @property
    def unchanged(self) -> bool:
        """Whether the rows are those from before."""
        return self._table.keys == self._before.keys and self._table.empty == self._before.empty

    def look(self, table: ResultTable) -> ResultTable | None:
        """The table, once it can be read."""
        now = time.monotonic()
        pending = self.answer is not None and not self.answer.finished
        if table != self._table or pending:
            self._table, self._since = table, now
        settled = (now - self._since) / self._settle_seconds
        if pending or settled < 1:
            return None
        if self._confirmed() or (settled >= _DOUBT and self._plausible()):
            return table
        return None

    def last_resort(self) -> ResultTable | None:
        """The table, where the time is up and it shows only albums of the answer, if not all.

        The answer may name albums that are not of the table; but as long as there is time, a table
        that lacks some may be half there.
        """
        answer = self.answer
        if answer is None or not answer.finished or not (self._table.albums and answer.albums):
            return None
        return self._table if set(self._table.albums) <= set(answer.albums) else None

    def _confirmed(self) -> bool:
        """Whether the table has exactly the albums that the answer names.

        A full table without a link to the next page may still get one.
        """
        table, answer = self._table, self.answer
        if answer is None:
            return False
        if answer.albums is None:
            return table.empty
        return not self._full_without_next() and set(table.albums) == set(answer.albums)

    def _plausible(self) -> bool:
        """Whether the table may be the answer, as far as can be seen."""
        table, answer = self._table, self.answer
        full = len(table.rows) >= self._rows_per_page
        if answer is None or answer.albums is None:
            there = table.empty or (bool(table.rows) and (full or not table.next))
            return there and not self.unchanged
        return full and bool(table.albums) and set(table.albums) <= set(answer.albums)

    def _full_without_next(self) -> bool:
        return len(self._table.rows) >= self._rows_per_page and not self._table.next
