#include "credential_expiry.h"

#include <cppunit/extensions/HelperMacros.h>

#include "plugin/contract/job_host.h"
#include "support/plugin_host.h"

namespace agentidp::job_credential_expiry {
namespace {

using base::json::Object;

class CredentialExpiryTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CredentialExpiryTest);
    CPPUNIT_TEST(countsWhatEndsSoonAtEachCompleteScan);
    CPPUNIT_TEST(countsAScanOnceThoughItsLastSliceRunsTwice);
    CPPUNIT_TEST(setsTheGaugeToNothingWhenNothingEndsSoon);
    CPPUNIT_TEST(warnsAsEarlyAsItIsTold);
    CPPUNIT_TEST(judgesAWholeScanAsOfItsBeginning);
    CPPUNIT_TEST(stopsWhenItsHostHasNoRecords);
    CPPUNIT_TEST_SUITE_END();

    tests::PluginHost host_;
    plugin::contract::JobHost records_;
    CredentialExpiry job_;

    void add(const char* id, std::int64_t inUs, const char* status = "active") {
        records_.addCredential(Object{{"credentialId", id},
                                      {"clientId", "a"},
                                      {"organizationId", "o"},
                                      {"status", status},
                                      {"expiresAt", base::microsOf(host_.clock.now()) + inUs}});
    }
    void begin(const char* settings) {
        job_.attach(aip::Host(host_.table()));
        const auto config = aip::Config::parse(settings);
        CPPUNIT_ASSERT(config.ok() && job_.configure(*config).ok());
    }
    aip::JobSlice run(const std::string& cursor) {
        const aip::Host host(host_.table());
        const auto slice = job_.run(cursor, aip::Call(nullptr, host));
        CPPUNIT_ASSERT_MESSAGE(slice.ok() ? "" : slice.fail().message, slice.ok());
        return *slice;
    }
    std::vector<std::string> scan() {
        std::vector<std::string> cursors{""};
        for (auto slice = run(""); !slice.cursor.empty(); slice = run(slice.cursor)) cursors.push_back(slice.cursor);
        return cursors;
    }
    std::string severityOf(const std::string& subject) {
        std::string all;
        for (const auto& finding : records_.findings())
            if (finding.subject == subject) all += finding.code + " " + finding.severity;
        return all;
    }

public:
    void setUp() override {
        host_.iface = [this](std::string_view name, std::uint32_t minMinor) { return records_.iface(name, minMinor); };
    }
    void countsWhatEndsSoonAtEachCompleteScan() {
        begin(R"({"warn_days":14,"slice":2})");
        add("gone", -kDayUs), add("long-gone", -20 * kDayUs), add("today", kDayUs / 2), add("week", 7 * kDayUs), add("month", 30 * kDayUs);
        add("revoked", 7 * kDayUs, "revoked");
        records_.addCredential(Object{{"credentialId", "for-ever"}, {"status", "active"}});
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, scan().size());
        CPPUNIT_ASSERT_EQUAL(std::string("credential_expired critical"), severityOf("gone"));
        CPPUNIT_ASSERT_EQUAL(std::string("credential_expired info"), severityOf("long-gone"));
        CPPUNIT_ASSERT_EQUAL(std::string("credential_expiring critical"), severityOf("today"));
        CPPUNIT_ASSERT_EQUAL(std::string("credential_expiring warning"), severityOf("week"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, records_.findings().size());
        CPPUNIT_ASSERT_EQUAL(2.0, records_.counter("credentials_expiring_soon"));
        CPPUNIT_ASSERT_EQUAL(2.0, records_.gauge("credentials_expiring").value_or(-1));
        scan();
        CPPUNIT_ASSERT_EQUAL(4.0, records_.counter("credentials_expiring_soon"));
        CPPUNIT_ASSERT_EQUAL(2.0, records_.gauge("credentials_expiring").value_or(-1));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, records_.refusals());
    }
    void countsAScanOnceThoughItsLastSliceRunsTwice() {
        begin(R"({"warn_days":14,"slice":1})");
        for (const char* id : {"a", "b", "c"}) add(id, 2 * kDayUs);
        const auto cursors = scan();
        run(cursors.back());
        run(cursors.back());
        CPPUNIT_ASSERT_EQUAL(3.0, records_.counter("credentials_expiring_soon"));
    }
    void setsTheGaugeToNothingWhenNothingEndsSoon() {
        begin("{}");
        add("week", 7 * kDayUs);
        scan();
        records_.clear();
        scan();
        CPPUNIT_ASSERT_EQUAL(0.0, records_.gauge("credentials_expiring").value_or(-1));
        CPPUNIT_ASSERT_EQUAL(1.0, records_.counter("credentials_expiring_soon"));
    }
    void warnsAsEarlyAsItIsTold() {
        begin(R"({"warn_days":60,"slice":100})");
        add("month", 30 * kDayUs), add("quarter", 90 * kDayUs);
        scan();
        CPPUNIT_ASSERT_EQUAL(std::string("credential_expiring warning"), severityOf("month"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, records_.findings().size());
    }
    void judgesAWholeScanAsOfItsBeginning() {
        begin(R"({"warn_days":14,"slice":1})");
        add("first", 7 * kDayUs), add("second", 2 * kDayUs);
        const auto first = run("");
        host_.clock.advance(base::microseconds(3 * kDayUs));
        run(first.cursor);
        CPPUNIT_ASSERT_EQUAL(std::string("credential_expiring warning"), severityOf("second"));
    }
    void stopsWhenItsHostHasNoRecords() {
        host_.iface = {};
        begin("{}");
        const aip::Host host(host_.table());
        const auto slice = job_.run("", aip::Call(nullptr, host));
        CPPUNIT_ASSERT(!slice.ok() && slice.fail().status == AIP_E_UNAVAILABLE);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CredentialExpiryTest);

}  // namespace
}  // namespace agentidp::job_credential_expiry
