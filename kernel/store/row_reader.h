#pragma once
/// @file kernel/store/row_reader.h
/// Reads the columns of one row by position and remembers whether any was of another type than asked for: a storage plugin
/// that answers another shape is a bug of that plugin, told once a row and not once a column.
#include <optional>
#include <string>
#include <vector>

#include "plugin/storage.h"

namespace agentidp::store {

class RowReader {
public:
    explicit RowReader(const plugin::Row& row) : row_(row) {}

    std::string text() { return take<std::string>(); }
    std::int64_t integer() { return take<std::int64_t>(); }
    bool flag() { return take<bool>(); }
    base::Bytes bytes() { return take<base::Bytes>(); }
    base::Instant time() { return take<base::Instant>(); }
    std::string json() { return take<plugin::JsonText>().text; }
    std::optional<base::Instant> timeOrNull() { return takeOrNull<base::Instant>(); }
    std::optional<base::Bytes> bytesOrNull() { return takeOrNull<base::Bytes>(); }
    std::string textOrEmpty() { return takeOrNull<std::string>().value_or(""); }

    /// An Errc::Internal if the row was not what `table` has.
    [[nodiscard]] base::Result<void> verdict(std::string_view table) const {
        if (ok_ && next_ == row_.size()) return {};
        return base::fail(base::Errc::Internal, "", "storage answered a row of " + std::string(table) + " in another shape");
    }
    void refuse() { ok_ = false; }

private:
    template <class T>
    T take() {
        if (next_ < row_.size())
            if (const auto* value = std::get_if<T>(&row_[next_])) {
                ++next_;
                return *value;
            }
        ++next_;
        ok_ = false;
        return T{};
    }
    template <class T>
    std::optional<T> takeOrNull() {
        if (next_ < row_.size() && std::holds_alternative<std::monostate>(row_[next_])) {
            ++next_;
            return std::nullopt;
        }
        return take<T>();
    }

    const plugin::Row& row_;
    std::size_t next_ = 0;
    bool ok_ = true;
};

/// null for an absent value.
template <class T>
[[nodiscard]] plugin::Value orNull(const std::optional<T>& value) {
    if (!value) return std::monostate{};
    return *value;
}

/// A JSON array of strings, both ways; the reader refuses anything else.
[[nodiscard]] std::string jsonOfTexts(const std::vector<std::string>& texts);
[[nodiscard]] bool textsOfJson(std::string_view json, std::vector<std::string>& out);

}  // namespace agentidp::store
