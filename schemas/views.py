"""What people ask of the tables, as views: SQL that Spark, DuckDB and DataFusion all read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A query with a name.

    Attributes:
        name: none of a table's.
        comment: what a row is.
        reads: tables and earlier views that it stands on.
        query: SQL; ``{each}`` stands for the function that makes a row of each element of an array.
    """

    name: str
    comment: str
    reads: tuple[str, ...]
    query: str

    def sql(self, each: str = "explode") -> str:
        """The query, in the words of an engine.

        Args:
            each: ``explode`` in Spark, ``unnest`` in DuckDB and DataFusion (delta-rs).
        """
        return self.query.format(each=each).strip()


VIEWS = tuple(
    View(*of)
    for of in (
        (
            "latest_model",
            "The model of the last run of scoring that succeeded: one row",
            ("runs",),
            """
SELECT model_version, run_id, finished_at
FROM runs
WHERE job = 'score' AND outcome = 'succeeded'
ORDER BY finished_at DESC
LIMIT 1
""",
        ),
        (
            "latest_predictions",
            "Predictions of that model: one row an album",
            ("predictions", "latest_model"),
            """
SELECT p.*
FROM predictions p
JOIN latest_model m ON p.model_version = m.model_version
""",
        ),
        (
            "latest_metrics",
            "Metrics of that model as last computed: one row a basis, genre and year",
            ("metrics", "latest_model"),
            """
SELECT k.*
FROM metrics k
JOIN (
  SELECT max(c.computed_at) AS computed_at, c.model_version
  FROM metrics c
  JOIN latest_model m ON c.model_version = m.model_version
  GROUP BY c.model_version
) l ON k.model_version = l.model_version AND k.computed_at = l.computed_at
""",
        ),
        (
            "results",
            "What is known of each album: its prediction by that model, or why it has none",
            ("albums", "quarantine", "latest_predictions"),
            """
SELECT
  a.album_id, a.artist, a.title, a.genre, a.release_year, p.predicted_genre, p.confidence,
  p.abstained, p.advisory, p.advisory_score, q.reason, q.detail, a.cover_id, a.cover_url,
  a.source_url
FROM albums a
LEFT JOIN latest_predictions p ON a.album_id = p.album_id
LEFT JOIN (SELECT album_id, reason, detail FROM quarantine WHERE closed_at IS NULL) q
  ON a.album_id = q.album_id
""",
        ),
        (
            "model_genres",
            "The genres that the model knows",
            ("latest_predictions",),
            """
SELECT DISTINCT genre
FROM (
  SELECT {each}(map_keys(probabilities)) AS genre
  FROM (SELECT probabilities FROM latest_predictions LIMIT 1) one
) named
""",
        ),
        (
            "misfiled",
            "Albums whose cover the model is sure shows another genre than the catalogue says, "
            "of the genres it knows",
            ("albums", "latest_predictions", "model_genres"),
            """
SELECT
  a.album_id, a.artist, a.title, a.release_year, p.genre, p.predicted_genre, p.confidence,
  a.cover_url, a.source_url
FROM latest_predictions p
JOIN albums a ON a.album_id = p.album_id
JOIN model_genres g ON g.genre = p.genre
WHERE p.predicted_genre <> p.genre AND NOT p.abstained
""",
        ),
        (
            "advisory_by_year",
            "Albums, and how many of them carry the label, by year and the catalogue's genre",
            ("latest_predictions",),
            """
SELECT
  release_year, genre, count(advisory) AS albums,
  count(*) FILTER (WHERE advisory) AS with_label,
  1e0 * count(*) FILTER (WHERE advisory) / count(advisory) AS share
FROM latest_predictions
WHERE advisory IS NOT NULL
GROUP BY release_year, genre
""",
        ),
        (
            "similar_covers",
            "Albums whose covers look most alike to that model: one row a pair and direction; only "
            "where embeddings are asked for (score.describe)",
            ("albums", "neighbours", "latest_model"),
            """
SELECT
  a.album_id, a.artist, a.title, a.genre, n.rank, n.similarity,
  b.album_id AS similar_album_id, b.artist AS similar_artist, b.title AS similar_title,
  b.genre AS similar_genre
FROM neighbours n
JOIN latest_model m ON n.model_version = m.model_version
JOIN albums a ON a.cover_id = n.cover_id
JOIN albums b ON b.cover_id = n.neighbour_id
""",
        ),
        (
            "album_concepts",
            "What is on the covers: one row an album and concept",
            ("latest_predictions",),
            """
SELECT
  album_id, genre, predicted_genre, release_year, concept['name'] AS concept,
  concept['score'] AS score
FROM (
  SELECT album_id, genre, predicted_genre, release_year, {each}(concepts) AS concept
  FROM latest_predictions
) said
""",
        ),
        (
            "album_reasons",
            "What moved the predictions: one row an album and input of the combined model",
            ("latest_predictions",),
            """
SELECT
  album_id, predicted_genre, reason['part'] AS part, reason['input'] AS input,
  reason['contribution'] AS contribution
FROM (
  SELECT album_id, predicted_genre, {each}(reasons) AS reason
  FROM latest_predictions
) said
""",
        ),
    )
)
