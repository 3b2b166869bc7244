/// Any bytes as a tlog-proof text, and as hashes that claim to prove a leaf of a small tree: only the one right proof is believed.
/// First two bytes: the tree's size and the leaf's index.
#include <algorithm>
#include <vector>

#include "audit/proof.h"
#include "byte_input.h"

namespace {

using namespace agentidp;

/// RFC 9162 section 2.1.1 as it is written there.
audit::Hash rootOf(const std::vector<audit::Hash>& leaves) {
    if (leaves.empty()) return audit::emptyRoot();
    if (leaves.size() == 1) return leaves.front();
    std::size_t half = 1;
    while (half * 2 < leaves.size()) half *= 2;
    const auto middle = leaves.begin() + static_cast<std::ptrdiff_t>(half);
    return audit::nodeHash(rootOf({leaves.begin(), middle}), rootOf({middle, leaves.end()}));
}

audit::Proof pathOf(std::size_t index, const std::vector<audit::Hash>& leaves) {
    if (leaves.size() == 1) return {};
    std::size_t half = 1;
    while (half * 2 < leaves.size()) half *= 2;
    const std::vector<audit::Hash> left(leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(half));
    const std::vector<audit::Hash> right(leaves.begin() + static_cast<std::ptrdiff_t>(half), leaves.end());
    auto path = index < half ? pathOf(index, left) : pathOf(index - half, right);
    path.push_back(index < half ? rootOf(right) : rootOf(left));
    return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)audit::parseProofText(fuzz::textOf(data, size));
    if (size < 2) return 0;
    std::vector<audit::Hash> leaves(1U + data[0] % 40U);
    for (std::size_t i = 0; i < leaves.size(); ++i) leaves[i].fill(static_cast<std::uint8_t>(i));
    const std::size_t index = data[1] % leaves.size();
    const auto right = pathOf(index, leaves);
    // The right proof, with bytes of the input laid over it by exclusive or: zeroes leave it as it is.
    audit::Proof proof = right;
    for (std::size_t i = 2; i < size; ++i) {
        const std::size_t at = (i - 2) / 32;
        if (at >= proof.size()) {
            if (at > 64) break;
            proof.emplace_back();
        }
        proof[at][(i - 2) % 32] ^= data[i];
    }
    const audit::Head head{leaves.size(), rootOf(leaves)};
    fuzz::require(audit::verifyInclusion(leaves[index], index, head, proof) == (proof == right));
    return 0;
}
