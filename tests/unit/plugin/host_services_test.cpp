/// What a plugin is given of the kernel, and what it is refused.
#include "plugin/host_services.h"

#include <agentidp/cpp/host.hpp>
#include <thread>

#include "bench.h"
#include "fakes/fake_clock.h"

namespace agentidp::plugin {

class HostServicesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HostServicesTest);
    CPPUNIT_TEST(tellsTheKernelsTime);
    CPPUNIT_TEST(logsUnderThePluginsName);
    CPPUNIT_TEST(boundsTheNamesOfMetrics);
    CPPUNIT_TEST(takesAuditEventsThatAreObjects);
    CPPUNIT_TEST(resolvesSecrets);
    CPPUNIT_TEST(answersInterfacesByName);
    CPPUNIT_TEST(waitsForDeferredWork);
    CPPUNIT_TEST(refusesEverythingAfterTheEnd);
    CPPUNIT_TEST(offersNothingThatWasNotGiven);
    CPPUNIT_TEST_SUITE_END();

    RememberingLog log_;
    tests::FakeClock clock_;
    base::ThreadPool pool_{"test", 1, 4};
    std::vector<std::string> told_;
    int interface_ = 7;
    HostServices services_{"keys-demo", offers()};
    aip::Host host_{services_.table()};

    HostOffers offers() {
        HostOffers made{log_, clock_, pool_, "/var/lib/agentidp", nullptr, {}, {}, {}, {}};
        made.metric = [this](std::string_view plugin, std::string_view name, double delta) {
            told_.push_back(std::string(plugin) + " " + std::string(name) + " " + std::to_string(static_cast<int>(delta)));
        };
        made.audit = [this](std::string_view, std::string_view action, base::json::Value metadata) -> base::Result<void> {
            told_.push_back(std::string(action) + " " + base::json::write(metadata));
            return {};
        };
        made.secret = [](std::string_view reference) -> base::Result<base::Secret> {
            if (reference != "env:TOKEN") return base::fail(base::Errc::NotFound, "env:OTHER is not set");
            return base::Secret(base::Bytes{'s', '3', 'c'});
        };
        made.iface = [this](std::string_view plugin, std::string_view name, std::uint32_t minor) -> const void* {
            return plugin == "keys-demo" && name == "records.v1" && minor == 0 ? &interface_ : nullptr;
        };
        return made;
    }

    void tellsTheKernelsTime() {
        const auto mono = host_.monoNs();
        const auto wall = host_.wallUs();
        clock_.advance(base::microseconds(5));
        CPPUNIT_ASSERT_EQUAL(mono + 5000, host_.monoNs());
        CPPUNIT_ASSERT_EQUAL(wall + 5, host_.wallUs());
        CPPUNIT_ASSERT_EQUAL(std::string("/var/lib/agentidp"), host_.dataDir());
    }
    void logsUnderThePluginsName() {
        host_.warn("watch out");
        host_.error("broken");
        CPPUNIT_ASSERT(log_.has("PLUGIN_SAID_WARNING plugin=keys-demo said=watch out"));
        CPPUNIT_ASSERT(log_.has("PLUGIN_SAID_ERROR plugin=keys-demo said=broken"));
        host_.info(std::string(10'000, 'x'));
        CPPUNIT_ASSERT(log_.has("said=" + std::string(4096, 'x')));
        CPPUNIT_ASSERT(!log_.has("said=" + std::string(4097, 'x')));
    }
    void boundsTheNamesOfMetrics() {
        host_.metric("signatures_total", 3);
        CPPUNIT_ASSERT_EQUAL(std::string("keys-demo signatures_total 3"), told_.at(0));
        const auto* table = services_.table();
        const auto metric = [&](std::string_view name, double delta) { return table->metric(table->self, strOf(name), delta); };
        for (const auto* wrong : {"", "A", "1a", "a-b", "a b"}) CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, metric(wrong, 1));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, metric("a", -1));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, metric("a", std::numeric_limits<double>::quiet_NaN()));
        for (int i = 0; i < 63; ++i) CPPUNIT_ASSERT_EQUAL(aip_status{AIP_OK}, metric("n" + std::to_string(i), 1));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, metric("one_too_many", 1));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_OK}, metric("n5", 1));
    }
    void takesAuditEventsThatAreObjects() {
        CPPUNIT_ASSERT(host_.audit("rotated", R"({"keys":2})").ok());
        CPPUNIT_ASSERT_EQUAL(std::string(R"(rotated {"keys":2})"), told_.at(0));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, host_.audit("rotated", "[]").fail().status);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, host_.audit("Rotated!", "{}").fail().status);
    }
    void resolvesSecrets() {
        CPPUNIT_ASSERT_EQUAL(std::string("s3c"), std::string(host_.secret("env:TOKEN")->view()));
        const auto missing = host_.secret("env:OTHER");
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_NOTFOUND}, missing.fail().status);
        CPPUNIT_ASSERT_EQUAL(std::string("env:OTHER is not set"), missing.fail().message);
    }
    void answersInterfacesByName() {
        CPPUNIT_ASSERT_EQUAL(&interface_, const_cast<int*>(host_.iface<int>("records.v1")));
        CPPUNIT_ASSERT(host_.iface<int>("records.v1", 3) == nullptr);
        CPPUNIT_ASSERT(host_.iface<int>("other.v1") == nullptr);
    }
    void waitsForDeferredWork() {
        std::atomic<int> done{0};
        for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(host_.defer([&done] { ++done; }).ok());
        CPPUNIT_ASSERT(host_.defer([] { throw 1; }).ok());
        CPPUNIT_ASSERT(services_.close(base::seconds(20)));
        CPPUNIT_ASSERT_EQUAL(3, done.load());
        CPPUNIT_ASSERT(log_.has("PLUGIN_SAID_ERROR plugin=keys-demo said=deferred work threw an exception"));
    }
    void refusesEverythingAfterTheEnd() {
        CPPUNIT_ASSERT(services_.close(base::milliseconds(1)));
        host_.warn("too late");
        host_.metric("too_late");
        CPPUNIT_ASSERT(!log_.has("too late"));
        CPPUNIT_ASSERT(told_.empty());
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, host_.audit("late").fail().status);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, host_.secret("env:TOKEN").fail().status);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, host_.defer([] {}).fail().status);
        CPPUNIT_ASSERT(host_.iface<int>("records.v1") == nullptr);
    }
    void offersNothingThatWasNotGiven() {
        const HostServices bare("keys-demo", HostOffers{log_, clock_, pool_, "", nullptr, {}, {}, {}, {}});
        const aip_host* table = bare.table();
        CPPUNIT_ASSERT(table->metric == nullptr && table->audit == nullptr && table->secret == nullptr && table->iface == nullptr);
        CPPUNIT_ASSERT(table->data_dir == nullptr);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HostServicesTest);

}  // namespace agentidp::plugin
