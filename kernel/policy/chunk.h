#pragma once
/// @file kernel/policy/chunk.h
/// The bytecode that our own compile of a script made, read again: its functions with their instructions, constants and lines. Strict
/// about Lua 5.4's format, and never given anything but what lua_dump wrote in this process. Any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::policy::sandbox {

struct Upvalue {
    bool inStack = false;  ///< of the function around: a register, else an upvalue
    int index = 0;
};

struct Function {
    int firstLine = 0;  ///< 0: the script's body
    int lastLine = 0;
    int parameters = 0;
    std::vector<std::uint32_t> code;
    std::vector<std::optional<std::string>> constants;  ///< nothing: no string
    std::vector<Upvalue> upvalues;
    std::vector<Function> inner;
    std::vector<int> lines;  ///< of each instruction
};

/// Nothing where the format is another one than Lua 5.4's on this machine.
[[nodiscard]] std::optional<Function> readChunk(std::string_view dump);

/// Lua 5.4's instructions that readers look at (lopcodes.h); others only by whether they write a register.
enum class Op : std::uint8_t {
    Move = 0,
    LoadK = 3,
    LFalseSkip = 6,
    LoadNil = 8,
    GetUpval = 9,
    SetUpval = 10,
    GetTabUp = 11,
    GetTable = 12,
    GetI = 13,
    GetField = 14,
    SetTabUp = 15,
    SetTable = 16,
    SetI = 17,
    SetField = 18,
    NewTable = 19,
    Self = 20,
    MmBin = 46,
    MmBinI = 47,
    MmBinK = 48,
    Len = 52,
    Close = 54,
    Tbc = 55,
    Jmp = 56,
    Eq = 57,
    Lt = 58,
    Le = 59,
    EqK = 60,
    EqI = 61,
    LtI = 62,
    LeI = 63,
    GtI = 64,
    GeI = 65,
    Test = 66,
    TestSet = 67,
    Call = 68,
    TailCall = 69,
    Return = 70,
    Return0 = 71,
    Return1 = 72,
    ForLoop = 73,
    ForPrep = 74,
    TForPrep = 75,
    TForCall = 76,
    TForLoop = 77,
    SetList = 78,
    Closure = 79,
    VarArg = 80,
    VarArgPrep = 81,
    ExtraArg = 82,
};

/// One instruction taken apart.
struct Instruction {
    Op op{};
    int a = 0, b = 0, c = 0;
    bool k = false;
    int bx = 0;
    int sj = 0;
    explicit Instruction(std::uint32_t word);
};

}  // namespace agentidp::policy::sandbox
