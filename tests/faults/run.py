#!/usr/bin/env python3
"""The faults to survive. Each row (rows/NN_name.py) provokes one on this machine and says what was done, expected and seen; then the rules of
tests/flows/history.py judge all that was recorded meanwhile. Prints a table line a row, and `ok`, `not ok` or `skip` for tests/run.sh.

    run.py [-k NAME] [--list]

A row is a module with ROW (its number in the list of faults), DID, EXPECTED (a plain sentence each), run() -> what was seen, or
`skip: why`; it raises where that is not what was expected. ALONE = True: nothing runs beside it.
"""
import concurrent.futures
import importlib.util
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "flows", HERE.parent / "support"):
    sys.path.insert(0, str(folder))

import bed  # noqa: E402
import history as rules  # noqa: E402

# What a reader of the report is told, and which of the rules stand behind it.
INVARIANTS = {"missing": ("missing",), "accepted_after_revoke": ("revived",), "two_active": ("two_active",), "unknown_kid": ("unpublished",),
              "not_append_only": ("bad_roots", "bad_leaves", "lseq_gaps", "duplicates"), "over_quota": ("over_quota",)}


def rows(only):
    for path in sorted((HERE / "rows").glob("[0-9][0-9]_*.py")):
        if only in path.stem:
            spec = importlib.util.spec_from_file_location(f"fault_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            yield path.stem, module


def judged(item):
    """(table line, test line) of one row."""
    name, module = item
    head = f"row {module.ROW} {name[3:]}: did: {module.DID} expected: {module.EXPECTED} saw:"
    began = time.monotonic()
    try:
        seen = module.run()
    except Exception as error:  # the report line is the only place a failure can go
        if not isinstance(error, AssertionError):
            traceback.print_exc()
        why = (str(error) or type(error).__name__).replace("\n", " ")
        return f"{head} {why}", f"not ok fault_{name}: {why}"
    if seen.startswith("skip: "):
        return f"{head} nothing, it was skipped", f"skip fault_{name}: {seen[6:]}"
    return f"{head} {seen} ({time.monotonic() - began:.0f} s)", f"ok fault_{name}"


def judge_histories():
    found, tokens = {name: [] for name in INVARIANTS}, 0
    for row, history in bed.recorded:
        tokens += sum(call["op"] == "issue" and call["ok"] for call in history["calls"])
        wrong = rules.check(history)
        for name, kinds in INVARIANTS.items():
            found[name] += [f"{row}: {sentence}" for kind in kinds for sentence in wrong[kind]]
    print(f"invariants: tokens={tokens} " + " ".join(f"{name}={len(sentences)}" for name, sentences in found.items()), flush=True)
    return [sentence for sentences in found.values() for sentence in sentences]


def main(arguments):
    only = arguments[arguments.index("-k") + 1] if "-k" in arguments else ""
    items = list(rows(only))
    if "--list" in arguments:
        print("\n".join(f"fault_{name}" for name, _ in items))
        return 0
    failed = False

    def told(lines):
        nonlocal failed
        print("\n".join(lines), flush=True)
        failed |= lines[1].startswith("not ok ")

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for lines in pool.map(judged, [item for item in items if not getattr(item[1], "ALONE", False)]):
            told(lines)
    for item in items:
        if getattr(item[1], "ALONE", False):
            told(judged(item))
    if bed.recorded:
        wrong = judge_histories()
        print(f"not ok fault_invariants: {'; '.join(wrong[:3])}" if wrong else "ok fault_invariants", flush=True)
        failed |= bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
