/// Any bytes into the ECMAScript reader: what it takes is written as UTF-8, reads back, and is then written the same.
#include "base/ecma_json.h"
#include "base/text.h"
#include "byte_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    constexpr base::json::Limits kLimits{102400, 1000};
    const auto value = base::json::parseEcma(fuzz::textOf(data, size), kLimits);
    if (!value) return 0;
    const auto once = base::json::writeEcma(*value);
    fuzz::require(base::isUtf8(once));
    const auto again = base::json::parseEcma(once, {10 * kLimits.bytes, kLimits.depth});
    fuzz::require(again.ok() && base::json::writeEcma(*again) == once);
    return 0;
}
