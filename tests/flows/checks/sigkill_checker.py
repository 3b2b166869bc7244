"""The rules of history.py, judged: a small true history passes, and each planted fault is named by its own kind."""
import copy
import hashlib
import json

import history as rules

covers = []


class Story:
    """A made-up run: what the daemon would have written and answered. Time is a counter."""

    def __init__(self):
        self.now = 0.0
        self.lseq = {}
        self.history = {name: [] for name in ("calls", "entries", "checkpoints", "jwks", "key_states")}
        self.history["max_age"] = 3
        self.history["proofs"] = [{"old": 5, "new": 8, "proven": True}]
        self.history["quota"] = {"b": (2, 1)}

    def entry(self, action, epoch=1, jti="", agent="", **metadata):
        self.lseq[epoch] = self.lseq.get(epoch, 0) + 1
        text = json.dumps({"action": action, "agentId": agent, "epoch": epoch, "eventId": f"e{len(self.history['entries'])}", "jti": jti,
                           "lseq": self.lseq[epoch], "metadata": metadata, "replica": "r", "ts": stamp(self.now)})
        self.history["entries"].append({"text": text, "leaf": hashlib.sha256(b"\x00" + text.encode()).digest()})

    def call(self, op, ok=True, **more):
        self.now += 2
        self.history["calls"].append(dict(more, op=op, start=self.now - 1, end=self.now if ok else None, ok=ok))

    def token(self, jti, agent, kid, secret="s1", epoch=1):
        self.entry("token.issued", epoch, jti, agent, kid=kid, credentialId="c-" + agent)
        self.call("issue", agent=agent, secret=secret, jti=jti, kid=kid)

    def looked(self, kids, states):
        self.now += 2
        size = len(self.history["entries"])
        root = naive_root([entry["leaf"] for entry in self.history["entries"]])
        self.history["checkpoints"].append({"start": self.now - 1, "end": self.now, "size": size, "root": root, "signed": True})
        self.history["jwks"].append({"start": self.now - 1, "end": self.now, "kids": kids})
        self.history["key_states"].append(states)


def stamp(seconds):
    return f"2026-01-01T00:{int(seconds) // 60:02}:{int(seconds) % 60:02}.000000+00:00"


def naive_root(leaves):
    """RFC 6962 section 2.1 as it is written there, so that roots_at is not judged by itself."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def true_story():
    story = Story()
    story.entry("key.activated", kid="k1")
    for agent in ("a", "b"):
        story.entry("agent.created", agent=agent)
        story.call("create", agent=agent)
        story.entry("credential.generated", agent=agent, credentialId="c-" + agent)
        story.call("credential", credentialId="c-" + agent)
    story.looked(["k1"], [("k1", "active")])
    story.token("t1", "a", "k1")
    story.token("t2", "b", "k1")
    story.call("introspect", jti="t1", accepted=True)
    story.entry("token.revoked", jti="t1", agent="a")
    story.call("revoke", jti="t1")
    story.call("introspect", jti="t1", accepted=False)
    story.call("issue", ok=False, agent="a", secret="s1")
    story.entry("token.issued", 1, "t-lost", "a", kid="k1")  # durable, but nobody was answered
    story.looked(["k1"], [("k1", "active")])
    story.entry("key.published", 2, kid="k2")
    story.call("rotate", kid="k2", now=False, wall=(0, 0))
    story.looked(["k1", "k2"], [("k1", "active"), ("k2", "published")])
    story.entry("key.activated", 2, kid="k2")
    story.token("t3", "a", "k2", epoch=2)
    story.looked(["k2", "k1"], [("k2", "active"), ("k1", "retiring")])
    story.entry("agent.suspended", 2, agent="b")
    story.call("suspend", agent="b")
    story.call("introspect", jti="t2", accepted=False)
    story.entry("agent.reactivated", 2, agent="b")
    story.call("reactivate", agent="b")
    story.call("revoke", jti="t2")  # ended by the suspension already: 200, and nothing to write down
    story.token("t4", "b", "k2", epoch=2)
    story.call("bearer", jti="t4", accepted=True)
    story.entry("credential.rotated", 2, agent="a", credentialId="c-a")
    story.call("end_secret", secret="s1-a", credentialId="c-a", action="credential.rotated")
    story.token("t5", "a", "k2", secret="s2-a", epoch=2)
    story.looked(["k2", "k1"], [("k2", "active"), ("k1", "retiring")])
    return story


def drop_entry(action, jti=None):
    def change(story):
        kept = [entry for entry in story.history["entries"] if not (f'"{action}"' in entry["text"] and (jti is None or f'"{jti}"' in entry["text"]))]
        assert len(kept) == len(story.history["entries"]) - 1
        story.history["entries"] = kept
    return change


def edit(index, **members):
    """An entry rewritten, with the hash that belongs to it: only what it says is wrong."""
    def change(story):
        text = json.dumps(dict(json.loads(story.history["entries"][index]["text"]), **members))
        story.history["entries"][index] = {"text": text, "leaf": hashlib.sha256(b"\x00" + text.encode()).digest()}
    return change


def swap_body(story):
    story.history["entries"][3]["text"] = story.history["entries"][3]["text"].replace("created", "updated")


def late(op, **more):
    return lambda story: story.call(op, **more)


def checkpoint(**members):
    return lambda story: story.history["checkpoints"][1].update(members)


def rolled_back(story):
    story.now += 2
    story.history["checkpoints"].append(dict(story.history["checkpoints"][0], start=story.now - 1, end=story.now))


def early(story):
    """The activation comes at the same second as the publication; nothing else changes."""
    entries = [json.loads(entry["text"]) for entry in story.history["entries"]]
    published = next(entry for entry in entries if entry["action"] == "key.published")
    at = next(number for number, entry in enumerate(entries) if entry["action"] == "key.activated" and entry["metadata"]["kid"] == "k2")
    edit(at, ts=published["ts"])(story)


PLANTED = [
    ("a token without its entry", "missing", drop_entry("token.issued", "t4")),
    ("a revocation without its entry", "missing", drop_entry("token.revoked")),
    ("a revocation without its entry, its agent suspended only later", "missing",
     lambda story: (drop_entry("token.revoked")(story), story.call("suspend", ok=False, agent="a"))),
    ("a suspension without its entry", "missing", drop_entry("agent.suspended")),
    ("a rotated secret without its entry", "missing", drop_entry("credential.rotated")),
    ("the second of two suspensions without its entry", "missing", late("suspend", agent="b")),
    ("a number left out", "lseq_gaps", edit(9, lseq=77)),
    ("an epoch that begins in the middle", "lseq_gaps", edit(-1, epoch=9)),
    ("an entry changed under its hash", "bad_leaves", swap_body),
    ("an entry changed with its hash", "bad_roots", edit(2, eventId="other")),
    ("a checkpoint of another tree", "bad_roots", checkpoint(root=b"\0" * 32)),
    ("a checkpoint larger than the ledger", "bad_roots", checkpoint(size=99)),
    ("a checkpoint of another signer", "bad_roots", checkpoint(signed=False)),
    ("an older checkpoint shown again", "bad_roots", rolled_back),
    ("two checkpoints of which one does not extend the other", "bad_roots", lambda story: story.history["proofs"][0].update(proven=False)),
    ("tokens past a quota and those in flight", "over_quota", lambda story: [story.token(f"q{number}", "b", "k2", epoch=2) for number in range(3)]),
    ("one event twice", "duplicates", edit(4, eventId="e2")),
    ("one token issued twice", "duplicates", lambda story: story.entry("token.issued", 2, "t4", "b", kid="k2")),
    ("two keys active at one moment", "two_active", lambda story: story.history["key_states"].append([("k1", "active"), ("k2", "active")])),
    ("the old key signing after the new one", "two_active", lambda story: story.token("t9", "a", "k1", epoch=2)),
    ("a key that was never activated", "two_active", lambda story: story.token("t9", "a", "k3", epoch=2)),
    ("a key that signs before it is published", "unpublished", drop_entry("key.published")),
    ("a key that signs before cached JWKS have run out", "unpublished", early),
    ("a JWKS without the key that signed", "unpublished", lambda story: story.looked(["k2"], [("k2", "active")])),
    ("a revoked token called active", "revived", late("introspect", jti="t1", accepted=True)),
    ("a revoked token let in", "revived", late("bearer", jti="t1", accepted=True)),
    ("a token that outlived its agent's suspension", "revived", late("bearer", jti="t2", accepted=True)),
    ("a token for a rotated secret", "revived", lambda story: story.token("t9", "a", "k2", secret="s1-a", epoch=2)),
    ("a token for a suspended agent", "revived", lambda story: (story.entry("agent.suspended", 2, agent="a"), story.call("suspend", agent="a"),
                                                                 story.token("t9", "a", "k2", secret="s2-a", epoch=2))),
]


def run():
    truth = true_story()
    found = {kind: why for kind, why in rules.check(truth.history).items() if why}
    assert not found, f"a true history was called false: {found}"
    for size in range(1, 70):
        leaves = [hashlib.sha256(bytes([number])).digest() for number in range(size)]
        assert rules.roots_at(leaves, {size})[size] == naive_root(leaves), f"the root over {size} leaves is wrong"
    named = 0
    for what, kind, plant in PLANTED:
        story = copy.deepcopy(truth)
        plant(story)
        found = {each for each, why in rules.check(story.history).items() if why}
        assert kind in found, f"{what} was not found as {kind}, only as {found or 'nothing'}"
        named += 1
    covered = {kind for _, kind, _ in PLANTED}
    assert covered == set(rules.KINDS), f"nothing was planted for {set(rules.KINDS) - covered}"
    return f"sigkill_checker: planted={len(PLANTED)} named={named}"
