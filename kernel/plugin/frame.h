#pragma once
/// @file kernel/plugin/frame.h
/// Everything that a plugin may touch during one call: inputs, results, error, deadline. Where the host may stop waiting (a plugin
/// that blocks) the frame owns copies and outlives the caller; where it may not, the frame borrows and costs no allocation.
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agentidp/plugin.h"
#include "base/secret.h"
#include "plugin/call.h"

namespace agentidp::plugin {

/// One result as bytes, bounded: a plugin that says more is stopped.
class Output {
public:
    Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    [[nodiscard]] aip_sink sink(std::size_t limit) {
        limit_ = limit;
        return {this, put};
    }
    /// A sink that never grows its buffer, so that no copy of a secret stays behind; wiped with the frame.
    [[nodiscard]] aip_sink secretSink(std::size_t limit) {
        bytes_.reserve(limit);
        secret_ = true;
        return sink(limit);
    }
    ~Output() {
        if (secret_) base::wipe(bytes_.data(), bytes_.size());
    }
    [[nodiscard]] std::string& bytes() { return bytes_; }
    [[nodiscard]] bool overflowed() const { return overflowed_; }

private:
    static std::int32_t put(void* self, const void* piece, std::size_t size) {
        auto& output = *static_cast<Output*>(self);
        if (size == 0) return 0;
        if (piece == nullptr || size > output.limit_ - output.bytes_.size()) {
            output.overflowed_ = true;
            return 1;
        }
        output.bytes_.append(static_cast<const char*>(piece), size);
        return 0;
    }
    std::string bytes_;
    std::size_t limit_ = 0;
    bool overflowed_ = false;
    bool secret_ = false;
};

class Frame {
public:
    enum class Inputs { Borrow, Copy };
    enum class Sensitive { No, Yes };  ///< Yes: copies of inputs are wiped

    Frame(Inputs inputs, const Call& call, Sensitive sensitive);
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame();

    /// The text for the plugin: as it is, or a copy that lives as long as the frame.
    [[nodiscard]] aip_str keep(std::string_view text) {
        if (inputs_ == Inputs::Borrow || text.empty()) return {text.data(), text.size()};
        return copy(text);
    }
    [[nodiscard]] bool copies() const { return inputs_ == Inputs::Copy; }
    /// `bytes` bytes that live as long as the frame, aligned for anything.
    [[nodiscard]] std::byte* block(std::size_t bytes);

    Output first;
    Output second;
    aip_error error;
    /// What was decided by the call besides its outputs: a transaction, a budget.
    void* transaction = nullptr;
    aip_budget budget{};

    [[nodiscard]] const aip_call* call() const { return &travel_.raw; }

    // --- for the workers only
    std::function<aip_status(Frame&)> body;
    std::function<void(Frame&)> late;  ///< runs on the worker if the caller had gone when the call came back
    [[nodiscard]] aip_status status() const { return status_; }
    /// On the worker. False: the caller has gone.
    bool finish(aip_status status);
    enum class Waited { Done, GaveUp };
    Waited wait(base::nanoseconds atMost);

private:
    enum State : int { Running, Done, Abandoned };
    struct Travel {
        aip_call raw{};  ///< first: `cancelled` finds its Travel by its address
        std::atomic<int> state{Running};
    };
    static std::int32_t cancelled(const aip_call* call);
    [[nodiscard]] aip_str copy(std::string_view text);

    Inputs inputs_;
    Sensitive sensitive_;
    Travel travel_;
    aip_status status_ = AIP_OK;
    struct Chunk {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0, used = 0;
    };
    std::vector<Chunk> chunks_;
    std::mutex mutex_;
    std::condition_variable done_;
};

}  // namespace agentidp::plugin
