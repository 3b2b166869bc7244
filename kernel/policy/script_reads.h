#pragma once
/// @file kernel/policy/script_reads.h
/// Which members of its argument a hook may look at, from its bytecode, so that only those are copied into its state. It never says too
/// few: whatever it cannot follow (the argument handed to a function, stored, returned, asked by a computed name) counts as looked at
/// whole. Any thread.
#include <string>
#include <string_view>
#include <vector>

#include "policy/script_check.h"

namespace agentidp::policy::sandbox {

struct Reads {
    struct Member;
    bool whole = true;
    /// Of a value that is not looked at whole: the members that are; whatever is no object is there all the same.
    std::vector<Member> members;
    [[nodiscard]] const Reads* find(std::string_view name) const;
};
struct Reads::Member {
    std::string name;
    Reads reads;
};

/// Of the first parameter of the function that stands at `place`; whole where several stand there.
[[nodiscard]] Reads readsOf(const Function& body, const HookPlace& place);

}  // namespace agentidp::policy::sandbox
