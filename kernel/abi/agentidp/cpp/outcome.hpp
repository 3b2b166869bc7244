// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file agentidp/cpp/outcome.hpp
/// How a plugin method answers: a value or a `Fail`. Nothing here throws by design; what a method throws all the same becomes
/// AIP_E_INTERNAL at the border, so an author may use the standard library freely.
#include <agentidp/plugin.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace aip {

/// Why a method did not do it. `message` may reach a client, at most 127 bytes of it; `detail` goes to the log, at most 383.
/// Neither ever holds a secret.
struct Fail {
    aip_status status = AIP_E_INTERNAL;
    std::string message;
    std::string detail;
    std::uint32_t retryAfterMs = 0;
    std::uint32_t sysErrno = 0;
};

inline Fail invalid(std::string message, std::string detail = {}) { return {AIP_E_INVALID, std::move(message), std::move(detail)}; }
inline Fail notFound(std::string message, std::string detail = {}) { return {AIP_E_NOTFOUND, std::move(message), std::move(detail)}; }
inline Fail exists(std::string message, std::string detail = {}) { return {AIP_E_EXISTS, std::move(message), std::move(detail)}; }
inline Fail denied(std::string message, std::string detail = {}) { return {AIP_E_DENIED, std::move(message), std::move(detail)}; }
inline Fail unavailable(std::string message, std::string detail = {}) { return {AIP_E_UNAVAILABLE, std::move(message), std::move(detail)}; }
inline Fail deadline(std::string message = "the time given ran out") { return {AIP_E_DEADLINE, std::move(message), {}}; }
inline Fail cancelled(std::string message = "the caller gave up") { return {AIP_E_CANCELLED, std::move(message), {}}; }
inline Fail unsupported(std::string message, std::string detail = {}) { return {AIP_E_UNSUPPORTED, std::move(message), std::move(detail)}; }
inline Fail conflict(std::string message, std::string detail = {}) { return {AIP_E_CONFLICT, std::move(message), std::move(detail)}; }
inline Fail internal(std::string message, std::string detail = {}) { return {AIP_E_INTERNAL, std::move(message), std::move(detail)}; }

/// Success, or a Fail.
class [[nodiscard]] Status {
public:
    Status() = default;
    Status(Fail fail) : fail_(std::move(fail)) {}

    bool ok() const { return !fail_.has_value(); }
    explicit operator bool() const { return ok(); }
    /// Only where !ok().
    const Fail& fail() const { return *fail_; }

private:
    std::optional<Fail> fail_;
};

/// A value, or a Fail.
template <class T>
class [[nodiscard]] Outcome {
public:
    Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Outcome(Fail fail) : state_(std::in_place_index<1>, std::move(fail)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& value() { return std::get<0>(state_); }
    const T& value() const { return std::get<0>(state_); }
    T& operator*() { return value(); }
    const T& operator*() const { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    /// Only where !ok().
    const Fail& fail() const { return std::get<1>(state_); }

private:
    std::variant<T, Fail> state_;
};

/// Overwrites memory in a way the optimiser may not remove.
inline void wipe(void* data, std::size_t size) {
    if (size == 0) return;
    std::memset(data, 0, size);
    __asm__ __volatile__("" : : "r"(data) : "memory");
}

/// Bytes that must not stay in memory: move only, wiped when they die and when they grow.
class Secret {
public:
    Secret() = default;
    /// Copies; the caller wipes its own.
    explicit Secret(std::string_view bytes) : bytes_(bytes) {}
    Secret(Secret&& other) noexcept { swap(other); }
    Secret& operator=(Secret&& other) noexcept {
        Secret taken(std::move(other));
        swap(taken);
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(bytes_.data(), bytes_.size()); }

    std::string_view view() const { return bytes_; }
    const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(bytes_.data()); }
    unsigned char* data() { return reinterpret_cast<unsigned char*>(bytes_.data()); }
    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }
    /// A new length; added bytes are zero.
    void resize(std::size_t size) {
        Secret grown;
        grown.bytes_.assign(size, '\0');
        std::memcpy(grown.bytes_.data(), bytes_.data(), size < bytes_.size() ? size : bytes_.size());
        swap(grown);
    }
    void append(const void* data, std::size_t size) {
        const std::size_t before = bytes_.size();
        if (before + size > bytes_.capacity()) {
            Secret grown;
            grown.bytes_.reserve((before + size) * 2);
            grown.bytes_.append(bytes_);
            swap(grown);
        }
        bytes_.append(static_cast<const char*>(data), size);
    }

private:
    void swap(Secret& other) noexcept { bytes_.swap(other.bytes_); }
    std::string bytes_;
};

}  // namespace aip
