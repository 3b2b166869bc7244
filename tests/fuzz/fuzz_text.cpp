/// Any bytes into the text decoders: what one takes, its encoder writes again.
#include "base/text.h"
#include "byte_input.h"
#include "model/scope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto text = fuzz::textOf(data, size);
    if (const auto bytes = base::unbase64url(text)) fuzz::require(base::base64url(*bytes) == text);
    if (const auto bytes = base::unbase64(text)) fuzz::require(base::base64(*bytes) == text);
    if (const auto bytes = base::unhex(text)) fuzz::require(base::lower(text) == base::hex(*bytes));
    if (const auto plain = base::percentDecode(text)) fuzz::require(base::percentDecode(base::percentEncode(*plain)) == *plain);
    if (const auto plain = base::formDecode(text)) fuzz::require(plain->size() <= text.size());
    if (const auto at = base::parseRfc3339(text)) fuzz::require(base::parseRfc3339(base::rfc3339(*at)) == at);
    if (const auto number = base::parseInt(text)) fuzz::require(std::to_string(*number) == text);
    if (const auto scopes = model::parseScopes(text)) fuzz::require(model::parseScopes(model::joined(*scopes)) == scopes);
    return 0;
}
