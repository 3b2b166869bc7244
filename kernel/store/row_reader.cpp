#include "store/row_reader.h"

#include "base/json.h"

namespace agentidp::store {

std::string jsonOfTexts(const std::vector<std::string>& texts) {
    std::string out;
    base::json::Writer writer(out);
    writer.beginArray();
    for (const auto& text : texts) writer.text(text);
    writer.endArray();
    return out;
}

bool textsOfJson(std::string_view json, std::vector<std::string>& out) {
    const auto parsed = base::json::parse(json);
    if (!parsed || parsed->asArray() == nullptr) return false;
    for (const auto& item : *parsed->asArray()) {
        if (item.asText() == nullptr) return false;
        out.push_back(*item.asText());
    }
    return true;
}

}  // namespace agentidp::store
