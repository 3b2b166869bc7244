/// Any bytes into the ECMAScript reader: what it takes is written as UTF-8, reads back, and is then written the same.
#include <cstdint>
#include <cstdlib>

#include "base/ecma_json.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp::base;
    constexpr json::Limits kLimits{102400, 1000};
    const auto value = json::parseEcma({reinterpret_cast<const char*>(data), size}, kLimits);
    if (!value) return 0;
    const auto once = json::writeEcma(*value);
    if (!isUtf8(once)) std::abort();
    const auto again = json::parseEcma(once, {10 * kLimits.bytes, kLimits.depth});
    if (!again || json::writeEcma(*again) != once) std::abort();
    return 0;
}
