#pragma once
/// @file tests/unit/oauth/oauth_house.h
/// Two organizations with an agent or two, the ports, and requests as a client would write them.
#include <string>

#include "fakes/fake_clock.h"
#include "fakes/fake_oauth.h"
#include "oauth/introspection.h"
#include "oauth/issuer.h"
#include "oauth/revocation.h"
#include "oauth/token_endpoint.h"

namespace agentidp::tests {

struct OauthHouse {
    static constexpr std::string_view kIssuer = "https://idp.example";
    static constexpr std::string_view kForm = "application/x-www-form-urlencoded";

    OauthHouse() {
        add(kAgent, 1, "secret-one", {"agents:read", "agents:write", "audit:read"});
        add(kNeighbour, 1, "secret-two", {"tokens:introspect", "tokens:revoke"});
        add(kStranger, 2, "secret-three", {"agents:read", "tokens:introspect", "tokens:revoke"});
    }

    static constexpr const char* kAgent = "11111111-1111-4111-8111-111111111111";
    static constexpr const char* kNeighbour = "22222222-2222-4222-8222-222222222222";
    static constexpr const char* kStranger = "33333333-3333-4333-8333-333333333333";

    static std::string organizationId(std::int64_t num) { return "aaaaaaaa-0000-4000-8000-00000000000" + std::to_string(num); }

    model::Credential credential(const std::string& secret, const std::string& pepper = "pepper-2") const {
        model::Credential out;
        out.id = model::CredentialId(base::uuidV4());
        const auto mac = peppers.peppers.find(pepper)->second.mac(base::bytesOf(secret));
        out.secretMac.assign(mac.begin(), mac.end());
        out.pepperId = pepper;
        out.createdAt = clock.now();
        return out;
    }

    void add(const std::string& id, std::int64_t organization, const std::string& secret, std::vector<std::string> scopes) {
        model::Agent agent;
        agent.id = model::AgentId(id);
        agent.num = static_cast<std::int64_t>(clients.clients.size()) + 1;
        agent.organizationNum = organization;
        agent.organizationId = model::OrganizationId(organizationId(organization));
        agent.scopes = model::normalised(std::move(scopes));
        model::Organization owner;
        owner.num = organization;
        owner.id = agent.organizationId;
        clients.clients[id] = oauth::makeClient(std::move(agent), oauth::tenantOf(owner), {credential(secret)});
    }

    static std::string basic(std::string_view id, std::string_view secret) {
        return "Basic " + base::base64(base::bytesOf(std::string(id) + ":" + std::string(secret)));
    }

    /// POST /token with Basic; `body` is the raw form.
    oauth::OauthResult<oauth::TokenDecision> token(std::string_view body, const std::string& authorization) {
        auto request = oauth::parseTokenRequest({kForm, "", body, authorization});
        if (!request) return std::move(request).refusal();
        return endpoint.decide(*request, settings, clock.now());
    }
    oauth::OauthResult<oauth::TokenDecision> token(std::string_view body = "grant_type=client_credentials") {
        return token(body, basic(kAgent, "secret-one"));
    }
    oauth::OauthResult<oauth::TokenDecision> post(std::string_view body) {
        auto request = oauth::parseTokenRequest({kForm, "", body, std::nullopt});
        if (!request) return std::move(request).refusal();
        return endpoint.decide(*request, settings, clock.now());
    }

    model::Origin origin() const { return {"request-1", "192.0.2.7", "test/1", clock.now()}; }

    oauth::IssuedToken issue(std::string_view body, const std::string& id, const std::string& secret) {
        auto decision = token(body, basic(id, secret));
        const auto at = origin();
        return *issuer.sign(*issuer.prepare({decision->grant, *decision->client, decision->credentialId, at}, oauth::RandomDraw::fresh()));
    }
    oauth::IssuedToken issue(const std::string& id = kAgent, const std::string& secret = "secret-one") {
        return issue("grant_type=client_credentials", id, secret);
    }
    /// A token with any header and payload, signed by our key.
    std::string forge(std::string_view header, std::string_view payload) const {
        std::string out = base::base64url(base::bytesOf(header)) + "." + base::base64url(base::bytesOf(payload));
        const auto signature = signer.key.sign(crypto::Algorithm::Es256, base::bytesOf(out)).value();
        return out + "." + base::base64url(signature);
    }

    oauth::OauthResult<oauth::IntrospectionDecision> introspect(const std::string& token, const std::string& authorization) {
        const std::string body = "token=" + base::percentEncode(token);
        auto request = oauth::parseIntrospectionRequest({kForm, "", body, authorization});
        if (!request) return std::move(request).refusal();
        return introspection.decide(*request, clock.now());
    }
    oauth::OauthResult<oauth::RevocationDecision> revoke(const std::string& token, const std::string& authorization) {
        const std::string body = "token=" + base::percentEncode(token);
        auto request = oauth::parseRevocationRequest({kForm, "", body, authorization});
        if (!request) return std::move(request).refusal();
        return revocation.decide(*request, origin());
    }
    static std::string header(const model::Answer& answer, std::string_view name) {
        for (const auto& [key, value] : answer.headers)
            if (key == name) return value;
        return {};
    }

    FakeClock clock;
    FakePeppers peppers;
    FakeSlowHashes hashes;
    FakeClients clients;
    FakeBudgets budgets;
    FakeSigner signer;
    FakeJwsVerifier jws{signer};
    FakeRevocations revocations;
    oauth::TokenSettings settings{std::string(kIssuer), std::string(kIssuer), base::seconds(3600), base::seconds(86400),
                                  oauth::QuotaMode::Report};
    oauth::TokenEndpoint endpoint{{clients, peppers, budgets, &hashes}};
    oauth::Issuer issuer{std::string(kIssuer), signer};
    oauth::TokenVerifier verifier{{jws, revocations, clients}, std::string(kIssuer), 64};
    oauth::ClientAuthenticator authenticator{clients, peppers, &hashes};
    oauth::Introspection introspection{verifier, authenticator};
    oauth::Revocation revocation{verifier, authenticator};
};

}  // namespace agentidp::tests
