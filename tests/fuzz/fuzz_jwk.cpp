/// Any bytes as a JWK, a private JWK and a JWK set (RFC 7517): what is taken is written and taken again, and no private member is
/// ever written where only public ones belong.
#include "byte_input.h"
#include "jose/jwk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto text = fuzz::textOf(data, size);
    (void)jose::importPrivateText(text, crypto::Algorithm::Es256);
    (void)jose::parseJwks(text);
    const auto value = base::json::parse(text, {.bytes = 8192, .depth = 8});
    if (!value) return 0;
    const auto key = jose::importPublic(*value, crypto::Algorithm::Rs256);
    if (!key) return 0;
    const auto written = jose::exportPublic(*key);
    for (const auto* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) fuzz::require(written.find(name) == nullptr);
    const auto again = jose::importPublic(written);
    fuzz::require(again.ok() && again->kid == key->kid && again->alg == key->alg && again->key == key->key);
    return 0;
}
