"""``eventlore audit export``: the chain, or the proof of one message, signed, with what verifies it."""

import base64
import hashlib
import importlib.resources
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy import Connection, select

from models import tables
from worker.audit.proofs import Head, head_of, prove, root_of
from worker.audit.verify import Anchor, snapshot
from worker.audit.verify_bundle import verify
from worker.store import Store

__all__ = ["anchors_of", "export", "public_key", "signing_key"]

FORMAT = "eventlore-audit/1"
_MAIN = b"from verify import main\n\nraise SystemExit(main())\n"


def signing_key(file: Path) -> Ed25519PrivateKey:
    """The key of a PEM file; a new one is made and written, for its owner only, when there is no such file.

    Raises:
        ValueError: the file holds no Ed25519 key.
        OSError: it cannot be read or written.
    """
    if file.exists():
        try:
            key = load_pem_private_key(file.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{file}: no key can be read from it: {error}") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{file}: it is no Ed25519 key")
        return key
    made = Ed25519PrivateKey.generate()
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def public_key(key: Ed25519PrivateKey) -> str:
    """What bundles are verified with, in hexadecimal."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def export(
    store: Store,
    file: Path,
    key: Ed25519PrivateKey,
    *,
    proofs_of: Iterable[tuple[str, int]] = (),
    messages: Iterable[Mapping[str, Any]] = (),
) -> list[Head]:
    """Write a bundle.

    Args:
        store: the database.
        file: the zip file to write.
        key: what signs it.
        proofs_of: prove these (stream, sequence) alone, instead of giving the whole chain.
        messages: with keys ``stream``, ``seq``, ``subject`` and ``data`` (bytes): content to disclose.

    Returns:
        The heads that were signed.

    Raises:
        LookupError: a message to prove is not in the chain.
        OSError: the file cannot be written.
    """
    wanted = list(proofs_of)
    with snapshot(store.engine) as connection:
        t = tables.audit_chain
        streams = sorted({s for s, _ in wanted} or connection.scalars(select(t.c.stream).distinct()))
        heads = [head_of(connection, stream) for stream in streams]
        of = {head.stream: head for head in heads}
        parts: dict[str, Iterable[Mapping[str, Any]]] = {"messages.jsonl": map(_wire, messages)}
        if wanted:
            parts["proofs.jsonl"] = (prove(connection, of[stream], seq)._asdict() for stream, seq in wanted)
            parts["removals.jsonl"] = _removals(connection, set(wanted))
        else:
            parts["chain.jsonl"] = _entries(connection, heads)
            parts["removals.jsonl"] = _removals(connection, None)
        roots = [root_of(connection, head) for head in heads]
        _write(file, key, parts, [head._asdict() | {"root": root} for head, root in zip(heads, roots, strict=True)])
    return heads


def anchors_of(file: Path, key: str = "") -> dict[str, Anchor]:
    """The heads that a bundle has signed, by stream.

    Raises:
        ValueError: the bundle does not verify, or another key signed it.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(file) as bundle:
            files = {name: bundle.read(name) for name in bundle.namelist()}
    except zipfile.BadZipFile as error:
        raise ValueError(f"{file}: {error}") from None
    verify(files, key)
    streams = json.loads(files["manifest.json"])["streams"]
    return {one["stream"]: Anchor(one["entries"], one["last_seq"], one["chain"]) for one in streams}


def _write(
    file: Path, key: Ed25519PrivateKey, parts: Mapping[str, Iterable[Mapping[str, Any]]], heads: list[dict[str, Any]]
) -> None:
    script = importlib.resources.files("worker.audit").joinpath("verify_bundle.py").read_bytes()
    digests = {}
    part_file = file.with_name(file.name + ".part")
    with zipfile.ZipFile(part_file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, rows in parts.items():
            digest = hashlib.sha256()
            with bundle.open(name, "w", force_zip64=True) as target:
                for row in rows:
                    line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
                    digest.update(line)
                    target.write(line)
            digests[name] = digest.hexdigest()
        for name, data in (("verify.py", script), ("__main__.py", _MAIN)):
            bundle.writestr(name, data)
            digests[name] = hashlib.sha256(data).hexdigest()
        streams = [{**head, "entries": head["size"]} for head in heads]
        manifest = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "public_key": public_key(key),
            "streams": streams,
            "files": digests,
        }
        data = json.dumps(manifest, indent=1).encode()
        bundle.writestr("manifest.json", data)
        bundle.writestr("manifest.sig", key.sign(data).hex())
    part_file.replace(file)


def _entries(connection: Connection, heads: Iterable[Head]) -> Iterator[dict[str, Any]]:
    t = tables.audit_chain
    for head in heads:
        query = select(t.c.stream, t.c.seq, t.c.digest, t.c.chain).where(t.c.stream == head.stream)
        within = query.where(t.c.seq <= head.last_seq).order_by(t.c.seq).execution_options(yield_per=1_000)
        yield from (dict(row) for row in connection.execute(within).mappings())


def _removals(connection: Connection, places: set[tuple[str, int]] | None) -> Iterator[dict[str, Any]]:
    t = tables.audit_removals
    for row in connection.execute(select(t).order_by(t.c.stream, t.c.seq)).mappings():
        if places is None or (row["stream"], row["seq"]) in places:
            yield dict(row)


def _wire(message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "data": base64.b64encode(message["data"]).decode()}
