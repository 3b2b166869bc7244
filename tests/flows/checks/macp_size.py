"""The mint's bound on bodies: 102,400 bytes pass, one more is 413, with a length and chunked; what is nested too deep is refused."""
import base64
import http.client
import json

from daemon import Daemon

LIMIT = 102400


def body_of(size):
    frame = len('{"sender":"a","scopes":{"x":""}}')
    return ('{"sender":"a","scopes":{"x":"' + "y" * (size - frame) + '"}}').encode()


def send(daemon, path, body, chunked):
    connection = http.client.HTTPConnection(daemon.host, daemon.port, timeout=20)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", path, body=iter([body[:50000], body[50000:]]) if chunked else body, headers=headers, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


def run():
    cases = 0
    with Daemon({"macp.mint.enabled": "true"}) as daemon:
        for path in ("/tokens", "/Tokens/"):
            for chunked in (False, True):
                status, kind, text = send(daemon, path, body_of(LIMIT), chunked)
                assert status == 200, f"{path} at the limit: {status} {text[:100]}"
                segment = json.loads(text)["token"].split(".")[1]
                assert len(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))) > LIMIT
                status, kind, text = send(daemon, path, body_of(LIMIT + 1), chunked)
                assert (status, kind, text) == (413, "application/json; charset=utf-8", '{"error":"request body too large"}'), f"{status} {kind} {text}"
                cases += 2
        for depth, expected in ((900, 200), (1100, 400), (50000, 400)):
            body = ('{"sender":"a","scopes":{"x":' + "[" * depth + "]" * depth + "}}").encode()
            status, _, text = send(daemon, "/tokens", body, False)
            assert status == expected, f"depth {depth}: {status} {text[:100]}"
            cases += 1
        answer = daemon.request("GET", "/healthz")
        assert answer.status == 200
    return f"macp_size: cases={cases} wrong=0"
