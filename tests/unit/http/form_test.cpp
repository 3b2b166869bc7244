/// Forms, strictly.
#include <cppunit/extensions/HelperMacros.h>

#include "http/form.h"

namespace agentidp::http {

class FormTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FormTest);
    CPPUNIT_TEST(keepsOrderAndDuplicates);
    CPPUNIT_TEST(decodesEscapes);
    CPPUNIT_TEST(refusesWhatIsBroken);
    CPPUNIT_TEST(refusesWhatIsTooLarge);
    CPPUNIT_TEST(knowsItsContentType);
    CPPUNIT_TEST_SUITE_END();

    static std::string shown(std::string_view text) {
        const auto fields = parseForm(text);
        if (!fields) return fields.error().code == base::Errc::Invalid ? "invalid" : "too large";
        std::string out;
        for (const auto& [name, value] : *fields) out += name + "=" + value + ";";
        return out;
    }

public:
    void keepsOrderAndDuplicates() {
        CPPUNIT_ASSERT_EQUAL(std::string("b=2;a=1;b=3;"), shown("b=2&a=1&b=3"));
        CPPUNIT_ASSERT_EQUAL(std::string("a=;b=;c=d=e;"), shown("a&b=&&c=d=e&"));
        CPPUNIT_ASSERT_EQUAL(std::string(""), shown(""));
    }
    void decodesEscapes() {
        CPPUNIT_ASSERT_EQUAL(std::string("a b=c d+e f;"), shown("a+b=c%20d%2Be f"));
        CPPUNIT_ASSERT_EQUAL(std::string("s=\xf0\x9f\x98\x80&;"), shown("s=%F0%9F%98%80%26"));
        CPPUNIT_ASSERT_EQUAL(std::string("s=\xc3\xa9;"), shown("s=\xc3\xa9"));
    }
    void refusesWhatIsBroken() {
        for (const std::string_view text :
             {"a=%", "a=%4", "a=%zz", "%=1", "=1", "a=%ff", "a=%c0%80", "a=\xff", "a=%ed%a0%80", "a=%00", "a=1\n", "\x01=1"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(text), std::string("invalid"), shown(text));
        }
    }
    void refusesWhatIsTooLarge() {
        std::string many;
        for (int i = 0; i < 100; ++i) many += "a&";
        CPPUNIT_ASSERT(shown(many) != "too large");
        CPPUNIT_ASSERT_EQUAL(std::string("too large"), shown(many + "a"));
        CPPUNIT_ASSERT_EQUAL(std::string("too large"), shown("a=" + std::string(65535, 'v')));
    }
    void knowsItsContentType() {
        for (const std::string_view type : {"application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=UTF-8",
                                            "application/x-www-form-urlencoded;", "application/x-www-form-urlencoded;charset=\"utf-8\""}) {
            CPPUNIT_ASSERT_MESSAGE(std::string(type), isFormType(type));
        }
        for (const std::string_view type :
             {"", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=latin1",
              "application/x-www-form-urlencoded, application/json"}) {
            CPPUNIT_ASSERT_MESSAGE(std::string(type), !isFormType(type));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FormTest);

}  // namespace agentidp::http
