/// Any bytes as what a Redis server says: the same replies however the bytes came, within the bounds. The first byte chooses the split.
#include <algorithm>

#include "byte_input.h"
#include "ratelimit-redis/reply.h"

namespace {

using agentidp::fuzz::require;
using agentidp::ratelimit_redis::Reply;
using agentidp::ratelimit_redis::ReplyReader;

struct Heard {
    std::vector<Reply> replies;
    bool broken = false;
};

Heard hear(std::string_view bytes, std::size_t step) {
    Heard heard;
    ReplyReader reader;
    while (!heard.broken && !bytes.empty()) {
        reader.feed(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        for (;;) {
            Reply reply;
            const auto got = reader.next(reply);
            if (got == ReplyReader::Got::Reply) heard.replies.push_back(std::move(reply));
            heard.broken = got == ReplyReader::Got::Broken;
            if (got != ReplyReader::Got::Reply) break;
        }
    }
    return heard;
}

bool same(const Reply& left, const Reply& right) {
    return left.kind == right.kind && left.text == right.text && left.number == right.number &&
           std::equal(left.items.begin(), left.items.end(), right.items.begin(), right.items.end(), same);
}

int depthOf(const Reply& reply) {
    int deepest = 0;
    require(reply.items.size() <= ReplyReader::kMaxItems && reply.text.size() <= ReplyReader::kMaxReply);
    for (const auto& item : reply.items) deepest = std::max(deepest, depthOf(item));
    return deepest + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto bytes = agentidp::fuzz::textOf(data + 1, size - 1);
    const Heard whole = hear(bytes, bytes.size());
    const Heard split = hear(bytes, 1U + data[0] % 64U);
    require(whole.broken == split.broken);
    require(std::equal(whole.replies.begin(), whole.replies.end(), split.replies.begin(), split.replies.end(), same));
    for (const auto& reply : whole.replies) require(depthOf(reply) <= ReplyReader::kMaxDepth);
    return 0;
}
