/// Any bytes into the strict JSON parser: what it takes is written, read again, and then written the same, within the limits. (1e2 is a
/// double, and 100 an integer.)
#include "base/json.h"
#include "base/text.h"
#include "byte_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto text = fuzz::textOf(data, size);
    const auto value = base::json::parse(text, {.bytes = 4096, .depth = 16});
    if (!value) return 0;
    fuzz::require(size <= 4096 && base::isUtf8(text));
    const auto written = base::json::write(*value);
    const auto again = base::json::parse(written, {.bytes = written.size(), .depth = 16});
    fuzz::require(again.ok() && base::json::write(*again) == written);
    return 0;
}
