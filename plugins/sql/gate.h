#pragma once
/// @file plugins/sql/gate.h
/// A number of places that threads take in the order in which they came, each for as long as its call allows.
#include <agentidp/plugin.hpp>
#include <condition_variable>
#include <list>
#include <mutex>

namespace agentidp::sql {

/// Any thread.
class Gate {
public:
    explicit Gate(std::size_t places) : free_(places) {}

    /// AIP_E_DEADLINE or AIP_E_CANCELLED without a place, else leave() gives it back, from any thread.
    aip::Status enter(const aip::Call& call);
    void leave();

private:
    struct Waiting {
        std::condition_variable wake;
        bool granted = false;
    };
    std::mutex mutex_;
    std::size_t free_;
    std::list<Waiting*> waiting_;
};

}  // namespace agentidp::sql
