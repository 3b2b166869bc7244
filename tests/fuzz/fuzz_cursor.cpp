/// Any bytes as a list's cursor: only what was made with the key is taken, and only with its own filters.
#include "byte_input.h"
#include "registry/cursor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    static constexpr std::array<std::uint8_t, 32> kKey{1, 2, 3};
    static const registry::Cursors kCursors{base::BytesView(kKey)};
    const auto text = fuzz::textOf(data, size);
    if (const auto position = kCursors.decode(text, "agents")) {
        fuzz::require(kCursors.encode(*position, "agents") == text);
        fuzz::require(!kCursors.decode(text, "agents status=active"));
    }
    return 0;
}
