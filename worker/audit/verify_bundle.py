"""Verify an audit bundle: ``python verify.py [FOLDER|ZIP] [--key HEX]``, or ``python BUNDLE.zip``.

This file is in every bundle, and needs nothing but Python's standard library. Hashes are SHA-256:

- an entry is the text ``seq LF digest LF stream``; its leaf is H(00 entry), where digest is H(the message's bytes),
- its chain value is H(02 previous-chain-value leaf), where the first has 32 zero bytes before it,
- the root is the Merkle tree hash of RFC 6962 over the leaves: H(01 left right),
- the signature is Ed25519 (RFC 8032) over the bytes of manifest.json.
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile
from pathlib import Path

__all__ = ["START", "leaf", "link", "main", "node", "path", "proves", "root", "signed_by", "verify"]

START = bytes(32)


def leaf(stream: str, seq: int, digest: str) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + f"{seq}\n{digest}\n{stream}".encode("utf-8", "surrogatepass")).digest()


def link(previous: bytes, entry: bytes) -> bytes:
    """The chain value of an entry: its leaf after the chain value before."""
    return hashlib.sha256(b"\x02" + previous + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _above(hashes: list[bytes]) -> list[bytes]:
    pairs = [node(hashes[n], hashes[n + 1]) for n in range(0, len(hashes) - 1, 2)]
    return pairs + hashes[len(pairs) * 2 :]


def root(hashes: list[bytes]) -> bytes:
    """The root over leaves (RFC 6962, 2.1); the last of an odd number rises as it is."""
    while len(hashes) > 1:
        hashes = _above(hashes)
    return hashes[0] if hashes else hashlib.sha256(b"").digest()


def path(index: int, hashes: list[bytes]) -> list[bytes]:
    """What proves one leaf: the siblings on the way up (RFC 6962, 2.1.1)."""
    found = []
    while len(hashes) > 1:
        if index ^ 1 < len(hashes):
            found.append(hashes[index ^ 1])
        hashes, index = _above(hashes), index // 2
    return found


def proves(siblings: list[bytes], entry: bytes, index: int, size: int, top: bytes) -> bool:
    """Whether the siblings lead from the leaf at ``index`` of ``size`` to the root."""
    if not 0 <= index < size:
        return False
    rest, last, here = list(siblings), size - 1, entry
    while last:
        if index ^ 1 <= last:
            if not rest:
                return False
            sibling = rest.pop(0)
            here = node(sibling, here) if index & 1 else node(here, sibling)
        index, last = index // 2, last // 2
    return here == top and not rest


# Ed25519, the verifying half of RFC 8032, 5.1 and 6 ----------------------------------------------------------------

_P = 2**255 - 19
_Q = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)

_Point = tuple[int, int, int, int]


def _add(a: _Point, b: _Point) -> _Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    g, h = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    result: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = _add(result, point)
        point, factor = _add(point, point), factor >> 1
    return result


def _point(data: bytes) -> "_Point | None":
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _I % _P
    if (x * x - square) % _P or (not x and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


def signed_by(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of this public key signed these bytes."""
    if len(key) != 32 or len(signature) != 64:
        return False
    owner, commitment = _point(key), _point(signature[:32])
    factor = int.from_bytes(signature[32:], "little")
    if owner is None or commitment is None or _BASE is None or factor >= _Q:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _Q
    a, b = _times(factor, _BASE), _add(commitment, _times(challenge, owner))
    return not ((a[0] * b[2] - b[0] * a[2]) % _P or (a[1] * b[2] - b[1] * a[2]) % _P)


# The bundle --------------------------------------------------------------------------------------------------------


def verify(files: "dict[str, bytes]", key: str = "") -> "list[str]":
    """Check a bundle; returns what it proves, line by line.

    Args:
        files: its files by name.
        key: the public key that must have signed it, in hexadecimal; empty: the one that it names.

    Raises:
        ValueError: something does not hold; the text says what.
    """
    try:
        manifest = json.loads(files["manifest.json"])
        public, signature = manifest["public_key"], bytes.fromhex(files["manifest.sig"].decode())
        if key and public != key.lower():
            raise ValueError(f"it is signed with another key: {public}")
        if not signed_by(bytes.fromhex(public), files["manifest.json"], signature):
            raise ValueError("the signature is not that of manifest.json")
        for name, digest in manifest["files"].items():
            if name not in files:
                raise ValueError(f"{name} is missing")
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise ValueError(f"{name} is not the file that was signed")
        chained = _chained(manifest["streams"], _lines(files, "chain.jsonl"))
        proven = _proven(manifest["streams"], _lines(files, "proofs.jsonl"))
        disclosed = _disclosed(chained | proven, _lines(files, "messages.jsonl"))
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"it is no complete bundle: {error!r}") from None
    removed = len(_lines(files, "removals.jsonl"))
    return [
        f"signed by {public}, made at {manifest['made_at']}",
        *(f"{s['stream']}: {s['entries']} entries, chain {s['chain']}, root {s['root']}" for s in manifest["streams"]),
        f"{len(chained)} entries follow the chain, {len(proven)} are proven to be in it",
        f"{disclosed} messages have the bytes that were recorded, the content of {removed} was removed",
    ]


def _lines(files: "dict[str, bytes]", name: str) -> "list[dict]":  # type: ignore[type-arg] # JSON
    return [json.loads(line) for line in files.get(name, b"").splitlines() if line]


def _chained(streams: "list[dict]", entries: "list[dict]") -> "dict[tuple[str, int], str]":  # type: ignore[type-arg]
    found: dict[tuple[str, int], str] = {}
    for stream in streams if entries else ():
        previous, before, leaves = START, 0, []
        for one in entries:
            if one["stream"] != stream["stream"]:
                continue
            name, seq, digest = one["stream"], one["seq"], one["digest"]
            leaves.append(leaf(name, seq, digest))
            previous = link(previous, leaves[-1])
            if seq <= before or previous.hex() != one["chain"]:
                raise ValueError(f"{name} {seq} does not follow from the entry before")
            found[name, seq], before = digest, seq
        if (len(leaves), previous.hex(), root(leaves).hex()) != (stream["entries"], stream["chain"], stream["root"]):
            raise ValueError(f"the entries of {stream['stream']} are not those that were signed")
    if len(found) != len(entries):
        raise ValueError("there are entries of a stream that was not signed")
    return found


def _proven(streams: "list[dict]", proofs: "list[dict]") -> "dict[tuple[str, int], str]":  # type: ignore[type-arg]
    signed = {one["stream"]: one for one in streams}
    for one in proofs:
        siblings = [bytes.fromhex(each) for each in one["path"]]
        entry = leaf(one["stream"], one["seq"], one["digest"])
        stream = signed[one["stream"]]
        if not proves(siblings, entry, one["entry"], stream["entries"], bytes.fromhex(stream["root"])):
            raise ValueError(f"the proof of {one['stream']} {one['seq']} does not lead to the signed root")
    return {(one["stream"], one["seq"]): one["digest"] for one in proofs}


def _disclosed(digests: "dict[tuple[str, int], str]", messages: "list[dict]") -> int:  # type: ignore[type-arg]
    for one in messages:
        digest = hashlib.sha256(base64.b64decode(one["data"])).hexdigest()
        if digests.get((one["stream"], one["seq"])) != digest:
            raise ValueError(f"the message of {one['stream']} {one['seq']} is not the one that was recorded")
    return len(messages)


def _read(place: Path) -> "dict[str, bytes]":
    if place.is_dir():
        return {file.name: file.read_bytes() for file in place.iterdir() if file.is_file()}
    with zipfile.ZipFile(place) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def main() -> int:
    """Verify the bundle that the command line names, or the one that this file lies in."""
    parser = argparse.ArgumentParser(description="Verify an audit bundle.")
    parser.add_argument("place", nargs="?", type=Path, help="the bundle's folder or zip file")
    parser.add_argument("--key", default="", help="the public key that must have signed it")
    arguments = parser.parse_args()
    try:
        lines = verify(_read(arguments.place or Path(__file__).resolve().parent), arguments.key)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        sys.stdout.write(f"NOT VALID: {error}\n")
        return 1
    sys.stdout.write("\n".join([*lines, "VALID", ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
