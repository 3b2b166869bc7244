#include "registry/number.h"
#include "registry_house.h"

namespace agentidp::registry {

using House = tests::RegistryHouse;
using tests::kAgentBody;

class AgentsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AgentsTest);
    CPPUNIT_TEST(registersAnAgent);
    CPPUNIT_TEST(fillsDefaults);
    CPPUNIT_TEST(namesEveryFault);
    CPPUNIT_TEST(givesOnlyScopesTheCallerHolds);
    CPPUNIT_TEST(leavesNoScopeTheCallerDoesNotHold);
    CPPUNIT_TEST(keepsAdminOrgsInsideSystem);
    CPPUNIT_TEST(answersAnEmailThatIsTakenWithConflict);
    CPPUNIT_TEST(letsAnAgentReadItself);
    CPPUNIT_TEST(row62HidesOtherOrganizationsAndTellsTheLedger);
    CPPUNIT_TEST(letsThePlatformActAnywhere);
    CPPUNIT_TEST(row63RefusesMembersThatAreNotToBeSet);
    CPPUNIT_TEST(row63LeavesOmittedMembersAlone);
    CPPUNIT_TEST(row63HonoursIfMatch);
    CPPUNIT_TEST(suspendingEndsTokensAndReactivatingDoesNotReviveThem);
    CPPUNIT_TEST(aSecondSuspensionWithinTheSecondEndsWhatWasIssuedBetween);
    CPPUNIT_TEST(decommissioningIsFinal);
    CPPUNIT_TEST(changesNothingForAnEmptyPatch);
    CPPUNIT_TEST(detectsAChangeThatCameBetween);
    CPPUNIT_TEST(listsInPages);
    CPPUNIT_TEST(refusesForeignCursorsAndOtherFilters);
    CPPUNIT_TEST(filtersLists);
    CPPUNIT_TEST(saysUnavailableWhereStorageIs);
    CPPUNIT_TEST(allocatesNumbersInOrderOfTime);
    CPPUNIT_TEST_SUITE_END();

    House house;

    std::string created(const model::Caller& caller, std::string_view body = kAgentBody) {
        return House::body(house.createAgent(caller, body)).textOr("agentId", "");
    }
    const model::Agent& stored(const std::string& id) { return house.registry.agents.at(id); }
    std::string lastAction() const { return std::string(model::nameOf(house.registry.events.back().action)); }

public:
    void registersAnAgent() {
        const auto ruling = house.createAgent(house.adminA, kAgentBody);
        const auto& answer = House::answer(ruling);
        CPPUNIT_ASSERT_EQUAL(201, answer.status);
        const auto body = House::body(ruling);
        const auto id = body.textOr("agentId", "");
        CPPUNIT_ASSERT_EQUAL("/api/v1/agents/" + id, House::header(answer, "Location"));
        CPPUNIT_ASSERT_EQUAL(std::string("\"1\""), House::header(answer, "ETag"));
        const auto at = R"("2026-)";
        CPPUNIT_ASSERT(answer.body.find(at) != std::string::npos);
        CPPUNIT_ASSERT(
            answer.body.starts_with(R"({"agentId":")" + id + R"(","organizationId":")" + House::organizationId(2) +
                                    R"(","email":"bot@a.example","agentType":"screener","version":"1.2.0","capabilities":["resume:read"],)"
                                    R"("owner":"Team","deploymentEnv":"production","scopes":["agents:read"],"claims":{"x_team":"blue"},)"
                                    R"("status":"active","labels":{"tier":"one"},"createdAt":")"));
        const auto& event = house.registry.events.back();
        CPPUNIT_ASSERT(event.action == model::Action::AgentCreated);
        CPPUNIT_ASSERT_EQUAL(id, event.agentId.str());
        CPPUNIT_ASSERT_EQUAL(house.adminA.agentId.str(), event.actor);
        CPPUNIT_ASSERT_EQUAL(std::string("request-1"), event.requestId);
        CPPUNIT_ASSERT_EQUAL(std::string("INSUFFICIENT_SCOPE"),
                             House::codeOf(house.createAgent(house.addAgent(2, "x@a.example", {}), kAgentBody)));
    }

    void fillsDefaults() {
        const auto id = created(house.adminA, R"({"email":"a@b","agentType":"t","owner":"o"})");
        const auto& agent = stored(id);
        CPPUNIT_ASSERT(agent.scopes.empty());
        CPPUNIT_ASSERT(agent.deploymentEnv == model::DeploymentEnv::Development);
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), agent.claimsJson);
        CPPUNIT_ASSERT_EQUAL(house.adminA.organizationNum, agent.organizationNum);
    }

    void namesEveryFault() {
        CPPUNIT_ASSERT_EQUAL(std::string("/email /agentType /owner "), House::pointersOf(house.createAgent(house.adminA, "{}")));
        const auto ruling = house.createAgent(
            house.adminA, R"({"email":"nope","agentType":"","owner":7,"version":null,"capabilities":"x","scopes":["a b","ok","ok"],
                             "deploymentEnv":"prod","claims":{"iss":"x"},"labels":{"a":1},"emial":"x","admin":true})");
        CPPUNIT_ASSERT_EQUAL(std::string("VALIDATION_ERROR"), House::codeOf(ruling));
        CPPUNIT_ASSERT_EQUAL(
            std::string(
                "/email /agentType /version /capabilities /owner /deploymentEnv /scopes/0 /scopes/2 /claims /labels/a /emial /admin "),
            House::pointersOf(ruling));
        for (const auto* body : {"[]", "null", "\"x\"", "1"})
            CPPUNIT_ASSERT_EQUAL(std::string("VALIDATION_ERROR"), House::codeOf(house.createAgent(house.adminA, body)));
        for (const auto* claims :
             {R"({"x_a":{"b":{"c":{"d":{}}}}})", R"({"y":1})", R"({"scope":"x"})", R"({"x_":"\u202e"})", "[]", "\"x\""})
            CPPUNIT_ASSERT_EQUAL(std::string("/claims "),
                                 House::pointersOf(house.createAgent(
                                     house.adminA, R"({"email":"a@b","agentType":"t","owner":"o","claims":)" + std::string(claims) + "}")));
    }

    void givesOnlyScopesTheCallerHolds() {
        const auto ruling =
            house.createAgent(house.adminA, R"({"email":"a@b","agentType":"t","owner":"o","scopes":["agents:read","audit:read"]})");
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(ruling));
        auto narrowed = house.adminA;
        narrowed.scopes = {"agents:write"};
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.createAgent(narrowed, kAgentBody)));
        CPPUNIT_ASSERT(house
                           .createAgent(House::machineOwner(),
                                        R"({"email":"a@b","agentType":"t","owner":"o","scopes":["invoices:read"],"organizationId":")" +
                                            House::organizationId(2) + "\"}")
                           .ok());
    }

    void leavesNoScopeTheCallerDoesNotHold() {
        const auto wide = house.addAgent(2, "wide@a.example", {"agents:read", "audit:read"});
        const auto id = wide.agentId.str();
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.updateAgent(house.adminA, id, R"({"owner":"New"})")));
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.updateAgent(house.adminA, id, R"({"status":"suspended"})")));
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.decommission(house.adminA, id)));
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"scopes":["agents:read"]})").ok());
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"owner":"New"})").ok());
    }

    void keepsAdminOrgsInsideSystem() {
        const auto ruling = house.createAgent(
            house.operatorOfPlatform,
            R"({"email":"a@b","agentType":"t","owner":"o","scopes":["admin:orgs"],"organizationId":")" + House::organizationId(2) + "\"}");
        CPPUNIT_ASSERT_EQUAL(std::string("/scopes "), House::pointersOf(ruling));
        CPPUNIT_ASSERT(
            house.createAgent(house.operatorOfPlatform, R"({"email":"a@b","agentType":"t","owner":"o","scopes":["admin:orgs"]})").ok());
        const auto id = created(house.adminA);
        CPPUNIT_ASSERT_EQUAL(std::string("/scopes "),
                             House::pointersOf(house.updateAgent(house.operatorOfPlatform, id, R"({"scopes":["admin:orgs"]})")));
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.updateAgent(house.adminA, id, R"({"scopes":["admin:orgs"]})")));
    }

    void answersAnEmailThatIsTakenWithConflict() {
        (void)created(house.adminA);
        const model::Origin origin{"r", "ip", "ua", house.clock.now()};
        const auto ruling = house.agents.create({house.adminA, origin}, House::json(kAgentBody));
        const auto done = house.registry.apply(ruling.mutation);
        CPPUNIT_ASSERT(!done.ok());
        CPPUNIT_ASSERT(problemOfCommit(done.error(), false).code == model::ProblemCode::Conflict);
        CPPUNIT_ASSERT(house.createAgent(house.adminB, kAgentBody).ok());
    }

    void letsAnAgentReadItself() {
        const auto self = house.addAgent(2, "self@a.example", {});
        CPPUNIT_ASSERT(house.readAgent(self, self.agentId.str()).ok());
        CPPUNIT_ASSERT_EQUAL(std::string("INSUFFICIENT_SCOPE"), House::codeOf(house.readAgent(self, house.adminA.agentId.str())));
        CPPUNIT_ASSERT_EQUAL(std::string("\"1\""), House::header(House::answer(house.readAgent(house.adminA, self.agentId.str())), "ETag"));
    }

    void row62HidesOtherOrganizationsAndTellsTheLedger() {
        const auto id = created(house.adminB);
        const auto missing = house.readAgent(house.adminA, base::uuidV4());
        CPPUNIT_ASSERT(missing.mutation.events.empty());
        for (const auto& ruling : {house.readAgent(house.adminA, id), house.updateAgent(house.adminA, id, R"({"owner":"x"})"),
                                   house.decommission(house.adminA, id), house.createCredential(house.adminA, id),
                                   house.rotate(house.adminA, id, base::uuidV4()), house.revoke(house.adminA, id, base::uuidV4())}) {
            CPPUNIT_ASSERT_EQUAL(std::string("NOT_FOUND"), House::codeOf(ruling));
            CPPUNIT_ASSERT_EQUAL(House::problem(missing).detail, House::problem(ruling).detail);
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, ruling.mutation.events.size());
            const auto& event = ruling.mutation.events[0];
            CPPUNIT_ASSERT(event.action == model::Action::AccessRefused);
            CPPUNIT_ASSERT_EQUAL(house.adminA.agentId.str(), event.actor);
            CPPUNIT_ASSERT_EQUAL(house.adminA.organizationNum, event.organizationNum);
            CPPUNIT_ASSERT_EQUAL(id, House::json(event.metadataJson).textOr("id", ""));
        }
        const auto there = house.createAgent(
            house.adminA, R"({"email":"a@b","agentType":"t","owner":"o","organizationId":")" + House::organizationId(3) + "\"}");
        CPPUNIT_ASSERT_EQUAL(std::string("NOT_FOUND"), House::codeOf(there));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, there.mutation.events.size());
        CPPUNIT_ASSERT_EQUAL(std::string("NOT_FOUND"),
                             House::codeOf(house.listAgents(house.adminA, {{"organizationId", House::organizationId(3)}})));
        CPPUNIT_ASSERT(House::answer(house.listAgents(house.adminA, {})).body.find(id) == std::string::npos);
    }

    void letsThePlatformActAnywhere() {
        const auto id = created(house.operatorOfPlatform,
                                R"({"email":"first@b","agentType":"t","owner":"o","scopes":["agents:write"],"organizationId":")" +
                                    House::organizationId(3) + "\"}");
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, stored(id).organizationNum);
        CPPUNIT_ASSERT(house.createCredential(house.operatorOfPlatform, id).ok());
        CPPUNIT_ASSERT_EQUAL(std::string("/organizationId "),
                             House::pointersOf(house.createAgent(House::machineOwner(), R"({"email":"a@b","agentType":"t","owner":"o"})")));
        CPPUNIT_ASSERT_EQUAL(
            std::string("NOT_FOUND"),
            House::codeOf(house.createAgent(
                house.operatorOfPlatform,
                R"({"email":"a@b","agentType":"t","owner":"o","organizationId":"aaaaaaaa-0000-4000-8000-000000000009"})")));
    }

    void row63RefusesMembersThatAreNotToBeSet() {
        const auto id = created(house.adminA);
        for (const auto* member : {"organizationId", "tenant_id", "role", "createdAt", "created_at", "updatedAt", "agentId", "num",
                                   "tokensNotBefore", "rowVersion"})
            CPPUNIT_ASSERT_EQUAL("/" + std::string(member) + " ",
                                 House::pointersOf(house.updateAgent(house.adminA, id, "{\"" + std::string(member) + "\":\"x\"}")));
        CPPUNIT_ASSERT_EQUAL(std::string("/status "),
                             House::pointersOf(house.updateAgent(house.adminA, id, R"({"status":"decommissioned"})")));
        CPPUNIT_ASSERT_EQUAL(
            std::string("/status "),
            House::pointersOf(house.createAgent(house.adminA, R"({"email":"a@b","agentType":"t","owner":"o","status":"active"})")));
    }

    void row63LeavesOmittedMembersAlone() {
        const auto id = created(house.adminA);
        const auto before = stored(id);
        house.clock.advance(base::seconds(5));
        const auto body = House::body(house.updateAgent(house.adminA, id, R"({"owner":"Other"})"));
        auto expected = before;
        expected.owner = "Other";
        const auto& after = stored(id);
        CPPUNIT_ASSERT(after.scopes == before.scopes && after.labels == before.labels && after.claimsJson == before.claimsJson);
        CPPUNIT_ASSERT(after.capabilities == before.capabilities && after.email == before.email && after.status == before.status);
        CPPUNIT_ASSERT_EQUAL(std::string("Other"), after.owner);
        CPPUNIT_ASSERT_EQUAL(before.rowVersion + 1, after.rowVersion);
        CPPUNIT_ASSERT(after.updatedAt > before.updatedAt && after.createdAt == before.createdAt);
        CPPUNIT_ASSERT_EQUAL(std::string("agent.updated"), lastAction());
        CPPUNIT_ASSERT_EQUAL(std::string("owner"), House::json(house.registry.events.back().metadataJson).textOr("changed", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("/owner "), House::pointersOf(house.updateAgent(house.adminA, id, R"({"owner":null})")));
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"scopes":[],"labels":{},"claims":{}})").ok());
        CPPUNIT_ASSERT(stored(id).scopes.empty() && stored(id).labels.empty());
    }

    void row63HonoursIfMatch() {
        const auto id = created(house.adminA);
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"owner":"1"})", "\"1\"").ok());
        for (const auto* tag : {"\"1\"", "W/\"2\"", "2", "\"2", "\"\""})
            CPPUNIT_ASSERT_EQUAL(std::string("PRECONDITION_FAILED"),
                                 House::codeOf(house.updateAgent(house.adminA, id, R"({"owner":"2"})", tag)));
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"owner":"2"})", "\"9\", \"2\"").ok());
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"owner":"3"})", "*").ok());
    }

    void suspendingEndsTokensAndReactivatingDoesNotReviveThem() {
        const auto id = created(house.adminA);
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"status":"suspended"})").ok());
        CPPUNIT_ASSERT_EQUAL(std::string("agent.suspended"), lastAction());
        const auto mark = stored(id).tokensNotBefore.value();
        CPPUNIT_ASSERT(mark == house.clock.now());
        house.clock.advance(base::seconds(10));
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"status":"active","owner":"x"})").ok());
        CPPUNIT_ASSERT_EQUAL(std::string("agent.reactivated"), lastAction());
        CPPUNIT_ASSERT(stored(id).tokensNotBefore == mark);
        house.clock.stepWall(-base::seconds(100));
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"status":"suspended"})").ok());
        CPPUNIT_ASSERT(stored(id).tokensNotBefore > mark);
    }

    // Found by the crash harness: suspend, reactivate, issue, suspend within one second, and the token lived on after the next
    // reactivation.
    void aSecondSuspensionWithinTheSecondEndsWhatWasIssuedBetween() {
        const auto id = created(house.adminA);
        const auto suspend = [&] { CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"status":"suspended"})").ok()); };
        suspend();
        CPPUNIT_ASSERT(house.updateAgent(house.adminA, id, R"({"status":"active"})").ok());
        const auto bornLater = base::epochSecondsOf(stored(id).tokensNotBefore.value()) + 1;
        house.clock.advance(base::milliseconds(1));
        suspend();
        CPPUNIT_ASSERT(base::epochSecondsOf(stored(id).tokensNotBefore.value()) >= bornLater);
    }

    void decommissioningIsFinal() {
        const auto id = created(house.adminA);
        (void)house.createCredential(house.adminA, id);
        (void)house.createCredential(house.adminA, id);
        CPPUNIT_ASSERT_EQUAL(204, House::answer(house.decommission(house.adminA, id)).status);
        CPPUNIT_ASSERT_EQUAL(std::string("agent.decommissioned"), lastAction());
        CPPUNIT_ASSERT(stored(id).status == model::AgentStatus::Decommissioned);
        CPPUNIT_ASSERT(stored(id).tokensNotBefore == house.clock.now());
        for (const auto& [key, credential] : house.registry.credentials)
            CPPUNIT_ASSERT(credential.status == model::CredentialStatus::Revoked);
        const auto again = house.decommission(house.adminA, id);
        CPPUNIT_ASSERT(again.ok() && again.mutation.empty());
        for (const auto& ruling : {house.updateAgent(house.adminA, id, R"({"status":"active"})"), house.updateAgent(house.adminA, id, "{}"),
                                   house.createCredential(house.adminA, id)})
            CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"), House::codeOf(ruling));
        CPPUNIT_ASSERT_EQUAL(std::string("decommissioned"), House::body(house.readAgent(house.adminA, id)).textOr("status", ""));
    }

    void changesNothingForAnEmptyPatch() {
        const auto id = created(house.adminA);
        for (const auto* body : {"{}", R"({"owner":"Team","status":"active"})"}) {
            const auto ruling = house.updateAgent(house.adminA, id, body);
            CPPUNIT_ASSERT(ruling.ok() && ruling.mutation.empty());
            CPPUNIT_ASSERT_EQUAL(std::string("\"1\""), House::header(House::answer(ruling), "ETag"));
        }
    }

    void detectsAChangeThatCameBetween() {
        const auto id = created(house.adminA);
        const model::Origin origin{"r", "ip", "ua", house.clock.now()};
        const auto first = house.agents.update({house.adminA, origin}, id, House::json(R"({"owner":"1"})"));
        const auto second = house.agents.update({house.adminA, origin}, id, House::json(R"({"owner":"2"})"));
        CPPUNIT_ASSERT(house.registry.apply(first.mutation).ok());
        const auto lost = house.registry.apply(second.mutation);
        CPPUNIT_ASSERT(lost.error().code == base::Errc::Conflict);
        CPPUNIT_ASSERT(problemOfCommit(lost.error(), false).code == model::ProblemCode::Conflict);
        CPPUNIT_ASSERT(problemOfCommit(lost.error(), true).code == model::ProblemCode::PreconditionFailed);
    }

    void listsInPages() {
        for (int i = 0; i < 45; ++i) (void)house.addAgent(2, "n" + std::to_string(i) + "@a.example", {});
        std::vector<std::string> seen;
        Query query;
        for (int page = 0; page < 4; ++page) {
            const auto body = House::body(house.listAgents(house.adminA, query));
            for (const auto& item : *body.find("data")->asArray()) seen.push_back(item.textOr("agentId", ""));
            if (body.find("nextCursor")->isNull()) break;
            query = {{"cursor", body.textOr("nextCursor", "")}};
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{46}, seen.size());
        std::sort(seen.begin(), seen.end());
        CPPUNIT_ASSERT(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
        const auto sized = House::body(house.listAgents(house.adminA, {{"limit", "46"}}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{46}, sized.find("data")->asArray()->size());
        CPPUNIT_ASSERT(sized.find("nextCursor")->isNull());
        for (const auto* limit : {"0", "101", "-1", "1e1", "", "x", "020"})
            CPPUNIT_ASSERT_EQUAL(std::string("?limit "), House::pointersOf(house.listAgents(house.adminA, {{"limit", limit}})));
    }

    void refusesForeignCursorsAndOtherFilters() {
        for (int i = 0; i < 3; ++i) {
            (void)house.addAgent(2, "n" + std::to_string(i) + "@a.example", {});
            (void)house.addAgent(3, "n" + std::to_string(i) + "@b.example", {});
        }
        const auto next = [&](const model::Caller& caller, Query query) {
            query.emplace_back("limit", "1");
            return House::body(house.listAgents(caller, query)).textOr("nextCursor", "");
        };
        const auto plain = next(house.adminA, {});
        const auto filtered = next(house.adminA, {{"status", "active"}});
        CPPUNIT_ASSERT(house.listAgents(house.adminA, {{"cursor", plain}}).ok());
        CPPUNIT_ASSERT(house.listAgents(house.adminA, {{"cursor", filtered}, {"status", "active"}}).ok());
        auto altered = plain;
        altered[3] = altered[3] == 'A' ? 'B' : 'A';
        for (const auto& query : std::vector<Query>{{{"cursor", plain}, {"status", "active"}},
                                                    {{"cursor", filtered}},
                                                    {{"cursor", filtered}, {"status", "suspended"}},
                                                    {{"cursor", altered}},
                                                    {{"cursor", ""}},
                                                    {{"cursor", "AAAA"}},
                                                    {{"cursor", std::string(5000, 'A')}},
                                                    {{"cursor", next(house.adminB, {})}}})
            CPPUNIT_ASSERT_EQUAL(std::string("?cursor "), House::pointersOf(house.listAgents(house.adminA, query)));
    }

    void filtersLists() {
        const auto id = created(house.adminA);
        const auto count = [&](const Query& query) {
            return House::body(house.listAgents(house.adminA, query)).find("data")->asArray()->size();
        };
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, count({}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1},
                             count({{"agentType", "screener"}, {"deploymentEnv", "production"}, {"owner", "Team"}, {"status", "active"}}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, count({{"status", "suspended"}}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, count({{"organizationId", House::organizationId(2)}}));
        CPPUNIT_ASSERT_EQUAL(std::string("?status ?deploymentEnv "),
                             House::pointersOf(house.listAgents(house.adminA, {{"status", "x"}, {"deploymentEnv", "x"}})));
        CPPUNIT_ASSERT_EQUAL(std::string("? "), House::pointersOf(house.listAgents(house.adminA, {{"email", "x"}})));
        CPPUNIT_ASSERT_EQUAL(std::string("?owner "), House::pointersOf(house.listAgents(house.adminA, {{"owner", "x"}, {"owner", "y"}})));
        const auto all = House::body(house.listAgents(House::machineOwner(), {}));
        CPPUNIT_ASSERT_EQUAL(house.registry.agents.size(), all.find("data")->asArray()->size());
        CPPUNIT_ASSERT(!parseQuery("a=%zz").ok());
        CPPUNIT_ASSERT(!parseQuery("a=%FF").ok());
        CPPUNIT_ASSERT_EQUAL(std::string("b c"), parseQuery("&a=b+c&")->at(0).second);
    }

    void saysUnavailableWhereStorageIs() {
        const auto id = created(house.adminA);
        house.registry.failure = base::fail(base::Errc::Unavailable, "", "storage is down at 10.0.0.1");
        for (const auto& ruling : {house.readAgent(house.adminA, id), house.listAgents(house.adminA, {{"status", "active"}}),
                                   house.createAgent(house.adminA, kAgentBody), house.createCredential(house.adminA, id)}) {
            CPPUNIT_ASSERT_EQUAL(std::string("UNAVAILABLE"), House::codeOf(ruling));
            const auto answer = model::render(House::problem(ruling), {"/x", "r", "https://docs/"});
            CPPUNIT_ASSERT_EQUAL(std::string("1"), House::header(answer, "Retry-After"));
            CPPUNIT_ASSERT(answer.body.find("10.0.0.1") == std::string::npos);
        }
    }

    void allocatesNumbersInOrderOfTime() {
        const auto first = allocateNumber(house.clock.now());
        house.clock.advance(base::milliseconds(1));
        const auto second = allocateNumber(house.clock.now());
        CPPUNIT_ASSERT(first > 0 && second > first);
        CPPUNIT_ASSERT_EQUAL(base::microsOf(house.clock.now()) / 1000, second >> 20);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AgentsTest);

}  // namespace agentidp::registry
