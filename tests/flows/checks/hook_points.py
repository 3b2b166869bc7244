"""Every hook point through the real binary: what a script may do there, what it cannot do, and what becomes of a request whose script fails. The
script reads what it is to do from the labels of the agent it is asked about."""
import json
import pathlib
import shutil
import tempfile

from daemon import Daemon
from jwks import payload_of

covers = [60]

SCRIPT = """
local function wanted(agent, point)
  return agent.labels and agent.labels[point]
end

return {
  api = 1, name = "points", version = "1",
  hooks = {
    authenticate = function(ctx)
      if wanted(ctx.agent, "authenticate") == "deny" then return deny("out_of_hours", "come back at nine") end
      if wanted(ctx.agent, "authenticate") == "nothing" then return nil end
      return allow()
    end,
    scope_check = function(ctx)
      local what = wanted(ctx.agent, "scope_check")
      if what == "narrow" then return narrow { scopes = { "agents:read" }, max_ttl = 60 } end
      if what == "widen" then return narrow { scopes = { "agents:read", "admin:orgs" } } end
      if what == "empty" then return narrow { scopes = {} } end
      if what == "audience" then return narrow { audience = "https://elsewhere.example" } end
      if what == "loop" then while true do end end
      if what == "error" then local none = ctx.nothing.at_all end
      return allow()
    end,
    claims = function(ctx)
      local what = wanted(ctx.agent, "claims")
      if what == "team" then return add { x_team = ctx.agent.owner } end
      if what == "forge" then return add { sub = "somebody-else" } end
      return add {}
    end,
    credential_lifecycle = function(ctx)
      local what = wanted(ctx.agent, "credential")
      if what == "deny" then return deny("frozen", "no changes this week") end
      if what == "short" and ctx.operation ~= "revoke" then return shorten { max_ttl = 90 } end
      return allow()
    end,
    agent_register = function(ctx)
      if ctx.agent.owner == "nobody" then return deny("no_owner", "an agent needs an owner") end
      return annotate { reviewed = true }
    end,
    rate_limit_key = function(ctx)
      if wanted(ctx.agent, "rate") == "dear" then return rate { cost = 40 } end
      if wanted(ctx.agent, "rate") == "team" then return rate { key = "team" } end
      return rate { cost = 1 }
    end,
    audit_enrich = function(event)
      if wanted(event.agent, "audit") == "error" then local none = event.nothing.at_all end
      return enrich { owner = event.agent.owner or "unknown" }
    end,
    introspect_filter = function(ctx)
      return omit { "client_id", "sub" }
    end,
  },
}
"""
SCOPES = ["agents:read", "agents:write"]


class House:
    def __init__(self, daemon):
        self.daemon, self.admin, self.count = daemon, daemon.admin_token(), 0

    def agent(self, owner="ops", **labels):
        self.count += 1
        made = self.daemon.json("POST", "/api/v1/agents", {"email": f"hook-{self.count}@example.test", "agentType": "tool", "owner": owner,
                                                           "scopes": SCOPES, "labels": labels}, self.admin)
        if made.status != 201:
            return made
        agent = made.json()
        credential = self.daemon.json("POST", f"/api/v1/agents/{agent['agentId']}/credentials", {}, self.admin)
        if credential.status != 201:
            return credential
        return {**agent, **credential.json()}

    def token(self, agent):
        return self.daemon.token(agent["agentId"], agent["clientSecret"])

    def asked(self, **labels):
        return self.token(self.agent(**labels))

    def event(self, action, agent):
        found = self.daemon.json("GET", f"/api/v1/audit?action={action}&agentId={agent['agentId']}", token=self.admin).json()["data"]
        return found[0]


def refused(answer, status, error, begins):
    body = answer.json()
    assert answer.status == status and body["error"] == error and body["error_description"].startswith(begins), answer.body


def tokens(house):
    plain = house.asked()
    assert plain.status == 200 and payload_of(plain.json()["access_token"])["scope"] == " ".join(SCOPES), plain.body
    refused(house.asked(authenticate="deny"), 403, "access_denied", "out_of_hours: come back at nine")
    refused(house.asked(authenticate="nothing"), 503, "temporarily_unavailable", "hook_unavailable")
    narrowed = house.asked(scope_check="narrow").json()
    claims = payload_of(narrowed["access_token"])
    assert narrowed["scope"] == claims["scope"] == "agents:read" and narrowed["expires_in"] == claims["exp"] - claims["iat"] == 60, claims
    refused(house.asked(scope_check="empty"), 403, "access_denied", "no_scope_left")
    for what in ("widen", "audience", "loop", "error"):
        answer = house.asked(scope_check=what)
        refused(answer, 503, "temporarily_unavailable", "hook_unavailable")
        assert answer.header("Retry-After"), answer.headers
        assert house.asked().status == 200, f"the request after {what}"
    assert payload_of(house.asked(claims="team").json()["access_token"])["x_team"] == "ops"
    refused(house.asked(claims="forge"), 503, "temporarily_unavailable", "hook_unavailable")


def budgets(house):
    dear = house.agent(rate="dear")
    answers = [house.token(dear) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429], [answer.body for answer in answers]
    assert answers[0].header("X-RateLimit-Remaining") == "60", answers[0].headers
    first, second = house.agent(rate="team"), house.agent(rate="team")
    told = [house.token(agent).header("X-RateLimit-Remaining") for agent in (first, second, first)]
    assert told == ["99", "98", "97"], told


def registry(house):
    ownerless = house.agent(owner="nobody")
    assert ownerless.status == 403 and "no_owner: an agent needs an owner" in ownerless.body, ownerless.body
    made = house.agent()
    assert house.event("agent.created", made)["ext"] == {"annotations": {"reviewed": True}, "points": {"owner": "ops"}}
    frozen = house.agent(credential="deny")
    assert frozen.status == 403 and "frozen" in frozen.body, frozen.body
    short = house.agent(credential="short")
    ends = house.daemon.json("GET", f"/api/v1/agents/{short['agentId']}/credentials", token=house.admin).json()["data"][0]
    assert ends["expiresAt"] is not None and ends["createdAt"] < ends["expiresAt"], ends
    # A revocation is told to hooks and not theirs to stop.
    changed = house.daemon.json("PATCH", f"/api/v1/agents/{short['agentId']}", {"labels": {"credential": "deny"}}, house.admin)
    assert changed.status == 200, changed.body
    path = f"/api/v1/agents/{short['agentId']}/credentials/{short['credentialId']}"
    assert house.daemon.json("POST", path + "/rotate", {}, house.admin).status == 403
    assert house.daemon.json("DELETE", path, token=house.admin).status == 204


def audit(house):
    agent = house.agent(audit="error")
    assert house.token(agent).status == 200
    ext = house.event("token.issued", agent)["ext"]
    assert ext == {"ext_error": "points: runtime"}, ext
    calm = house.agent()
    token = house.token(calm).json()["access_token"]
    assert house.event("token.issued", calm)["ext"] == {"points": {"owner": "ops"}}
    form = {"Authorization": "Bearer " + house.admin, "Content-Type": "application/x-www-form-urlencoded"}
    seen = house.daemon.request("POST", "/api/v1/token/introspect", form, "token=" + token).json()
    assert seen["active"] is True and "scope" in seen and "sub" not in seen and "client_id" not in seen, seen


def run():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="agentidp-hooks-"))
    try:
        folder.chmod(0o755)
        (folder / "points.lua").write_text(SCRIPT)
        (folder / "points.lua").chmod(0o644)
        # A sanitized daemon is slower than the 20 ms of a script allow for.
        with Daemon({"hooks.dir": str(folder), "hooks.budget.wall_ms": "200", "hooks.budget.request_ms": "500"}) as daemon:
            house = House(daemon)
            for part in (tokens, budgets, registry, audit):
                part(house)
            metrics = daemon.request("GET", "/metrics").body
            failures = sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith("agentidp_hook_errors_total{"))
            assert failures >= 4, failures
            assert daemon.cli("audit", "verify").returncode == 0
            return "hook_points: points=8 widened=0 forged=0 revocation_blocked=0"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
