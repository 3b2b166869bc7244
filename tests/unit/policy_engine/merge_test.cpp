#include "policy/merge.h"

#include <cppunit/extensions/HelperMacros.h>

#include "fake_script.h"

namespace agentidp::policy {
namespace {

using base::seconds;

class MergeTest final : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MergeTest);
    CPPUNIT_TEST(anyDenyWinsAndTheFirstIsNamed);
    CPPUNIT_TEST(scopesIntersectAndTheShortestLifetimeCounts);
    CPPUNIT_TEST(nothingLeftIsADeny);
    CPPUNIT_TEST(twoAudiencesAreADeny);
    CPPUNIT_TEST(firstToNameAMemberHasIt);
    CPPUNIT_TEST(enrichmentStandsUnderItsScript);
    CPPUNIT_TEST(firstKeyAndHighestCost);
    CPPUNIT_TEST(failuresFollowTheirPoint);
    CPPUNIT_TEST(anExplicitDenyOutranksAFailure);
    CPPUNIT_TEST(differencesAreWhatACallerWouldNotice);
    CPPUNIT_TEST_SUITE_END();

    using Said = std::vector<CallReport>;
    static Ruling merged(HookPoint point, const Said& reports, bool omits = false) {
        Merger merger(point);
        char name = 'a';
        for (const auto& report : reports) {
            const auto script = scripted(std::string(1, name++), point, report);
            script->omits = omits;
            merger.take(*script, report);
        }
        return merger.ruling();
    }
    static void is(std::string_view expected, std::string_view seen) { CPPUNIT_ASSERT_EQUAL(std::string(expected), std::string(seen)); }

    void anyDenyWinsAndTheFirstIsNamed() {
        const auto ruling =
            merged(HookPoint::ScopeCheck, {said(allowed()), said(denied("one")), said(narrowed({"x"})), said(denied("two"))});
        CPPUNIT_ASSERT(!ruling.allowed && !ruling.unavailable);
        is("b", ruling.script);
        is("one", ruling.code);
        is("because", ruling.reason);
    }

    void scopesIntersectAndTheShortestLifetimeCounts() {
        const auto ruling = merged(HookPoint::ScopeCheck, {said(narrowed({"x", "y", "z"}, seconds(300))), said(allowed()),
                                                           said(narrowed({"z", "y"}, seconds(60))), said(narrowed({"y", "z", "w"}))});
        CPPUNIT_ASSERT(ruling.allowed);
        CPPUNIT_ASSERT((std::vector<std::string>{"y", "z"}) == ruling.scopes.value());
        CPPUNIT_ASSERT(seconds(60) == ruling.maxTtl.value());
    }

    void nothingLeftIsADeny() {
        const auto ruling = merged(HookPoint::ScopeCheck, {said(narrowed({"x"})), said(narrowed({"y"}))});
        CPPUNIT_ASSERT(!ruling.allowed);
        is(kNoScopeLeft, ruling.code);
    }

    void twoAudiencesAreADeny() {
        const auto same = merged(HookPoint::ScopeCheck, {said(narrowed({"x"}, {}, "one")), said(narrowed({"x"}, {}, "one"))});
        CPPUNIT_ASSERT(same.allowed);
        is("one", same.audience.value());
        const auto other = merged(HookPoint::ScopeCheck, {said(narrowed({"x"}, {}, "one")), said(narrowed({"x"}, {}, "two"))});
        CPPUNIT_ASSERT(!other.allowed);
        is(kAudienceConflict, other.code);
    }

    void firstToNameAMemberHasIt() {
        const auto ruling = merged(HookPoint::Claims, {said(withFields(VerdictKind::Add, {{"team", "red"}})),
                                                       said(withFields(VerdictKind::Add, {{"team", "blue"}, {"tier", 2}}))});
        is(R"({"team":"red","tier":2})", base::json::write(ruling.fields));
    }

    void enrichmentStandsUnderItsScript() {
        const auto ruling = merged(HookPoint::AuditEnrich, {said(withFields(VerdictKind::Enrich, {{"team", "red"}})),
                                                            said(withFields(VerdictKind::Enrich, {{"team", "blue"}}))});
        is(R"({"a":{"team":"red"},"b":{"team":"blue"}})", base::json::write(ruling.fields));
    }

    void firstKeyAndHighestCost() {
        Verdict one, two;
        one.kind = two.kind = VerdictKind::Rate;
        one.cost = 3;
        two.key = "tenant-7";
        two.cost = 2;
        const auto ruling = merged(HookPoint::RateLimitKey, {said(one), said(two)});
        is("tenant-7", ruling.key);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, ruling.cost);
    }

    void failuresFollowTheirPoint() {
        const Said failed{broke(FailureKind::Deadline)};
        for (const auto point : {HookPoint::Authenticate, HookPoint::ScopeCheck, HookPoint::Claims, HookPoint::AgentRegister}) {
            const auto ruling = merged(point, failed);
            CPPUNIT_ASSERT(!ruling.allowed && ruling.unavailable);
            is("a", ruling.script);
        }
        CPPUNIT_ASSERT(merged(HookPoint::Claims, failed, true).allowed);
        CPPUNIT_ASSERT(!merged(HookPoint::ScopeCheck, failed, true).allowed);
        const auto rate = merged(HookPoint::RateLimitKey, failed);
        CPPUNIT_ASSERT(rate.allowed && rate.key.empty() && rate.cost == 1);
        const auto enrich = merged(HookPoint::AuditEnrich, {broke(FailureKind::Memory), broke(FailureKind::BadResult)});
        CPPUNIT_ASSERT(enrich.allowed);
        is("a: memory; b: bad_result", enrich.extError);
        const auto filter = merged(HookPoint::IntrospectFilter, failed);
        CPPUNIT_ASSERT(filter.allowed && filter.omitOptional);
    }

    void anExplicitDenyOutranksAFailure() {
        const auto ruling = merged(HookPoint::ScopeCheck, {broke(FailureKind::Runtime), said(denied("no"))});
        CPPUNIT_ASSERT(!ruling.allowed && !ruling.unavailable);
        is("no", ruling.code);
        is("b", ruling.script);
    }

    void differencesAreWhatACallerWouldNotice() {
        const auto plain = merged(HookPoint::ScopeCheck, {said(allowed())});
        CPPUNIT_ASSERT(!differs(plain, merged(HookPoint::ScopeCheck, {said(allowed()), said(allowed())})));
        CPPUNIT_ASSERT(differs(plain, merged(HookPoint::ScopeCheck, {said(narrowed({"x"}))})));
        const auto no = merged(HookPoint::ScopeCheck, {said(denied("no"))});
        CPPUNIT_ASSERT(differs(plain, no));
        CPPUNIT_ASSERT(!differs(no, merged(HookPoint::ScopeCheck, {said(denied("no")), said(narrowed({"x"}))})));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MergeTest);

}  // namespace
}  // namespace agentidp::policy
