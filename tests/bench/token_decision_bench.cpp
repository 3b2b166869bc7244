/// What a token decision costs besides its signature: parse the form, prove the client, decide the grant, write claims, event
/// and answer. Processor nanoseconds a call, best of five rounds; fakes stand for cache, limiter and key ring. Not a test.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>

#include "unit/oauth/oauth_house.h"

namespace {

using namespace agentidp;
constexpr int kRounds = 5;
constexpr int kCalls = 20000;

/// Of this thread: what others do on the machine disturbs it least.
double cpuNanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Call>
void measure(const char* name, Call call) {
    double best = 1e18;
    for (int round = 0; round < kRounds; ++round) {
        const double from = cpuNanoseconds();
        for (int i = 0; i < kCalls; ++i) call();
        best = std::min(best, (cpuNanoseconds() - from) / kCalls);
    }
    std::printf("%-52s %9.0f ns\n", name, best);
}

}  // namespace

int main() {
    const auto house = std::make_unique<tests::OauthHouse>();
    house->budgets.limit = 1LL << 60;
    house->budgets.quota = 1LL << 60;
    const auto authorization = tests::OauthHouse::basic(tests::OauthHouse::kAgent, "secret-one");
    constexpr std::string_view kBody = "grant_type=client_credentials&scope=agents%3Aread+agents%3Awrite";
    const oauth::RawRequest raw{tests::OauthHouse::kForm, "", kBody, authorization};
    const auto origin = house->origin();
    const auto now = house->clock.now();
    const base::Bytes signature(64, 0x5A);

    const auto request = oauth::parseTokenRequest(raw);
    const auto decision = house->endpoint.decide(*request, house->settings, now);
    const oauth::Issuer::Request toIssue{decision->grant, *decision->client, decision->credentialId, origin};
    const auto issued = house->issue();

    measure("parse the request", [&] { (void)oauth::parseTokenRequest(raw); });
    measure("decide (one HMAC)", [&] { (void)house->endpoint.decide(*request, house->settings, now); });
    measure("draw 48 random bytes", [&] { (void)oauth::RandomDraw::fresh(); });
    measure("prepare claims and event", [&] { (void)house->issuer.prepare(toIssue, oauth::RandomDraw{}); });
    measure("whole token but for the signature", [&] {
        auto parsed = oauth::parseTokenRequest(raw);
        auto decided = house->endpoint.decide(*parsed, house->settings, now);
        auto token = house->issuer.prepare({decided->grant, *decided->client, decided->credentialId, origin}, oauth::RandomDraw::fresh());
        (void)oauth::Issuer::finish(*std::move(token), signature);
    });
    measure("ES256 signature, for comparison", [&] { (void)house->signer.sign({}, "header.payload"); });
    measure("verify a cached token", [&] { (void)house->verifier.verify(issued.accessToken, now); });
    oauth::IntrospectionRequest introspection;
    introspection.token = issued.accessToken;
    introspection.bearer = "Bearer " + house->issue(tests::OauthHouse::kNeighbour, "secret-two").accessToken;
    measure("introspect with a cached bearer and token", [&] { (void)house->introspection.decide(introspection, now); });
    return 0;
}
