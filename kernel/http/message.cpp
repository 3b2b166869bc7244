#include "http/message.h"

#include <algorithm>

namespace agentidp::http {

std::string_view nameOf(Method method) {
    switch (method) {
        case Method::Get: return "GET";
        case Method::Head: return "HEAD";
        case Method::Post: return "POST";
        case Method::Put: return "PUT";
        case Method::Patch: return "PATCH";
        case Method::Delete: return "DELETE";
        case Method::Options: return "OPTIONS";
        case Method::Other: break;
    }
    return "other";
}

void Headers::set(std::string_view name, std::string_view value) {
    std::erase_if(fields_, [&](const Header& field) { return base::equalIgnoreCase(field.name, name); });
    add(name, value);
}

const std::string* Headers::find(std::string_view name) const {
    for (const auto& field : fields_) {
        if (field.name.size() == name.size() && base::equalIgnoreCase(field.name, name)) return &field.value;
    }
    return nullptr;
}

std::size_t Headers::count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::count_if(fields_.begin(), fields_.end(), [&](const Header& field) { return base::equalIgnoreCase(field.name, name); }));
}

}  // namespace agentidp::http
