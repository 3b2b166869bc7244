"""`agentidp hook` on files: check, test, run, bench, api, replay, sign and selftest through the real binary, and what each says of bad input."""
import json
import pathlib
import subprocess
import tempfile
import xml.etree.ElementTree

from daemon import ROOT, build_dir, clean_environment

GUARD = """return { api = 1, name = "guard", version = "1", hooks = {
  scope_check = function(ctx)
    if set.has(ctx.scopes, "a") then
      return narrow { scopes = { "a" } }
    end
    return deny("no_a", "there is no a")
  end,
} }
"""
CASES = """return {
  { name = "keeps a", hook = "scope_check", input = { scopes = { "a", "b" } }, expect = narrow { scopes = { "a" } } },
  { name = "wants a", hook = "scope_check", input = { scopes = { "b" } }, expect = deny("no_a") },
}
"""

# What is wrong, the file's text, and words of the one line that says file, line and mend.
REFUSED = [
    ("syntax", GUARD.replace("function(ctx)", "function(ctx", 1), ["guard.lua:3: ", "mend the syntax"]),
    ("hook name", GUARD.replace("scope_check", "scope_chek"), ["guard.lua: there is no hook 'scope_chek'", "did you mean scope_check?"]),
    ("reserved hook", GUARD.replace("scope_check", "webhook_filter"), ["guard.lua: ", "'webhook_filter' is reserved", "leave it out"]),
    ("global", GUARD.replace("set.has", "sett.has"), ["guard.lua:3: ", "sett"]),
    ("stock library", GUARD.replace("set.has(ctx.scopes, \"a\")", "os.time()"), ["guard.lua:3: ", "os"]),
    ("result member", GUARD.replace("narrow { scopes", "narrow { scope"), ["guard.lua:4: ", "scope"]),
    ("api", GUARD.replace("api = 1, ", ""), ["guard.lua: `api` is missing", "write api = 1"]),
    ("member", GUARD.replace("version", "vresion"), ["guard.lua: ", "did you mean version?"]),
    ("document", GUARD.replace("version", "needs = { \"data.none\" }, version"), ["guard.lua: ", "data.none", "none.json"]),
    ("size", GUARD + "-- " + "x" * 262144 + "\n", ["guard.lua: has ", "keep it at 262144", "data/"]),
    ("bytecode", "\x1bLua", ["guard.lua: the script is bytecode", "ship the text"]),
    ("table", "return 1\n", ["guard.lua: the script returns no table", "return { api = 1"]),
    ("endless body", "while true do end\n", ["guard.lua:1: ", "units", "keep it to the table"]),
]


def hook(*words, code=0, stdin=None):
    result = subprocess.run([str(build_dir() / "bin/agentidp"), "hook", *map(str, words)], capture_output=True, text=True, input=stdin,
                            env=clean_environment(), timeout=120)
    assert result.returncode == code, f"hook {' '.join(map(str, words))}: exit {result.returncode}: {result.stdout[-800:]}{result.stderr[-800:]}"
    return result.stdout + result.stderr


def folder_of(folder, **files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def refuses_bad_scripts(base):
    for number, (what, text, words) in enumerate(REFUSED):
        folder = folder_of(base / f"bad{number}", guard__lua=text)
        said = hook("check", folder, code=1)
        assert any(all(word in line for word in words) for line in said.splitlines()), f"{what}: {said[:500]}"
        assert not json.loads(hook("check", folder, "--json", code=1))["ok"]
        hook("test", folder, code=1)
    open_to_all = folder_of(base / "open", guard__lua=GUARD)
    (open_to_all / "guard.lua").chmod(0o666)
    assert "guard.lua: may be written by anybody; chmod o-w guard.lua" in hook("check", open_to_all, code=1)
    assert "cannot be read" in hook("check", base / "nowhere", code=1)


def tests_tell(base):
    good = folder_of(base / "good", guard__lua=GUARD, guard_test__lua=CASES)
    assert "1 script would load, 0 warnings" in hook("check", good)
    said = hook("test", good, "--coverage", "--min", 90)
    assert "2 passed, 0 failed" in said and "covered guard.lua: 100 %" in said and "units)" in said, said
    tap = hook("test", good, "--format", "tap").splitlines()
    assert tap[1] == "1..2" and tap[2].startswith("ok 1 - guard_test.lua: scope_check: keeps a"), tap
    suite = xml.etree.ElementTree.fromstring(hook("test", good, "--format", "junit"))
    assert suite.get("tests") == "2" and suite.get("failures") == "0"

    (good / "guard_test.lua").write_text(CASES.replace('deny("no_a")', "allow()"))
    said = hook("test", good, code=1)
    assert 'FAILED  guard_test.lua: scope_check: wants a' in said and 'expected {"kind":"allow"}, got {"code":"no_a","kind":"deny"}' in said, said
    assert "not ok 2" in hook("test", good, "--format", "tap", code=1)
    assert xml.etree.ElementTree.fromstring(hook("test", good, "--format", "junit", code=1)).get("failures") == "1"
    (good / "guard_test.lua").write_text("\n".join(line for line in CASES.splitlines() if "wants a" not in line))
    said = hook("test", good, "--min", 90, code=1)
    assert "guard.lua: 8" in said and "90 % are wanted; add cases that reach line 6" in said, said
    (good / "guard_test.lua").write_text("return { os.time() }\n")
    assert "guard_test.lua:1: " in hook("test", good, code=1)
    (good / "guard_test.lua").unlink()
    assert "there are no cases" in hook("test", good, code=1)


def runs_and_measures(base):
    guard = folder_of(base / "run", guard__lua=GUARD) / "guard.lua"
    said = hook("run", "--input", "-", guard, stdin='{"scopes": ["b"]}')
    assert "guard.lua:6" in said and "guard.lua:4 " not in said and 'result  {"kind":"deny"' in said, said
    ran = json.loads(hook("run", "--input", "-", guard, "--json", stdin='{"scopes": ["a"]}'))
    assert ran["result"] == {"kind": "narrow", "scopes": ["a"]} and 4 in ran["trace"] and 6 not in ran["trace"], ran
    failed = json.loads(hook("run", "--input", "-", guard, "--json", stdin="{}", code=1))
    assert failed["error"]["kind"] == "runtime" and failed["error"]["text"].startswith("guard.lua:3: "), failed
    long = folder_of(base / "long", long__lua=GUARD.replace("if set", "for i = 1, 20000 do local x = i end\n    if set")) / "long.lua"
    hook("run", "--input", "-", long, stdin='{"scopes": ["a"]}')
    short = json.loads(hook("run", "--input", "-", long, "--json", "-Dhooks.budget.units=5000", stdin='{"scopes": ["a"]}', code=1))
    assert short["error"]["kind"] == "units", short
    measured = json.loads(hook("bench", guard, "--input", "-", "--json", stdin='{"scopes": ["a"]}'))
    assert all(measured[state]["calls"] > 0 and measured[state]["units"] > 0 for state in ("fresh", "pooled")), measured


def tells_its_tables():
    api = json.loads(hook("api", "--json"))
    hooks = {row["hook"]: row for row in api["hooks"]}
    assert hooks["scope_check"]["results"] == ["allow", "deny", "narrow"] and hooks["webhook_filter"]["reserved"]
    assert any(row["name"] == "narrow" for row in api["names"]) and not any(row["name"] == "pcall" for row in api["names"])
    assert "scope_check" in hook("api")


def replays_its_fixture():
    fixture = ROOT / "tests/unit/policy_tools/replay"
    said = hook("replay", "--decisions", fixture / "decisions.jsonl", "--script", fixture / "new.lua", "--json", code=1)
    assert said == (fixture / "expected.json").read_text(), said


def signs(base):
    folder = folder_of(base / "signed", guard__lua=GUARD)
    key = base / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True)
    said = hook("sign", folder, "--key", key, "--name", "corp")
    assert "hooks.trust = corp+" in said and (folder / "bundle.sig").read_text().startswith("agentidp hook bundle\n"), said
    other = base / "rsa.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "rsa", "-out", str(other)], check=True, capture_output=True)
    assert "no Ed25519 key" in hook("sign", folder, "--key", other, code=2)
    (folder / "guard.lua").write_text("return 1\n")
    assert "what would not load is not signed" in hook("sign", folder, "--key", key, code=1)


def refuses_misuse(base):
    guard = folder_of(base / "misuse", guard__lua=GUARD) / "guard.lua"
    for words, says in (((), "check, test"), (("tset",), "did you mean test?"), (("check",), "one folder or script"), (("test", base, "--format", "yaml"), "text, tap, junit"),
                        (("test", base, "--min", "101"), "0 to 100"), (("run", guard), "--input"), (("run", "--input", base / "none", guard), "cannot be read"),
                        (("run", "--input", guard, guard), "is not one JSON object"), (("replay", "--script", guard), "--decisions"),
                        (("bench", guard, "--input", "-", "--seconds", "0"), "1 to 60"), (("sign", base), "--key"), (("selftest", "now"), "now")):
        said = hook(*words, code=2, stdin="{}")
        assert says in said, f"{words}: {said}"
    assert "does not hook claims; it has scope_check" in hook("run", "--input", "-", "--hook", "claims", guard, code=2, stdin="{}")


def shipped_scripts_pass():
    for name in ("cookbook", "sample"):
        said = hook("test", ROOT / "scripts" / name, "--coverage", "--min", 90)
        assert ", 0 failed" in said, said
    said = hook("check", ROOT / "scripts/reserved", code=1)
    assert "'webhook_filter' is reserved" in said, said


def run():
    with tempfile.TemporaryDirectory(prefix="agentidp-hooks-") as folder:
        base = pathlib.Path(folder)
        refuses_bad_scripts(base)
        tests_tell(base)
        runs_and_measures(base)
        signs(base)
        refuses_misuse(base)
    tells_its_tables()
    replays_its_fixture()
    shipped_scripts_pass()
    stopped = json.loads(hook("selftest", "--json"))
    assert stopped["ok"] and stopped["scripts"] >= 60 and stopped["slowest"], stopped
    return f"hook_tools: refused={len(REFUSED) + 2} selftest={stopped['scripts']} slowest={stopped['slowest']}"
