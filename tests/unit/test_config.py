"""Settings: what the defaults mean, what may replace them, and what is said of a wrong one."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from covergenre.config import Catalogue, Settings, load
from covergenre.errors import SettingError
from covergenre.images import Limits


def _catalogue(**changes: Any) -> Catalogue:
    given = {"first_year": 1900, "last_year": 2030, "genre_aliases": {}, **changes}
    return Catalogue(default="data", demo_albums=1, **given)


def _value(settings: Settings, key: str) -> Any:
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)


# Years and genres.


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1999", 1999),
        (" 1999\n", 1999),
        (1999, 1999),
        (1999.0, 1999),
        ("1999.0", 1999),
        ("1999-05", 1999),
        ("1999-05-21", 1999),
        ("1900", 1900),
        ("2030", 2030),
        ("1899", None),
        ("2031", None),
        ("3021", None),
        ("0", None),
        (0, None),
        ("19xx", None),
        ("", None),
        (None, None),
        ("unknown", None),
        ("99", None),
        ("199", None),
        ("19990", None),
        ("-1999", None),
        ("1999.5", None),
        ("1999-5", None),
        ("1999/05/21", None),
        ("1999 (reissue)", None),
        ("٢٠٠٤", None),
        (float("nan"), None),
    ],
)
def test_year(text: Any, year: int | None) -> None:
    assert _catalogue().year(text) == year


def test_last_year_is_next_year_by_default() -> None:
    this_year = datetime.datetime.now(datetime.UTC).year
    catalogue = _catalogue(last_year=None)
    assert catalogue.year(this_year + 1) == this_year + 1
    assert catalogue.year(this_year + 3) is None


@pytest.mark.parametrize(
    ("name", "genre"),
    [
        ("rap", "rap"),
        ("  Hip-Hop ", "rap"),
        ("HIPHOP", "rap"),
        ("Rock", "hard rock"),
        ("hard rock", "hard rock"),
        ("Electro", "electronic"),
        ("Polka", "polka"),
        ("", None),
        ("   ", None),
        (None, None),
    ],
)
def test_genre_is_under_the_name_the_models_use(name: str | None, genre: str | None) -> None:
    assert load().catalogue.genre(name) == genre


def test_aliases_are_compared_without_case_and_spaces() -> None:
    catalogue = _catalogue(genre_aliases={" Doom Metal ": " Hard Rock"})
    assert catalogue.genre("doom METAL") == "hard rock"


# Defaults, overlay, assignments.


def test_defaults_are_those_of_the_commented_file() -> None:
    settings = load()
    assert settings.images.limits == Limits(67_108_864, 100_000_000, 16) == Limits()
    assert settings.train.backbone == "efficientnet_lite2"
    assert settings.catalogue.last_year is None
    assert settings.splits.test_fold != settings.splits.validation_fold


def test_overlay_changes_what_it_names_and_assignments_win(tmp_path: Path) -> None:
    overlay = tmp_path / "my.yaml"
    overlay.write_text(
        "train: {seed: 8, patience: 9}\ncatalogue:\n  genre_aliases:\n    Metal: Hard Rock\n"
    )
    settings = load(overlay, ["train.seed=10", "catalogue.genre_aliases.ska=folk"])
    assert (settings.train.seed, settings.train.patience) == (10, 9)
    assert settings.train.max_epochs == load().train.max_epochs
    names = ("metal", "ska", "electro")
    assert [settings.catalogue.genre(name) for name in names] == ["hard rock", "folk", "electronic"]


@pytest.mark.parametrize("text", ["", "# nothing but a remark\n", "{}", "train: {}"])
def test_overlay_may_change_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "my.yaml").write_text(text)
    assert load(tmp_path / "my.yaml") == load()


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().train.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("train.mirrored=false", False),
        ("train.mirrored=no", False),
        ("train.seed=-3", -3),
        ("train.seed = 12", 12),
        (" train . seed =12", 12),
        ("train.learning_rate=1e-4", 1e-4),
        ("train.learning_rate=0.001", 1e-3),
        ("train.input_size=null", None),
        ("train.input_size=224", [224]),
        ("train.input_size=[320, 224]", [320, 224]),
        ("score.bundle=", None),
        ("score.bundle=models/a=b", "models/a=b"),
        ('splits.salt="12"', "12"),
        ("train.backbone=~/my nets/a.keras", "~/my nets/a.keras"),
        ("catalogue.default=s3://covers/all", "s3://covers/all"),
        ("warehouse.lock_timeout_seconds=2.5", 2.5),
    ],
)
def test_assigned_value_is_read_as_yaml(assignment: str, value: Any) -> None:
    key = assignment.partition("=")[0].replace(" ", "")
    read = _value(load(assignments=[assignment]), key)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("name", ["origin", "frozen", "finetuned", "distilled"])
def test_recipes_that_come_with_the_project_are_found_from_anywhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(Path(f"conf/recipes/{name}.yaml"))
    assert settings.train.recipe == ("frozen" if name == "origin" else name)
    assert (settings.train.backbone == "resnet101") == (name == "origin")


def test_an_overlay_of_the_working_folder_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/recipes").mkdir(parents=True)
    (tmp_path / "conf/recipes/origin.yaml").write_text("train: {seed: 99}")
    settings = load(Path("conf/recipes/origin.yaml"))
    assert (settings.train.seed, settings.train.backbone) == (99, "efficientnet_lite2")
    with pytest.raises(SettingError, match=r"--config conf/recipes/none\.yaml cannot be read"):
        load(Path("conf/recipes/none.yaml"))


def test_last_assignment_wins() -> None:
    assert load(assignments=["train.seed=1", "train.seed=2"]).train.seed == 2


# Errors.


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        (
            "train.learning_rte=1",
            "unknown setting train.learning_rte; did you mean train.learning_r",
        ),
        ("train.epochs=3", "did you mean train.max_epochs?"),
        ("trian.seed=3", "unknown setting trian; did you mean train?"),
        ("images.maxpixels=3", "did you mean images.max_pixels?"),
        ("zzz=3", "unknown setting zzz; conf/base.yaml has them all"),
        ("train.seed=many", "setting train.seed: .*'many'"),
        ("train.seed=1.5", "setting train.seed: .*1.5"),
        ("train.seed=", "setting train.seed: .*None"),
        ("train.batch_size=0", "setting train.batch_size: .*greater than or equal to 1.*0"),
        ("train.feature_dropout=1", "setting train.feature_dropout: .*less than 1"),
        ("train.preprocessing=TF", "setting train.preprocessing: .*'lite', 'tf', .*'TF'"),
        ("train.input_size=31", "setting train.input_size.0: .*32"),
        ("train.input_size=[320, 160]", "setting train.input_size: .*less than twice .*160"),
        ("train.input_size=[]", "setting train.input_size: .*at least 1"),
        ("train.input_size=large", "setting train.input_size: .*'large'"),
        ("train={recipe: finetuned, input_size: [96, 64]}", "input_size: .* one number, unless"),
        ("train=5", "setting train: .*5"),
        ("train=", "setting train: .*None"),
        ("train.seed.more=5", "setting train.seed: .*more"),
        ("images.max_bytes=2000000000", "setting images.max_bytes: .*1000000000"),
        ("catalogue.genre_aliases.ska=[folk]", "setting catalogue.genre_aliases.ska: .*folk"),
        ("catalogue.genre_aliases=[folk]", "setting catalogue.genre_aliases: .*folk"),
        ("splits.test_fold=5", "setting splits: .*must be below folds"),
        ("splits.test_fold=1", "setting splits: .*must differ"),
        ("splits.folds=2", "setting splits.folds: .*3"),
        ("train.seed", "--set train.seed: write it as key.path=value"),
        ("=3", "write it as key.path=value"),
        ("train..seed=3", "write it as key.path=value"),
        ("", "write it as key.path=value"),
        ("train.seed=[1", r"--set train.seed=\[1: the value is not YAML"),
        ("train.seed={[a]: 1}", "the value is not YAML"),
        ("train.seed=2020-13-45", "the value is not YAML"),
        ("train.seed=0x_", "the value is not YAML"),
    ],
)
def test_wrong_assignment_names_its_key(assignment: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        load(assignments=[assignment])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"train:\n  seed: 3\n bad indent: [\n", "my.yaml line 3 is not YAML"),
        (b"train: {seed: 3\n", "my.yaml line 2 is not YAML"),
        (b"train: *unknown\n", "my.yaml line 1 is not YAML"),
        (b"train: \x00\n", "my.yaml is not YAML"),
        (b"train: {seed: 2020-13-45}\n", "my.yaml is not YAML"),
        (b"- train\n", "my.yaml must hold settings by name"),
        (b"seven\n", "my.yaml must hold settings by name"),
        (b"train: {backbone: \xff}\n", "my.yaml cannot be read"),
        (b"train: {sed: 3}\n", "unknown setting train.sed; did you mean train.seed?"),
        (b"train: {seed: [3]}\n", "setting train.seed: "),
        (b"train:\n", "setting train: .*None"),
        (b"5: 6\n", "setting 5: "),
    ],
)
def test_wrong_overlay_names_its_file_or_key(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "my.yaml").write_bytes(content)
    with pytest.raises(SettingError, match=said):
        load(tmp_path / "my.yaml")


def test_overlay_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(SettingError, match=f"--config {path} cannot be read"):
            load(path)
