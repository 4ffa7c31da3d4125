"""The catalogue: one row an album."""

from schemas.table import Column, Table

ALBUMS = Table(
    name="albums",
    version=1,
    comment="The catalogue: one row an album",
    key=("album_id",),
    columns=(
        Column(
            "album_id",
            "string",
            "key; in a folder the path of the image file, else source:id",
            False,
        ),
        Column("source", "string", "folder, table, allmusic or musicbrainz", False),
        Column("source_url", "string", "address of the album at its source"),
        Column("artist", "string", "artist as the source gives it"),
        Column("title", "string", "title as the source gives it"),
        Column("genre", "string", "the catalogue's genre, aliases resolved; NULL if not known"),
        Column("genres", "array<string>", "every genre the source files the album under"),
        Column("styles", "array<string>", "styles as the source gives them"),
        Column("release_year", "int", "year of release; NULL if not known or not plausible"),
        Column("cover_url", "string", "address of the cover at its source"),
        Column("cover_id", "string", "sha256 of the cover's bytes; NULL until it is held"),
        Column("etag", "string", "HTTP ETag, or size and modification time of a file"),
        Column("data_licence", "string", "licence of the metadata"),
        Column("image_licence", "string", "licence of the image"),
        Column("robots", "string", "what robots.txt said when the album was fetched"),
        Column("scraped_at", "timestamp", "when this row was last written", False),
    ),
    constraints={"year": "release_year IS NULL OR release_year BETWEEN 1000 AND 9999"},
)
