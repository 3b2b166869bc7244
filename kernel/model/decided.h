#pragma once
/// @file kernel/model/decided.h
/// The outcome of a rule whose refusal is richer than base::Error: a value, or a refusal that a client will read.
#include <utility>
#include <variant>

namespace agentidp::model {

/// Reading the absent side is a bug and throws std::bad_variant_access.
template <class T, class Refusal>
class [[nodiscard]] Decided {
public:
    Decided(T value) : state_(std::in_place_index<0>, std::move(value)) {}            // NOLINT(google-explicit-constructor)
    Decided(Refusal refusal) : state_(std::in_place_index<1>, std::move(refusal)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    T&& operator*() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    [[nodiscard]] const Refusal& refusal() const& { return std::get<1>(state_); }
    [[nodiscard]] Refusal&& refusal() && { return std::get<1>(std::move(state_)); }

private:
    std::variant<T, Refusal> state_;
};

}  // namespace agentidp::model
