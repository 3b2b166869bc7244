#include "audit/entry.h"

#include <array>
#include <cassert>

#include "audit/canonical_json.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"

namespace agentidp::audit {
namespace {

namespace json = base::json;

/// Escaping makes at most six bytes of one, so that all short fields together stay below half an entry.
constexpr std::size_t kMaxFieldBytes = 192;
constexpr std::size_t kMaxUserAgentBytes = 2048;

enum class Cut { Nothing, UserAgent, Ext, Metadata };

void appendField(std::string& out, std::string_view key, std::string_view value, std::size_t most) {
    out += key;
    if (base::isUtf8(value)) {
        json::appendQuoted(out, cutUtf8(value, most));
    } else {
        const std::string valid = toValidUtf8(value);
        json::appendQuoted(out, cutUtf8(valid, most));
    }
}

void appendDigits(std::string& out, unsigned value, unsigned count) {
    std::array<char, 6> digits{};
    for (unsigned i = count; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
    out.append(digits.data(), count);
}

/// The same text as base::rfc3339, without the cost of a format string.
void appendTime(std::string& out, base::Instant at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const auto micros = (at - day).count();
    const auto second = static_cast<unsigned>(micros / 1'000'000);
    appendDigits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out.push_back('-');
    appendDigits(out, static_cast<unsigned>(date.month()), 2);
    out.push_back('-');
    appendDigits(out, static_cast<unsigned>(date.day()), 2);
    out.push_back('T');
    appendDigits(out, second / 3600, 2);
    out.push_back(':');
    appendDigits(out, second / 60 % 60, 2);
    out.push_back(':');
    appendDigits(out, second % 60, 2);
    out.push_back('.');
    appendDigits(out, static_cast<unsigned>(micros % 1'000'000), 6);
    out.push_back('Z');
}

bool overLong(const model::AuditEvent& event) {
    const auto longer = [](const std::string& text) { return text.size() > kMaxFieldBytes; };
    return longer(event.actor) || longer(event.agentId.str()) || longer(event.organizationId.str()) || longer(event.requestId) ||
           longer(event.ip) || longer(event.jti) || longer(event.eventId.str()) || event.userAgent.size() > kMaxUserAgentBytes;
}

PreparedEntry write(const model::AuditEvent& event, const Writer& writer, base::BytesView salt, Cut cut) {
    PreparedEntry entry;
    std::string& out = entry.text;
    out.reserve(640 + event.metadataJson.size() + event.extJson.size() + event.userAgent.size());
    out += "{\"action\":\"";
    out += model::nameOf(event.action);
    appendField(out, "\",\"actor\":", event.actor, kMaxFieldBytes);
    appendField(out, ",\"agentId\":", event.agentId.str(), kMaxFieldBytes);
    out += ",\"epoch\":";
    out += std::to_string(writer.epoch);
    appendField(out, ",\"eventId\":", event.eventId.str(), kMaxFieldBytes);
    out += ",\"ext\":";
    appendCanonicalObject(out, cut >= Cut::Ext ? "{}" : std::string_view(event.extJson));
    appendField(out, ",\"ip\":", event.ip, kMaxFieldBytes);
    appendField(out, ",\"jti\":", event.jti, kMaxFieldBytes);
    out += ",\"lseq\":";
    entry.lseqAt = out.size();
    out += ",\"metadata\":";
    appendCanonicalObject(out, cut >= Cut::Metadata ? "{}" : std::string_view(event.metadataJson));
    appendField(out, ",\"orgId\":", event.organizationId.str(), kMaxFieldBytes);
    out += ",\"outcome\":\"";
    out += nameOf(event.outcome);
    appendField(out, "\",\"replica\":", writer.replica, kMaxFieldBytes);
    appendField(out, ",\"requestId\":", event.requestId, kMaxFieldBytes);
    out += ",\"salt\":\"";
    base::appendBase64url(out, salt);
    out.push_back('"');
    if (cut != Cut::Nothing || overLong(event)) out += ",\"truncated\":true";
    out += ",\"ts\":\"";
    appendTime(out, event.timestamp);
    appendField(out, "\",\"userAgent\":", event.userAgent, cut >= Cut::UserAgent ? kMaxFieldBytes : kMaxUserAgentBytes);
    out += ",\"v\":";
    out += std::to_string(kEntryVersion);
    out.push_back('}');
    return entry;
}

/// Walks over one entry from left to right. Every step answers whether what it wants stands there.
class Skimmer {
public:
    explicit Skimmer(std::string_view text) : text_(text) {}
    bool literal(std::string_view wanted) {
        if (text_.substr(at_, wanted.size()) != wanted) return false;
        at_ += wanted.size();
        return true;
    }
    /// A string without escapes.
    bool plain(std::string_view& inside) {
        if (!literal("\"")) return false;
        const auto end = text_.find('"', at_);
        if (end == std::string_view::npos) return false;
        inside = text_.substr(at_, end - at_);
        at_ = end + 1;
        return inside.find('\\') == std::string_view::npos;
    }
    bool anyString() {
        if (!literal("\"")) return false;
        for (;; ++at_) {
            at_ = text_.find_first_of("\"\\", at_);
            if (at_ == std::string_view::npos) return false;
            if (text_[at_++] == '"') return true;
        }
    }
    bool number(std::int64_t& value) {
        const auto end = text_.find_first_not_of("0123456789-", at_);
        if (end == std::string_view::npos) return false;
        const auto read = base::parseInt(text_.substr(at_, end - at_));
        at_ = end;
        value = read.value_or(0);
        return read.has_value();
    }
    bool object(std::string_view& whole) {
        const std::size_t from = at_;
        if (at_ >= text_.size() || text_[at_] != '{') return false;
        for (std::size_t depth = 0; at_ < text_.size();) {
            if (text_[at_] == '"') {
                if (!anyString()) return false;
                continue;
            }
            const char c = text_[at_++];
            if (c == '{') ++depth;
            if (c == '}' && --depth == 0) {
                whole = text_.substr(from, at_ - from);
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] bool atEnd() const { return at_ == text_.size(); }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

base::Error malformed(std::string what) { return base::fail(base::Errc::Invalid, "not a ledger entry", std::move(what)); }

}  // namespace

base::Bytes PreparedEntry::finish(std::int64_t lseq) const {
    const std::string digits = std::to_string(lseq);
    base::Bytes bytes;
    bytes.reserve(text.size() + digits.size());
    const auto* begin = reinterpret_cast<const std::uint8_t*>(text.data());
    bytes.insert(bytes.end(), begin, begin + lseqAt);
    bytes.insert(bytes.end(), digits.begin(), digits.end());
    bytes.insert(bytes.end(), begin + lseqAt, begin + text.size());
    return bytes;
}

PreparedEntry prepareEntry(const model::AuditEvent& event, const Writer& writer, base::BytesView salt) {
    constexpr std::size_t kLseqDigits = 19;
    PreparedEntry entry;
    for (const Cut cut : {Cut::Nothing, Cut::UserAgent, Cut::Ext, Cut::Metadata}) {
        entry = write(event, writer, salt, cut);
        if (entry.text.size() + kLseqDigits <= kMaxEntryBytes) break;
    }
    entry.chainInput = chainInputOf(event);
    return entry;
}

base::Result<EntryView> parseEntry(base::BytesView bytes) {
    if (bytes.size() > kMaxEntryBytes) return malformed("too long");
    auto parsed = json::parse(base::textOf(bytes));
    if (!parsed) return malformed(parsed.error().hint);
    const json::Object* members = parsed->asObject();
    if (members == nullptr) return malformed("no object");
    EntryView view;
    auto& event = view.event;
    const json::Value* truncated = parsed->find("truncated");
    if (truncated != nullptr) {
        if (truncated->asBool() == nullptr || !*truncated->asBool()) return malformed("truncated");
        view.truncated = true;
    }
    constexpr std::array<std::string_view, 18> kNames{"action",  "actor",     "agentId", "epoch",    "eventId",   "ext",
                                                      "ip",      "jti",       "lseq",    "metadata", "orgId",     "outcome",
                                                      "replica", "requestId", "salt",    "ts",       "userAgent", "v"};
    if (members->size() != kNames.size() + (view.truncated ? 1U : 0U)) return malformed("members");
    std::size_t at = 0;
    for (const auto& [name, value] : *members) {
        if (name == "truncated") {
            if (at != 15) return malformed("order");
            continue;
        }
        if (at == kNames.size() || name != kNames[at]) return malformed("order");
        ++at;
        const bool number = name == "epoch" || name == "lseq" || name == "v";
        const bool object = name == "ext" || name == "metadata";
        if (number ? value.asInt() == nullptr : object ? value.asObject() == nullptr : value.asText() == nullptr) return malformed(name);
    }
    const auto text = [&](std::string_view name) { return *parsed->find(name)->asText(); };
    const auto number = [&](std::string_view name) { return *parsed->find(name)->asInt(); };
    if (number("v") != kEntryVersion) return malformed("version");
    if (!model::actionNamed(text("action"), event.action)) return malformed("action");
    const auto outcome = outcomeNamed(text("outcome"));
    const auto ts = base::parseRfc3339(text("ts"));
    if (!outcome || !ts) return malformed("outcome or ts");
    event.outcome = *outcome;
    event.timestamp = *ts;
    event.eventId = model::EventId(text("eventId"));
    event.agentId = model::AgentId(text("agentId"));
    event.organizationId = model::OrganizationId(text("orgId"));
    event.actor = text("actor");
    event.requestId = text("requestId");
    event.ip = text("ip");
    event.userAgent = text("userAgent");
    event.jti = text("jti");
    event.metadataJson = json::write(*parsed->find("metadata"));
    event.extJson = json::write(*parsed->find("ext"));
    view.replica = text("replica");
    view.epoch = number("epoch");
    view.lseq = number("lseq");
    return view;
}

std::optional<EntrySkim> skimEntry(base::BytesView bytes) {
    Skimmer in(base::textOf(bytes));
    EntrySkim skim;
    std::string_view ext;
    std::int64_t version = 0;
    const bool whole = in.literal("{\"action\":") && in.plain(skim.action) && in.literal(",\"actor\":") && in.anyString() &&
                       in.literal(",\"agentId\":") && in.plain(skim.agentId) && in.literal(",\"epoch\":") && in.number(skim.epoch) &&
                       in.literal(",\"eventId\":") && in.plain(skim.eventId) && in.literal(",\"ext\":") && in.object(ext) &&
                       in.literal(",\"ip\":") && in.anyString() && in.literal(",\"jti\":") && in.anyString() && in.literal(",\"lseq\":") &&
                       in.number(skim.lseq) && in.literal(",\"metadata\":") && in.object(skim.metadata) && in.literal(",\"orgId\":") &&
                       in.plain(skim.orgId) && in.literal(",\"outcome\":") && in.plain(skim.outcome) && in.literal(",\"replica\":") &&
                       in.plain(skim.replica) && in.literal(",\"requestId\":") && in.anyString() && in.literal(",\"salt\":") &&
                       in.anyString() && (in.literal(",\"truncated\":true") || true) && in.literal(",\"ts\":") && in.plain(skim.ts) &&
                       in.literal(",\"userAgent\":") && in.anyString() && in.literal(",\"v\":") && in.number(version) && in.literal("}") &&
                       in.atEnd() && version == kEntryVersion;
    if (!whole) return std::nullopt;
    return skim;
}

std::string EntrySkim::chainInput() const {
    std::string input;
    input.reserve(eventId.size() + ts.size() + action.size() + outcome.size() + agentId.size() + orgId.size());
    for (const std::string_view part : {eventId, ts, action, outcome, agentId, orgId}) input += part;
    return input;
}

Hash chainHash(std::string_view chainInput, const Hash& previous) {
    std::array<char, 64> hex{};
    for (std::size_t i = 0; i < previous.size(); ++i) {
        hex[2 * i] = "0123456789abcdef"[previous[i] >> 4U];
        hex[2 * i + 1] = "0123456789abcdef"[previous[i] & 15U];
    }
    return crypto::sha256({base::bytesOf(chainInput), base::bytesOf(std::string_view(hex.data(), hex.size()))});
}

std::string chainInputOf(const model::AuditEvent& event) {
    std::string input;
    input.reserve(160);
    // As the entry spells them, so that the chain can be computed again from entries alone.
    const auto add = [&](std::string_view text) {
        if (text.size() <= kMaxFieldBytes && base::isUtf8(text))
            input += text;
        else
            input += cutUtf8(toValidUtf8(text), kMaxFieldBytes);
    };
    add(event.eventId.str());
    appendTime(input, event.timestamp);
    input += model::nameOf(event.action);
    input += nameOf(event.outcome);
    add(event.agentId.str());
    add(event.organizationId.str());
    return input;
}

std::string_view nameOf(model::Outcome outcome) { return outcome == model::Outcome::Success ? "success" : "failure"; }

std::optional<model::Outcome> outcomeNamed(std::string_view name) {
    if (name == "success") return model::Outcome::Success;
    if (name == "failure") return model::Outcome::Failure;
    return std::nullopt;
}

}  // namespace agentidp::audit
