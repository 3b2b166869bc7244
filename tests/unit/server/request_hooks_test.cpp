/// What hooks say is looked at again: it can only tighten. And what they are shown is what the table says.
#include "server/request_hooks.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <set>

#include "fakes/fake_clock.h"
#include "fakes/fake_hooks.h"
#include "fakes/fake_ledger.h"
#include "fakes/fake_storage.h"
#include "server/enriching_ledger.h"
#include "server/hook_inputs.h"

namespace agentidp::server {

namespace json = base::json;
using policy::HookPoint;
using policy::Ruling;

class RequestHooksTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestHooksTest);
    CPPUNIT_TEST(showsExactlyWhatTheTableLists);
    CPPUNIT_TEST(withoutScriptsThereIsNothingToAsk);
    CPPUNIT_TEST(whatDoesNotListenIsNotAsked);
    CPPUNIT_TEST(aDenyIsTheScriptsWordsAndAFailureIsUnavailable);
    CPPUNIT_TEST(claimsAreAddedUnderAllowedNamesOnly);
    CPPUNIT_TEST(claimsAreBounded);
    CPPUNIT_TEST(aFilterLeavesActiveAlone);
    CPPUNIT_TEST(eventsAreEnrichedOrSayWhyNot);
    CPPUNIT_TEST(registrationsAndCredentialsAskToo);
    CPPUNIT_TEST(theLedgerEnrichesWhatNobodyDid);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock_;
    tests::FakeHooks hooks_;
    HookSettings settings_{&hooks_, {"x_*"}};
    model::Origin origin_{"r1", "192.0.2.1", "test/1", clock_.now()};
    model::Caller caller_;
    oauth::ClientPtr client_;
    model::Grant grant_;
    oauth::TokenRequest request_;

    /// Every leaf, as hook_points.def writes paths; a free-form object is one leaf.
    static void flatten(const json::Value& value, const std::string& path, const std::set<std::string>& objects,
                        std::set<std::string>& out) {
        const auto* object = value.asObject();
        if (object == nullptr || objects.contains(path)) {
            out.insert(value.asArray() != nullptr ? path + "[]" : path);
            return;
        }
        for (const auto& [name, member] : *object) flatten(member, path.empty() ? name : path + "." + name, objects, out);
    }
    static void assertShown(HookPoint point, const json::Value& input) {
        std::set<std::string> listed, objects, shown;
        for (const auto& field : policy::allHookFields()) {
            if (field.point != point) continue;
            listed.emplace(field.path);
            if (field.type == policy::FieldType::Object) objects.emplace(field.path);
        }
        flatten(input, "", objects, shown);
        CPPUNIT_ASSERT_MESSAGE(std::string(policy::nameOf(point)) + ": " + json::write(input), listed == shown);
    }
    std::unique_ptr<RequestHooks> begun() { return RequestHooks::begin(settings_, origin_, &caller_); }
    static json::Object fields(std::string_view text) { return *json::parse(text)->asObject(); }

public:
    void setUp() override {
        model::Agent agent;
        agent.id = model::AgentId("a1");
        agent.organizationId = model::OrganizationId("o1");
        agent.scopes = {"agents:read"};
        agent.capabilities = {"summarise"};
        agent.labels = {{"assurance", "high"}};
        agent.claimsJson = R"({"x_own":"kept"})";
        client_ = oauth::makeClient(agent, {}, {});
        grant_.scopes = agent.scopes;
        grant_.audience = "https://idp.example";
        grant_.lifetime = base::seconds(600);
        grant_.claimsJson = agent.claimsJson;
        request_.grantType = "client_credentials";
        caller_.agentId = agent.id;
        caller_.scopes = agent.scopes;
    }

    void showsExactlyWhatTheTableLists() {
        const auto& agent = client_->agent;
        const oauth::AuthenticatedClient authenticated{client_, model::CredentialId("c1"), oauth::AuthMethod::Basic, false, {}};
        model::AuditEvent event;
        event.action = model::Action::TokenIssued;
        const auto shown = [&](HookPoint point, const auto& add) {
            auto input = hook_inputs::about(agent, origin_);
            CPPUNIT_ASSERT_EQUAL(hook_inputs::kAbout, input.size());
            add(input);
            assertShown(point, input);
        };
        shown(HookPoint::Authenticate, [&](json::Object& input) { hook_inputs::authenticate(input, authenticated, request_); });
        shown(HookPoint::ScopeCheck, [&](json::Object& input) { hook_inputs::scopeCheck(input, request_, grant_); });
        shown(HookPoint::Claims, [&](json::Object& input) { hook_inputs::claims(input, grant_); });
        shown(HookPoint::RateLimitKey, [](json::Object&) {});
        shown(HookPoint::AgentRegister, [&](json::Object& input) { hook_inputs::agentRegister(input, "create", caller_); });
        shown(HookPoint::CredentialLifecycle,
              [&](json::Object& input) { hook_inputs::credentialLifecycle(input, "create", base::seconds(60), caller_); });
        shown(HookPoint::AuditEnrich, [&](json::Object& input) {
            hook_inputs::auditEnrich(input, event);
            input.emplace_back(hook_inputs::kMetadata, hook_inputs::metadataOf(event));
        });
        assertShown(HookPoint::IntrospectFilter, hook_inputs::introspectFilter(caller_, json::Object{{"active", true}}, origin_));
        for (const auto& row : policy::allHookPoints()) {
            const auto& all = policy::allHookFields();
            const bool any = std::any_of(all.begin(), all.end(), [&](const auto& field) { return field.point == row.point; });
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.name), !row.reserved, any);
        }
    }

    void withoutScriptsThereIsNothingToAsk() {
        CPPUNIT_ASSERT(!begun());
        CPPUNIT_ASSERT(!RequestHooks::begin({}, origin_, nullptr));
        CPPUNIT_ASSERT(!asksForTokens(settings_) && !asksForIntrospections(settings_) && !asksForTokens({}));
        hooks_.rulings[HookPoint::AuditEnrich];
        CPPUNIT_ASSERT(asksForTokens(settings_) && !asksForIntrospections(settings_));
    }

    void whatDoesNotListenIsNotAsked() {
        hooks_.rulings[HookPoint::ComplianceCheck];
        const auto hooks = begun();
        CPPUNIT_ASSERT(!hooks->authenticated({client_, {}, oauth::AuthMethod::Basic, false, {}}, request_));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, hooks->charge(*client_).cost);
        CPPUNIT_ASSERT(hooks->scopes(*client_, request_, grant_).ok());
        CPPUNIT_ASSERT_EQUAL(grant_.claimsJson, *hooks->claims(*client_, grant_));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"active":true,"sub":"x"})"), hooks->filtered(caller_, R"({"active":true,"sub":"x"})"));
        CPPUNIT_ASSERT(hooks_.asked.empty());
        CPPUNIT_ASSERT_EQUAL(std::string("o1"), std::string(client_->agent.organizationId.str()));
    }

    void aDenyIsTheScriptsWordsAndAFailureIsUnavailable() {
        auto& ruling = hooks_.rulings[HookPoint::Authenticate];
        ruling.allowed = false;
        ruling.code = "closed";
        ruling.reason = "come \"back\" later";
        auto refused = begun()->authenticated({client_, {}, oauth::AuthMethod::Basic, false, {}}, request_);
        CPPUNIT_ASSERT(refused && refused->code == oauth::OauthCode::AccessDenied);
        CPPUNIT_ASSERT_EQUAL(std::string("closed: come ?back? later"), refused->description);
        ruling.unavailable = true;
        refused = begun()->authenticated({client_, {}, oauth::AuthMethod::Basic, false, {}}, request_);
        CPPUNIT_ASSERT(refused && refused->code == oauth::OauthCode::TemporarilyUnavailable && refused->retryAfter);
        CPPUNIT_ASSERT(refused->description.starts_with("hook_unavailable"));
    }

    void claimsAreAddedUnderAllowedNamesOnly() {
        auto& ruling = hooks_.rulings[HookPoint::Claims];
        ruling.fields = fields(R"({"x_team":"blue","x_own":"stolen"})");
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"x_own":"kept","x_team":"blue"})"), *begun()->claims(*client_, grant_));
        for (const auto* forged : {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "act", "cnf", "organization_id",
                                   "may_act", "auth_time", "acr", "amr", "team"}) {
            ruling.fields = {{forged, "x"}};
            const auto claims = begun()->claims(*client_, grant_);
            CPPUNIT_ASSERT_MESSAGE(forged, !claims.ok() && claims.refusal().code == oauth::OauthCode::TemporarilyUnavailable);
        }
    }

    void claimsAreBounded() {
        hooks_.rulings[HookPoint::Claims].fields = {{"x_long", std::string(RequestHooks::kMaxAddedClaims, 'x')}};
        CPPUNIT_ASSERT(!begun()->claims(*client_, grant_).ok());
    }

    void aFilterLeavesActiveAlone() {
        auto& ruling = hooks_.rulings[HookPoint::IntrospectFilter];
        ruling.omit = {"sub", "active", "nothing"};
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"active":true,"scope":"a"})"),
                             begun()->filtered(caller_, R"({"active":true,"sub":"x","scope":"a"})"));
        ruling.omitOptional = true;
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"active":true})"), begun()->filtered(caller_, R"({"active":true,"sub":"x","scope":"a"})"));
        hooks_.asked.clear();
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"active":false})"), begun()->filtered(caller_, R"({"active":false})"));
        CPPUNIT_ASSERT(hooks_.asked.empty());
    }

    void eventsAreEnrichedOrSayWhyNot() {
        auto& ruling = hooks_.rulings[HookPoint::AuditEnrich];
        ruling.fields = fields(R"({"corp":{"team":"blue"}})");
        std::vector<model::AuditEvent> events(2);
        events[1].extJson = R"({"annotations":{"a":1}})";
        begun()->enrich(events, nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"corp":{"team":"blue"}})"), events[0].extJson);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"annotations":{"a":1},"corp":{"team":"blue"}})"), events[1].extJson);
        ruling = {};
        ruling.extError = "corp: deadline";
        std::vector<model::AuditEvent> failed(1);
        begun()->enrich(failed, nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"ext_error":"corp: deadline"})"), failed[0].extJson);
    }

    void registrationsAndCredentialsAskToo() {
        auto& agent = hooks_.rulings[HookPoint::AgentRegister];
        agent.fields = fields(R"({"reviewed":true})");
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"annotations":{"reviewed":true}})"), *begun()->agent("create", client_->agent));
        agent.allowed = false;
        agent.code = "frozen";
        CPPUNIT_ASSERT(begun()->agent("create", client_->agent).refusal().code == model::ProblemCode::Forbidden);
        agent.unavailable = true;
        CPPUNIT_ASSERT(begun()->agent("create", client_->agent).refusal().code == model::ProblemCode::Unavailable);
        hooks_.rulings[HookPoint::CredentialLifecycle].maxTtl = base::seconds(60);
        CPPUNIT_ASSERT(base::seconds(60) == **begun()->credential("create", client_->agent, std::nullopt));
    }

    void theLedgerEnrichesWhatNobodyDid() {
        auto storage = tests::FakeStorage::migrated(clock_);
        tests::FakeLedger ledger(*storage, clock_);
        base::ThreadPool pool("hooks", 1, 4);
        EnrichingLedger enriching(ledger, clock_);
        const auto append = [&](bool enriched) {
            audit::Effect effect;
            effect.events.resize(1);
            effect.enriched = enriched;
            enriching.append(std::move(effect), [](const base::Result<audit::Committed>&) {});
        };
        hooks_.rulings[HookPoint::AuditEnrich].fields = fields(R"({"corp":{"team":"blue"}})");
        append(false);  // nothing is attached yet
        enriching.attach(settings_, pool);
        append(true);
        append(false);
        pool.stop();
        append(false);  // no room: it is written all the same
        const auto events = ledger.events();
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, events.size());
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), events[0].extJson);
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), events[1].extJson);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"corp":{"team":"blue"}})"), events[2].extJson);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"ext_error":"queue"})"), events[3].extJson);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestHooksTest);

}  // namespace agentidp::server
