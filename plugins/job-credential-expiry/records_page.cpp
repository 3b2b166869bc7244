#include "records_page.h"

namespace agentidp::job_credential_expiry {
namespace {

constexpr int kDepth = 32;

/// Walks JSON once, front to back. It is as strict as it must be to find its way: the text comes from the kernel's own writer.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    /// Calls `member(name)` at each value of an object; it reads or skips that value.
    template <class Member>
    bool object(Member&& member) {
        if (!take('{')) return false;
        if (take('}')) return true;
        do {
            std::string name;
            if (!string(name) || !take(':') || !member(name)) return false;
        } while (take(','));
        return take('}');
    }
    template <class Item>
    bool array(Item&& item) {
        if (!take('[')) return false;
        if (take(']')) return true;
        do {
            if (!item()) return false;
        } while (take(','));
        return take(']');
    }
    bool string(std::string& out) {
        if (!take('"')) return false;
        for (out.clear(); at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '"') return ++at_, true;
            if (static_cast<unsigned char>(c) < 0x20 || (c == '\\' && !escape(out))) return false;
            if (c != '\\') out.push_back(c);
        }
        return false;
    }
    /// An integer; null leaves `out` empty.
    bool integerOrNull(std::optional<std::int64_t>& out) {
        if (word("null")) return true;
        const bool negative = at_ < text_.size() && text_[at_] == '-';
        std::int64_t value = 0;
        std::size_t digits = 0;
        for (at_ += negative ? 1 : 0; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_, ++digits)
            if (__builtin_mul_overflow(value, std::int64_t{10}, &value) || __builtin_add_overflow(value, text_[at_] - '0', &value))
                return false;
        out = negative ? -value : value;
        return digits > 0;
    }
    bool stringOrNull(std::string& out) { return word("null") || string(out); }
    bool skip(int depth = kDepth) {
        if (depth == 0) return false;
        std::string ignored;
        skipSpace();
        if (at_ >= text_.size()) return false;
        if (text_[at_] == '{') return object([&](const std::string&) { return skip(depth - 1); });
        if (text_[at_] == '[') return array([&] { return skip(depth - 1); });
        if (text_[at_] == '"') return string(ignored);
        if (word("true") || word("false") || word("null")) return true;
        const auto end = text_.find_first_not_of("+-.0123456789eE", at_);
        const auto from = at_;
        at_ = end == std::string_view::npos ? text_.size() : end;
        return at_ > from;
    }
    bool atEnd() {
        skipSpace();
        return at_ == text_.size();
    }

private:
    void skipSpace() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
    }
    bool take(char wanted) {
        skipSpace();
        if (at_ >= text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    bool word(std::string_view wanted) {
        skipSpace();
        if (text_.substr(at_, wanted.size()) != wanted) return false;
        at_ += wanted.size();
        return true;
    }
    /// From the backslash to the last character of the escape. Ids are ASCII; an escape beyond it becomes U+FFFD.
    bool escape(std::string& out) {
        if (++at_ >= text_.size()) return false;
        constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
        if (const auto simple = kFrom.find(text_[at_]); simple != std::string_view::npos) {
            out.push_back(kTo[simple]);
            return true;
        }
        if (text_[at_] != 'u' || at_ + 4 >= text_.size()) return false;
        unsigned code = 0;
        for (int i = 0; i < 4; ++i) {
            const auto digit = std::string_view("0123456789abcdef").find(static_cast<char>(text_[++at_] | 0x20));
            if (digit == std::string_view::npos) return false;
            code = code * 16 + static_cast<unsigned>(digit);
        }
        if (code < 0x80)
            out.push_back(static_cast<char>(code));
        else
            out += "\xEF\xBF\xBD";
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

bool readRecord(Reader& reader, CredentialRecord& record) {
    return reader.object([&](const std::string& name) {
        if (name == "credentialId") return reader.string(record.credentialId);
        if (name == "clientId") return reader.stringOrNull(record.clientId);
        if (name == "organizationId") return reader.stringOrNull(record.organizationId);
        if (name == "expiresAt") return reader.integerOrNull(record.expiresAtUs);
        return reader.skip();
    });
}

}  // namespace

std::optional<RecordsPage> parsePage(std::string_view json) {
    Reader reader(json);
    RecordsPage page;
    bool found = false;
    const bool whole = reader.object([&](const std::string& name) {
        if (name == "cursor") return reader.stringOrNull(page.cursor);
        if (name != "records") return reader.skip();
        found = true;
        return reader.array([&] { return readRecord(reader, page.records.emplace_back()); });
    });
    if (!whole || !found || !reader.atEnd()) return std::nullopt;
    for (const auto& record : page.records)
        if (record.credentialId.empty()) return std::nullopt;
    return page;
}

}  // namespace agentidp::job_credential_expiry
