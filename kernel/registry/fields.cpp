#include "registry/fields.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "model/scope.h"

namespace agentidp::registry {
namespace {

using base::json::Value;

constexpr std::size_t kMaxDisplay = 255;
constexpr std::size_t kMaxIdentifier = 64;
constexpr std::size_t kMaxCapability = 128;
constexpr std::size_t kMaxLabels = 32;
constexpr std::size_t kMaxClaimsBytes = 4096;
constexpr int kMaxClaimsDepth = 4;

constexpr std::array<std::string_view, 31> kRegisteredClaims{
    "iss",        "sub",    "aud",   "exp",    "nbf",   "iat", "jti", "client_id",    "scope",   "organization_id",
    "typ",        "cnf",    "act",   "azp",    "acr",   "amr", "sid", "nonce",        "may_act", "auth_time",
    "at_hash",    "c_hash", "roles", "groups", "email", "vc",  "vp",  "entitlements", "events",  "authorization_details",
    "macp_scopes"};

bool isAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool among(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

struct Range {
    char32_t from, to;
};
/// What makes a text read differently than it is, or disappear: controls, bidirectional marks, zero-width and other format
/// characters, line and paragraph separators, variation selectors, tags, noncharacters, private use.
constexpr Range kMisleading[] = {{0x00, 0x1F},     {0x7F, 0x9F},       {0xAD, 0xAD},       {0x34F, 0x34F},     {0x600, 0x605},
                                 {0x61C, 0x61C},   {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x115F, 0x1160},   {0x17B4, 0x17B5},
                                 {0x180B, 0x180F}, {0x200B, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x206F},   {0x3164, 0x3164},
                                 {0xE000, 0xF8FF}, {0xFDD0, 0xFDEF},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},
                                 {0xFFF0, 0xFFFF}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0x10FFFF}};

/// The next code point; `text` is UTF-8.
char32_t next(std::string_view text, std::size_t& at) {
    const auto lead = static_cast<std::uint8_t>(text[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) point = point << 6U | (static_cast<std::uint8_t>(text[at + i]) & 0x3FU);
    at += size;
    return point;
}

bool isMisleading(char32_t point) {
    if ((point & 0xFFFEU) == 0xFFFEU) return true;
    return std::any_of(std::begin(kMisleading), std::end(kMisleading),
                       [&](Range range) { return point >= range.from && point <= range.to; });
}

/// Empty where fine.
std::string_view plainFault(std::string_view text) {
    if (!base::isUtf8(text)) return "is not UTF-8";
    for (std::size_t at = 0; at < text.size();)
        if (isMisleading(next(text, at))) return "holds a control, invisible or direction-changing character";
    return {};
}

/// White space that Unicode has and ASCII does not.
bool isSpace(char32_t point) {
    return point == ' ' || point == 0xA0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x202F || point == 0x205F ||
           point == 0x3000;
}

std::string_view displayFault(std::string_view text) {
    if (text.empty()) return "must not be empty";
    if (text.size() > kMaxDisplay) return "is longer than 255 bytes";
    if (const auto fault = plainFault(text); !fault.empty()) return fault;
    std::size_t at = 0;
    bool space = isSpace(next(text, at));
    const bool leading = space;
    while (at < text.size()) space = isSpace(next(text, at));
    return leading || space ? "begins or ends with white space" : std::string_view();
}

std::string_view identifierFault(std::string_view text) {
    if (text.empty()) return "must not be empty";
    if (text.size() > kMaxIdentifier) return "is longer than 64 characters";
    const bool fine =
        isAlnum(text.front()) && std::all_of(text.begin(), text.end(), [](char c) { return isAlnum(c) || among(c, "._:/@+-"); });
    return fine ? "" : "must be letters and digits of ASCII, and . _ : / @ + - after the first";
}

std::string_view emailFault(std::string_view text) {
    constexpr std::string_view kFault = "is not an e-mail address (local@domain, ASCII)";
    const auto at = text.rfind('@');
    if (text.size() > 254) return "is longer than 254 characters";
    if (at == std::string_view::npos || at == 0 || at > 64) return kFault;
    const auto dotted = [](std::string_view part, auto allowed) {
        std::size_t from = 0;
        for (;;) {
            const auto dot = part.find('.', from);
            const auto label = part.substr(from, dot - from);
            if (label.empty() || !allowed(label)) return false;
            if (dot == std::string_view::npos) return true;
            from = dot + 1;
        }
    };
    const bool local = dotted(text.substr(0, at), [](std::string_view atom) {
        return std::all_of(atom.begin(), atom.end(), [](char c) { return isAlnum(c) || among(c, "!#$%&'*+/=?^_`{|}~-"); });
    });
    const bool domain = dotted(text.substr(at + 1), [](std::string_view label) {
        return label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
               std::all_of(label.begin(), label.end(), [](char c) { return isAlnum(c) || c == '-'; });
    });
    return local && domain ? "" : kFault;
}

std::string_view slugFault(std::string_view text) {
    const bool fine =
        !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
        std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
    return fine ? "" : "must be 1 to 63 of a-z, 0-9 and '-', without an outer '-'";
}

std::string_view capabilityFault(std::string_view text) {
    return text.size() <= kMaxCapability && model::isScopeToken(text)
               ? ""
               : "must be 1 to 128 printable ASCII characters without space, quote and backslash";
}

/// Empty where fine. Names and texts inside static claims may be anything a reader cannot be fooled by.
std::string_view claimFault(const Value& value, int depth) {
    if (depth > kMaxClaimsDepth) return "is nested too deeply";
    if (const auto* text = value.asText()) return plainFault(*text);
    if (const auto* items = value.asArray()) {
        for (const auto& item : *items)
            if (const auto fault = claimFault(item, depth + 1); !fault.empty()) return fault;
    }
    if (const auto* members = value.asObject()) {
        for (const auto& [name, member] : *members) {
            if (const auto fault = plainFault(name); !fault.empty()) return fault;
            if (const auto fault = claimFault(member, depth + 1); !fault.empty()) return fault;
        }
    }
    return {};
}

std::string pointerTo(std::string_view name) {
    std::string out = "/";
    for (const char c : name) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out.push_back(c);
    }
    return out;
}

}  // namespace

std::string_view faultOf(TextKind kind, std::string_view text) {
    switch (kind) {
        case TextKind::Identifier: return identifierFault(text);
        case TextKind::Display: return displayFault(text);
        case TextKind::Email: return emailFault(text);
        case TextKind::Slug: return slugFault(text);
        case TextKind::Capability: break;
    }
    return capabilityFault(text);
}

bool claimAllowed(std::string_view name, const std::vector<std::string>& patterns) {
    if (std::find(kRegisteredClaims.begin(), kRegisteredClaims.end(), name) != kRegisteredClaims.end()) return false;
    if (!identifierFault(name).empty()) return false;
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        if (!pattern.empty() && pattern.back() == '*')
            return name.substr(0, pattern.size() - 1) == std::string_view(pattern).substr(0, pattern.size() - 1);
        return name == pattern;
    });
}

Fields::Fields(const Value& body) : body_(body) {
    if (body.asObject() == nullptr) fault("", "the body must be a JSON object");
}

bool Fields::has(std::string_view name) const { return body_.find(name) != nullptr; }

const Value* Fields::take(std::string_view name) {
    known_.emplace_back(name);
    taken_.emplace(name);
    return body_.find(name);
}

const Value* Fields::present(std::string_view name) {
    const auto* value = take(name);
    if (value != nullptr && value->isNull()) {
        faultAt(name, "must not be null; leave the member out instead");
        return nullptr;
    }
    return value;
}

std::optional<std::string> Fields::text(std::string_view name, TextKind kind) {
    const auto* value = present(name);
    if (value == nullptr) return std::nullopt;
    const auto* text = value->asText();
    const auto wrong = text == nullptr ? std::string_view("must be a string") : faultOf(kind, *text);
    if (!wrong.empty()) {
        faultAt(name, std::string(wrong));
        return std::nullopt;
    }
    return *text;
}

std::optional<std::string> Fields::word(std::string_view name, const std::vector<std::string_view>& words) {
    const auto* value = present(name);
    if (value == nullptr) return std::nullopt;
    const auto* text = value->asText();
    if (text != nullptr && std::find(words.begin(), words.end(), *text) != words.end()) return *text;
    std::string detail = "must be one of";
    for (const auto word : words) detail.append(word == words.front() ? " " : ", ").append(word);
    faultAt(name, std::move(detail));
    return std::nullopt;
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name, TextKind kind, std::size_t most) {
    const auto* value = present(name);
    if (value == nullptr) return std::nullopt;
    const auto* items = value->asArray();
    if (items == nullptr || items->size() > most) {
        faultAt(name, "must be an array of at most " + std::to_string(most) + " strings");
        return std::nullopt;
    }
    std::vector<std::string> out;
    const auto before = errors_.size();
    for (std::size_t i = 0; i < items->size(); ++i) {
        const auto* text = (*items)[i].asText();
        const auto wrong = text == nullptr ? std::string_view("must be a string") : faultOf(kind, *text);
        if (!wrong.empty())
            fault(pointerTo(name) + "/" + std::to_string(i), std::string(wrong));
        else if (std::find(out.begin(), out.end(), *text) != out.end())
            fault(pointerTo(name) + "/" + std::to_string(i), "occurs twice");
        else
            out.push_back(*text);
    }
    if (errors_.size() != before) return std::nullopt;
    return out;
}

std::optional<std::vector<std::string>> Fields::scopes(std::string_view name) {
    auto out = texts(name, TextKind::Capability, model::kMaxScopes);
    if (out) std::sort(out->begin(), out->end());
    return out;
}

std::optional<std::map<std::string, std::string>> Fields::labels(std::string_view name) {
    const auto* value = present(name);
    if (value == nullptr) return std::nullopt;
    const auto* members = value->asObject();
    if (members == nullptr || members->size() > kMaxLabels) {
        faultAt(name, "must be an object of at most " + std::to_string(kMaxLabels) + " strings");
        return std::nullopt;
    }
    std::map<std::string, std::string> out;
    const auto before = errors_.size();
    for (const auto& [label, member] : *members) {
        const auto* text = member.asText();
        if (const auto wrong = identifierFault(label); !wrong.empty())
            faultAt(name, "a label's name " + std::string(wrong));
        else if (text == nullptr)
            fault(pointerTo(name) + pointerTo(label), "must be a string");
        else if (const auto bad = text->empty() ? std::string_view() : displayFault(*text); !bad.empty())
            fault(pointerTo(name) + pointerTo(label), std::string(bad));
        else
            out.emplace(label, *text);
    }
    if (errors_.size() != before) return std::nullopt;
    return out;
}

std::optional<std::string> Fields::claims(std::string_view name, const std::vector<std::string>& allowed) {
    const auto* value = present(name);
    if (value == nullptr) return std::nullopt;
    const auto* members = value->asObject();
    if (members == nullptr) {
        faultAt(name, "must be an object");
        return std::nullopt;
    }
    const auto before = errors_.size();
    for (const auto& [claim, member] : *members)
        if (!claimAllowed(claim, allowed)) faultAt(name, "holds a claim whose name is not allowed here (setting claims.allowed)");
    if (const auto wrong = claimFault(*value, 1); !wrong.empty()) faultAt(name, std::string(wrong));
    auto json = base::json::write(*value);
    if (json.size() > kMaxClaimsBytes) faultAt(name, "is larger than " + std::to_string(kMaxClaimsBytes) + " bytes");
    if (errors_.size() != before) return std::nullopt;
    return json;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t least, std::int64_t most) {
    const auto* value = present(name);
    if (value == nullptr) return std::nullopt;
    const auto* number = value->asInt();
    if (number != nullptr && *number >= least && *number <= most) return *number;
    faultAt(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
}

std::optional<base::Instant> Fields::time(std::string_view name) {
    const auto* value = present(name);
    if (value == nullptr) return std::nullopt;
    const auto* text = value->asText();
    auto at = text != nullptr ? base::parseRfc3339(*text) : std::nullopt;
    if (!at) faultAt(name, "must be an RFC 3339 time such as 2027-01-31T12:00:00Z");
    return at;
}

void Fields::require(std::string_view name) {
    if (!has(name)) faultAt(name, "is required");
}

void Fields::fault(std::string_view pointer, std::string detail) {
    if (errors_.size() < 32) errors_.push_back({std::string(pointer), std::move(detail)});
}

void Fields::faultAt(std::string_view name, std::string detail) { fault(pointerTo(name), std::move(detail)); }

std::vector<model::FieldError> Fields::finish() {
    if (const auto* members = body_.asObject()) {
        for (const auto& [name, value] : *members) {
            if (taken_.contains(name)) continue;
            const bool quotable = identifierFault(name).empty();
            const auto near = quotable ? base::nearest(name, known_) : std::nullopt;
            fault(quotable ? pointerTo(name) : "", near ? "is not known here; did you mean " + *near + "?" : "a member is not known here");
        }
    }
    return std::move(errors_);
}

}  // namespace agentidp::registry
