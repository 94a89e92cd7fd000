"""Pack VADER's rated words: ``python -m analytics.training.style_valence`` (needs the distribution vaderSentiment)."""

from importlib.metadata import files
from pathlib import Path

import numpy as np

from analytics.text import hash_phrases

__all__ = ["main"]

PACKAGED = Path(__file__).parents[1] / "pretrained" / "style_valence.npz"
_LONGEST = 3
"""Tokens: longer emoticons are rare, and looking for them costs time."""


def main(target: Path = PACKAGED) -> None:
    """Write the hash of every rated word and emoticon with its mean rating, -4 to 4.

    Raises:
        PackageNotFoundError: vaderSentiment is not installed.
        FileNotFoundError: it has no lexicon.
    """
    found = [path for path in files("vaderSentiment") or [] if path.name == "vader_lexicon.txt"]
    if not found:
        raise FileNotFoundError("vaderSentiment came without vader_lexicon.txt")
    rows = [line.split("\t") for line in Path(found[0].locate()).read_text("utf-8").splitlines() if line.strip()]
    length, hashes = hash_phrases([row[0] for row in rows])
    ratings = np.array([float(row[1]) for row in rows], dtype=np.float32)
    use = (length > 0) & (length <= _LONGEST)
    keys, first = np.unique(hashes[use], return_index=True)
    np.savez_compressed(target, keys=keys, valence=ratings[use][first], longest=np.array(_LONGEST))


if __name__ == "__main__":
    main()
