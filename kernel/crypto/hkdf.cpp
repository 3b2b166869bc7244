#include "crypto/hkdf.h"

#include "crypto/hash.h"

namespace agentidp::crypto {

base::Result<base::Secret> hkdfSha256(base::BytesView key, base::BytesView salt, std::string_view info, std::size_t length) {
    constexpr std::size_t kBlock = 32;
    if (length == 0 || length > 255 * kBlock) return base::fail(base::Errc::Invalid, "HKDF makes 1 to 8160 bytes");
    // RFC 5869 section 2.2: PRK = HMAC-Hash(salt, IKM). An empty HMAC key and 32 zero bytes are the same key.
    Digest256 extracted = HmacSha256(salt).mac(key);
    const HmacSha256 expand(extracted);
    base::wipe(extracted.data(), extracted.size());
    base::Bytes out;
    out.reserve(length + kBlock);
    Digest256 block{};
    for (std::uint8_t counter = 1; out.size() < length; ++counter) {
        // Section 2.3: T(n) = HMAC-Hash(PRK, T(n-1) | info | n), T(0) empty.
        const base::BytesView previous = counter == 1 ? base::BytesView{} : base::BytesView(block);
        block = expand.mac({previous, base::bytesOf(info), {&counter, 1}});
        out.insert(out.end(), block.begin(), block.end());
    }
    base::wipe(block.data(), block.size());
    base::Secret whole(std::move(out));
    const auto wanted = whole.view().first(length);
    return base::Secret(base::Bytes(wanted.begin(), wanted.end()));
}

}  // namespace agentidp::crypto
