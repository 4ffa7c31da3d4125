"""A folder as a catalogue: which files are albums, what a CSV says about them, what is refused."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from covergenre.errors import CatalogueError
from scraping.folder import Item, Listing, list_folder
from tests.covers import noise

JPEG = b"\xff\xd8\xff\xe0 only the first bytes matter here"


def _fill(folder: Path, *names: str, table: str | None = None) -> Path:
    """Files that start like a JPEG, and albums.csv."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG)
    if table is not None:
        folder.mkdir(exist_ok=True)
        (folder / "albums.csv").write_text(table, encoding="utf-8")
    return folder


def _genres(listing: Listing) -> dict[str, str | None]:
    return {item.album_id: item.genre for item in listing.items}


def _only(listing: Listing) -> Item:
    (item,) = listing.items
    return item


# Folders without a CSV.


def test_first_folder_names_the_genre(tmp_path: Path) -> None:
    _fill(tmp_path, "rap/a.jpg", "rap/2004/deep/b.PNG", "Hard Rock/c.webp", "top.jpeg")
    listing = list_folder(tmp_path)
    assert _genres(listing) == {
        "rap/a.jpg": "rap",
        "rap/2004/deep/b.PNG": "rap",
        "Hard Rock/c.webp": "Hard Rock",
        "top.jpeg": None,
    }
    assert all(
        item.artist is item.title is item.year is item.reason is None for item in listing.items
    )


def test_item_knows_its_file(tmp_path: Path) -> None:
    file = _fill(tmp_path, "rap/a.jpg") / "rap/a.jpg"
    os.utime(file, ns=(5, 1_700_000_000_123_456_789))
    item = _only(list_folder(tmp_path))
    assert item.path == os.fsencode(file)
    assert item.etag == f"{len(JPEG)}-1700000000123456789"


def test_etag_tells_a_changed_file(tmp_path: Path) -> None:
    file = _fill(tmp_path, "a.jpg") / "a.jpg"
    before = _only(list_folder(tmp_path)).etag
    assert _only(list_folder(tmp_path)).etag == before
    file.write_bytes(JPEG + b"!")
    assert _only(list_folder(tmp_path)).etag != before


def test_other_files_are_counted_and_hidden_ones_are_not_seen(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg", ".hidden.jpg", ".git/b.jpg", "rap/.cache/c.jpg")
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "rap/Thumbs.db").write_bytes(b"\x00\x01")
    listing = list_folder(tmp_path)
    assert _genres(listing) == {"a.jpg": None}
    assert listing.ignored == 2


def test_image_without_an_extension_is_found_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "cover").write_bytes(noise(1))
    (tmp_path / "cover.bak").write_bytes(noise(2))
    (tmp_path / "README").write_text("no image")
    (tmp_path / "empty").write_bytes(b"")
    listing = list_folder(tmp_path)
    assert [item.album_id for item in listing.items] == ["cover", "cover.bak"]
    assert listing.ignored == 2


def test_file_called_an_image_is_an_album_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_bytes(b"<!DOCTYPE html>")
    (tmp_path / "empty.png").write_bytes(b"")
    assert set(_genres(list_folder(tmp_path))) == {"page.jpg", "empty.png"}


@pytest.mark.parametrize(
    "name", ["a cover.jpg", " lead.jpg", "new\nline.jpg", "tab\t.jpg", "漢字 Ünï.jpg", "a#b%20.jpg"]
)
def test_names_come_through_as_they_are(tmp_path: Path, name: str) -> None:
    _fill(tmp_path, f"hip hop/{name}")
    item = _only(list_folder(tmp_path))
    assert (item.album_id, item.genre) == (f"hip hop/{name}", "hip hop")
    assert Path(os.fsdecode(item.path or b"")).read_bytes() == JPEG


def test_name_that_is_no_unicode_is_kept(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    os.mkdir(path)
    with open(os.path.join(path, b"\xff.jpg"), "wb") as file:
        file.write(JPEG)
    item = _only(list_folder(tmp_path))
    assert item.path == os.path.join(path, b"\xff.jpg")
    assert (item.album_id, item.genre) == ("caf\\xe9/\\xff.jpg", "caf\\xe9")
    item.album_id.encode("utf-8")


def test_order_is_by_name(tmp_path: Path) -> None:
    _fill(tmp_path, "b.jpg", "a.jpg", "z/a.jpg", "B.jpg")
    ids = [item.album_id for item in list_folder(tmp_path).items]
    assert ids == ["B.jpg", "a.jpg", "b.jpg", "z/a.jpg"]


@pytest.mark.parametrize("names", [[], ["notes.txt", "rap/list.pdf"]])
def test_folder_without_images_says_what_it_holds(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    with pytest.raises(CatalogueError, match=rf"{tmp_path} holds no images \({len(names)} other"):
        list_folder(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg")
    for path in (tmp_path / "a.jpg", tmp_path / "none"):
        with pytest.raises(CatalogueError, match="is not a folder"):
            list_folder(path)


# Links and pipes.


def test_links_are_followed_once(tmp_path: Path) -> None:
    catalogue, outside = tmp_path / "catalogue", tmp_path / "outside"
    _fill(catalogue, "rap/a.jpg")
    _fill(outside, "b.jpg")
    (catalogue / "rap/loop").symlink_to(catalogue)
    (catalogue / "rap/self").symlink_to(".")
    (catalogue / "disco").symlink_to(outside)
    (catalogue / "folk.jpg").symlink_to(outside / "b.jpg")
    listing = list_folder(catalogue)
    assert _genres(listing) == {"rap/a.jpg": "rap", "disco/b.jpg": "disco", "folk.jpg": None}


def test_dangling_links_do_not_stop_the_listing(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "round.jpg").symlink_to("round.jpg")
    listing = list_folder(tmp_path)
    etags = {item.album_id: item.etag for item in listing.items}
    assert etags["gone.jpg"] == etags["round.jpg"] == "unreadable"
    assert len(etags) == 3 and listing.ignored == 1


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "x.jpg")
    os.mkfifo(tmp_path / "pipe")
    listing = list_folder(tmp_path)
    # By its name it should be a cover, so it is to be told of; the other is none.
    assert set(_genres(listing)) == {"a.jpg", "x.jpg"}
    assert listing.ignored == 1


# CSVs.


@pytest.mark.parametrize(
    "table",
    [
        "file,artist,title,year,genre\ncovers/a.jpg,Zoë,Glow,1999,Rap\n",
        "path,artist,album,release_year,genre\ncovers/a.jpg,Zoë,Glow,1999,Rap\n",
        "filename,artist,title,year,genre\r\ncovers/a.jpg,Zoë,Glow,1999,Rap\r\n",
        "image,artist,title,year,genre\ncovers/a.jpg,Zoë,Glow,1999,Rap",
        "\ufefffile,artist,title,year,genre\ncovers/a.jpg,Zoë,Glow,1999,Rap\n",
        " File , ARTIST,Title,Year,Genre,label\n covers/a.jpg , Zoë,Glow, 1999,Rap ,Island\n",
        'genre,year,"title",artist,file\n\nRap,1999,"Glow","Zoë","covers/a.jpg"\n,,,,\n',
        "file,artist,title,year,genre\n./covers/../covers//a.jpg,Zoë,Glow,1999,Rap\n",
    ],
)
def test_row_names_the_album(tmp_path: Path, table: str) -> None:
    _fill(tmp_path, "covers/a.jpg", table=table)
    item = _only(list_folder(tmp_path))
    assert item.album_id == "covers/a.jpg"
    assert item.path == os.fsencode(tmp_path / "covers/a.jpg")
    assert (item.artist, item.title, item.year, item.genre) == ("Zoë", "Glow", "1999", "Rap")
    assert item.reason is item.detail is None


def test_our_name_of_a_column_wins_over_its_aliases(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg", table="path,file,album,title\nwrong.jpg,a.jpg,Wrong,Right\n")
    item = _only(list_folder(tmp_path))
    assert (item.album_id, item.title) == ("a.jpg", "Right")


def test_cells_not_given_are_none(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg", "b.jpg", table="file,artist,title\na.jpg\nb.jpg, ,x,more,cells\n")
    first, second = list_folder(tmp_path).items
    assert (first.artist, first.title, first.genre, first.year) == (None,) * 4
    assert (second.artist, second.title) == (None, "x")


def test_quoted_cells_may_hold_commas_and_lines(tmp_path: Path) -> None:
    _fill(tmp_path, "a, b.jpg", table='file,title\n"a, b.jpg","Two\nlines, ""quoted"""\n')
    item = _only(list_folder(tmp_path))
    assert (item.album_id, item.title) == ("a, b.jpg", 'Two\nlines, "quoted"')


def test_images_without_a_row_are_albums_without_facts(tmp_path: Path) -> None:
    _fill(tmp_path, "rap/a.jpg", "rap/b.jpg", table="file,genre\nrap/a.jpg,folk\n")
    (tmp_path / "notes.txt").write_text("notes")
    listing = list_folder(tmp_path)
    # With a CSV a folder's name is no genre.
    assert _genres(listing) == {"rap/a.jpg": "folk", "rap/b.jpg": None}
    assert listing.ignored == 1


def test_row_may_name_a_file_that_does_not_look_like_an_image(tmp_path: Path) -> None:
    _fill(tmp_path, table="file\nscan.dat\n.hidden.jpg\n")
    (tmp_path / "scan.dat").write_bytes(b"????")
    (tmp_path / ".hidden.jpg").write_bytes(JPEG)
    listing = list_folder(tmp_path)
    assert [(item.album_id, item.reason) for item in listing.items] == [
        ("scan.dat", None),
        (".hidden.jpg", None),
    ]
    assert listing.items[0].etag is not None


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "a/../../secret.jpg", ".."])
def test_file_outside_the_folder_is_not_read(tmp_path: Path, name: str) -> None:
    _fill(tmp_path, "secret.jpg")
    _fill(tmp_path / "catalogue", table=f"file,title\n{name},x\n")
    item = _only(list_folder(tmp_path / "catalogue"))
    assert (item.reason, item.detail, item.title) == ("outside_folder", name, "x")
    assert item.path is item.etag is None


@pytest.mark.parametrize(
    "name", ["gone.jpg", "sub/gone.jpg", "sub", ".", "x" * 5000, "nul\x00.jpg"]
)
def test_missing_file_is_an_album_with_a_reason(tmp_path: Path, name: str) -> None:
    _fill(tmp_path, "sub/here.jpg", table=f"file,artist\n{name},Gigi\n")
    item = list_folder(tmp_path).items[0]
    assert (item.album_id, item.reason, item.detail) == (name, "missing_file", name)
    assert item.path is item.etag is None
    assert item.artist == "Gigi"


def test_rows_that_share_a_file_have_ids_of_their_own(tmp_path: Path) -> None:
    rows = ["a.jpg,Gigi,Glow", "a.jpg,Gigi,Gleam", "a.jpg,Gigi,Glow", "b.jpg,Zoë,Glow", "./a.jpg,,"]
    _fill(tmp_path, "a.jpg", "b.jpg")
    seen = set()
    for seed in range(6):
        random.Random(seed).shuffle(rows)
        (tmp_path / "albums.csv").write_text("\n".join(["file,artist,title", *rows]))
        items = list_folder(tmp_path).items
        assert len({item.album_id for item in items}) == 5
        assert all(item.album_id.startswith("a.jpg#") for item in items if item.artist != "Zoë")
        seen.add(frozenset((item.album_id, item.artist, item.title) for item in items))
    # The same ids with the same facts, in whatever order the rows come.
    assert len(seen) == 1


def test_id_of_a_shared_file_does_not_depend_on_the_other_rows(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg", table="file,title\na.jpg,x\na.jpg,y\n")
    first = {item.title: item.album_id for item in list_folder(tmp_path).items}
    _fill(tmp_path, table="file,title\na.jpg,z\na.jpg,x\n")
    second = {item.title: item.album_id for item in list_folder(tmp_path).items}
    assert first["x"] == second["x"]
    assert len({*first.values(), *second.values()}) == 3


def test_missing_file_named_twice_has_two_ids(tmp_path: Path) -> None:
    _fill(tmp_path, table="file,title\ngone.jpg,x\ngone.jpg,y\n../out.jpg,x\n../out.jpg,y\n")
    assert len({item.album_id for item in list_folder(tmp_path).items}) == 4


# Which CSV.


def test_only_csv_is_the_table(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg")
    (tmp_path / "my list.csv").write_text("file,title\na.jpg,x\n")
    (tmp_path / ".old.csv").write_text("wrong")
    assert _only(list_folder(tmp_path)).title == "x"


def test_albums_csv_wins_over_others(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg", table="file,title\na.jpg,x\n")
    (tmp_path / "aaa.csv").write_text("file,title\na.jpg,wrong\n")
    listing = list_folder(tmp_path)
    assert _only(listing).title == "x"
    assert listing.ignored == 1


def test_several_csvs_are_refused_until_one_is_named(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg")
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(f"file,title\na.jpg,{name}\n")
    with pytest.raises(CatalogueError, match=r"several CSVs \(one.csv, two.csv\).*--csv"):
        list_folder(tmp_path)
    assert _only(list_folder(tmp_path, tmp_path / "two.csv")).title == "two"


def test_table_may_lie_elsewhere(tmp_path: Path) -> None:
    covers = _fill(tmp_path / "covers", "a.jpg")
    (tmp_path / "list.csv").write_text("file,title\na.jpg,x\n")
    listing = list_folder(covers, tmp_path / "list.csv")
    assert (_only(listing).title, listing.ignored) == ("x", 0)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"title,artist\nx,y\n", "no column `file` \\(it has: title, artist\\)"),
        (b"file;title\na.jpg;x\n", "no column `file` \\(it has: file;title\\)"),
        (b"", "no column `file` \\(it has: none\\)"),
        (b"file,artist\na.jpg,Zo\xeb\n", "is not UTF-8 \\(byte 20\\): save it as UTF-8"),
        (b"file\n" + b"a.jpg\n" * 5000 + b"\xeb.jpg", "is not UTF-8 \\(byte 30005\\)"),
        (b"\xff\xfef\x00i\x00l\x00e\x00", "is not UTF-8 \\(byte 0\\)"),
        (b"file,title\na.jpg,x\n,y\n", "line 3: no file is named"),
        (b'file,title\na.jpg,x\na.jpg,"x" y\n', "line 3 is not CSV"),
        (b'file,title\na.jpg,"never closed\n', "is not CSV"),
    ],
)
def test_bad_table_says_what_to_change(tmp_path: Path, table: bytes, said: str) -> None:
    _fill(tmp_path, "a.jpg")
    (tmp_path / "albums.csv").write_bytes(table)
    with pytest.raises(CatalogueError, match=said) as raised:
        list_folder(tmp_path)
    assert "albums.csv" in str(raised.value)


def test_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg")
    with pytest.raises(CatalogueError, match=r"none\.csv cannot be read: No such file"):
        list_folder(tmp_path, tmp_path / "none.csv")


def test_table_without_rows_leaves_the_images(tmp_path: Path) -> None:
    _fill(tmp_path, "rap/a.jpg", table="file,title\n")
    assert _genres(list_folder(tmp_path)) == {"rap/a.jpg": None}
