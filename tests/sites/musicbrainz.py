"""Stand-in for MusicBrainz' web service and the Cover Art Archive, with albums that it makes up.

It answers as their documentation says (MusicBrainz API: "Search", "Rate Limiting"; Cover Art
Archive API) and finds release groups as their Lucene index does.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.sites.lucene import Query, QueryError
from tests.sites.release_groups import ReleaseGroup, Truth, make_release_groups
from tests.sites.server import Reply, Request, Server

_TYPE_IDS = {
    "Album": "f529b476-6e62-324f-b0aa-1f3e33d313fc",
    "Single": "d6038452-8ee0-3f68-affc-2de9a1ede0b9",
    "EP": "6d0c5bf6-7a33-3420-a519-44fc63eedebf",
    "Live": "6fd474e2-6b58-3102-9d17-d6f7eb7da0a0",
    "Compilation": "dd2a21e1-0c00-3729-a7a0-de60b84eb5d1",
}
_OFFICIAL = "4e304316-386d-3409-af2e-78857eec5cfe"
_TOO_FAST = (
    "Your requests are exceeding the allowable rate limit. Please see "
    "http://wiki.musicbrainz.org/XMLWebService for more information."
)


class MusicBrainzSite:
    """The web service and the hosts that a cover's address leads through, each on its own address.

    Args:
        groups: what the index holds, in the order in which it finds them.
        port: of the web service; 0 for a free one.

    Attributes:
        service, covers, archive, storage: the servers, each with its ``requests``: musicbrainz.org,
            coverartarchive.org, archive.org and a host where archive.org keeps files.
        rate_limit: requests a second and address to the web service; None for any number.
        retry_after: what a 503 says, in seconds.
        busy: answers of each server, by its name, that will be 503 before it recovers.
        depth: results that can be asked for; None for all.
        loose: whether the index takes no notice of the query.
        refused: whether the service says 403 to everybody.
        redirect_to: where the archive sends clients instead of to the storage; None for no change.
        robots: robots.txt of each server, by its name; 404 without one.
        damage: changes the answer to a search before it is sent.
    """

    def __init__(self, groups: Sequence[ReleaseGroup], port: int = 0) -> None:
        self.groups = list(groups)
        self.rate_limit: float | None = None
        self.retry_after = 1
        self.busy = {"service": 0, "covers": 0, "archive": 0, "storage": 0}
        self.depth: int | None = 500
        self.loose = False
        self.refused = False
        self.redirect_to: str | None = None
        self.robots: dict[str, str] = {}
        self.damage: Callable[[Any], Any] = lambda answer: answer
        self._art = {group.mbid: group for group in groups}
        self._lock = threading.Lock()
        self._bucket = (0.0, 0.0)
        answers = [("service", self._search), ("covers", self._front)]
        answers += [("archive", self._download), ("storage", self._file)]
        self.servers = {
            name: Server(
                functools.partial(self._answer, name, answer),
                f"127.0.0.{number}",
                port if name == "service" else 0,
            )
            for number, (name, answer) in enumerate(answers, 1)
        }
        self.service, self.covers, self.archive, self.storage = self.servers.values()

    @property
    def truth(self) -> dict[str, Truth]:
        """The albums that searches for every genre and year of the plan must find, by their id."""
        return {
            f"musicbrainz:{group.mbid}": Truth(
                group.genres,
                group.date[:4],
                group.artist,
                group.title,
                None if group.art is None else hashlib.sha256(group.art).hexdigest(),
            )
            for group in self.groups
            if group.genres
        }

    @property
    def settings(self) -> list[str]:
        """The settings, as ``--set`` takes them, that lead a crawl here at no pace at all."""
        hosts = json.dumps([str(server.host) for server in self.servers.values()])
        return [
            "scrape.contact=crawler@example.org",
            f"scrape.musicbrainz.url={self.service.url}/ws/2",
            f"scrape.musicbrainz.cover_url={self.covers.url}/release-group/{{mbid}}/front-500",
            f"scrape.musicbrainz.hosts={hosts}",
            f"scrape.http.private_hosts={hosts}",
            "scrape.http.delay_seconds=0",
        ]

    def __enter__(self) -> MusicBrainzSite:
        for server in self.servers.values():
            server.start()
        return self

    def __exit__(self, *about: Any) -> None:
        # Each waits until its thread takes notice.
        with ThreadPoolExecutor(len(self.servers)) as pool:
            list(pool.map(lambda server: server.__exit__(*about), self.servers.values()))

    def _answer(self, name: str, answer: Callable[[Request], Reply], request: Request) -> Reply:
        if request.path == "/robots.txt":
            if name not in self.robots:
                return Reply(b"Not Found", 404)
            return Reply(self.robots[name].encode(), kind="text/plain")
        if request.method not in ("GET", "HEAD"):
            return Reply(b"", 405, headers={"Allow": "GET, HEAD"})
        with self._lock:
            busy = self.busy[name] > 0
            self.busy[name] -= busy
        if busy:
            return self._error(503, "The server is currently busy. Please try again later.")
        return answer(request)

    def _error(self, status: int, text: str) -> Reply:
        headers = {"Retry-After": str(self.retry_after)} if status == 503 else {}
        body = json.dumps({"error": text, "help": "For usage, please see: /development/mmd"})
        return Reply(body.encode(), status, "application/json; charset=utf-8", headers)

    def _too_fast(self) -> bool:
        """A bucket that ``rate_limit`` requests a second drain. A second request fits: whoever
        waits for an answer before asking again cannot overfill it at the allowed rate, however
        late any of the requests comes."""
        if self.rate_limit is None:
            return False
        now = time.monotonic()
        with self._lock:
            level, then = self._bucket
            level = max(0.0, level - (now - then) * self.rate_limit)
            full = level > 1 + 1e-6
            self._bucket = (level + (not full), now)
        return full

    def _search(self, request: Request) -> Reply:
        agent = request.headers.get("user-agent", "")
        if self.refused or not re.search(r"/\S+ .*(@|https?://)", agent):
            return self._error(403, "Your client must name itself and how to reach you.")
        if self._too_fast():
            return self._error(503, _TOO_FAST)
        if request.path.rstrip("/") != "/ws/2/release-group":
            return self._error(404, "Not Found")
        asked = {name: values[0] for name, values in request.query.items()}
        if asked.get("fmt") != "json":
            return Reply(b"<metadata/>", kind="application/xml; charset=UTF-8")
        try:
            limit, offset = int(asked.get("limit", 25)), int(asked.get("offset", 0))
            if not asked.get("query"):
                raise QueryError("Must specify query")
            if not 1 <= limit <= 100 or offset < 0:
                raise QueryError("The 'limit' and 'offset' parameters must be positive integers")
            if self.depth is not None and offset + limit > self.depth:
                raise QueryError(f"Only the first {self.depth} results can be asked for")
            matches = Query(asked["query"]).matches
        except ValueError as error:
            return self._error(400, str(error))
        found = [group for group in self.groups if self.loose or matches(group)]
        answer = self.damage(
            {
                "created": "2026-11-23T08:00:00.000Z",
                "count": len(found),
                "offset": offset,
                "release-groups": [_as_json(group) for group in found[offset : offset + limit]],
            }
        )
        return Reply(json.dumps(answer).encode(), kind="application/json; charset=utf-8")

    def _front(self, request: Request) -> Reply:
        named = re.fullmatch(r"/release-group/([^/]+)/front(?:-(250|500|1200))?", request.path)
        if named is None:
            return Reply(b"<h1>Not Found</h1>", 404)
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", named[1]):
            return Reply(b"<h1>Bad Request</h1><p>invalid MBID specified</p>", 400)
        if named[1] not in self._art or self._art[named[1]].art is None:
            return Reply(b"<h1>Not Found</h1><p>No cover art found for release group</p>", 404)
        # Release groups show the front of one of their releases.
        release = f"mbid-{_release_id(named[1])}"
        return self._redirect(
            307, f"{self.archive.url}/download/{release}/{release}-1_thumb{named[2] or 500}.jpg"
        )

    def _download(self, request: Request) -> Reply:
        base = self.storage.url if self.redirect_to is None else self.redirect_to
        return self._redirect(302, f"{base}/0/items{request.path.removeprefix('/download')}")

    def _redirect(self, status: int, address: str) -> Reply:
        return Reply(f"See: {address}\n".encode(), status, headers={"Location": address})

    def _file(self, request: Request) -> Reply:
        for mbid, group in self._art.items():
            if f"/mbid-{_release_id(mbid)}/" in request.path and group.art is not None:
                etag = f'"{hashlib.md5(group.art).hexdigest()}"'
                if request.headers.get("if-none-match") == etag:
                    return Reply(status=304, headers={"ETag": etag})
                return Reply(group.art, kind="image/jpeg", headers={"ETag": etag})
        return Reply(b"<h1>404 Not Found</h1>", 404)


def _release_id(mbid: str) -> str:
    return str(uuid.uuid5(uuid.UUID(mbid), "release"))


def _as_json(group: ReleaseGroup) -> dict[str, Any]:
    """A release group as the search answers it: keys without a value are not there."""
    answer: dict[str, Any] = {
        "id": group.mbid,
        "type-id": _TYPE_IDS[(*group.secondary, group.primary)[0]],
        "score": 100,
        "primary-type-id": _TYPE_IDS[group.primary],
        "artist-credit-id": str(uuid.uuid5(uuid.NAMESPACE_URL, group.artist)),
        "count": 1,
        "title": group.title,
        "first-release-date": group.date,
        "primary-type": group.primary,
    }
    if group.secondary:
        answer["secondary-types"] = list(group.secondary)
        answer["secondary-type-ids"] = [_TYPE_IDS[kind] for kind in group.secondary]
    answer["artist-credit"] = [
        {
            "name": name,
            **({"joinphrase": join} if join else {}),
            "artist": {
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
                "name": name,
                "sort-name": name,
            },
        }
        for name, join in group.credit
    ]
    release = {"id": _release_id(group.mbid), "status-id": _OFFICIAL, "title": group.title}
    answer["releases"] = [{**release, "status": "Official"}]
    answer["tags"] = [{"count": count, "name": name} for name, count in group.tags]
    return answer


def serve(port: int = 0) -> MusicBrainzSite:
    """The site with the albums and the limits of the real one, to be entered with ``with``."""
    site = MusicBrainzSite(make_release_groups(600), port)
    site.rate_limit = 1.0
    return site
