"""Counts of concepts per genre, and what sets genres apart."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest, chi2_contingency

from covergenre.concepts.clarifai_csv import read_folder
from covergenre.concepts.counts import (
    ConceptCounts,
    associations,
    contrasts,
    gather,
    lifts,
    markdown,
    of_published,
    ranking,
)

COVERS = pd.Series({"rap": 100, "folk": 50})

# What the published files hold, counted with awk, not with the code under test: non-empty cells.
PUBLISHED = {
    "disco": {
        "desktop": 413, "text": 439, "symbol": 258, "illustration": 709, "business": 423,
        "people": 595, "portrait": 378, "man": 449, "adult": 467, "music": 334, "woman": 444,
        "vertical": 233, "bill": 436, "sign": 228, "retro": 346, "design": 279, "vector": 226,
        "art": 277, "no person": 248, "horizontal": 223,
    },
    "electro": {
        "horizontal": 230, "no person": 525, "business": 269, "abstract": 302, "design": 372,
        "illustration": 548, "outdoors": 249, "desktop": 388, "art": 441, "retro": 329,
        "people": 423, "man": 295, "adult": 267, "woman": 216, "nature": 250,
    },
    "folk": {
        "music": 342, "musician": 228, "man": 607, "people": 748, "adult": 615, "woman": 442,
        "portrait": 450, "one": 309, "wear": 286, "indoors": 211, "art": 438, "retro": 414,
        "illustration": 538, "vintage": 257, "old": 290, "no person": 244, "desktop": 201,
        "outdoors": 247, "vertical": 272, "text": 266, "bill": 275, "horizontal": 218,
    },
    "rap": {
        "music": 286, "people": 750, "man": 687, "one": 286, "adult": 572, "indoors": 270,
        "woman": 335, "vertical": 255, "portrait": 409, "retro": 346, "bill": 274,
        "illustration": 516, "art": 399, "wear": 245, "no person": 284, "business": 251,
        "text": 235, "desktop": 211,
    },
    "rock": {
        "symbol": 227, "illustration": 604, "design": 223, "business": 226, "bill": 354,
        "no person": 274, "text": 291, "retro": 451, "desktop": 269, "people": 662, "man": 576,
        "adult": 506, "art": 434, "music": 379, "woman": 451, "vintage": 227, "performance": 200,
        "musician": 253, "portrait": 325, "vertical": 228, "old": 226,
    },
}  # fmt: skip


def _counts(rows: list[tuple[str, str, int, int]], covers: pd.Series = COVERS) -> ConceptCounts:
    return gather(pd.DataFrame(rows, columns=["genre", "concept", "seen", "unknown"]), covers)


@pytest.fixture
def counts() -> ConceptCounts:
    """Guitars on 10 of 100 and 30 of 50; cars on 40 and none; hats on 20, unknown on folk's."""
    return _counts(
        [
            ("rap", "guitar", 10, 0),
            ("folk", "guitar", 30, 0),
            ("rap", "car", 40, 0),
            ("rap", "hat", 20, 0),
            ("folk", "hat", 0, 50),
        ]
    )


def test_a_concept_without_a_row_is_on_no_cover_and_an_unknown_one_is_missing(
    counts: ConceptCounts,
) -> None:
    assert list(counts.seen.index) == ["car", "guitar", "hat"]
    assert counts.seen["rap"].tolist() == [40, 10, 20]
    assert counts.seen["folk"].tolist() == [0, 30, pd.NA]
    assert counts.shares["folk"].tolist() == [0.0, 0.6, pd.NA]


def test_a_genre_without_any_concept_is_counted_as_such() -> None:
    covers = pd.Series({"rap": 100, "polka": 7})
    counts = _counts([("rap", "car", 40, 0)], covers)
    assert counts.seen["polka"].tolist() == [0]


def test_a_few_unknown_covers_are_left_out_and_many_make_the_count_unknown() -> None:
    rows = [("rap", "hat", 9, 10), ("rap", "car", 8, 11), ("folk", "hat", 5, 0)]
    counts = _counts([*rows, ("folk", "car", 5, 0)])
    assert counts.seen["rap"].tolist() == [pd.NA, 9]
    assert counts.known["rap"].tolist() == [89, 90]
    assert counts.shares["rap"].tolist() == [pd.NA, 0.1]
    assert counts.compared["rap"].tolist() == [0, 90]
    assert counts.overall.tolist() == pytest.approx([5 / 50, 14 / 140])
    # 14 of 140 covers show hats; cars are known in one genre only.
    assert lifts(counts).loc["hat"].tolist() == pytest.approx([1.0, 1.0])
    assert lifts(counts).loc["car"].isna().all()


def test_only_frequent_concepts_are_kept_and_the_limit_itself_counts(
    counts: ConceptCounts,
) -> None:
    kept = counts.frequent(0.2)
    assert kept.seen["rap"].tolist() == [40, pd.NA, 20]
    assert kept.seen["folk"].tolist() == [pd.NA, 30, pd.NA]
    assert list(counts.frequent(0.3).seen.index) == ["car", "guitar"]


def test_lift_compares_with_all_genres_where_the_concept_is_known(counts: ConceptCounts) -> None:
    lift = lifts(counts)
    # Guitars: 40 of 150 covers.
    assert lift.loc["guitar", "rap"] == pytest.approx(0.1 / (40 / 150))
    assert lift.loc["guitar", "folk"] == pytest.approx(0.6 / (40 / 150))
    assert lift.loc["car"].tolist() == pytest.approx([1.5, 0.0])
    assert lift.loc["hat"].isna().all()  # nothing to compare with


def test_chi_square_is_pearsons(counts: ConceptCounts) -> None:
    found = associations(counts, 0.05)
    assert list(found.index) == ["guitar", "car", "hat"]
    # By hand: n (ad - bc)^2 / (a + b)(c + d)(a + c)(b + d), here 10, 90; 30, 20.
    guitar = 150 * (10 * 20 - 90 * 30) ** 2 / (100 * 50 * 40 * 110)
    assert found.loc["guitar", "chi2"] == pytest.approx(guitar)
    assert found.loc["guitar", "cramers_v"] == pytest.approx((guitar / 150) ** 0.5)
    assert found.loc["guitar", "p"] == pytest.approx(7.0e-11, rel=0.1)
    assert found["genres"].tolist() == [2, 2, 1]
    assert found["covers"].tolist() == [150, 150, 100]
    assert found["seen"].tolist() == [40, 40, 20]


def test_each_genre_is_held_against_all_others() -> None:
    covers = pd.Series({"rap": 100, "folk": 50, "disco": 60})
    rows = [("rap", "guitar", 10, 0), ("folk", "guitar", 30, 0), ("disco", "guitar", 12, 0)]
    rows += [("rap", "hat", 20, 0), ("folk", "hat", 0, 50), ("disco", "hat", 15, 3)]
    found = contrasts(_counts(rows, covers), 0.2, 0.05)
    assert found["genre"].tolist() == ["rap", "rap", "folk", "folk", "disco", "disco"]
    assert found["concept"].tolist() == ["hat", "guitar", "guitar", "hat", "hat", "guitar"]
    table = found.set_index(["genre", "concept"])
    for genre, seen, of, others, of_others in (
        ("rap", 10, 100, 42, 110), ("folk", 30, 50, 22, 160), ("disco", 12, 60, 40, 150),
    ):  # fmt: skip
        expected = chi2_contingency([[seen, others], [of - seen, of_others - others]], False)
        row = table.loc[(genre, "guitar")]
        assert [row["chi2"], row["p"]] == pytest.approx([expected.statistic, expected.pvalue])
        assert row["lift"] == pytest.approx((seen / of) / (52 / 210))
        interval = binomtest(seen, of).proportion_ci(method="wilson")
        assert row[["low", "high"]].tolist() == pytest.approx([*interval])
        assert row["covers"] == of and row["unknown"] == 0
    unknown = table.loc[("folk", "hat")]
    assert (unknown["covers"], unknown["unknown"]) == (50, 50)
    assert unknown[["seen", "share", "low", "lift", "chi2", "p", "significant"]].isna().all()
    # 20 of 100 and 15 of the 57 known: the same test from both sides.
    assert table.loc[("disco", "hat"), ["seen", "unknown"]].tolist() == [15, 3]
    assert table.loc[("disco", "hat"), "share"] == pytest.approx(15 / 57)
    assert table.loc[("disco", "hat"), "p"] == pytest.approx(table.loc[("rap", "hat"), "p"])
    assert table["significant"].tolist() == [False, True, True, pd.NA, False, False]
    assert table["frequent"].tolist() == [True, False, True, pd.NA, True, True]


def test_pairs_of_too_few_covers_are_not_tested() -> None:
    found = contrasts(_counts([("rap", "rare", 9, 0), ("folk", "rare", 5, 0)]), 0.2, 0.05)
    assert found[["chi2", "p", "significant"]].isna().all(axis=None)  # 14 / 3 covers expected
    assert found["lift"].notna().all()
    assert len(contrasts(_counts([]), 0.2, 0.05)) == 0


def test_what_cannot_be_tested_is_not_called_anything(counts: ConceptCounts) -> None:
    hat = associations(counts, 0.05).loc["hat"]
    assert hat[["chi2", "cramers_v", "p", "p_corrected", "significant"]].isna().all()


def test_rare_concepts_and_those_on_every_cover_are_not_tested() -> None:
    rows = [("rap", "rare", 9, 0), ("folk", "rare", 5, 0)]  # 14 / 3 covers of folk expected
    rows += [("rap", "cover", 100, 0), ("folk", "cover", 50, 0), ("rap", "nothing", 0, 0)]
    rows += [("rap", "enough", 9, 0), ("folk", "enough", 6, 0)]
    found = associations(_counts(rows), 0.05)
    assert found.index[found["p"].notna()].tolist() == ["enough"]


def test_p_values_are_corrected_for_their_number() -> None:
    rows = []
    for concept, rap, folk in (("a", 50, 45), ("b", 50, 34), ("c", 50, 33), ("d", 50, 25)):
        rows += [("rap", concept, rap, 0), ("folk", concept, folk, 0)]
    found = associations(_counts(rows), 0.05).sort_index()
    p = found["p"].tolist()
    assert p == sorted(p)
    # Benjamini and Hochberg: p times tests over rank, and never above that of a larger p.
    assert found["p_corrected"].tolist() == pytest.approx(
        [p[0] * 4, min(p[1] * 2, p[2] * 4 / 3, p[3]), min(p[2] * 4 / 3, p[3]), p[3]]
    )
    assert found["significant"].tolist() == [True, False, False, False]
    assert p[1] < 0.05  # significant, had it been the only test


def test_without_concepts_there_is_nothing_to_test() -> None:
    assert len(associations(_counts([]), 0.05)) == 0
    assert len(ranking(_counts([]))) == 0


def test_the_table_has_the_most_frequent_first_and_says_what_is_unknown(
    counts: ConceptCounts,
) -> None:
    assert markdown(counts).splitlines() == [
        "| concept | rap | folk |",
        "| --- | ---: | ---: |",
        "| covers | 100 | 50 |",
        "| car | 40 | 0 |",
        "| guitar | 10 | 30 |",
        "| hat | 20 | - |",
    ]


def test_the_ranking_has_a_row_a_genre_and_known_concept(counts: ConceptCounts) -> None:
    assert ranking(counts).to_csv(index=False).splitlines() == [
        "genre,concept,seen,covers,share",
        "rap,car,40,100,0.4",
        "rap,hat,20,100,0.2",
        "rap,guitar,10,100,0.1",
        "folk,guitar,30,50,0.6",
        "folk,car,0,50,0.0",
    ]


# The study's own files.


def test_the_studys_counts_are_the_published_ones_to_the_unit(shared: Path) -> None:
    counts = of_published(read_folder(shared / "clarifai"))
    assert counts.covers.to_dict() == {
        "disco": 1000, "electro": 1000, "folk": 1000, "rap": 1000, "rock": 999,
    }  # fmt: skip
    table = ranking(counts)
    found = {
        genre: dict(zip(part["concept"], part["seen"], strict=True))
        for genre, part in table.groupby("genre")
    }
    assert found == PUBLISHED


def test_the_studys_filter_was_a_share_of_a_fifth(shared: Path) -> None:
    counts = of_published(read_folder(shared / "clarifai"), {"rock": "hard rock"})
    pd.testing.assert_frame_equal(counts.frequent(0.2).seen, counts.seen)
    assert ranking(counts.frequent(0.202)).shape[0] == ranking(counts).shape[0] - 2
    assert list(counts.covers.index)[-1] == "hard rock"


def test_what_files_keep_back_is_not_taken_as_nothing(shared: Path) -> None:
    counts = of_published(read_folder(shared / "clarifai"))
    assert pd.isna(counts.seen.loc["portrait", "electro"])
    found = associations(counts, 0.05)
    assert found.loc["portrait", ["genres", "covers", "seen"]].tolist() == [4, 3999, 1562]
    assert pd.isna(found.loc["abstract", "significant"])
    # As 0 the missing genre would make the association nearly three times as strong.
    assert found.loc["portrait", "cramers_v"] < 0.11
    assert "| portrait | 378 | - | 450 | 409 | 325 |" in markdown(counts).splitlines()
