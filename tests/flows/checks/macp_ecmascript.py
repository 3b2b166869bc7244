"""Scopes as the mint writes them again, against node's own JSON.parse and JSON.stringify: numbers, names, strings."""
import base64
import json
import random
import shutil
import subprocess

from daemon import Daemon

NUMBERS = ["1e21", "1e-7", "5e-324", "-0", "0.1", "123456789012345680000", "9007199254740992", "9007199254740993", "3.0", "1e2", "1e400", "-1e400",
           "1e-400", "2.5e-324", "2.4e-324", "1.7976931348623157e308", "1.7976931348623159e308", "0.000001", "0.0000001", "4.35", "60.5", "-1.5e-9",
           "18446744073709551616", "333333333.33333329", "1e23", "0e99999", "0." + "0" * 400 + "1e401", "1" + "0" * 400 + "e-400"]
NAMES = ["b", "10", "9", "01", "4294967294", "4294967295", "-1", "1.5", "a", "0", "__proto__", "constructor", "", " ", "\\ud800", "\\udc00", "é", "😀",
         "\\ud83d\\ude00x", "toString"]
TEXTS = ['"\\u0000\\u001f\\u007f\\u0080\\u2028\\u2029"', '"\\/\\b\\f\\n\\r\\t\\"\\\\"', '"\\ud83d\\ud83d\\ude00\\udc00"', '"ÿ€😀"', "true", "null", "{}", "[]",
         '{"2":{"b":[1.0,{"1":0,"x":0,"0":0}]},"1":[]}']
NODE = "const b=require('fs').readFileSync(0,'utf8');for(const l of b.split('\\n'))if(l)console.log(JSON.stringify(JSON.parse(l)))"


def bodies(seed=7):
    dice = random.Random(seed)
    numbers = NUMBERS + [repr(dice.uniform(-1, 1) * 10 ** dice.randint(-320, 308)) for _ in range(400)]
    numbers += [str(dice.randint(-2 ** 70, 2 ** 70)) for _ in range(100)] + ["%d.%de%d" % (dice.randint(0, 99), dice.randint(0, 10 ** 18), dice.randint(-30, 30))
                                                                          for _ in range(200)]
    yield len(numbers), '{"n":[' + ",".join(numbers) + "]}"
    for _ in range(20):
        names = dice.sample(NAMES, len(NAMES))
        yield len(names), "{" + ",".join(f'"{name}":{dice.choice(TEXTS + NUMBERS[:10])}' for name in names) + "}"


def run():
    if shutil.which("node") is None:
        return "skip macp_ecmascript: node is not installed here"
    texts = list(bodies())
    wanted = subprocess.run(["node", "-e", NODE], input="\n".join(text for _, text in texts), capture_output=True, text=True, check=True).stdout.rstrip("\n").split("\n")
    assert len(wanted) == len(texts), "node answered another number of lines"
    wrong = []
    with Daemon({"macp.mint.enabled": "true"}) as daemon:
        for (_, text), expected in zip(texts, wanted):
            body = ('{"sender":"a","scopes":' + text + "}").encode()
            answer = daemon.request("POST", "/tokens", {"Content-Type": "application/json"}, body)
            assert answer.status == 200, f"{answer.status} {answer.body[:200]}"
            segment = answer.json()["token"].split(".")[1]
            payload = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
            got = payload[len('{"macp_scopes":'):payload.rindex(',"sub":"a"')]
            if got != expected:
                wrong.append(next((f"{a!r} not {b!r}" for a, b in zip(got.split(","), expected.split(",")) if a != b), "another length"))
            json.loads(payload)
    assert not wrong, "; ".join(wrong[:5])
    return f"macp_ecmascript: values={sum(count for count, _ in texts)} wrong=0"
