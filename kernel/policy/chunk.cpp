#include "policy/chunk.h"

#include <cstring>

namespace agentidp::policy::sandbox {
namespace {

class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool failed = false;

    std::string_view bytes(std::size_t count) {
        if (count > rest_.size()) {
            failed = true;
            return {};
        }
        const auto taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }
    std::uint8_t byte() {
        const auto taken = bytes(1);
        return taken.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(taken.front());
    }
    /// Seven bits a byte, most significant first; the last has its top bit set.
    std::size_t size() {
        std::size_t value = 0;
        for (int i = 0; i < 10 && !failed; ++i) {
            const auto part = byte();
            value = (value << 7U) | (part & 0x7FU);
            if ((part & 0x80U) != 0) return value;
        }
        failed = true;
        return 0;
    }
    int number() { return static_cast<int>(size()); }
    std::optional<std::string> string() {
        const auto length = size();
        if (length == 0) return std::nullopt;
        return std::string(bytes(length - 1));
    }
    /// How many of something of at least `each` bytes follow: never more than the rest can hold.
    std::size_t count(std::size_t each = 1) {
        const auto value = size();
        if (value > rest_.size() / each) failed = true;
        return failed ? 0 : value;
    }
    [[nodiscard]] bool ended() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

constexpr int kAbsoluteLine = -128;
constexpr int kMostNesting = 250;

void readConstants(Reader& in, Function& out) {
    const auto count = in.count();
    out.constants.reserve(count);
    for (std::size_t i = 0; i < count && !in.failed; ++i) {
        std::optional<std::string> text;
        switch (in.byte()) {
            case 0x00:
            case 0x01:
            case 0x11: break;
            case 0x03:
            case 0x13: in.bytes(8); break;
            case 0x04:
            case 0x14: text = in.string(); break;
            default: in.failed = true;
        }
        out.constants.push_back(std::move(text));
    }
}

void readLines(Reader& in, Function& out) {
    const auto deltas = in.bytes(in.count());
    std::vector<std::pair<int, int>> absolute(in.count(2));
    for (auto& [pc, line] : absolute) {
        pc = in.number();
        line = in.number();
    }
    int line = out.firstLine;
    std::size_t next = 0;
    for (const char delta : deltas) {
        if (const int step = static_cast<signed char>(delta); step != kAbsoluteLine) {
            line += step;
        } else if (next < absolute.size()) {
            line = absolute[next++].second;
        } else {
            in.failed = true;
        }
        out.lines.push_back(line);
    }
    const auto locals = in.count(3);
    for (std::size_t i = 0; i < locals && !in.failed; ++i) {
        in.string();
        in.number();
        in.number();
    }
    const auto names = in.count();
    for (std::size_t i = 0; i < names && !in.failed; ++i) in.string();
}

Function readFunction(Reader& in, int depth) {
    Function out;
    if (depth > kMostNesting) in.failed = true;
    if (in.failed) return out;
    in.string();  // its source: ours
    out.firstLine = in.number();
    out.lastLine = in.number();
    out.parameters = in.byte();
    in.bytes(2);  // whether it takes more, and its registers
    const auto words = in.count(sizeof(std::uint32_t));
    out.code.resize(words);
    const auto code = in.bytes(words * sizeof(std::uint32_t));
    if (!in.failed && words != 0) std::memcpy(out.code.data(), code.data(), code.size());
    readConstants(in, out);
    out.upvalues.resize(in.count(3));
    for (auto& upvalue : out.upvalues) {
        upvalue.inStack = in.byte() != 0;
        upvalue.index = in.byte();
        in.byte();
    }
    const auto inner = in.count();
    for (std::size_t i = 0; i < inner && !in.failed; ++i) out.inner.push_back(readFunction(in, depth + 1));
    readLines(in, out);
    if (out.lines.size() != out.code.size()) in.failed = true;
    return out;
}

}  // namespace

Instruction::Instruction(std::uint32_t word)
    : op(static_cast<Op>(word & 0x7FU)),
      a(static_cast<int>((word >> 7U) & 0xFFU)),
      b(static_cast<int>((word >> 16U) & 0xFFU)),
      c(static_cast<int>(word >> 24U)),
      k(((word >> 15U) & 1U) != 0),
      bx(static_cast<int>(word >> 15U)),
      sj(static_cast<int>(word >> 7U) - ((1 << 24) - 1)) {}

std::optional<Function> readChunk(std::string_view dump) {
    // LUA_SIGNATURE, version 5.4, format 0, LUAC_DATA, and the sizes of an instruction, an integer and a number.
    constexpr std::string_view kHeader("\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08", 15);
    constexpr std::size_t kChecks = 16;  // 0x5678 and 370.5, in this machine's order
    Reader in(dump);
    if (in.bytes(kHeader.size()) != kHeader) return std::nullopt;
    in.bytes(kChecks);
    in.byte();  // upvalues of the body: _ENV
    auto body = readFunction(in, 0);
    if (in.failed || !in.ended()) return std::nullopt;
    return body;
}

}  // namespace agentidp::policy::sandbox
