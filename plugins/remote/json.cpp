#include "json.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base64.h"

namespace agentidp::remote {
namespace {

using Node = nlohmann::json;
constexpr int kDepth = 32;

struct Refused {
    const char* why;
};

/// The library keeps the last of two members of one name and knows no bound of depth.
class Strictness {
public:
    bool operator()(int depth, Node::parse_event_t event, const Node& parsed) {
        if (depth > kDepth) throw Refused{"nested too deeply"};
        if (event == Node::parse_event_t::object_start) names_.emplace_back();
        if (event == Node::parse_event_t::object_end) names_.pop_back();
        if (event == Node::parse_event_t::key && !names_.back().insert(parsed.get_ref<const std::string&>()).second)
            throw Refused{"a member name occurs twice"};
        return true;
    }

private:
    std::vector<std::set<std::string>> names_;
};

void wipeStrings(Node& node) {
    if (auto* text = node.get_ptr<std::string*>()) aip::wipe(text->data(), text->size());
    if (node.is_structured())
        for (auto& each : node) wipeStrings(each);
}

const Node& nodeAt(const void* at) { return *static_cast<const Node*>(at); }

}  // namespace

struct Json::Document {
    Node root;
    Document() = default;
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;
    ~Document() { wipeStrings(root); }
};

aip::Outcome<Json> Json::parse(std::string_view text) {
    const auto refused = [](const char* why) { return aip::unavailable("the answer is not the JSON that was expected", why); };
    auto document = std::make_shared<Document>();
    if (text.substr(0, 3) == "\xEF\xBB\xBF") return refused("a byte order mark");
    // The parser takes a NUL for the end, and would not look at what follows.
    if (text.find('\0') != std::string_view::npos) return refused("a NUL");
    try {
        Strictness strictness;
        document->root = Node::parse(
            text, [&strictness](int depth, Node::parse_event_t event, Node& parsed) { return strictness(depth, event, parsed); });
    } catch (const Refused& refusal) {
        return refused(refusal.why);
    } catch (const Node::exception&) {
        return refused("not valid JSON");
    }
    const Node* root = &document->root;
    return Json(std::move(document), root);
}

bool Json::empty() const { return at_ == nullptr || nodeAt(at_).is_null(); }

Json Json::operator[](std::string_view name) const {
    if (at_ == nullptr || !nodeAt(at_).is_object()) return {};
    const auto found = nodeAt(at_).find(std::string(name));
    return found == nodeAt(at_).end() ? Json() : Json(document_, &*found);
}

std::optional<std::string_view> Json::text() const {
    if (at_ == nullptr || !nodeAt(at_).is_string()) return std::nullopt;
    return std::string_view(nodeAt(at_).get_ref<const std::string&>());
}

std::optional<std::int64_t> Json::integer() const {
    if (at_ == nullptr || !nodeAt(at_).is_number_integer()) return std::nullopt;
    if (nodeAt(at_).is_number_unsigned() && nodeAt(at_).get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return nodeAt(at_).get<std::int64_t>();
}

std::optional<bool> Json::boolean() const {
    if (at_ == nullptr || !nodeAt(at_).is_boolean()) return std::nullopt;
    return nodeAt(at_).get<bool>();
}

std::vector<std::pair<std::string, Json>> Json::members() const {
    std::vector<std::pair<std::string, Json>> all;
    if (at_ == nullptr || !nodeAt(at_).is_object()) return all;
    for (const auto& [name, value] : nodeAt(at_).items()) all.emplace_back(name, Json(document_, &value));
    return all;
}

std::vector<Json> Json::items() const {
    std::vector<Json> all;
    if (at_ == nullptr || !nodeAt(at_).is_array()) return all;
    for (const auto& value : nodeAt(at_)) all.push_back(Json(document_, &value));
    return all;
}

Object& Object::text(std::string_view name, std::string_view value) {
    key(name);
    quoted(value);
    return *this;
}

Object& Object::base64(std::string_view name, std::string_view bytes) {
    key(name);
    append("\"");
    append(remote::base64(bytes).view());
    append("\"");
    return *this;
}

Object& Object::integer(std::string_view name, std::int64_t value) {
    key(name);
    append(std::to_string(value));
    return *this;
}

Object& Object::boolean(std::string_view name, bool value) {
    key(name);
    append(value ? "true" : "false");
    return *this;
}

Object& Object::object(std::string_view name, Object value) {
    key(name);
    append(value.done().view());
    return *this;
}

Object& Object::list(std::string_view name, std::vector<Object> values) {
    key(name);
    append("[");
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i != 0) append(",");
        append(values[i].done().view());
    }
    append("]");
    return *this;
}

aip::Secret Object::done() {
    append("}");
    return std::move(json_);
}

void Object::key(std::string_view name) {
    if (json_.size() > 1) append(",");
    quoted(name);
    append(":");
}

void Object::quoted(std::string_view text) {
    std::string whole = aip::quoted(text);
    append(whole);
    aip::wipe(whole.data(), whole.size());
}

}  // namespace agentidp::remote
