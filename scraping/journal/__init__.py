"""The journal of a crawl: what was found and fetched, on disk before anything else happens to it.

A crawl reads pages and downloads covers for hours; its tables are committed every minute or so. The
journal closes that gap: a page, or a cover, is one SQLite transaction, so a kill at any moment
loses at most the page in hand and the covers that were still arriving. Bytes leave the journal as
soon as the tables hold them.
"""

from scraping.journal.commits import Commits, Held, Pending
from scraping.journal.covers import Covers, Outcome, Wanted
from scraping.journal.searches import Searches
from scraping.journal.store import Store

__all__ = ["Commits", "Covers", "Held", "Journal", "Outcome", "Pending", "Searches", "Wanted"]


class Journal:
    """A crawl's journal, usable from several threads: searches, covers, and what to commit."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.covers = Covers(store)
        self.searches = Searches(store, self.covers)
        self.commits = Commits(store)
