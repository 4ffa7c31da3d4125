"""Invented artists and album titles, plausible for each genre and none of them real acts."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator


@dataclass(frozen=True)
class _Words:
    """Vocabulary of one genre; patterns take {a} and {b} from the two lists beside them."""

    artists: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    titles: tuple[str, ...]
    fresh: tuple[str, ...]
    things: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split("|"))


_WORDS = {
    "rap": _Words(
        _words("{a} {b}|{a} {b}|{b} Boulevard Clique|{a} {b} & the {b} Twins"),
        _words("Kid|Big|Donny|Mizz|Deuce|Niño|Tay|Zoé|Duke|Señor|Marlo|Queenie|Uncle|Jörg"),
        _words(
            "Marrow|Tallow|Vex|Obsidian|Ledger|Quarry|Pylon|Tarmac|Gravel|Ormolu|Sprocket|Bélair"
        ),
        _words("{a} {b}|{a} {b}|{b}|No {b} in {a}|{b}, {b} & {b}|The {a} {b} Tape|{a} {b} Vol. 2"),
        _words("Concrete|Southgate|Corner|Midnight|Payphone|Northside|Gold|Block|Summer|Stairwell"),
        _words("Kings|Law|Teeth|Paper|Sleep|Hustle|Receipts|Crowns|Smoke|Témoin|Mercy|Debts|Zéro"),
    ),
    "folk": _Words(
        _words("{a} {b}|{a} {b}|The {b} Ferrymen|{a} & the Barley Sextons|The {b} Hay Band"),
        _words("Elin|Tom|Maren|Aoife|Silas|Hedda|Jonah|Brónach|Wendel|Käthe|Agnes|Ezra|Solveig"),
        _words(
            "Ravnsborg|Wexley-Moor|Thornaby|Åkerlid|Fennimoor|Haldersby|Quillane|Drüsedal|Oakenfell"
        ),
        _words(
            "The {a} {b}|{a} {b}|Songs from the {b}|{b} & {b}|Letters to the {b}|{a} Is the {b}"
        ),
        _words("Long|Quiet|Barley|Winter|Hollow|Salt|Old|Slow|Northern|Kindling|Señora's|Wren's"),
        _words("Meadow|Hearth|River|Orchard|Fjäll|Lantern|Harvest|Gate|Ferry|Thistle|Valley|Wool"),
    ),
    "hard rock": _Words(
        _words("{a}{b}|{a}{b}|{a}{b}|The {a}{b}s"),
        _words("Gräv|Rust|Stürm|Wulf|Thorn|Widow|Gallow|Brimstone|Götter|Cobalt|Vulture|Crüel"),
        _words("lock|anvil|hatchet|piston|jaw|mörk|throttle|gauntlet|vandal|reaver"),
        _words("{a} {b}|{b} of {b}|{a} {b}|{b} on the {a} Road|Long Live {b}|{a} {b} Rising"),
        _words("Iron|Blood|Thunder|Burning|Diesel|Savage|Black|Hell's|Outlaw|Chrome|Loud"),
        _words("Hammer|Würm|Ash|Wreckage|Sinners|Anvil|Venom|Voltage|Riders|Gasoline|Höllenfahrt"),
    ),
    "disco": _Words(
        _words("{a} {b}|{a} {b}|The {b} Set|{a} & the {b} Sisters|{b} Express Orchestra"),
        _words(
            "Roxanne|Marcello|Chérie|Gigi|Rocco|Ramón|Josette|Delphine|Tito|Lulu|Anaïs|Valentino"
        ),
        _words(
            "Delight|Fizz|Spangle|Velour|Lamé|Sequin|Tangerine|Lumière|Rendezvous|Martinelli-Blush"
        ),
        _words("{a} {b}|{a} {b}|Dancing on {b}|{b}, {b}!|{a} {b} Forever|Le {b}|{b} Avenue 79"),
        _words("Saturday|Midnight|Velvet|Electric|Sugar|Glitter|Boogie|Crystal|Sunday|Satin"),
        _words(
            "Glow|Fièvre|Mirrors|Fever|Fantasy|Sparkle|Nights|Lovers|Paradise|Satellite|Corazón"
        ),
    ),
    "electronic": _Words(
        _words("{a} {b}|{a} {b}|{a}|{a}.{b}"),
        _words(
            "Nadirol|Vektorin|Kosinett|Halidex|Ōtomi|Größenau|Tesserin|Perihelin|Ymir-9|Lumenau|Mikróne"
        ),
        _words("Loop|Index|Array|Lattice|Null|Field|Method|Øre|Static|Protokoll|Cluster"),
        _words("{a} {b}|{a}|{b} {n}|{a}/{b}|{b} ({a} Mix)|{a} {b} {n}"),
        _words("Null|Phase|Signal|Soft|Übergang|Carbon|Parallel|Slow|Infra|Monochrome|Zero"),
        _words("State|Drift|Noise|Machines|Memory|Latitude|Circuits|Gradient|Kilohertz|Röntgen"),
    ),
}


def _pick(words: tuple[str, ...], rng: Generator) -> str:
    return words[rng.integers(len(words))]


def _filled(pattern: str, first: tuple[str, ...], second: tuple[str, ...], rng: Generator) -> str:
    """Replace the pattern's places one at a time, so that a word comes back only by chance."""
    text = pattern
    while "{a}" in text:
        text = text.replace("{a}", _pick(first, rng), 1)
    while "{b}" in text:
        text = text.replace("{b}", _pick(second, rng), 1)
    return text.replace("{n}", f"{rng.integers(1, 100):02d}")


def artist_name(genre: str, rng: Generator) -> str:
    """Invented artist of a genre. Raises KeyError for a genre without a vocabulary."""
    words = _WORDS[genre]
    name = _filled(_pick(words.artists, rng), words.first, words.last, rng)
    return name[0].upper() + name[1:]


def album_title(genre: str, rng: Generator) -> str:
    """Invented album title of a genre. Raises KeyError for a genre without a vocabulary."""
    words = _WORDS[genre]
    return _filled(_pick(words.titles, rng), words.fresh, words.things, rng)


def reissue_title(title: str, rng: Generator) -> str:
    """Title under which an album comes out again."""
    suffixes = ("(Deluxe Edition)", "(Remastered)", "[Expanded]", "(10th Anniversary Edition)")
    return f"{title} {_pick(suffixes, rng)}"
