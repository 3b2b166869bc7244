#include "sigv4.h"

#include <cppunit/extensions/HelperMacros.h>

#include "credentials.h"

namespace agentidp::keys_awskms {
namespace {

/// The examples that AWS publishes with the algorithm; botocore judges every request of the contract suite beside them.
class SigV4Test : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SigV4Test);
    CPPUNIT_TEST(signsTheExampleThatAwsPublishes);
    CPPUNIT_TEST(readsWhatMetadataServicesAnswer);
    CPPUNIT_TEST(readsAnAssumedRole);
    CPPUNIT_TEST_SUITE_END();

    void signsTheExampleThatAwsPublishes() {
        AccessKey key;
        key.id = "AKIDEXAMPLE";
        key.secret = aip::Secret(std::string_view("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
        Signable request;
        request.method = "GET";
        request.headers = {{"x-amz-date", "20150830T123600Z"}, {"host", "example.amazonaws.com"}};
        const auto made = authorization(request, {"us-east-1", "service", "20150830T123600Z"}, key);
        CPPUNIT_ASSERT(made.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                                         "SignedHeaders=host;x-amz-date, "
                                         "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
                             *made);
        CPPUNIT_ASSERT_EQUAL(std::string("20150830T123600Z"), amzDate(1'440'938'160'000'000));
    }
    void readsWhatMetadataServicesAnswer() {
        const auto told = readSessionKey(
            R"({"AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","Expiration":"2026-11-22T18:00:00Z","Code":"Success"})");
        CPPUNIT_ASSERT(told.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("ASIA1"), told->key->id);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'795'370'400'000'000}, told->endsUs);
        for (const char* text : {"", "{}", "[]", R"({"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"soon"})"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, aip_status{AIP_E_UNAVAILABLE}, readSessionKey(text).fail().status);
    }
    void readsAnAssumedRole() {
        const std::string xml =
            "<AssumeRoleWithWebIdentityResponse><Credentials><SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>"
            "<Expiration>2026-11-22T18:00:00Z</Expiration><AccessKeyId>ASIA2</AccessKeyId></Credentials></"
            "AssumeRoleWithWebIdentityResponse>";
        CPPUNIT_ASSERT_EQUAL(std::string("ASIA2"), readAssumedRole(xml)->key->id);
        CPPUNIT_ASSERT(!readAssumedRole(xml + xml).ok());
        CPPUNIT_ASSERT(!readAssumedRole(xml.substr(0, xml.size() / 2)).ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SigV4Test);

}  // namespace
}  // namespace agentidp::keys_awskms
