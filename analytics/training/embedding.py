"""Make the packaged embedding from the wordllama distribution (needs ``pip install eventlore[train]``).

python -m analytics.training.embedding
"""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np

__all__ = ["main"]

PACKAGED = Path(__file__).parents[1] / "pretrained" / "embedding.npz"


def main(target: Path = PACKAGED) -> None:
    """Round wordllama's vectors to eight bits, a scale for each piece, and write them with the pieces.

    Raises:
        ModuleNotFoundError: wordllama or safetensors is not installed.
    """
    from safetensors.numpy import load_file

    spec = find_spec("wordllama")  # its import would set logging up and ask for more than the two files
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("wordllama is not installed: pip install 'eventlore[train]'")
    home = Path(spec.origin).parent
    (vectors,) = load_file(home / "weights" / "l2_supercat_256.safetensors").values()
    vocabulary = json.loads((home / "tokenizers" / "l2_supercat_tokenizer_config.json").read_text("utf-8"))["model"][
        "vocab"
    ]
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    scales = (np.abs(vectors.astype(np.float32)).max(axis=1) / 127).astype(np.float16)
    scales[scales == 0] = 1
    values = np.rint(vectors / scales[:, None].astype(np.float32)).clip(-127, 127).astype(np.int8)
    names = np.frombuffer("\0".join(pieces).encode(), np.uint8)
    np.savez_compressed(target, pieces=names, values=values, scales=scales)


if __name__ == "__main__":
    main()
