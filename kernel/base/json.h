#pragma once
/// @file kernel/base/json.h
/// Strict JSON (RFC 8259) as values: duplicate member names, depth over a bound, a BOM, invalid UTF-8, lone surrogates and
/// trailing bytes are refused. Members keep their order. Any thread.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace agentidp::base::json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
using Object = std::vector<Member>;  ///< in the order of the text; names are unique

/// One JSON value. An integer that fits int64 stays an integer; every other number is a double.
class Value {
public:
    Value() = default;
    Value(std::nullptr_t) {}                                    // NOLINT(google-explicit-constructor)
    Value(bool flag) : data_(flag) {}                           // NOLINT(google-explicit-constructor)
    Value(std::int64_t number) : data_(number) {}               // NOLINT(google-explicit-constructor)
    Value(int number) : data_(std::int64_t{number}) {}          // NOLINT(google-explicit-constructor)
    Value(double number) : data_(number) {}                     // NOLINT(google-explicit-constructor)
    Value(std::string text) : data_(std::move(text)) {}         // NOLINT(google-explicit-constructor)
    Value(std::string_view text) : data_(std::string(text)) {}  // NOLINT(google-explicit-constructor)
    Value(const char* text) : data_(std::string(text)) {}       // NOLINT(google-explicit-constructor)
    Value(Array items) : data_(std::move(items)) {}             // NOLINT(google-explicit-constructor)
    Value(Object members) : data_(std::move(members)) {}        // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool isNull() const { return std::holds_alternative<std::monostate>(data_); }
    /// Null where the value is of another kind.
    [[nodiscard]] const bool* asBool() const { return std::get_if<bool>(&data_); }
    [[nodiscard]] const std::int64_t* asInt() const { return std::get_if<std::int64_t>(&data_); }
    [[nodiscard]] const double* asDouble() const { return std::get_if<double>(&data_); }
    [[nodiscard]] const std::string* asText() const { return std::get_if<std::string>(&data_); }
    [[nodiscard]] const Array* asArray() const { return std::get_if<Array>(&data_); }
    [[nodiscard]] const Object* asObject() const { return std::get_if<Object>(&data_); }
    [[nodiscard]] Array* asArray() { return std::get_if<Array>(&data_); }
    [[nodiscard]] Object* asObject() { return std::get_if<Object>(&data_); }
    /// The member of an object, or null.
    [[nodiscard]] const Value* find(std::string_view name) const;
    /// The text of a string member, or `otherwise`.
    [[nodiscard]] std::string textOr(std::string_view name, std::string_view otherwise) const;
    [[nodiscard]] std::int64_t intOr(std::string_view name, std::int64_t otherwise) const;
    bool operator==(const Value&) const = default;

private:
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

struct Limits {
    std::size_t bytes = 1U << 20U;
    std::size_t depth = 32;
};

/// The only parser but ecma_json.h. The hint of an Errc::Invalid says what and where, and never quotes the input.
[[nodiscard]] Result<Value> parse(std::string_view text, Limits limits = {});

/// Compact text, members in their order. Doubles are written as ECMAScript does (RFC 8785 section 3.2.2.3).
[[nodiscard]] std::string write(const Value& value);
/// The same, indented by two spaces, for people.
[[nodiscard]] std::string writePretty(const Value& value);
/// A double as ECMAScript's Number::toString writes it.
[[nodiscard]] std::string ecmaNumber(double number);
/// `Canonical` escapes what RFC 8785 section 3.2.2.2 escapes and nothing else. `Lines` also escapes DEL, C1 controls, U+2028, U+2029,
/// the characters that turn the reading direction, and U+FEFF: each ends a line, moves the cursor or hides text for some reader.
enum class Escape { Canonical, Lines };
/// Appends `text` quoted and escaped. `text` must be UTF-8.
void appendQuoted(std::string& out, std::string_view text, Escape escape = Escape::Canonical);

/// Writes JSON straight into a string: for hot paths, where a Value would cost more than the signature.
/// The caller keeps begin and end balanced; that is asserted in debug builds only.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}
    Writer& beginObject() {
        separate();
        out_.push_back('{');
        fresh_ = true;
        return *this;
    }
    Writer& endObject() {
        out_.push_back('}');
        fresh_ = false;
        return *this;
    }
    Writer& beginArray() {
        separate();
        out_.push_back('[');
        fresh_ = true;
        return *this;
    }
    Writer& endArray() {
        out_.push_back(']');
        fresh_ = false;
        return *this;
    }
    Writer& key(std::string_view name) {
        separate();
        appendQuoted(out_, name);
        out_.push_back(':');
        fresh_ = true;
        return *this;
    }
    Writer& text(std::string_view value) {
        separate();
        appendQuoted(out_, value);
        return *this;
    }
    Writer& number(std::int64_t value) {
        separate();
        out_ += std::to_string(value);
        return *this;
    }
    Writer& boolean(bool value) {
        separate();
        out_ += value ? "true" : "false";
        return *this;
    }
    Writer& null() {
        separate();
        out_ += "null";
        return *this;
    }
    /// `value` is JSON already.
    Writer& raw(std::string_view value) {
        separate();
        out_.append(value);
        return *this;
    }

private:
    void separate() {
        if (!fresh_) out_.push_back(',');
        fresh_ = false;
    }
    std::string& out_;
    bool fresh_ = true;
};

}  // namespace agentidp::base::json
