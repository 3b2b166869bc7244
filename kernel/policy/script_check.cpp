#include "policy/script_check.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "base/text.h"
#include "policy/host.h"
#include "policy/host_api.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr int kRegisters = 256;

/// What a register is known to hold.
struct Fact {
    enum class Kind : std::uint8_t { Globals, Global, Text, Table, Argument } kind{};
    std::string text;  ///< of a Global its path ("math"), of a Text the text, of an Argument the path below it ("agent")
    std::vector<std::pair<std::string, int>> members = {};  ///< of a Table: names it was given, and where
    std::size_t since = 0;                                  ///< the instruction that put it there
};

/// One walk through one function, with what each instruction makes known.
class Walk {
public:
    Walk(const Function& function, std::vector<bool> environment) : function_(function), environment_(std::move(environment)) {}
    virtual ~Walk() = default;

    void run() {
        findJumps();
        start();
        for (std::size_t pc = 0; pc < function_.code.size(); ++pc) {
            meet(pc);
            step(pc, Instruction(function_.code[pc]));
        }
    }

protected:
    virtual void start() {}
    virtual void onGlobal(const std::string&, int /*line*/, bool /*written*/) {}
    virtual void onMember(const Fact& /*of*/, const std::string& /*name*/, int /*line*/) {}
    virtual void onCall(const std::string& /*global*/, const Fact& /*argument*/) {}

    void know(int reg, Fact fact, std::size_t pc) {
        fact.since = pc;
        registers_[static_cast<std::size_t>(reg)] = std::move(fact);
    }

private:
    [[nodiscard]] const std::string* constant(int index) const {
        const auto at = static_cast<std::size_t>(index);
        return at < function_.constants.size() && function_.constants[at] ? &*function_.constants[at] : nullptr;
    }
    [[nodiscard]] bool isEnvironment(int upvalue) const {
        const auto at = static_cast<std::size_t>(upvalue);
        return at < environment_.size() && environment_[at];
    }
    std::optional<Fact>& at(int reg) { return registers_[static_cast<std::size_t>(reg) % kRegisters]; }
    void forgetFrom(int reg) {
        for (int i = reg; i < kRegisters; ++i) at(i).reset();
    }

    /// Where a jump from `pc` leads, if it is one.
    static std::optional<std::int64_t> target(std::int64_t pc, const Instruction& now) {
        switch (now.op) {
            case Op::Jmp: return pc + 1 + now.sj;
            case Op::LFalseSkip: return pc + 2;
            case Op::ForPrep: return pc + 2 + now.bx;
            case Op::TForPrep: return pc + 1 + now.bx;
            case Op::ForLoop:
            case Op::TForLoop: return pc + 1 - now.bx;
            default: return std::nullopt;
        }
    }
    void findJumps() {
        for (std::size_t pc = 0; pc < function_.code.size(); ++pc) {
            const auto to = target(static_cast<std::int64_t>(pc), Instruction(function_.code[pc]));
            if (!to || *to < 0) continue;
            auto& from = jumps_[static_cast<std::size_t>(*to)];
            from = from == 0 ? pc + 1 : std::min(from, pc + 1);
            if (static_cast<std::size_t>(*to) <= pc) loops_[static_cast<std::size_t>(*to)] = true;
        }
    }
    /// Where ways meet, only what was known before the first of them left is still known; at a loop's head, nothing but unwritten
    /// arguments.
    void meet(std::size_t pc) {
        if (loops_.contains(pc)) {
            for (auto& fact : registers_)
                if (fact && (fact->kind != Fact::Kind::Argument || !fact->text.empty())) fact.reset();
        } else if (const auto jump = jumps_.find(pc); jump != jumps_.end()) {
            for (auto& fact : registers_)
                if (fact && fact->since >= jump->second) fact.reset();
        }
    }

    void member(int result, const std::optional<Fact>& of, const std::string* name, std::size_t pc, int line) {
        std::optional<Fact> made;
        if (of && name != nullptr) {
            if (of->kind == Fact::Kind::Globals) {
                onGlobal(*name, line, false);
                made = Fact{Fact::Kind::Global, *name};
            } else {
                onMember(*of, *name, line);
                if (of->kind == Fact::Kind::Argument) made = Fact{Fact::Kind::Argument, of->text.empty() ? *name : of->text + "." + *name};
                if (of->kind == Fact::Kind::Global) made = Fact{Fact::Kind::Global, of->text + "." + *name};
            }
        }
        at(result).reset();
        if (made) know(result, std::move(*made), pc);
    }

    void step(std::size_t pc, const Instruction& now) {
        const int line = function_.lines[pc];
        switch (now.op) {
            case Op::Move: {
                auto copy = at(now.b);
                at(now.a).reset();
                if (copy && copy->kind != Fact::Kind::Table) know(now.a, std::move(*copy), pc);
                break;
            }
            case Op::LoadK:
                at(now.a).reset();
                if (const auto* text = constant(now.bx)) know(now.a, {Fact::Kind::Text, *text}, pc);
                break;
            case Op::LoadNil:
                for (int i = now.a; i <= now.a + now.b; ++i) at(i).reset();
                break;
            case Op::GetUpval:
                at(now.a).reset();
                if (isEnvironment(now.b)) know(now.a, {Fact::Kind::Globals, ""}, pc);
                break;
            case Op::GetTabUp:
                if (isEnvironment(now.b))
                    member(now.a, Fact{Fact::Kind::Globals, ""}, constant(now.c), pc, line);
                else
                    at(now.a).reset();
                break;
            case Op::SetTabUp:
                if (const auto* name = constant(now.b); name != nullptr && isEnvironment(now.a)) onGlobal(*name, line, true);
                break;
            case Op::GetTable: {
                const auto& key = at(now.c);
                const std::string name = key && key->kind == Fact::Kind::Text ? key->text : "";
                member(now.a, std::optional<Fact>(at(now.b)), key && key->kind == Fact::Kind::Text ? &name : nullptr, pc, line);
                break;
            }
            case Op::SetTable: {
                const auto& table = at(now.a);
                const auto& key = at(now.b);
                if (table && table->kind == Fact::Kind::Globals && key && key->kind == Fact::Kind::Text) onGlobal(key->text, line, true);
                break;
            }
            case Op::GetField: member(now.a, std::optional<Fact>(at(now.b)), constant(now.c), pc, line); break;
            case Op::GetI: {
                auto of = at(now.b);
                at(now.a).reset();
                if (of && of->kind == Fact::Kind::Argument) know(now.a, {Fact::Kind::Argument, of->text + "[]"}, pc);
                break;
            }
            case Op::SetField:
                if (auto& table = at(now.a); table && table->kind == Fact::Kind::Table)
                    if (const auto* name = constant(now.b)) table->members.emplace_back(*name, line);
                break;
            case Op::NewTable: know(now.a, {Fact::Kind::Table, ""}, pc); break;
            case Op::Self:
                at(now.a).reset();
                at(now.a + 1).reset();
                break;
            case Op::Call:
            case Op::TailCall:
                if (now.b == 2 && at(now.a) && at(now.a)->kind == Fact::Kind::Global && at(now.a + 1))
                    onCall(at(now.a)->text, *at(now.a + 1));
                forgetFrom(now.a);
                break;
            case Op::VarArg: forgetFrom(now.a); break;
            case Op::TForCall: forgetFrom(now.a + 4); break;
            case Op::ForLoop:
            case Op::ForPrep:
            case Op::TForLoop:
                for (int i = now.a; i <= now.a + 4; ++i) at(i).reset();
                break;
            case Op::SetUpval:
            case Op::SetI:
            case Op::MmBin:
            case Op::MmBinI:
            case Op::MmBinK:
            case Op::Close:
            case Op::Tbc:
            case Op::Jmp:
            case Op::Return:
            case Op::Return0:
            case Op::Return1:
            case Op::TForPrep:
            case Op::SetList:
            case Op::VarArgPrep:
            case Op::ExtraArg: break;
            default:
                if (now.op >= Op::Eq && now.op <= Op::Test) break;
                at(now.a).reset();
        }
    }

    const Function& function_;
    std::vector<bool> environment_;
    std::array<std::optional<Fact>, kRegisters> registers_;
    std::map<std::size_t, std::size_t> jumps_;  ///< the first instruction behind the earliest jump to here
    std::map<std::size_t, bool> loops_;
};

/// Which of a function's upvalues are the script's globals.
std::vector<bool> environmentOf(const Function& inner, const std::vector<bool>& around) {
    std::vector<bool> is;
    for (const auto& upvalue : inner.upvalues)
        is.push_back(!upvalue.inStack && static_cast<std::size_t>(upvalue.index) < around.size() &&
                     around[static_cast<std::size_t>(upvalue.index)]);
    return is;
}

void walkAll(const Function& function, const std::vector<bool>& environment,
             const std::function<void(const Function&, const std::vector<bool>&)>& visit) {
    visit(function, environment);
    for (const auto& inner : function.inner) walkAll(inner, environmentOf(inner, environment), visit);
}

std::string nearTo(const std::string& name, std::string_view module) {
    std::vector<std::string> names;
    for (const auto& host : allHostNames()) {
        if (host.module == module) names.emplace_back(host.name);
        if (module.empty() && !host.module.empty()) names.emplace_back(host.module);
    }
    const auto near = base::nearest(name, names);
    return near ? "did you mean " + (module.empty() ? "" : std::string(module) + ".") + *near + "? " : "";
}

class Names final : public Walk {
public:
    Names(const Function& function, std::vector<bool> environment, const std::string& file, bool anyGlobals, bool anyMembers,
          std::vector<Complaint>& out)
        : Walk(function, std::move(environment)), file_(file), anyGlobals_(anyGlobals), anyMembers_(anyMembers), out_(out) {}

protected:
    void onGlobal(const std::string& name, int line, bool written) override {
        if (anyGlobals_) return;
        if (written) {
            complain(line, "the global '" + name + "' is set", "declare it: local " + name);
        } else if (!isHostGlobal(name)) {
            complain(line, "'" + name + "' is not declared",
                     nearTo(name, "") + "`agentidp hook api` lists what there is; declare your own names with local");
        }
    }
    void onMember(const Fact& of, const std::string& name, int line) override {
        const bool module = of.kind == Fact::Kind::Global && isHostGlobal(of.text) && of.text.find('.') == std::string::npos;
        if (anyGlobals_ || !module || isHostMember(of.text, name)) return;
        complain(line, "'" + of.text + "." + name + "' does not exist", nearTo(name, of.text) + "`agentidp hook api` lists what there is");
    }
    void onCall(const std::string& global, const Fact& argument) override {
        if (anyMembers_ || argument.kind != Fact::Kind::Table) return;
        for (std::uint16_t bit = 1; bit <= static_cast<std::uint16_t>(VerdictKind::Finding); bit = static_cast<std::uint16_t>(bit << 1U)) {
            const auto kind = static_cast<VerdictKind>(bit);
            const auto& known = membersOf(kind);
            if (nameOf(kind) != global || known.empty()) continue;
            const std::vector<std::string> names(known.begin(), known.end());
            for (const auto& [name, line] : argument.members) {
                if (std::find(names.begin(), names.end(), name) != names.end()) continue;
                const auto near = base::nearest(name, names);
                complain(line, global + " has no member '" + name + "'",
                         (near ? "did you mean " + *near + "? " : "") + "it has " + base::join(names, ", "));
            }
        }
    }

private:
    void complain(int line, std::string text, std::string mend) { out_.push_back({file_, line, std::move(text), std::move(mend), true}); }

    const std::string& file_;
    bool anyGlobals_, anyMembers_;
    std::vector<Complaint>& out_;
};

class Needs final : public Walk {
public:
    Needs(const Function& function, std::vector<bool> environment, const std::string& file, const std::unordered_set<std::string>& needs,
          std::vector<Complaint>& out)
        : Walk(function, std::move(environment)), file_(file), needs_(needs), out_(out) {}

protected:
    void onMember(const Fact& of, const std::string& name, int line) override {
        if (of.kind != Fact::Kind::Global || (of.text != "data" && of.text != "counter")) return;
        const auto need = of.text == "data" ? "data." + name : of.text;
        if (!needs_.contains(need))
            out_.push_back({file_, line, "'" + need + "' is used, and `needs` does not name it", "add \"" + need + "\" to needs", true});
    }

private:
    const std::string& file_;
    const std::unordered_set<std::string>& needs_;
    std::vector<Complaint>& out_;
};

class Fields final : public Walk {
public:
    Fields(const Function& function, const std::string& file, HookPoint point, std::vector<Complaint>& out)
        : Walk(function, {}), file_(file), point_(point), out_(out) {}

protected:
    void start() override { know(0, {Fact::Kind::Argument, ""}, 0); }
    void onMember(const Fact& of, const std::string& name, int line) override {
        if (of.kind != Fact::Kind::Argument) return;
        const std::string path = of.text.empty() ? name : of.text + "." + name;
        std::vector<std::string> known;
        for (const auto& field : allHookFields()) {
            if (field.point != point_) continue;
            const std::string listed(field.path);
            known.push_back(listed);
            const bool below = path.starts_with(listed + ".") && field.type == FieldType::Object && !hasRowsBelow(listed);
            if (listed == path || listed.starts_with(path + ".") || listed.starts_with(path + "[]") || below) return;
        }
        const auto near = base::nearest(path, known);
        out_.push_back({file_, line, std::string(nameOf(point_)) + " is not shown '" + path + "'; it is nil there",
                        near ? "did you mean " + *near + "?" : "`agentidp hook api` lists what it is shown", false});
    }

private:
    [[nodiscard]] bool hasRowsBelow(const std::string& path) const {
        const auto fields = allHookFields();
        return std::any_of(fields.begin(), fields.end(),
                           [&](const HookField& field) { return field.point == point_ && field.path.starts_with(path + "."); });
    }

    const std::string& file_;
    HookPoint point_;
    std::vector<Complaint>& out_;
};

}  // namespace

std::vector<Complaint> checkNames(const std::string& file, const Function& body, bool anyGlobals, bool anyMembers) {
    std::vector<Complaint> found;
    walkAll(body, {true}, [&](const Function& function, const std::vector<bool>& environment) {
        Names(function, environment, file, anyGlobals, anyMembers, found).run();
    });
    std::stable_sort(found.begin(), found.end(), [](const Complaint& left, const Complaint& right) { return left.line < right.line; });
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::vector<Complaint> checkNeeds(const std::string& file, const Function& body, const std::unordered_set<std::string>& needs) {
    std::vector<Complaint> found;
    walkAll(body, {true}, [&](const Function& function, const std::vector<bool>& environment) {
        Needs(function, environment, file, needs, found).run();
    });
    return found;
}

std::vector<Complaint> checkFields(const std::string& file, const Function& body, const std::vector<HookPlace>& places) {
    std::vector<Complaint> found;
    const auto fields = allHookFields();
    for (const auto& place : places) {
        if (std::none_of(fields.begin(), fields.end(), [&](const HookField& field) { return field.point == place.point; })) continue;
        std::vector<const Function*> there;
        walkAll(body, {}, [&](const Function& function, const std::vector<bool>&) {
            const bool same = function.firstLine == place.firstLine && function.lastLine == place.lastLine;
            if (same && function.parameters > 0) there.push_back(&function);
        });
        // Two functions on one line cannot be told apart.
        if (there.size() == 1) Fields(*there.front(), file, place.point, found).run();
    }
    std::stable_sort(found.begin(), found.end(), [](const Complaint& left, const Complaint& right) { return left.line < right.line; });
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::vector<int> activeLinesOf(const Function& body) {
    std::set<int> lines;
    walkAll(body, {}, [&](const Function& function, const std::vector<bool>&) {
        for (std::size_t pc = 0; pc < function.code.size(); ++pc)
            if (Instruction(function.code[pc]).op != Op::VarArgPrep && function.lines[pc] > 0) lines.insert(function.lines[pc]);
    });
    return {lines.begin(), lines.end()};
}

std::unordered_set<std::string> textsOf(const Function& body) {
    std::unordered_set<std::string> texts;
    walkAll(body, {}, [&](const Function& function, const std::vector<bool>&) {
        for (const auto& constant : function.constants)
            if (constant) texts.insert(*constant);
    });
    return texts;
}

}  // namespace agentidp::policy::sandbox
