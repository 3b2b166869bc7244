#include "plugin/frame.h"

#include <algorithm>
#include <cstring>

namespace agentidp::plugin {
namespace {

constexpr std::size_t kChunk = 4096;
constexpr std::size_t kAlign = alignof(std::max_align_t);

}  // namespace

Frame::Frame(Inputs inputs, const Call& call, Sensitive sensitive) : inputs_(inputs), sensitive_(sensitive) {
    // The texts of an aip_error are 512 bytes that a good call never looks at: two terminators do.
    error.size = sizeof error;
    error.status = AIP_OK;
    error.retry_after_ms = 0;
    error.sys_errno = 0;
    error.public_msg[0] = '\0';
    error.detail[0] = '\0';
    travel_.raw.size = sizeof travel_.raw;
    travel_.raw.deadline_mono_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(1, call.deadline.time_since_epoch().count()));
    travel_.raw.cancelled = cancelled;
    travel_.raw.request_id = keep(call.requestId);
    travel_.raw.tenant = keep(call.tenant);
}

Frame::~Frame() {
    if (sensitive_ == Sensitive::Yes)
        for (auto& chunk : chunks_) base::wipe(chunk.bytes.get(), chunk.used);
}

std::byte* Frame::block(std::size_t bytes) {
    const std::size_t size = (bytes + kAlign - 1) / kAlign * kAlign;
    if (chunks_.empty() || chunks_.back().size - chunks_.back().used < size) {
        Chunk fresh;
        fresh.size = std::max(size, kChunk);
        fresh.bytes.reset(new std::byte[fresh.size]);
        chunks_.push_back(std::move(fresh));
    }
    Chunk& chunk = chunks_.back();
    std::byte* at = chunk.bytes.get() + chunk.used;
    chunk.used += size;
    return at;
}

aip_str Frame::copy(std::string_view text) {
    auto* at = reinterpret_cast<char*>(block(text.size()));
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
}

std::int32_t Frame::cancelled(const aip_call* call) {
    return reinterpret_cast<const Travel*>(call)->state.load(std::memory_order_relaxed) == Abandoned ? 1 : 0;
}

bool Frame::finish(aip_status status) {
    const std::lock_guard hold(mutex_);
    if (travel_.state.load(std::memory_order_relaxed) == Abandoned) return false;
    status_ = status;
    travel_.state.store(Done, std::memory_order_relaxed);
    done_.notify_one();
    return true;
}

Frame::Waited Frame::wait(base::nanoseconds atMost) {
    std::unique_lock hold(mutex_);
    const auto over = [this] { return travel_.state.load(std::memory_order_relaxed) == Done; };
    if (done_.wait_for(hold, std::max(atMost, base::nanoseconds(0)), over)) return Waited::Done;
    travel_.state.store(Abandoned, std::memory_order_relaxed);
    return Waited::GaveUp;
}

}  // namespace agentidp::plugin
