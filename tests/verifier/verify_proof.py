#!/usr/bin/env python3
"""Verifies what `agentidp audit prove` prints, sharing no code with AgentIdP.

Reads the document (JSON or tlog-proof text) from standard input, or from the file named. Without --key the key inside the
document is used: that shows the document to be whole, not whose it is. With --key the ledger's key is pinned.

    agentidp audit prove --event ID | python3 verify_proof.py --key 'log.example/audit+0123abcd+AR...'

Exit 0: the entry is in the signed tree. Exit 1: it is not, or the document is malformed. One sentence says which.
Formats: C2SP signed-note, tlog-checkpoint, tlog-proof; RFC 6962 section 2.1 (hashes), RFC 9162 sections 2.1.3.2 (inclusion) and
2.1.4.2 (consistency), RFC 8032 (Ed25519).
"""
import argparse
import base64
import hashlib
import json
import re
import sys


class Refused(Exception):
    pass


# ---- Ed25519 (RFC 8032 section 5.1), for machines without the `cryptography` package

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P != 0:
        return None
    return P - x if (x & 1) != sign else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def point_add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def point_multiply(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        scalar >>= 1
    return total


def point_decompress(data):
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def ed25519_verify_slowly(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a = point_decompress(key)
    r = point_decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = point_multiply(s, BASE), point_add(r, point_multiply(k, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def ed25519_verify(key, message, signature):
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return ed25519_verify_slowly(key, message, signature)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# ---- texts

def from_base64(text, what):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused(f"{what} is not base64")
    if base64.b64encode(data).decode() != text:
        raise Refused(f"{what} is base64 in an unusual form")
    return data


def hash_from_base64(text, what):
    data = from_base64(text, what)
    if len(data) != 32:
        raise Refused(f"{what} is not a SHA-256 hash")
    return data


def decimal(text, what):
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text):
        raise Refused(f"{what} is not a plain decimal number")
    return int(text)


def parse_key(text):
    """name+hhhhhhhh+base64(0x01 || key) -> (name, id, key)"""
    match = re.fullmatch(r"([^+\s]+)\+([0-9a-f]{8})\+(\S+)", text.strip())
    if not match:
        raise Refused("the key does not look like name+hhhhhhhh+base64")
    name, key_id, data = match[1], bytes.fromhex(match[2]), from_base64(match[3], "the key")
    if len(data) != 33 or data[0] != 1:
        raise Refused("the key is not an Ed25519 key")
    if hashlib.sha256(name.encode() + b"\n" + data).digest()[:4] != key_id:
        raise Refused("the key's id does not belong to its bytes")
    return name, key_id, data[1:]


def open_checkpoint(note, key):
    """Returns (size, root) of a note that `key` signed."""
    name, key_id, public = key
    if "\n\n" not in note or not note.endswith("\n"):
        raise Refused("the checkpoint is not a signed note")
    text, signatures = note[:note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2:]
    signed = False
    for line in signatures[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^ +]+) (\\S+)", line)
        if not match:
            raise Refused("a signature line of the checkpoint is malformed")
        blob = from_base64(match[2], "a signature")
        if match[1] != name or blob[:4] != key_id:
            continue
        if not ed25519_verify(public, text.encode(), blob[4:]):
            raise Refused("the checkpoint's signature is wrong")
        signed = True
    if not signed:
        raise Refused("the checkpoint is not signed by the key")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise Refused("the checkpoint has too few lines")
    if lines[0] != name:
        raise Refused("the checkpoint is of another ledger than the key")
    return decimal(lines[1], "the tree size"), hash_from_base64(lines[2], "the root hash")


def parse_proof(text):
    """Returns (index, hashes, note, extra)."""
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Refused("this is not a tlog-proof")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0)[6:], "the extra line")
    if not lines or not lines[0].startswith("index "):
        raise Refused("the proof has no index")
    index = decimal(lines.pop(0)[6:], "the index")
    return index, [hash_from_base64(line, "a proof line") for line in lines], note, extra


# ---- the tree

def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_from_path(leaf, index, size, path):
    if index >= size:
        raise Refused("the index lies outside the tree")
    node, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Refused("the proof is too long")
        if node & 1 or node == last:
            value = node_hash(sibling, value)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            value = node_hash(value, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise Refused("the proof is too short")
    return value


def check_consistency(old, old_root, new, new_root, path):
    """Raises Refused unless `path` shows that the tree of `new` entries begins with the tree of `old` (RFC 9162 section 2.1.4.2)."""
    if not 0 < old <= new:
        raise Refused("the older tree is empty or the larger one")
    if old == new:
        if path or old_root != new_root:
            raise Refused("two trees of one size differ")
        return
    path = list(path) if old & (old - 1) else [old_root, *path]
    if not path:
        raise Refused("the proof is too short")
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Refused("the proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        node >>= 1
        last >>= 1
    if last or first != old_root or second != new_root:
        raise Refused("the newer tree does not begin with the older one")


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise Refused("the document has a member twice")
    return dict(pairs)


def verify(text, pinned):
    """Returns the sentence to print, or raises Refused."""
    if text.startswith("c2sp.org/"):
        proof = text
        extra = parse_proof(text)[3]
        document = json.loads(extra, object_pairs_hook=no_duplicates) if extra else {}
    else:
        document = json.loads(text, object_pairs_hook=no_duplicates)
        if not isinstance(document, dict) or document.get("format") != "agentidp-audit-proof/1":
            raise Refused("this is not a proof document")
        proof = document.get("proof", "")
    if pinned is None and "key" not in document:
        raise Refused("the document names no key and none was given")
    key = parse_key(pinned if pinned is not None else document["key"])
    index, path, note, _ = parse_proof(proof)
    size, root = open_checkpoint(note, key)
    entry = document.get("entry")
    if entry is None:
        if "leafHash" not in document:
            raise Refused("the document has neither the entry nor its hash")
        leaf = hash_from_base64(document["leafHash"], "the leaf hash")
    else:
        leaf = hashlib.sha256(b"\x00" + entry.encode()).digest()
        if "leafHash" in document and hash_from_base64(document["leafHash"], "the leaf hash") != leaf:
            raise Refused("the entry does not have the hash the document says")
    if "index" in document and document["index"] != index:
        raise Refused("the document's index is not the proof's")
    if root_from_path(leaf, index, size, path) != root:
        raise Refused("the proof does not lead to the signed root")
    whose = "the pinned key" if pinned is not None else "the key in the document, which is not pinned"
    if entry is None:
        return f"yes: entry {index} (its body is no longer kept) is in the tree of {size} entries of {key[0]}, signed by {whose}"
    fields = json.loads(entry, object_pairs_hook=no_duplicates)
    return (f"yes: {fields['action']} ({fields['outcome']}) at {fields['ts']}, event {fields['eventId']}, is entry {index} of {size} "
            f"of {key[0]}, signed by {whose}")


def main():
    parser = argparse.ArgumentParser(description="verifies the output of `agentidp audit prove`")
    parser.add_argument("file", nargs="?", help="the document; standard input if absent")
    parser.add_argument("--key", help="pins the ledger's public key: name+hhhhhhhh+base64")
    arguments = parser.parse_args()
    try:
        if arguments.file:
            with open(arguments.file, encoding="utf-8", newline="") as file:
                text = file.read()
        else:
            text = sys.stdin.buffer.read().decode("utf-8")
        print(verify(text, arguments.key))
        return 0
    except Refused as reason:
        print(f"no: {reason}")
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        print(f"no: the document is malformed ({error})")
    return 1


if __name__ == "__main__":
    sys.exit(main())
