/// The C++ wrapper of plugin authors: settings, JSON, trampolines, and hosts and calls of another age.
#include <agentidp/plugin.hpp>
#include <new>

#include "bench.h"

namespace {

struct Limiter final : aip::RateLimitPlugin {
    aip::Status configure(const aip::Config& config) override {
        shards = config.integer("shards", 4);
        if (config.text("mode") == "throws") throw std::runtime_error("because");
        if (shards > 64) return aip::invalid("shards must be at most 64", "for the log");
        return {};
    }
    aip::RateLimitAbilities abilities() const override { return {true}; }
    aip::Outcome<aip::Budget> take(const Take& what, const aip::Call& call) override {
        if (what.key == "bad_alloc") throw std::bad_alloc();
        if (what.key == "throws") throw 3;
        if (what.key == "fails") return aip::Fail{AIP_E_UNAVAILABLE, std::string(300, 'm'), std::string("a\0b", 3), 250, 111};
        if (what.key == "request") return aip::conflict(std::string(call.requestId()), std::string(call.tenant()));
        return aip::Budget{true, what.limit, what.limit - what.cost, what.windowUs};
    }
    aip::Outcome<aip::Budget> count(const Count& what, const aip::Call&) override {
        return aip::Budget{false, what.limit, -5, what.periodEndUs};
    }
    aip::Status announce(std::string_view, std::string_view, std::int64_t, const aip::Call&) override { return {}; }
    std::int64_t shards = 0;
};

}  // namespace

AGENTIDP_PLUGIN(RATELIMIT, Limiter, "limiter", "1.2.3", "tests", AIP_F_CONCURRENT, R"({"shards": {"type": "integer"}})")

namespace agentidp::plugin {

class WrapperTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(WrapperTest);
    CPPUNIT_TEST(fillsTheDescriptor);
    CPPUNIT_TEST(offersOnlyWhatIsOverridden);
    CPPUNIT_TEST(runsACall);
    CPPUNIT_TEST(turnsExceptionsIntoInternal);
    CPPUNIT_TEST(cutsTextsThatDoNotFit);
    CPPUNIT_TEST(refusesBadSettings);
    CPPUNIT_TEST(leavesNoInstanceBehindAFailure);
    CPPUNIT_TEST(refusesCallsThatAreOver);
    CPPUNIT_TEST(readsTheSmallestHost);
    CPPUNIT_TEST(writesNothingBeyondAShortError);
    CPPUNIT_TEST(parsesFlatSettingsStrictly);
    CPPUNIT_TEST(quotesAnyBytes);
    CPPUNIT_TEST(stepsThroughLongerOperations);
    CPPUNIT_TEST(rewindsRecords);
    CPPUNIT_TEST_SUITE_END();

    /// The least a host can be: a size and a name.
    aip_host host_ = smallest();
    aip_call call_ = forever();
    aip_error error_{};
    void* limiter_ = nullptr;
    const aip_plugin& plugin_ = *agentidp_plugin_v1();
    const aip_ratelimit_ops& ops_ = *static_cast<const aip_ratelimit_ops*>(plugin_.ops);

    static aip_host smallest() {
        aip_host host{};
        host.size = offsetof(aip_host, log);
        host.abi_major = AIP_ABI_MAJOR;
        return host;
    }
    static aip_call forever() {
        aip_call call{};
        call.size = sizeof call;
        return call;
    }

public:
    void setUp() override {
        error_ = {};
        error_.size = sizeof error_;
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_OK}, plugin_.create(&host_, aip::str("{}"), &limiter_, &error_));
    }
    void tearDown() override { plugin_.destroy(limiter_); }

private:
    aip_status take(const char* key, aip_budget& budget) {
        budget.size = sizeof budget;
        return ops_.take(limiter_, &call_, aip::str(key), 10, 60, 3, &budget, &error_);
    }
    aip_status take(const char* key) {
        aip_budget budget{};
        return take(key, budget);
    }
    aip_status create(std::string_view settings) {
        void* made = nullptr;
        const aip_status status = plugin_.create(&host_, aip::str(settings), &made, &error_);
        CPPUNIT_ASSERT((status == AIP_OK) == (made != nullptr));
        if (made != nullptr) plugin_.destroy(made);
        return status;
    }

    void fillsTheDescriptor() {
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{sizeof(aip_plugin)}, plugin_.size);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_KIND_RATELIMIT}, plugin_.kind);
        CPPUNIT_ASSERT_EQUAL(std::string("limiter"), std::string(plugin_.name));
        CPPUNIT_ASSERT(agentidp_plugin_v1() == &plugin_);
    }
    void offersOnlyWhatIsOverridden() {
        CPPUNIT_ASSERT(ops_.announce != nullptr);
        CPPUNIT_ASSERT(ops_.listen == nullptr);
        CPPUNIT_ASSERT(plugin_.reconfigure == nullptr);
    }
    void runsACall() {
        aip_budget budget{};
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_OK}, take("key", budget));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, budget.remaining);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_OK}, ops_.count(limiter_, &call_, aip::str("k"), 10, 99, 0, &budget, &error_));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, budget.remaining);
        call_.request_id = aip::str("r-1");
        call_.tenant = aip::str("t-1");
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_CONFLICT}, take("request"));
        CPPUNIT_ASSERT_EQUAL(std::string("r-1"), std::string(error_.public_msg));
        CPPUNIT_ASSERT_EQUAL(std::string("t-1"), std::string(error_.detail));
    }
    void turnsExceptionsIntoInternal() {
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INTERNAL}, take("throws"));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INTERNAL}, take("bad_alloc"));
        CPPUNIT_ASSERT_EQUAL(std::string("out of memory"), std::string(error_.public_msg));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INTERNAL}, create(R"({"mode": "throws"})"));
        CPPUNIT_ASSERT_EQUAL(std::string("because"), std::string(error_.detail));
    }
    void cutsTextsThatDoNotFit() {
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, take("fails"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{127}, std::strlen(error_.public_msg));
        CPPUNIT_ASSERT_EQUAL(std::string("a b"), std::string(error_.detail));
        CPPUNIT_ASSERT_EQUAL(250U, error_.retry_after_ms);
        CPPUNIT_ASSERT_EQUAL(111U, error_.sys_errno);
        char small[6];
        aip::detail::copyText(small, "naïve");
        CPPUNIT_ASSERT_EQUAL(std::string("naïv"), std::string(small));
        aip::detail::copyText(small, "nnnnï");
        CPPUNIT_ASSERT_EQUAL(std::string("nnnn"), std::string(small));
    }
    void refusesBadSettings() {
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, create(""));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, create("garbage"));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, create(R"({"shards": 65})"));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, create(R"({"shards": "4"})"));
        CPPUNIT_ASSERT_EQUAL(std::string("setting shards is not an integer"), std::string(error_.public_msg));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_OK}, create(R"({"shards": 64})"));
    }
    void leavesNoInstanceBehindAFailure() {
        void* made = this;
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, plugin_.create(&host_, aip::str("x"), &made, &error_));
        CPPUNIT_ASSERT(made == nullptr);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_INVALID}, plugin_.create(nullptr, aip::str("{}"), &made, nullptr));
    }
    void refusesCallsThatAreOver() {
        call_.deadline_mono_ns = 1;
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DEADLINE}, take("key"));
        call_.cancelled = [](const aip_call*) -> std::int32_t { return 1; };
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_CANCELLED}, take("key"));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_OK}, plugin_.stop(limiter_, &call_, &error_));
    }
    void readsTheSmallestHost() {
        const aip::Host host(&host_);
        host.info("nobody listens");
        host.metric("things");
        CPPUNIT_ASSERT(host.monoNs() > 0);
        CPPUNIT_ASSERT(host.wallUs() > 0);
        CPPUNIT_ASSERT_EQUAL(std::string(), host.dataDir());
        CPPUNIT_ASSERT(host.iface<aip_records_v1>("records.v1") == nullptr);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNSUPPORTED}, host.secret("env:X").fail().status);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNSUPPORTED}, host.defer([] {}).fail().status);
        aip_call old{};
        old.size = offsetof(aip_call, cancelled);
        const aip::Call call(&old, host);
        CPPUNIT_ASSERT(!call.cancelled() && call.tenant().empty() && call.left() == std::chrono::seconds(30));
    }
    void writesNothingBeyondAShortError() {
        std::memset(&error_, 0x55, sizeof error_);
        error_.size = offsetof(aip_error, public_msg);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, take("fails"));
        CPPUNIT_ASSERT_EQUAL(char{0x55}, error_.public_msg[0]);
        CPPUNIT_ASSERT_EQUAL(char{0x55}, error_.detail[0]);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, error_.status);
    }
    void parsesFlatSettingsStrictly() {
        const auto config = aip::Config::parse(
            " { \"a\" : \"x\\n\\u00e9\\ud83d\\ude00\\/\" ,\"b\":-9223372036854775808, \"c\":true,\"d\":[\"p\",\"q\"],\"e\":[] } ");
        CPPUNIT_ASSERT(config.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("x\né😀/"), config->text("a"));
        CPPUNIT_ASSERT_EQUAL(std::numeric_limits<std::int64_t>::min(), config->integer("b"));
        CPPUNIT_ASSERT(config->boolean("c"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, config->list("d").size());
        CPPUNIT_ASSERT(config->has("e") && config->list("e", {"z"}).empty());
        CPPUNIT_ASSERT_EQUAL(std::string("other"), config->text("absent", "other"));
        CPPUNIT_ASSERT_EQUAL(std::string(), config->mistake());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, config->integer("a", 5));
        CPPUNIT_ASSERT_EQUAL(std::string("setting a is not an integer"), config->mistake());
        for (const auto* wrong : {"",
                                  "{",
                                  "[]",
                                  "{} x",
                                  R"({"a"})",
                                  R"({"a":})",
                                  R"({"a":1,})",
                                  R"({"a":1 "b":2})",
                                  R"({"a":1,"a":2})",
                                  R"({"a":null})",
                                  R"({"a":1.5})",
                                  R"({"a":01})",
                                  R"({"a":-})",
                                  R"({"a":9223372036854775808})",
                                  R"({"a":-9223372036854775809})",
                                  R"({"a":{}})",
                                  R"({"a":[1]})",
                                  R"({"a":["x",]})",
                                  R"({"a":"\x"})",
                                  R"({"a":"\u12"})",
                                  R"({"a":"\ud800"})",
                                  R"({"a":"\ude00"})",
                                  R"({"a":"\ud83dx"})",
                                  "{\"a\":\"\n\"}",
                                  R"({"a":"x)",
                                  R"({"a":tru})",
                                  R"({"a":["x"})"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !aip::Config::parse(wrong).ok());
    }
    void quotesAnyBytes() {
        CPPUNIT_ASSERT_EQUAL(std::string(R"("a\"\\\u0001é")"), aip::quoted("a\"\\\x01é"));
        CPPUNIT_ASSERT_EQUAL(std::string("\"\xEF\xBF\xBD\xEF\xBF\xBDx\""), aip::quoted("\xc3\xffx"));
        for (int byte = 0; byte < 256; ++byte) {
            const std::string text = std::string("a") + static_cast<char>(byte) + "\xe2\x82";
            CPPUNIT_ASSERT(base::json::parse(aip::quoted(text)).ok());
        }
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":"x","b":1,"c":false,"d":["y"],"e":null})"),
                             aip::Fields().text("a", "x").integer("b", 1).boolean("c", false).list("d", {"y"}).raw("e", "null").json());
    }
    void stepsThroughLongerOperations() {
        struct Longer {
            aip_op op;
            std::uint64_t later;
        };
        Longer ops[3] = {};
        for (std::uint32_t i = 0; i < 3; ++i) {
            ops[i].op.size = sizeof(Longer);
            ops[i].op.code = i + 1;
        }
        std::uint32_t sum = 0;
        for (const aip_op& op : aip::Ops(&ops[0].op, 3)) sum = sum * 10 + op.code;
        CPPUNIT_ASSERT_EQUAL(123U, sum);
        CPPUNIT_ASSERT(aip::Ops(nullptr, 0).empty());
    }
    void rewindsRecords() {
        std::string bytes;
        aip::ResultWriter writer(bytes);
        writer.record(AIP_OK, 1);
        const auto mark = writer.mark();
        writer.record(AIP_OK, 2);
        writer.rewind(mark);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, writer.records());
        CPPUNIT_ASSERT_EQUAL(std::size_t{20}, bytes.size());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(WrapperTest);

}  // namespace agentidp::plugin
