#include "base64.h"

#include <openssl/evp.h>

namespace agentidp::remote {

aip::Secret base64(std::string_view bytes) {
    aip::Secret out;
    out.resize((bytes.size() + 2) / 3 * 4 + 1);  // and the NUL that OpenSSL writes
    const int size = EVP_EncodeBlock(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::optional<aip::Secret> unbase64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
    aip::Secret out;
    out.resize(text.size() / 4 * 3);
    const int size = EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (size < 0 || static_cast<std::size_t>(size) != out.size()) return std::nullopt;
    out.resize(out.size() - padding);
    // OpenSSL passes white space, inner padding and trailing bits; what was encoded encodes to the same again.
    if (base64(out.view()).view() != text) return std::nullopt;
    return out;
}

}  // namespace agentidp::remote
