#include "audit/proof.h"

#include "base/json.h"
#include "base/text.h"

namespace agentidp::audit {
namespace {

constexpr std::string_view kMagic = "c2sp.org/tlog-proof@v1\n";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::size_t kMaxHashes = 64;

base::Error malformed(std::string what) { return base::fail(base::Errc::Invalid, "not a tlog-proof", std::move(what)); }

void writeHashes(base::json::Writer& writer, const Proof& hashes) {
    writer.key("hashes").beginArray();
    for (const auto& hash : hashes) writer.text(base::base64(hash));
    writer.endArray();
}

}  // namespace

std::string InclusionProof::text() const {
    std::string out = std::string(kMagic) + std::string(kIndex) + std::to_string(index) + "\n";
    for (const auto& hash : hashes) out += base::base64(hash) + "\n";
    return out + "\n" + checkpoint.note;
}

std::string InclusionProof::json() const {
    std::string out;
    base::json::Writer writer(out);
    writer.beginObject().key("index").number(static_cast<std::int64_t>(index)).key("leafHash").text(base::base64(leaf));
    writeHashes(writer, hashes);
    writer.key("treeSize").number(static_cast<std::int64_t>(checkpoint.checkpoint.head.size));
    writer.key("rootHash").text(base::base64(checkpoint.checkpoint.head.root)).key("checkpoint").text(checkpoint.note);
    if (entry) writer.key("entry").text(*entry);
    writer.endObject();
    return out;
}

base::Result<ParsedProof> parseProofText(std::string_view text) {
    if (!text.starts_with(kMagic)) return malformed("first line");
    text.remove_prefix(kMagic.size());
    const auto takeLine = [&]() -> std::optional<std::string_view> {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        const auto line = text.substr(0, end);
        text.remove_prefix(end + 1);
        return line;
    };
    auto line = takeLine();
    if (line && line->starts_with(kExtra)) {
        if (!base::unbase64(line->substr(kExtra.size()))) return malformed("extra");
        line = takeLine();
    }
    if (!line || !line->starts_with(kIndex)) return malformed("index");
    const auto index = base::parseInt(line->substr(kIndex.size()));
    if (!index || *index < 0) return malformed("index");
    ParsedProof proof;
    proof.index = static_cast<std::uint64_t>(*index);
    for (line = takeLine(); line && !line->empty(); line = takeLine()) {
        const auto bytes = base::unbase64(*line);
        const auto hash = bytes ? toHash(*bytes) : std::nullopt;
        if (!hash || proof.hashes.size() == kMaxHashes) return malformed("hash");
        proof.hashes.push_back(*hash);
    }
    if (!line) return malformed("no checkpoint");
    proof.note = text;
    return proof;
}

std::string ConsistencyProof::json() const {
    std::string out;
    base::json::Writer writer(out);
    writer.beginObject().key("from").number(static_cast<std::int64_t>(from.size)).key("to").number(static_cast<std::int64_t>(to.size));
    writer.key("fromRootHash").text(base::base64(from.root)).key("toRootHash").text(base::base64(to.root));
    writeHashes(writer, hashes);
    writer.endObject();
    return out;
}

}  // namespace agentidp::audit
