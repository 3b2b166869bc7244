#include "audit/checkpoint.h"

#include <limits>

#include "base/text.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

constexpr std::string_view kTable = "audit_checkpoints";
constexpr std::string_view kSuffix = "/origin-";

base::Error malformed(std::string what) { return base::fail(base::Errc::Invalid, "not a checkpoint", std::move(what)); }

struct Generation {
    std::string log;
    std::int64_t number = 1;
};

Generation generationOf(const std::string& origin) {
    const auto at = origin.rfind(kSuffix);
    if (at == std::string::npos) return {origin, 1};
    const auto number = base::parseInt(std::string_view(origin).substr(at + kSuffix.size()));
    if (!number || *number < 2) return {origin, 1};
    return {origin.substr(0, at), *number};
}

std::string_view takeLine(std::string_view& text) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

}  // namespace

std::string Checkpoint::text() const { return origin + "\n" + std::to_string(head.size) + "\n" + base::base64(head.root) + "\n"; }

base::Result<Checkpoint> Checkpoint::parse(std::string_view text) {
    if (text.empty() || text.back() != '\n') return malformed("no final newline");
    Checkpoint checkpoint;
    checkpoint.origin = takeLine(text);
    if (checkpoint.origin.empty()) return malformed("origin");
    const auto size = base::parseInt(takeLine(text));
    if (!size || *size < 0) return malformed("size");
    const auto bytes = base::unbase64(takeLine(text));
    const auto root = bytes ? toHash(*bytes) : std::nullopt;
    if (!root) return malformed("root");
    // Extension lines are for others; their only rule is that none is empty.
    while (!text.empty())
        if (takeLine(text).empty()) return malformed("empty extension line");
    checkpoint.head = {static_cast<std::uint64_t>(*size), *root};
    return checkpoint;
}

base::Result<SignedCheckpoint> openCheckpoint(std::string_view text, const LedgerKeys& keys) {
    auto note = parseNote(text);
    if (!note) return std::move(note).error();
    auto checkpoint = Checkpoint::parse(note->text);
    if (!checkpoint) return std::move(checkpoint).error();
    std::vector<NoteKey> known;
    for (const auto& key : keys) known.push_back(NoteKey::of(checkpoint->origin, key));
    if (auto verified = verifyNote(*note, known); !verified) return std::move(verified).error();
    return SignedCheckpoint{std::move(*checkpoint), std::string(text)};
}

base::Result<SignedCheckpoint> signCheckpoint(const Checkpoint& checkpoint, const base::Bytes& publicKey, const Sign& sign) {
    auto note = signNote(checkpoint.text(), NoteKey::of(checkpoint.origin, publicKey), sign);
    if (!note) return std::move(note).error();
    return SignedCheckpoint{checkpoint, note->write()};
}

std::string nextOrigin(const std::string& origin) {
    const auto generation = generationOf(origin);
    return generation.log + std::string(kSuffix) + std::to_string(generation.number + 1);
}

OriginOrder compareOrigin(const std::string& origin, const std::string& now) {
    const auto one = generationOf(origin);
    const auto other = generationOf(now);
    if (one.log != other.log) return OriginOrder::Foreign;
    if (one.number == other.number) return OriginOrder::Same;
    return one.number < other.number ? OriginOrder::Earlier : OriginOrder::Later;
}

plugin::Op insertCheckpoint(const SignedCheckpoint& checkpoint, base::Instant at) {
    return plugin::insertInto(kTable,
                              {{"size", static_cast<std::int64_t>(checkpoint.checkpoint.head.size)},
                               {"origin", checkpoint.checkpoint.origin},
                               {"note", checkpoint.note},
                               {"created_at", at}},
                              plugin::Op::OnConflict::Ignore);
}

plugin::Op selectNotes(const std::string& origin, std::uint64_t from, std::uint64_t until, std::uint32_t limit) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return plugin::select(kTable, {"note"},
                          {{"origin", plugin::Compare::Eq, {origin}},
                           {"size", plugin::Compare::Ge, {static_cast<std::int64_t>(std::min(from, kMost))}},
                           {"size", plugin::Compare::Lt, {static_cast<std::int64_t>(std::min(until, kMost))}}},
                          limit, {{"size", true}});
}

base::Result<std::vector<std::string>> decodeNotes(const plugin::OpResult& result) {
    std::vector<std::string> notes;
    for (const auto& stored : result.rows) {
        store::RowReader row(stored);
        notes.push_back(row.text());
        if (auto shape = row.verdict(kTable); !shape) return std::move(shape).error();
    }
    return notes;
}

base::Result<std::optional<SignedCheckpoint>> readLastCheckpoint(plugin::Storage& storage, const base::Clock& clock,
                                                                 const std::string& origin, const LedgerKeys& keys) {
    auto results = storage.read({selectNotes(origin, 0, std::numeric_limits<std::uint64_t>::max(), 1)},
                                plugin::callWithin(clock, store::kReadDeadline));
    if (!results) return std::move(results).error();
    auto notes = decodeNotes(results->front());
    if (!notes) return std::move(notes).error();
    if (notes->empty()) return std::optional<SignedCheckpoint>();
    auto opened = openCheckpoint(notes->front(), keys);
    if (!opened) return std::move(opened).error();
    return std::optional<SignedCheckpoint>(std::move(*opened));
}

}  // namespace agentidp::audit
