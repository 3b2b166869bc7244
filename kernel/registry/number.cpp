#include "registry/number.h"

#include <array>

#include "base/ids.h"

namespace agentidp::registry {

std::int64_t allocateNumber(base::Instant at) {
    std::array<std::uint8_t, 3> random{};
    base::fillRandom(random);
    const auto low = (std::int64_t{random[0]} << 16 | std::int64_t{random[1]} << 8 | random[2]) & 0xFFFFF;
    return (base::microsOf(at) / 1000) << 20 | low;
}

}  // namespace agentidp::registry
