/// A plugin's settings against its schema: defaults, types, bounds, names.
#include "plugin/settings_schema.h"

#include "bench.h"

namespace agentidp::plugin {
namespace {

constexpr std::string_view kSchema = R"({
    "path": {"type": "string", "default": "keys", "doc": "where"},
    "mode": {"type": "string", "enum": ["fast", "safe"], "default": "safe"},
    "shards": {"type": "integer", "default": 16, "min": 1, "max": 64},
    "sync": {"type": "boolean", "default": true},
    "token": {"type": "secret_ref", "required": true},
    "hosts": {"type": "list"}
})";

std::string refusal(const std::vector<SettingText>& given) {
    const auto config = SettingsSchema::parse(kSchema)->configFromTexts("keys-demo", given);
    return config ? "" : config.error().hint;
}
std::string schemaRefusal(std::string_view schema) {
    const auto parsed = SettingsSchema::parse(schema);
    return parsed ? "" : parsed.error().hint;
}

}  // namespace

class SettingsSchemaTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SettingsSchemaTest);
    CPPUNIT_TEST(fillsDefaultsInTheOrderOfTheSchema);
    CPPUNIT_TEST(takesEveryType);
    CPPUNIT_TEST(namesTheNearestKnownSetting);
    CPPUNIT_TEST(tellsEveryProblemAtOnce);
    CPPUNIT_TEST(refusesValuesOutOfRange);
    CPPUNIT_TEST(neverQuotesAValue);
    CPPUNIT_TEST(takesTypedValues);
    CPPUNIT_TEST(refusesSchemasThatPluginHDoesNotDescribe);
    CPPUNIT_TEST_SUITE_END();

    void fillsDefaultsInTheOrderOfTheSchema() {
        const auto config = SettingsSchema::parse(kSchema)->configFromTexts("keys-demo", {{"token", "env:TOKEN"}});
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"path":"keys","mode":"safe","shards":16,"sync":true,"token":"env:TOKEN"})"), *config);
    }
    void takesEveryType() {
        const auto config = SettingsSchema::parse(kSchema)->configFromTexts(
            "keys-demo",
            {{"token", "file:/run/t"}, {"path", ""}, {"mode", "fast"}, {"shards", "64"}, {"sync", "false"}, {"hosts", "a, b ,c"}});
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"path":"","mode":"fast","shards":64,"sync":false,"token":"file:/run/t","hosts":["a","b","c"]})"), *config);
    }
    void namesTheNearestKnownSetting() {
        assertHolds(refusal({{"token", "env:T"}, {"shard", "2"}}), "plugins.keys-demo.shard is unknown; did you mean shards?");
        const std::string far = refusal({{"token", "env:T"}, {"completely_else", "2"}});
        assertHolds(far, "plugins.keys-demo.completely_else is unknown");
        CPPUNIT_ASSERT(far.find("did you mean") == std::string::npos);
    }
    void tellsEveryProblemAtOnce() {
        const std::string told = refusal({{"shards", "many"}, {"sync", "yes"}, {"mode", "slow"}});
        assertHolds(told, "plugins.keys-demo.shards must be a whole number");
        assertHolds(told, "plugins.keys-demo.sync must be true or false");
        assertHolds(told, "plugins.keys-demo.mode must be one of fast, safe");
        assertHolds(told, "plugins.keys-demo.token must be given");
    }
    void refusesValuesOutOfRange() {
        assertHolds(refusal({{"token", "env:T"}, {"shards", "0"}}), "at least 1");
        assertHolds(refusal({{"token", "env:T"}, {"shards", "65"}}), "at most 64");
        assertHolds(refusal({{"token", "env:T"}, {"shards", "9223372036854775808"}}), "whole number");
        assertHolds(refusal({{"token", "env:T"}, {"hosts", "a,,b"}}), "list of texts");
        assertHolds(refusal({{"token", "env:"}}), "must be a reference");
        assertHolds(refusal({{"token", "env:T\xFE"}}), "must be a reference");
        assertHolds(refusal({{"token", std::string("env:T\0X", 7)}}), "must be a reference");
        assertHolds(refusal({{"token", "env:T"}, {"path", "\xC3"}}), "must be a text");
        assertHolds(refusal({{"token", "env:T"}, {"hosts", "a,\xFF"}}), "list of texts");
    }
    void neverQuotesAValue() {
        CPPUNIT_ASSERT(refusal({{"token", "hunter2"}, {"shards", "hunter2"}}).find("hunter2") == std::string::npos);
    }
    void takesTypedValues() {
        const auto given = base::json::parse(R"({"token": "cred:t", "hosts": ["a,b"], "shards": 2})");
        const auto schema = SettingsSchema::parse(kSchema);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"path":"keys","mode":"safe","shards":2,"sync":true,"token":"cred:t","hosts":["a,b"]})"),
                             *schema->configFromJson("keys-demo", *given->asObject()));
        const auto wrong = base::json::parse(R"({"token": "cred:t", "shards": "2"})");
        CPPUNIT_ASSERT(!schema->configFromJson("keys-demo", *wrong->asObject()).ok());
    }
    void refusesSchemasThatPluginHDoesNotDescribe() {
        CPPUNIT_ASSERT_EQUAL(std::string(), schemaRefusal("{}"));
        for (const auto* wrong : {"", "[]", R"({"a": 1})", R"({"a": {}})", R"({"a": {"type": "float"}})", R"({"A": {"type": "string"}})",
                                  R"({"a": {"type": "string", "min": 1}})", R"({"a": {"type": "integer", "default": "x"}})",
                                  R"({"a": {"type": "integer", "min": 5, "default": 1}})", R"({"a": {"type": "string", "colour": 1}})",
                                  R"({"a": {"type": "string", "enum": [1]}})"})
            assertHolds(schemaRefusal(wrong), "its settings schema is");
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SettingsSchemaTest);

}  // namespace agentidp::plugin
