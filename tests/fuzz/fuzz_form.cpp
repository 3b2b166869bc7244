/// Any bytes into the form parser: what it takes is UTF-8, named, and bounded.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "http/form.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto fields = agentidp::http::parseForm(text, {.bytes = 4096, .fields = 20});
    if (!fields) return 0;
    if (size > 4096 || fields->size() > 20) std::abort();
    for (const auto& [name, value] : *fields) {
        if (name.empty() || !agentidp::base::isUtf8(name) || !agentidp::base::isUtf8(value)) std::abort();
    }
    return 0;
}
