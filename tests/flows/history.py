"""What a recorded history of calls and answers must satisfy, whatever happened in between. Pure: no clock, no daemon.

A history is a dictionary of lists, each item a dictionary:
  calls        op, start, end (one clock for all; end is None where no answer came), and by op:
                 issue: agent, secret, ok; answered: jti, kid      introspect, bearer: jti, accepted
                 revoke: jti      suspend, reactivate, create: agent
                 credential: credentialId      end_secret: secret (what a rotation or revocation ended), credentialId, action
                 rotate: kid, now (whether it should sign at once), wall (begin and end of the attempt as the ledger tells time)
               `ok` says that the answer was a success: an acknowledged effect. Ops without effect have it, too.
  entries      the final ledger in order: leaf (bytes), text (the stored entry)
  checkpoints  start, end, size, root (bytes), signed (whether the pinned key signed it)
  jwks         start, end, kids
  key_states   lists of (kid, state), each read at one moment
and max_age, the seconds for which verifiers may keep a JWKS. Where it has them:
  proofs       consistency between two checkpoints that were seen: old, new (sizes), proven (what an independent verifier said)
  staleness    seconds within which an acknowledged revocation reaches the other replicas (0: it is one process)
  quota        {agent: (tokens a month, requests that may be in flight at once and replicas)}
"""
import datetime
import hashlib
import json

KINDS = ("missing", "bad_roots", "bad_leaves", "lseq_gaps", "duplicates", "two_active", "unpublished", "revived", "over_quota")


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def roots_at(leaves, sizes):
    """{size: root} of the tree over the first `size` leaves (RFC 6962 section 2.1), by its own count."""
    found, stack = {}, []
    for index, leaf in enumerate(leaves):
        level, value = 0, leaf
        while stack and stack[-1][0] == level:
            value = node(stack.pop()[1], value)
            level += 1
        stack.append((level, value))
        if index + 1 in sizes:
            root = stack[-1][1]
            for _, left in reversed(stack[:-1]):
                root = node(left, root)
            found[index + 1] = root
    return found


class Ledger:
    """The entries, looked up by what an answer named."""

    def __init__(self, entries):
        self.entries = [json.loads(entry["text"]) for entry in entries]
        self.by = {}
        for index, entry in enumerate(self.entries):
            for subject in {entry["jti"], entry["agentId"], entry["metadata"].get("credentialId"), entry["metadata"].get("kid")}:
                if subject:
                    self.by.setdefault((entry["action"], subject), []).append(index)

    def first(self, action, subject):
        return self.by.get((action, subject), [None])[0]


def effect_of(call):
    """(action, subject) that the ledger must hold for this acknowledged call, or None."""
    return {"issue": ("token.issued", call.get("jti")), "revoke": ("token.revoked", call.get("jti")), "suspend": ("agent.suspended", call.get("agent")),
            "reactivate": ("agent.reactivated", call.get("agent")), "create": ("agent.created", call.get("agent")),
            "credential": ("credential.generated", call.get("credentialId")), "end_secret": (call.get("action"), call.get("credentialId")),
            "rotate": ("key.published", call.get("kid"))}.get(call["op"])


def acknowledged(history):
    return sum(1 for call in history["calls"] if call["ok"] and effect_of(call))


def maybe_dead(history):
    """Whether a suspension, answered or not, may have ended this token before it was revoked: that is 200 then, and changes nothing (RFC
    7009 section 2.2)."""
    tried, issued = {}, {}
    for call in history["calls"]:
        if call["op"] == "suspend":
            tried.setdefault(call["agent"], []).append(call)
        elif call["op"] == "issue" and call["ok"]:
            issued[call["jti"]] = call

    def judge(revocation):
        token = issued.get(revocation["jti"])
        return token is not None and any(each["start"] < revocation["end"] and (each["end"] is None or each["end"] > token["start"])
                                         for each in tried.get(token["agent"], []))
    return judge


def find_missing(history, ledger):
    dead = maybe_dead(history)
    for call in history["calls"]:
        effect = effect_of(call) if call["ok"] and not (call["op"] == "revoke" and dead(call)) else None
        # Where one subject has many effects, as many events as acknowledged answers are wanted, counted below.
        if effect and ledger.first(*effect) is None:
            yield f"{effect[0]} of {effect[1]} was acknowledged and is not in the ledger"
    wanted = {}
    for call in history["calls"]:
        if call["ok"] and call["op"] in ("end_secret", "suspend", "reactivate"):
            wanted[effect_of(call)] = wanted.get(effect_of(call), 0) + 1
    for effect, count in wanted.items():
        there = len(ledger.by.get(effect, []))
        if 0 < there < count:
            yield f"{effect[0]} of {effect[1]} was acknowledged {count} times and is {there} times in the ledger"


def find_bad_leaves(history, _ledger):
    for index, entry in enumerate(history["entries"]):
        if hashlib.sha256(b"\x00" + entry["text"].encode()).digest() != entry["leaf"]:
            yield f"entry {index} does not have the hash that is stored for it"


def find_bad_roots(history, _ledger):
    leaves = [entry["leaf"] for entry in history["entries"]]
    roots = roots_at(leaves, {checkpoint["size"] for checkpoint in history["checkpoints"]})
    largest = (0, None)
    for checkpoint in sorted(history["checkpoints"], key=lambda each: each["start"]):
        size = checkpoint["size"]
        if not checkpoint["signed"]:
            yield f"a checkpoint of size {size} is not signed by the ledger's key"
        if size > len(leaves):
            yield f"a checkpoint of size {size} was seen, and the ledger has {len(leaves)} entries"
        elif size > 0 and roots[size] != checkpoint["root"]:
            yield f"the checkpoint of size {size} is of another tree"
        if largest[1] is not None and checkpoint["start"] > largest[1] and size < largest[0]:
            yield f"a checkpoint of size {size} came after one of size {largest[0]}"
        if size > largest[0]:
            largest = (size, checkpoint["end"])
    for proof in history.get("proofs", []):
        if not proof["proven"]:
            yield f"the proof that {proof['new']} entries extend {proof['old']} does not hold"


def find_lseq_gaps(_history, ledger):
    next_of, epochs = {}, {}
    for index, entry in enumerate(ledger.entries):
        writer = (entry["replica"], entry["epoch"])
        if entry["lseq"] != next_of.get(writer, 1):
            yield f"entry {index}: epoch {entry['epoch']} goes on with {entry['lseq']}, not {next_of.get(writer, 1)}"
        next_of[writer] = entry["lseq"] + 1
        if entry["epoch"] < epochs.get(entry["replica"], 0):
            yield f"entry {index}: epoch {entry['epoch']} after epoch {epochs[entry['replica']]}"
        epochs[entry["replica"]] = max(entry["epoch"], epochs.get(entry["replica"], 0))


def find_duplicates(_history, ledger):
    seen = set()
    for entry in ledger.entries:
        if entry["eventId"] in seen:
            yield f"event {entry['eventId']} is there twice"
        seen.add(entry["eventId"])
    for (action, subject), indexes in ledger.by.items():
        if action in ("token.issued", "token.revoked", "agent.created", "credential.generated", "key.activated") and len(indexes) > 1:
            own = [index for index in indexes if subject in (ledger.entries[index]["jti"], ledger.entries[index]["metadata"].get("kid"),
                                                             ledger.entries[index]["metadata"].get("credentialId"))]
            # A token names the credential and the key it was made with; an agent has many tokens.
            if action.startswith("token.") and not all(ledger.entries[index]["jti"] == subject for index in own):
                continue
            if len(own) > 1 or action == "agent.created":
                yield f"{action} of {subject} is there {len(indexes)} times"


def find_two_active(history, ledger):
    for states in history["key_states"]:
        active = [kid for kid, state in states if state == "active"]
        if len(active) > 1:
            yield "active at one moment: " + ", ".join(active)
    rank, newest = {}, (-1, None)
    for number, entry in enumerate(ledger.entries):
        if entry["action"] == "key.activated":
            rank.setdefault(entry["metadata"]["kid"], number)
    # Once somebody was answered with a newer key, no later request may be answered with an older one.
    moments = []
    for call in history["calls"]:
        if call["op"] == "issue" and call["ok"]:
            moments.append((call["start"], 1, call))
            moments.append((call["end"], 0, call))
    for _, begins, call in sorted(moments, key=lambda moment: moment[:2]):
        own = rank.get(call["kid"])
        if own is None:
            if begins:
                yield f"key {call['kid']} signed and was never activated"
        elif not begins:
            newest = max(newest, (own, call["kid"]))
        elif own < newest[0]:
            yield f"key {call['kid']} signed after {newest[1]} had taken over"


def find_unpublished(history, ledger):
    issued = sorted((call for call in history["calls"] if call["op"] == "issue" and call["ok"]), key=lambda call: call["end"])
    first_key = next((entry["metadata"]["kid"] for entry in ledger.entries if entry["action"] == "key.activated"), None)
    for kid in {call["kid"] for call in issued}:
        # Nobody can have cached a JWKS before there was a key: the first one is published by being activated.
        before, used = ledger.first("key.activated" if kid == first_key else "key.published", kid), ledger.first("token.issued", kid)
        if before is None or (used is not None and used < before):
            yield f"key {kid} signed before the ledger said that it was published"
    yield from find_early(history, ledger)
    known, at = set(), 0
    for document in sorted(history["jwks"], key=lambda each: each["start"]):
        while at < len(issued) and issued[at]["end"] < document["start"]:
            known.add(issued[at]["kid"])
            at += 1
        for kid in known - set(document["kids"]):
            yield f"key {kid} had signed and was not in a JWKS asked for later"


def find_early(history, ledger):
    """Keys of ordinary rotations that signed before every cached JWKS had run out."""
    hurried = [call["wall"] for call in history["calls"] if call["op"] == "rotate" and call["now"]]
    for call in history["calls"]:
        if call["op"] != "rotate" or not call["ok"] or call["now"]:
            continue
        published, activated = ledger.first("key.published", call["kid"]), ledger.first("key.activated", call["kid"])
        if published is None or activated is None:
            continue
        begin, end = (datetime.datetime.fromisoformat(ledger.entries[index]["ts"]).timestamp() for index in (published, activated))
        # A rotation that was to act at once, tried in between, may have taken this key.
        if end - begin < history["max_age"] and not any(first <= end and last >= begin for first, last in hurried):
            yield f"key {call['kid']} signed {end - begin:.3f} s after it was published"


def find_revived(history, _ledger):
    calls, staleness = history["calls"], history.get("staleness", 0)
    ended = {call["jti"]: call["end"] + staleness for call in calls if call["op"] == "revoke" and call["ok"]}
    dead_secrets = {call["secret"]: call["end"] + staleness for call in calls if call["op"] == "end_secret" and call["ok"]}
    suspensions, reactivations, issued = {}, {}, {}
    for call in calls:
        if call["op"] == "suspend" and call["ok"]:
            suspensions.setdefault(call["agent"], []).append(dict(call, end=call["end"] + staleness))
        elif call["op"] == "reactivate":  # answered or not: it may have worked from its start on
            reactivations.setdefault(call["agent"], []).append(call["start"])
        elif call["op"] == "issue" and call["ok"]:
            issued[call["jti"]] = call
    for call in calls:
        if call["op"] in ("introspect", "bearer") and call["accepted"]:
            if call["jti"] in ended and call["start"] > ended[call["jti"]]:
                yield f"{call['op']} accepted {call['jti']} after its revocation was acknowledged"
            token = issued.get(call["jti"])
            for suspension in suspensions.get(token["agent"], []) if token else []:
                if token["end"] < suspension["start"] and call["start"] > suspension["end"]:
                    yield f"{call['op']} accepted {call['jti']} after the suspension of {token['agent']} was acknowledged"
        if call["op"] == "issue" and call["ok"]:
            if call["secret"] in dead_secrets and call["start"] > dead_secrets[call["secret"]]:
                yield f"a secret of {call['agent']} was accepted after its end was acknowledged"
            for suspension in suspensions.get(call["agent"], []):
                back = min((start for start in reactivations.get(call["agent"], []) if start > suspension["start"]), default=None)
                if call["start"] > suspension["end"] and (back is None or call["end"] < back):
                    yield f"{call['agent']} got a token while it was suspended"


def find_over_quota(history, ledger):
    for agent, (limit, spare) in history.get("quota", {}).items():
        answered = sum(call["op"] == "issue" and call["ok"] and call["agent"] == agent for call in history["calls"])
        if answered > limit + spare:
            yield f"{agent} got {answered} tokens of {limit}, and at most {spare} more could be in flight"


def check(history):
    """{kind: [sentences]} of everything that is violated; every kind is there."""
    ledger = Ledger(history["entries"])
    return {kind: list(globals()["find_" + kind](history, ledger)) for kind in KINDS}
