"""The drawn covers: same bytes every time, every file format, the label where it is said to be."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scraping.procedural import GENRES, VARIANTS, disco, electronic, folk, hard_rock, rap
from scraping.procedural import __main__ as command
from scraping.procedural import catalogue as catalogue_module
from scraping.procedural.advisory import draw_advisory_label, paste_advisory_label
from scraping.procedural.canvas import Canvas
from scraping.procedural.catalogue import generate_catalogue, plan_albums
from scraping.procedural.covers import draw_cover

ALBUMS = 70
BROKEN = 3


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "albums.csv").open(encoding="utf-8", newline="") as listing:
        return list(csv.DictReader(listing))


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _cover(genre: str, seed: int, size: int = 300) -> Image.Image:
    rng = np.random.default_rng(seed)
    return draw_cover(genre, 2012, "Mizz Obsidian", "Señor Höyer Åkerlid", rng, size)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "catalogue"
    generate_catalogue(folder, albums=ALBUMS, seed=3, broken=BROKEN)
    return folder


@pytest.mark.parametrize("genre", GENRES)
def test_cover_is_square_rgb_and_repeats_for_the_same_generator(genre: str) -> None:
    first = _cover(genre, 5, 120)
    assert (first.mode, first.size) == ("RGB", (120, 120))
    assert first.tobytes() == _cover(genre, 5, 120).tobytes()
    assert first.tobytes() != _cover(genre, 6, 120).tobytes()


@pytest.mark.parametrize("size", [32, 90])
@pytest.mark.parametrize("looks", [rap, folk, hard_rock, disco, electronic])
def test_every_layout_draws_something_with_any_text(looks: Any, size: int) -> None:
    assert len(set(looks.LAYOUTS)) >= 5
    for layout in looks.LAYOUTS:
        for title in ("I", "漢字 & Øl", "A very long title that goes on, on & on (Deluxe Edition)"):
            canvas = Canvas(size, "#000000")
            layout(canvas, "The Næss Sextons", title, np.random.default_rng(1))
            pixels = np.asarray(canvas.image())
            assert pixels.shape == (size, size, 3)
            assert pixels.std() > 5


def test_genres_differ_in_light_and_colour() -> None:
    means = {
        genre: np.mean([np.asarray(_cover(genre, s, 64)).mean(axis=(0, 1)) for s in range(16)], 0)
        for genre in GENRES
    }
    assert means["folk"].mean() > means["rap"].mean() + 30
    assert means["folk"].mean() > means["hard rock"].mean() + 30
    red_over_blue = {genre: mean[0] - mean[2] for genre, mean in means.items()}
    assert red_over_blue["hard rock"] > red_over_blue["electronic"] + 15
    assert red_over_blue["electronic"] < 0


def test_drawing_rejects_what_it_cannot_draw() -> None:
    rng = np.random.default_rng(0)
    for genre, title, size in (("polka", "Glow", 300), ("disco", " ", 300), ("disco", "Glow", 31)):
        with pytest.raises(ValueError):
            draw_cover(genre, 2010, "Gigi", title, rng, size)
    for width, variant in ((60, "clean"), (7, "inverted")):
        with pytest.raises(ValueError):
            draw_advisory_label(width, rng, variant)
    with pytest.raises(ValueError):
        paste_advisory_label(Image.new("RGB", (150, 150)), rng)


@pytest.mark.parametrize("width", [60, 200])
@pytest.mark.parametrize("variant", VARIANTS)
def test_label_has_the_bands_of_a_parental_advisory_plate(variant: str, width: int) -> None:
    label = draw_advisory_label(width, np.random.default_rng(2), variant)
    assert label.mode == "RGBA" and label.width == width
    assert 1.5 < label.width / label.height < 1.7
    grey = np.asarray(label.convert("L"), float)
    # Just inside the side edges there is no type: only the colour of each band.
    side = grey[:, round(width * 0.035)] / 255
    top, middle, bottom = (side[round(len(side) * at)] for at in (0.15, 0.5, 0.87))
    if variant == "inverted":
        top, middle, bottom = 1 - top, 1 - middle, 1 - bottom
    assert top < 0.35 and bottom < 0.35 and middle > 0.65
    assert grey.std() > 80


@pytest.mark.parametrize("measures", [(300, 300), (200, 180), (299, 301)])
def test_pasting_changes_the_box_and_nothing_else(measures: tuple[int, int]) -> None:
    # A ground that the plate, which is grey, cannot match anywhere.
    cover = Image.new("RGB", measures, (200, 30, 90))
    for seed in range(12):
        variant = VARIANTS[seed % len(VARIANTS)]
        pasted, box = paste_advisory_label(cover, np.random.default_rng(seed), variant)
        assert pasted.size == measures and pasted.mode == "RGB"
        assert 0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1
        changed = np.any(np.asarray(pasted) != np.asarray(cover), axis=2)
        width, height = measures
        inside = np.zeros_like(changed)
        left, right = round(box[0] * width), round(box[2] * width)
        top, bottom = round(box[1] * height), round(box[3] * height)
        inside[top:bottom, left:right] = True
        assert np.array_equal(changed, inside)


def test_label_sizes_and_places_follow_real_sleeves() -> None:
    rng, cover = np.random.default_rng(4), Image.new("RGB", (300, 300))
    boxes = np.array([paste_advisory_label(cover, rng)[1] for _ in range(250)])
    widths = boxes[:, 2] - boxes[:, 0]
    assert widths.min() >= 0.05 and widths.max() <= 0.26
    assert 0.12 < np.median(widths) < 0.16
    low = boxes[:, 1] >= 2 / 3
    assert 0.85 < low.mean() < 0.95
    cornered = low & ((boxes[:, 0] <= 0.06) | (boxes[:, 2] >= 0.94))
    assert cornered.mean() > 0.6


def test_plan_spreads_albums_over_genres_and_years() -> None:
    albums = plan_albums(albums=400, seed=11)
    assert Counter(album.genre for album in albums) == dict.fromkeys(GENRES, 80)
    years = Counter(album.drawn_year for album in albums)
    assert set(years) == set(range(2000, 2023))
    assert min(years.values()) >= 15 and max(years.values()) <= 20
    undated = [album.year for album in albums if not album.year.isdigit()]
    assert sorted(undated) == ["", "", "19xx"]


def test_plan_labels_half_of_rap_and_few_others() -> None:
    albums = plan_albums(albums=1000, seed=11)
    rap_share = np.mean([a.label is not None for a in albums if a.genre == "rap"])
    other_share = np.mean([a.label is not None for a in albums if a.genre != "rap"])
    assert 0.45 <= rap_share <= 0.55
    assert 0.005 <= other_share <= 0.015


def test_catalogue_rejects_arguments_without_sense(tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [{"albums": 0}, {"broken": -1}, {"seed": -1}]
    wrong += [{"genres": genres} for genres in (("polka",), (), ("rap", "rap"))]
    for arguments in [*wrong, {"first_year": 2010, "last_year": 2009}]:
        with pytest.raises(ValueError):
            generate_catalogue(tmp_path / "new", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_list_names_every_file_and_counts_genres(catalogue: Path) -> None:
    assert (catalogue / "albums.csv").read_bytes().startswith(b"file,artist,title,year,genre\n")
    rows = _rows(catalogue)
    assert len(rows) == ALBUMS + BROKEN
    assert Counter(row["genre"] for row in rows[:ALBUMS]) == dict.fromkeys(GENRES, ALBUMS // 5)
    listed = [row["file"] for row in rows]
    on_disk = [str(f.relative_to(catalogue)) for f in (catalogue / "covers").iterdir()]
    assert sorted(listed) == sorted(on_disk)
    assert all(file.startswith("covers/") and file.isascii() for file in listed)
    assert all(row["artist"] and row["title"] for row in rows)
    assert any(not (row["artist"] + row["title"]).isascii() for row in rows)
    assert sorted(row["year"] for row in rows if not row["year"].isdigit()) == ["", "", "19xx"]


def test_sound_covers_decode_and_bring_every_format(catalogue: Path) -> None:
    seen: set[str] = set()
    sizes: Counter[tuple[int, int]] = Counter()
    progressive = 0
    for path in (catalogue / row["file"] for row in _rows(catalogue)[:ALBUMS]):
        with Image.open(path) as image:
            image.load()
            seen.add(f"{image.format} {image.mode} {path.suffix}")
            sizes[image.size] += 1
            progressive += bool(image.info.get("progressive"))
            if image.mode == "I;16":
                assert np.asarray(image).max() > 4096
            if image.mode == "RGBA":
                assert image.getextrema()[3] == (0, 255)
    jpegs = {"JPEG RGB .jpg", "JPEG RGB .png", "JPEG L .jpg", "JPEG CMYK .jpg"}
    pngs = {"PNG RGB .png", "PNG P .png", "PNG RGBA .png", "PNG I;16 .png"}
    assert seen == {*jpegs, *pngs, "WEBP RGB .webp"}
    assert {(200, 180), (640, 640), (500, 500), (1000, 1000), (299, 301)} <= set(sizes)
    assert sizes[(300, 300)] > ALBUMS * 0.7 and progressive >= 1
    # 15 MB for 400 albums is what a demonstration may take.
    assert sum(f.stat().st_size for f in catalogue.rglob("*.*")) < 15e6 * ALBUMS / 400


def test_broken_files_cycle_and_do_not_decode(catalogue: Path) -> None:
    contents = [(catalogue / row["file"]).read_bytes() for row in _rows(catalogue)[ALBUMS:]]
    assert contents[0].startswith(b"\xff\xd8") and not contents[0].endswith(b"\xff\xd9")
    assert contents[1].startswith(b"<!DOCTYPE html>")
    assert contents[2] == b""
    for row in _rows(catalogue)[ALBUMS:]:
        with pytest.raises(OSError), Image.open(catalogue / row["file"]) as image:
            image.load()


def test_reissues_share_bytes_but_not_name_title_or_year(catalogue: Path) -> None:
    groups: dict[str, list[dict[str, str]]] = {}
    for row in _rows(catalogue)[:ALBUMS]:
        digest = hashlib.sha256((catalogue / row["file"]).read_bytes()).hexdigest()
        groups.setdefault(digest, []).append(row)
    (shared,) = [rows for rows in groups.values() if len(rows) > 1]
    values = {column: {row[column] for row in shared} for column in shared[0]}
    assert len(values["file"]) == len(values["title"]) == len(values["year"]) == 2
    assert len(values["genre"]) == len(values["artist"]) == 1


def test_only_the_planned_albums_carry_the_label(
    catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlabelled(cover: Image.Image, *_: object) -> tuple[Image.Image, None]:
        return cover, None

    monkeypatch.setattr(catalogue_module, "paste_advisory_label", unlabelled)
    generate_catalogue(tmp_path / "bare", albums=ALBUMS, seed=3, broken=BROKEN)
    before, after = _digests(catalogue), _digests(tmp_path / "bare")
    differing = {file for file in before if before[file] != after[file]}
    planned = plan_albums(albums=ALBUMS, seed=3)
    assert differing == {album.file for album in planned if album.label is not None}
    rap_files = {album.file for album in planned if album.genre == "rap"}
    assert 6 <= len(differing & rap_files) <= 8
    assert 1 <= len(differing - rap_files) <= 2


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        generate_catalogue(tmp_path / name, albums=20, seed=seed, broken=1)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")
    assert _digests(tmp_path / "one") != _digests(tmp_path / "other")


def test_refuses_a_folder_in_use_and_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    for taken in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(FileExistsError):
            generate_catalogue(taken, albums=2)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep"


def test_takes_an_empty_folder_and_a_missing_parent(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    generate_catalogue(tmp_path / "empty", albums=2, broken=0, genres=("disco",))
    generate_catalogue(tmp_path / "new" / "deep", albums=2, broken=0, genres=("disco",))
    assert {row["genre"] for row in _rows(tmp_path / "empty")} == {"disco"}
    assert _digests(tmp_path / "empty") == _digests(tmp_path / "new" / "deep")


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_stopped_run_leaves_nothing_behind(
    failure: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def failing(*arguments: Any) -> Image.Image:
        drawn.append(1)
        if len(drawn) == 4:
            # Proof that files were being written by then, and not under the final name.
            assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 3
            assert not (tmp_path / "catalogue").exists()
            raise failure("stopped")
        return draw_cover(*arguments)

    monkeypatch.setattr(catalogue_module, "draw_cover", failing)
    with pytest.raises(failure):
        generate_catalogue(tmp_path / "catalogue", albums=8)
    assert list(tmp_path.iterdir()) == []


def test_command_line_writes_and_tells_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tmp_path / "out"), "--albums", "5", "--seed", "1", "--broken", "2"]
    assert command.main(arguments) == 0
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and "5 covers" in told and "2 broken" in told
    assert len(_rows(tmp_path / "out")) == 7
    assert command.main(arguments) == 2
    assert "not an empty folder" in capsys.readouterr().err
