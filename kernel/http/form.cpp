#include "http/form.h"

#include <algorithm>

#include "base/text.h"

namespace agentidp::http {
namespace {

bool isPlain(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<std::uint8_t>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

}  // namespace

base::Result<std::vector<FormField>> parseForm(std::string_view text, FormLimits limits) {
    using base::Errc;
    using base::fail;
    if (text.size() > limits.bytes) return fail(Errc::TooLarge, "the form is too large");
    if (!isPlain(text)) return fail(Errc::Invalid, "the form holds a control character");
    std::vector<FormField> fields;
    while (!text.empty()) {
        const auto end = text.find('&');
        const auto pair = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (pair.empty()) continue;
        if (fields.size() == limits.fields) return fail(Errc::TooLarge, "the form has too many fields");
        const auto sign = pair.find('=');
        auto name = base::formDecode(pair.substr(0, sign));
        auto value = base::formDecode(sign == std::string_view::npos ? std::string_view{} : pair.substr(sign + 1));
        if (!name || !value) return fail(Errc::Invalid, "the form has a broken escape");
        if (name->empty()) return fail(Errc::Invalid, "the form has a field without a name");
        if (!base::isUtf8(*name) || !base::isUtf8(*value)) return fail(Errc::Invalid, "the form is not UTF-8");
        if (name->find('\0') != std::string::npos || value->find('\0') != std::string::npos)
            return fail(Errc::Invalid, "the form holds a NUL");
        fields.push_back({std::move(*name), std::move(*value)});
    }
    return fields;
}

bool isFormType(std::string_view contentType) {
    const auto semicolon = contentType.find(';');
    if (!base::equalIgnoreCase(base::trim(contentType.substr(0, semicolon)), "application/x-www-form-urlencoded")) return false;
    if (semicolon == std::string_view::npos) return true;
    const auto parameter = base::lower(base::trim(contentType.substr(semicolon + 1)));
    return parameter.empty() || parameter == "charset=utf-8" || parameter == "charset=\"utf-8\"";
}

}  // namespace agentidp::http
