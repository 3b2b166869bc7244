#pragma once
/// @file kernel/base/secret.h
/// Bytes that must not leak: not copyable, not printable, not comparable with ==, wiped when they die.
#include "base/bytes.h"

namespace agentidp::base {

/// Overwrites memory in a way the optimiser may not remove.
void wipe(void* data, std::size_t size);

/// True if both are equal; takes the same time wherever they differ. The length is not secret.
[[nodiscard]] bool equalConstantTime(BytesView left, BytesView right);

/// Owns secret bytes. Move only. Reading is explicit: `view()` at the place of use, never kept.
class Secret {
public:
    Secret() = default;
    explicit Secret(Bytes&& bytes) : bytes_(std::move(bytes)) {}
    /// Takes the text's bytes and wipes the string that held them.
    static Secret fromText(std::string&& text);
    Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret();

    [[nodiscard]] BytesView view() const { return bytes_; }
    [[nodiscard]] std::string_view text() const { return textOf(bytes_); }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    /// A deliberate second copy, for the few owners that need one.
    [[nodiscard]] Secret clone() const { return Secret(Bytes(bytes_)); }

private:
    Bytes bytes_;
};

}  // namespace agentidp::base
