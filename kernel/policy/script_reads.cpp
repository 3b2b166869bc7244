#include "policy/script_reads.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace agentidp::policy::sandbox {
namespace {

constexpr std::size_t kRegisters = 256;
constexpr std::size_t kMostPaths = 64;     ///< one bit each
constexpr std::size_t kMostCode = 16'384;  ///< instructions; a longer function is not followed

/// Paths below the argument that a register may hold, by bit; 1 is the argument itself.
using Paths = std::uint64_t;
using Registers = std::array<Paths, kRegisters>;

/// What every instruction may find in every register: each way through the function is followed until nothing new is learnt.
class Finder {
public:
    explicit Finder(const Function& function) : function_(function) {}

    Reads run() {
        if (function_.code.size() > kMostCode) return {};
        for (const auto& inner : function_.inner)
            for (const auto& upvalue : inner.upvalues)
                if (upvalue.inStack) captured_[static_cast<std::size_t>(upvalue.index) % kRegisters] = true;
        before_.resize(function_.code.size());
        seen_.resize(function_.code.size());
        queued_.resize(function_.code.size());
        Registers begin{};
        set(begin, 0, 1);
        reach(0, begin);
        while (!waiting_.empty() && !lost_) {
            const auto pc = waiting_.front();
            waiting_.pop_front();
            queued_[pc] = 0;
            step(pc);
        }
        return lost_ ? Reads{} : treeOf(0);
    }

private:
    struct Path {
        std::size_t below = 0;
        std::string name;
        bool whole = false;
    };

    void reach(std::int64_t pc, const Registers& with) {
        if (pc < 0 || static_cast<std::size_t>(pc) >= function_.code.size()) {
            lost_ = true;
            return;
        }
        const auto at = static_cast<std::size_t>(pc);
        bool news = std::exchange(seen_[at], 1) == 0;
        for (std::size_t i = 0; i < kRegisters; ++i) {
            news = news || (with[i] & ~before_[at][i]) != 0;
            before_[at][i] |= with[i];
        }
        if (!news || std::exchange(queued_[at], 1) != 0) return;
        waiting_.push_back(at);
    }

    void escape(Paths paths) {
        for (std::size_t i = 0; i < paths_.size(); ++i)
            if ((paths >> i & 1U) != 0) paths_[i].whole = true;
    }
    void escape(const Registers& now, int from, int to) {
        for (int i = from; i <= to && i < static_cast<int>(kRegisters); ++i) escape(now[static_cast<std::size_t>(i)]);
    }
    void set(Registers& now, int reg, Paths paths) {
        const auto at = static_cast<std::size_t>(reg) % kRegisters;
        now[at] = paths;
        // A function within sees the register, whenever it is called.
        if (captured_[at]) escape(paths);
    }
    static void clear(Registers& now, int from, int to) {
        for (int i = from; i <= to && i < static_cast<int>(kRegisters); ++i) now[static_cast<std::size_t>(i)] = 0;
    }

    Paths below(Paths of, const std::string& name) {
        Paths out = 0;
        const auto known = paths_.size();
        for (std::size_t i = 0; i < known; ++i) {
            if ((of >> i & 1U) == 0) continue;
            auto at =
                std::find_if(paths_.begin() + 1, paths_.end(), [&](const Path& path) { return path.below == i && path.name == name; });
            if (at == paths_.end()) {
                if (paths_.size() == kMostPaths) {
                    lost_ = true;
                    return 0;
                }
                paths_.push_back({i, name});
                at = std::prev(paths_.end());
            }
            out |= Paths{1} << static_cast<std::size_t>(at - paths_.begin());
        }
        return out;
    }

    void step(std::size_t pc) {
        Registers now = before_[pc];
        const Instruction it(function_.code[pc]);
        const auto here = static_cast<std::int64_t>(pc);
        constexpr int kLast = static_cast<int>(kRegisters) - 1;
        std::optional<std::int64_t> jump;
        bool falls = true;
        const auto held = [&](int reg) { return now[static_cast<std::size_t>(reg) % kRegisters]; };
        switch (it.op) {
            case Op::Move: set(now, it.a, held(it.b)); break;
            case Op::LFalseSkip:
                clear(now, it.a, it.a);
                jump = here + 2;
                falls = false;
                break;
            case Op::LoadNil: clear(now, it.a, it.a + it.b); break;
            case Op::SetUpval: escape(held(it.a)); break;
            case Op::GetField: {
                const auto at = static_cast<std::size_t>(it.c);
                const auto* name = at < function_.constants.size() && function_.constants[at] ? &*function_.constants[at] : nullptr;
                if (name == nullptr) escape(held(it.b));
                set(now, it.a, name == nullptr ? 0 : below(held(it.b), *name));
                break;
            }
            case Op::GetTable:
            case Op::GetI:
            case Op::Len:
                escape(held(it.b));
                clear(now, it.a, it.a);
                break;
            case Op::SetTabUp:
                if (!it.k) escape(held(it.c));
                break;
            case Op::SetTable:
                escape(held(it.a) | held(it.b));
                if (!it.k) escape(held(it.c));
                break;
            case Op::SetI:
            case Op::SetField:
                escape(held(it.a));
                if (!it.k) escape(held(it.c));
                break;
            case Op::Self:
                escape(held(it.b));
                clear(now, it.a, it.a + 1);
                break;
            case Op::TestSet: set(now, it.a, held(it.a) | held(it.b)); [[fallthrough]];
            case Op::Eq:
            case Op::Lt:
            case Op::Le:
            case Op::EqK:
            case Op::EqI:
            case Op::LtI:
            case Op::LeI:
            case Op::GtI:
            case Op::GeI:
            case Op::Test: jump = here + 2; break;
            case Op::Jmp:
                jump = here + 1 + it.sj;
                falls = false;
                break;
            case Op::Call:
            case Op::TailCall:
                escape(now, it.a, it.b == 0 ? kLast : it.a + it.b - 1);
                clear(now, it.a, kLast);
                break;
            case Op::Return:
                escape(now, it.a, it.b == 0 ? kLast : it.a + it.b - 2);
                falls = false;
                break;
            case Op::Return0: falls = false; break;
            case Op::Return1:
                escape(held(it.a));
                falls = false;
                break;
            case Op::ForLoop:
                clear(now, it.a, it.a + 3);
                jump = here + 1 - it.bx;
                break;
            case Op::ForPrep:
                clear(now, it.a, it.a + 3);
                jump = here + 2 + it.bx;
                break;
            case Op::TForPrep:
                escape(now, it.a, it.a + 3);
                jump = here + 1 + it.bx;
                falls = false;
                break;
            case Op::TForCall:
                escape(now, it.a, it.a + 3);
                clear(now, it.a + 4, kLast);
                break;
            case Op::TForLoop: jump = here + 1 - it.bx; break;
            case Op::SetList: escape(now, it.a, it.b == 0 ? kLast : it.a + it.b); break;
            case Op::Tbc: escape(held(it.a)); break;
            case Op::VarArg: clear(now, it.a, kLast); break;
            case Op::MmBin:
            case Op::MmBinI:
            case Op::MmBinK:
            case Op::Close:
            case Op::VarArgPrep:
            case Op::ExtraArg: break;
            default:
                // Loads and arithmetic: one register is written, with no part of the argument. A table in arithmetic is an error.
                if (it.op > Op::ExtraArg) lost_ = true;
                clear(now, it.a, it.a);
        }
        if (jump) reach(*jump, now);
        if (falls) reach(here + 1, now);
    }

    [[nodiscard]] Reads treeOf(std::size_t path) const {
        Reads out;
        out.whole = paths_[path].whole;
        for (std::size_t i = 1; i < paths_.size() && !out.whole; ++i)
            if (paths_[i].below == path) out.members.push_back({paths_[i].name, treeOf(i)});
        return out;
    }

    const Function& function_;
    std::vector<Path> paths_{Path{}};
    std::array<bool, kRegisters> captured_{};
    std::vector<Registers> before_;
    std::vector<char> seen_, queued_;
    std::deque<std::size_t> waiting_;
    bool lost_ = false;
};

void findAt(const Function& function, const HookPlace& place, std::vector<const Function*>& out) {
    if (function.firstLine == place.firstLine && function.lastLine == place.lastLine) out.push_back(&function);
    for (const auto& inner : function.inner) findAt(inner, place, out);
}

}  // namespace

const Reads* Reads::find(std::string_view name) const {
    const auto at = std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.name == name; });
    return at == members.end() ? nullptr : &at->reads;
}

Reads readsOf(const Function& body, const HookPlace& place) {
    std::vector<const Function*> there;
    findAt(body, place, there);
    if (there.size() != 1 || there.front()->parameters == 0) return {};
    return Finder(*there.front()).run();
}

}  // namespace agentidp::policy::sandbox
