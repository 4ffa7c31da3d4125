"""``python -m tests.sites allmusic|musicbrainz``: a site to look at, or to try a crawl on."""

from __future__ import annotations

import argparse
import contextlib
import json
import threading

from tests.sites.allmusic import Site, Traps, make_albums
from tests.sites.musicbrainz import serve


def main() -> None:
    """Serve a site until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.sites", description=__doc__)
    sites = parser.add_subparsers(dest="site", required=True)
    allmusic = sites.add_parser("allmusic", help="AllMusic's Advanced Search")
    allmusic.add_argument("--per-genre", type=int, default=400, help="albums a genre")
    allmusic.add_argument("--seed", type=int, default=1, help="of the albums")
    allmusic.add_argument("--ids", choices=("2018", "2022"), default="2018", help="of the boxes")
    allmusic.add_argument("--port", type=int, default=8800, help="0 for a free one")
    allmusic.add_argument(
        "--traps", type=json.loads, default={}, help="fields of Traps, e.g. '{\"cookie_box\": 2}'"
    )
    musicbrainz = sites.add_parser("musicbrainz", help="MusicBrainz and the Cover Art Archive")
    musicbrainz.add_argument("--port", type=int, default=8801, help="0 for a free one")
    args = parser.parse_args()
    if args.site == "musicbrainz":
        _serve_musicbrainz(args.port)
    else:
        _serve_allmusic(args)


def _serve_musicbrainz(port: int) -> None:
    with serve(port) as site:
        _announce("musicbrainz", len(site.truth), site.service.url, site.settings)
        _until_interrupted()


def _serve_allmusic(args: argparse.Namespace) -> None:
    albums = make_albums(args.per_genre, args.seed)
    with Site(albums, Traps(**args.traps), args.ids, args.port) as site:
        _announce("allmusic", len(albums), site.search_url, site.settings)
        _until_interrupted()
        print(f"{len(site.requests)} requests answered")


def _announce(source: str, albums: int, url: str, settings: list[str]) -> None:
    chosen = " ".join(f"--set '{setting}'" for setting in settings)
    print(f"{albums} albums at {url}; crawl them with")
    print(f".venv/bin/spark-submit jobs/scrape.py --source {source} {chosen}", flush=True)


def _until_interrupted() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    main()
