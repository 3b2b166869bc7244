#pragma once
/// @file plugins/remote/json.h
/// What a service answers, read strictly (RFC 8259): a member name that occurs twice, nesting deeper than 32, invalid UTF-8 and trailing
/// bytes are refused. Strings may be secrets: they are wiped when the last value of a document goes.
#include <agentidp/plugin.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agentidp::remote {

/// One value of a document, which lives as long as any of its values. What is not there is an absent value, so that a path can be written
/// down: `answer["data"]["keys"]["1"]["public_key"].text()`. Any thread.
class Json {
public:
    /// AIP_E_UNAVAILABLE: whoever sent this cannot be understood. The text is not quoted.
    static aip::Outcome<Json> parse(std::string_view text);

    Json() = default;
    /// Absent, or null.
    [[nodiscard]] bool empty() const;
    [[nodiscard]] Json operator[](std::string_view name) const;
    /// Nothing where the value is of another kind.
    [[nodiscard]] std::optional<std::string_view> text() const;
    [[nodiscard]] std::optional<std::int64_t> integer() const;
    [[nodiscard]] std::optional<bool> boolean() const;
    /// Of an object, sorted by name; of anything else none.
    [[nodiscard]] std::vector<std::pair<std::string, Json>> members() const;
    [[nodiscard]] std::vector<Json> items() const;

private:
    struct Document;
    Json(std::shared_ptr<const Document> document, const void* at) : document_(std::move(document)), at_(at) {}
    std::shared_ptr<const Document> document_;
    const void* at_ = nullptr;
};

/// The body of a request, member by member: `Object().text("type", "ed25519").base64("input", bytes).done()`. All of it may be secret.
class Object {
public:
    /// Bytes that are not UTF-8 become U+FFFD.
    Object& text(std::string_view name, std::string_view value);
    /// The bytes in base64 (RFC 4648 section 4).
    Object& base64(std::string_view name, std::string_view bytes);
    Object& integer(std::string_view name, std::int64_t value);
    Object& boolean(std::string_view name, bool value);
    Object& object(std::string_view name, Object value);
    Object& list(std::string_view name, std::vector<Object> values);
    /// The object; nothing is added afterwards.
    aip::Secret done();

private:
    void key(std::string_view name);
    void append(std::string_view text) { json_.append(text.data(), text.size()); }
    void quoted(std::string_view text);
    aip::Secret json_{std::string_view("{")};
};

}  // namespace agentidp::remote
