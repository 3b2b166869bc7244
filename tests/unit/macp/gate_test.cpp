/// Who may mint, each way in and each refusal.
#include "macp/gate.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/text.h"
#include "crypto/certificate.h"
#include "fakes/fake_clock.h"
#include "unit/oauth/oauth_house.h"

namespace agentidp::macp {
namespace {

/// O=Example, CN=runtime-1; DNS runtime-1.example, URI spiffe://example/ns/a/sa/runtime
constexpr std::string_view kFull =
    "MIIB5DCCAYugAwIBAgIUSnF59443kl7KHlSDH2BdZIDK6C8wCgYIKoZIzj0EAwIwJjEQMA4GA1UECgwHRXhhbXBsZTESMBAGA1UEAwwJcnVudGltZS0xMCAX"
    "DTI2MTEyMjEwMDY0MloYDzIxMjYxMDI5MTAwNjQyWjAmMRAwDgYDVQQKDAdFeGFtcGxlMRIwEAYDVQQDDAlydW50aW1lLTEwWTATBgcqhkjOPQIBBggqhkjO"
    "PQMBBwNCAAToB+Uy+1MBDuU05e22p/RuKzEGPwC9eUOxjl8A0YHPlusKNiv+mZm4PFHmNVn4bCZFgS6L+mzXn6VFOUspFGvRo4GUMIGRMB0GA1UdDgQWBBRd"
    "Lr1H4VTzB0k7F4XPC714/fMunDAfBgNVHSMEGDAWgBRdLr1H4VTzB0k7F4XPC714/fMunDAPBgNVHRMBAf8EBTADAQH/MD4GA1UdEQQ3MDWCEXJ1bnRpbWUt"
    "MS5leGFtcGxlhiBzcGlmZmU6Ly9leGFtcGxlL25zL2Evc2EvcnVudGltZTAKBggqhkjOPQQDAgNHADBEAiAeaUzDTDqf0jENdwd65N0UDp+MbHbrNO5vsSOy"
    "JwI4HAIgNatEqWNeGyqSzx6ORYow0Bs3hZJBxCCwq2NOy9Ra3T8=";
/// O=Example, CN=Zoe with a diaeresis, without alternative names
constexpr std::string_view kPlain =
    "MIIBmTCCAT+gAwIBAgIUS4oA94lpfoiI3KvadQ5EJs/MvKMwCgYIKoZIzj0EAwIwITEQMA4GA1UECgwHRXhhbXBsZTENMAsGA1UEAwwEWm/DqzAgFw0yNjEx"
    "MjIxMDA2NDJaGA8yMTI2MTAyOTEwMDY0MlowITEQMA4GA1UECgwHRXhhbXBsZTENMAsGA1UEAwwEWm/DqzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOgH"
    "5TL7UwEO5TTl7ban9G4rMQY/AL15Q7GOXwDRgc+W6wo2K/6Zmbg8UeY1WfhsJkWBLov6bNefpUU5SykUa9GjUzBRMB0GA1UdDgQWBBRdLr1H4VTzB0k7F4XP"
    "C714/fMunDAfBgNVHSMEGDAWgBRdLr1H4VTzB0k7F4XPC714/fMunDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCpvC535hmr4oXkT0yW"
    "ZjNlTUkeZvsmYDa6qBoDijLx2wIgU7GIlbx/MRxLwGrViTfay7AG1PGYFTvEND+R2CpNv1E=";
/// An empty subject and no alternative names
constexpr std::string_view kNameless =
    "MIIBVjCB/aADAgECAhQ7JRkUiRJBjASy34wBC7IlCDC6ODAKBggqhkjOPQQDAjAAMCAXDTI2MTEyMjEwMDY0MloYDzIxMjYxMDI5MTAwNjQyWjAAMFkwEwYH"
    "KoZIzj0CAQYIKoZIzj0DAQcDQgAE6AflMvtTAQ7lNOXttqf0bisxBj8AvXlDsY5fANGBz5brCjYr/pmZuDxR5jVZ+GwmRYEui/ps15+lRTlLKRRr0aNTMFEw"
    "HQYDVR0OBBYEFF0uvUfhVPMHSTsXhc8LvXj98y6cMB8GA1UdIwQYMBaAFF0uvUfhVPMHSTsXhc8LvXj98y6cMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0E"
    "AwIDSAAwRQIhAJagVIzjyjnhC5Z7ghOKIWpz0It/eKggLRZCpm+YI0aYAiAYX90TlhHrQRUU83hl07tY/Vw82oWXhshzghUzDh9eDQ==";

}  // namespace

class GateTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(GateTest);
    CPPUNIT_TEST(letsAnybodyInWhereNothingIsAsked);
    CPPUNIT_TEST(knowsTheSharedSecret);
    CPPUNIT_TEST(refusesSecretsThatAreNone);
    CPPUNIT_TEST(namesTheHolderOfACertificate);
    CPPUNIT_TEST(refusesCertificatesThatNameNobody);
    CPPUNIT_TEST(wantsTheScopeOfABearer);
    CPPUNIT_TEST(saysWhenNobodyCanSay);
    CPPUNIT_TEST(namesItsWays);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* kMinter = "44444444-4444-4444-8444-444444444444";
    static constexpr std::string_view kSecret = "correct-horse-battery";

    tests::OauthHouse house;
    oauth::BearerAuth bearer{house.verifier};

    static std::string der(std::string_view text) { return std::string(base::textOf(base::unbase64(text).value())); }
    static base::Result<SharedSecret> shared(std::string text) { return SharedSecret::make(base::Secret::fromText(std::move(text))); }
    MintResult<MintCaller> admit(const Gate& gate, std::optional<std::string_view> authorization, std::string_view certificate = {}) const {
        return gate.admit({authorization, certificate, "2001:db8::7"}, house.clock.now());
    }
    static void same(std::string_view expected, const std::string& got) { CPPUNIT_ASSERT_EQUAL(std::string(expected), got); }
    static void refused(int status, std::string_view reason, const MintResult<MintCaller>& result) {
        CPPUNIT_ASSERT(!result);
        CPPUNIT_ASSERT_EQUAL(status, result.refusal().status);
        same(reason, result.refusal().reason);
    }

public:
    void letsAnybodyInWhereNothingIsAsked() {
        const Gate gate(MintAuth::None, bearer, std::nullopt);
        const auto caller = admit(gate, "Bearer whatever");
        same("anonymous", caller->actor);
        same("20010db800000000/64", caller->budget);
        CPPUNIT_ASSERT(!caller->agent);
    }

    void knowsTheSharedSecret() {
        const Gate gate(MintAuth::SharedSecret, bearer, *shared(std::string(kSecret)));
        same("shared-secret", admit(gate, "Bearer correct-horse-battery")->actor);
        same("shared-secret", admit(gate, "bearer  correct-horse-battery ")->actor);
        refused(401, "no_secret", admit(gate, std::nullopt));
        refused(401, "no_secret", admit(gate, "Basic Y29ycmVjdA=="));
        refused(401, "wrong_secret", admit(gate, "Bearer correct-horse-batterx"));
        refused(401, "wrong_secret", admit(gate, "Bearer "));
        refused(401, "wrong_secret", admit(gate, "Bearer correct-horse-battery2"));
        const std::string endless = "Bearer " + std::string(100000, 'a');
        refused(401, "wrong_secret", admit(gate, endless));
        same("unauthorized", admit(gate, "Bearer x").refusal().error);
        same("WWW-Authenticate", admit(gate, "Bearer x").refusal().headers.front().first);
    }

    void refusesSecretsThatAreNone() {
        for (const auto* text : {"", "fifteen-letters", "with a space in it", "tab\tin the middle", "not-ascii-\xC3\xA9-at-all"})
            CPPUNIT_ASSERT_MESSAGE(text, !shared(text).ok());
        CPPUNIT_ASSERT(shared("sixteen-letters!").ok());
        CPPUNIT_ASSERT(!shared(std::string(4097, 'a')).ok());
    }

    void namesTheHolderOfACertificate() {
        const Gate gate(MintAuth::Mtls, bearer, std::nullopt);
        same("cert:spiffe://example/ns/a/sa/runtime", admit(gate, std::nullopt, der(kFull))->actor);
        same("cert:CN=Zo\xC3\xAB,O=Example", admit(gate, std::nullopt, der(kPlain))->actor);
        CPPUNIT_ASSERT(admit(gate, std::nullopt, der(kFull))->budget != admit(gate, std::nullopt, der(kPlain))->budget);
        const auto names = crypto::namesOfCertificate(base::unbase64(kFull).value());
        same("CN=runtime-1,O=Example", names->subject);
        CPPUNIT_ASSERT(names->dns == std::vector<std::string>{"runtime-1.example"});
    }

    void refusesCertificatesThatNameNobody() {
        const Gate gate(MintAuth::Mtls, bearer, std::nullopt);
        refused(401, "no_certificate", admit(gate, "Bearer x"));
        refused(401, "nameless_certificate", admit(gate, std::nullopt, "garbage"));
        refused(401, "nameless_certificate", admit(gate, std::nullopt, der(kNameless)));
        refused(401, "nameless_certificate", admit(gate, std::nullopt, der(kPlain) + "x"));
    }

    void wantsTheScopeOfABearer() {
        house.add(kMinter, 1, "secret-four", {"agents:read", "macp:mint"});
        const Gate gate(MintAuth::Bearer, bearer, std::nullopt);
        const auto token = house.issue(kMinter, "secret-four").accessToken;
        const auto caller = admit(gate, "Bearer " + token);
        same(kMinter, caller->actor);
        CPPUNIT_ASSERT(caller->agent && caller->agent->organizationNum == 1);
        const auto narrow = house.issue("grant_type=client_credentials&scope=agents:read", kMinter, "secret-four").accessToken;
        refused(403, "", admit(gate, "Bearer " + narrow));
        refused(401, "no_token", admit(gate, std::nullopt));
        refused(401, "malformed", admit(gate, "Bearer a b"));
        refused(401, "invalid", admit(gate, "Bearer a.b.c"));
        house.revocations.revoked.insert(house.issue(kMinter, "secret-four").jti.str());
        refused(403, "", admit(gate, "Bearer " + house.issue().accessToken));
    }

    void saysWhenNobodyCanSay() {
        const Gate gate(MintAuth::Bearer, bearer, std::nullopt);
        const auto token = house.issue().accessToken;
        house.revocations.failure = base::fail(base::Errc::Unavailable, "", "stale");
        refused(503, "", admit(gate, "Bearer " + token));
    }

    void namesItsWays() {
        for (const auto auth : {MintAuth::None, MintAuth::SharedSecret, MintAuth::Mtls, MintAuth::Bearer})
            CPPUNIT_ASSERT(mintAuthNamed(nameOf(auth)) == auth);
        CPPUNIT_ASSERT(!mintAuthNamed("open"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(GateTest);

}  // namespace agentidp::macp
