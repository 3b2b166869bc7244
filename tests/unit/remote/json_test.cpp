#include "remote/json.h"

#include <cppunit/extensions/HelperMacros.h>

#include "remote/base64.h"

namespace agentidp::remote {
namespace {

class RemoteJsonTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RemoteJsonTest);
    CPPUNIT_TEST(walksDownAPath);
    CPPUNIT_TEST(answersNothingForAnotherKind);
    CPPUNIT_TEST(refusesWhatIsNotStrictJson);
    CPPUNIT_TEST(takesBase64OnlyAsItIsWritten);
    CPPUNIT_TEST(writesWhatItCanRead);
    CPPUNIT_TEST_SUITE_END();

    static Json parsed(std::string_view text) {
        const auto json = Json::parse(text);
        CPPUNIT_ASSERT(json.ok());
        return *json;
    }

    void walksDownAPath() {
        Json deep;
        {
            const auto json = parsed(R"({"data":{"keys":{"2":{"n":7},"1":{"public_key":"PEM"}},"list":["a","b"],"on":true}})");
            deep = json["data"]["keys"]["1"]["public_key"];
            CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, *json["data"]["keys"]["2"]["n"].integer());
            CPPUNIT_ASSERT_EQUAL(std::string("1"), json["data"]["keys"].members().front().first);
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, json["data"]["list"].items().size());
            CPPUNIT_ASSERT(*json["data"]["on"].boolean());
        }
        // A value keeps its document.
        CPPUNIT_ASSERT_EQUAL(std::string("PEM"), std::string(*deep.text()));
    }

    void answersNothingForAnotherKind() {
        const auto json = parsed(R"({"text":"x","number":1.5,"large":18446744073709551615,"none":null})");
        CPPUNIT_ASSERT(!json["text"].integer() && !json["text"].boolean() && !json["number"].integer() && !json["large"].integer());
        CPPUNIT_ASSERT(!json["number"].text() && json["none"].empty() && json["absent"]["below"]["it"].empty());
        CPPUNIT_ASSERT(json["text"].members().empty() && json["text"].items().empty());
    }

    void refusesWhatIsNotStrictJson() {
        const std::string deep = std::string(40, '[') + std::string(40, ']');
        for (const std::string& text :
             {std::string(), std::string("{"), std::string("{} x"), std::string("{}\0x", 4), std::string(R"({"a":1,"a":2})"),
              std::string(R"([{"b":{"c":0,"c":0}}])"), deep, std::string("\"\xFF\""), std::string("\xEF\xBB\xBF{}"), std::string("{'a':1}"),
              std::string("[1,]"), std::string("NaN")}) {
            const auto json = Json::parse(text);
            CPPUNIT_ASSERT_MESSAGE(text, !json.ok());
            CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, json.fail().status);
        }
    }

    void takesBase64OnlyAsItIsWritten() {
        for (const std::string& bytes :
             {std::string(), std::string("f"), std::string("fo"), std::string("foo"), std::string("\0\xFF", 2)}) {
            const auto back = unbase64(base64(bytes).view());
            CPPUNIT_ASSERT(back.has_value());
            CPPUNIT_ASSERT_EQUAL(bytes, std::string(back->view()));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("Zm9vYg=="), std::string(base64("foob").view()));
        for (const char* text : {"Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v\n", "Zm 9", "Zm-v", "=Zm9"})
            CPPUNIT_ASSERT_MESSAGE(text, !unbase64(text).has_value());
    }

    void writesWhatItCanRead() {
        Object inner;
        inner.integer("n", -7).boolean("on", true);
        const auto written =
            Object().text("quo\"te", "line\nend").base64("bytes", std::string_view("\0\1", 2)).object("in", std::move(inner)).done();
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"quo\"te":"line\u000aend","bytes":"AAE=","in":{"n":-7,"on":true}})"),
                             std::string(written.view()));
        CPPUNIT_ASSERT_EQUAL(std::string("line\nend"), std::string(*parsed(written.view())["quo\"te"].text()));
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), std::string(Object().done().view()));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RemoteJsonTest);

}  // namespace
}  // namespace agentidp::remote
