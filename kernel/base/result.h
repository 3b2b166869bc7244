#pragma once
/// @file kernel/base/result.h
/// How this house reports failure. Whatever a caller, the network, a disk, a plugin or a script can cause is a
/// `Result<T>`; an exception means a bug. There is no error hierarchy: one closed enum, and two texts for two readers.
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace agentidp::base {

/// The closed list of causes. A caller decides by these alone; texts are for people.
enum class Errc {
    Invalid,             ///< the input is wrong; trying again unchanged cannot help
    NotFound,            ///< there is no such thing, or the caller may not know of it
    Exists,              ///< a unique value is taken
    Unauthenticated,     ///< who is calling could not be proven
    Denied,              ///< known, and not allowed
    Conflict,            ///< the state moved meanwhile; read again, then decide again
    PreconditionFailed,  ///< If-Match (or its like) did not hold
    TooMany,             ///< a budget is spent; later may pass
    TooLarge,            ///< over a stated bound
    Unavailable,         ///< a backend cannot answer now; later may pass
    Deadline,            ///< the time given ran out; the outcome may be unknown
    Unsupported,         ///< understood, and not offered here
    Internal,            ///< a bug, here or in a plugin
};

/// One failure. `hint` may reach the client; `detail` goes to the log only. Neither ever holds a secret.
struct Error {
    Errc code = Errc::Internal;
    std::string hint;
    std::string detail;
};

/// A value or an Error. Reading the absent side is a bug and throws std::bad_variant_access.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
    [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

private:
    std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] const Error& error() const& { return error_.value(); }
    [[nodiscard]] Error&& error() && { return std::move(error_).value(); }

private:
    std::optional<Error> error_;
};

/// Short for building one at a return statement.
inline Error fail(Errc code, std::string hint, std::string detail = {}) { return Error{code, std::move(hint), std::move(detail)}; }

}  // namespace agentidp::base
