#include "oauth/form.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace agentidp::oauth {
namespace {

constexpr std::array<std::string_view, 12> kNeverInQuery{"client_secret", "client_assertion", "token",         "access_token",
                                                         "refresh_token", "id_token",         "subject_token", "actor_token",
                                                         "assertion",     "password",         "code",          "code_verifier"};

bool mayRepeat(std::string_view name) { return name == "resource" || name == "audience"; }

/// `application/x-www-form-urlencoded`, optionally with charset=UTF-8 and nothing else.
bool isFormType(std::string_view contentType) {
    const auto semicolon = contentType.find(';');
    if (!base::equalIgnoreCase(base::trim(contentType.substr(0, semicolon)), "application/x-www-form-urlencoded")) return false;
    if (semicolon == std::string_view::npos) return true;
    auto parameter = base::trim(contentType.substr(semicolon + 1));
    if (parameter.empty()) return true;
    const auto equals = parameter.find('=');
    if (equals == std::string_view::npos || !base::equalIgnoreCase(parameter.substr(0, equals), "charset")) return false;
    auto charset = parameter.substr(equals + 1);
    if (charset.size() >= 2 && charset.front() == '"' && charset.back() == '"') charset = charset.substr(1, charset.size() - 2);
    return base::equalIgnoreCase(charset, "utf-8");
}

bool leaksInQuery(std::string_view query) {
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        const auto name = base::formDecode(pair.substr(0, pair.find('=')));
        if (name && std::find(kNeverInQuery.begin(), kNeverInQuery.end(), *name) != kNeverInQuery.end()) return true;
        if (end == std::string_view::npos) break;
        query.remove_prefix(end + 1);
    }
    return false;
}

OauthError refuse(std::string description) { return oauthError(OauthCode::InvalidRequest, std::move(description), "malformed"); }

}  // namespace

OauthResult<Form> Form::parse(const RawRequest& request) {
    if (leaksInQuery(request.query)) return refuse("secrets and tokens belong into the body, never into the query");
    if (!isFormType(request.contentType)) return refuse("the body must be application/x-www-form-urlencoded in UTF-8");
    Form form;
    form.pairs_.reserve(8);
    auto rest = request.body;
    while (!rest.empty()) {
        const auto end = rest.find('&');
        const auto pair = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        auto name = base::formDecode(pair.substr(0, equals));
        auto value = base::formDecode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
        if (!name || !value) return refuse("a parameter has a broken percent escape");
        if (name->empty() || name->size() > kMaxNameLength) return refuse("a parameter name is empty or too long");
        if (form.pairs_.size() == kMaxParameters) return refuse("too many parameters");
        const bool repeated = std::any_of(form.pairs_.begin(), form.pairs_.end(), [&](const auto& known) { return known.first == *name; });
        if (repeated && !mayRepeat(*name)) return refuse("a parameter occurs twice");
        form.pairs_.emplace_back(std::move(*name), std::move(*value));
    }
    return form;
}

Form::~Form() {
    for (auto& [name, value] : pairs_) base::wipe(value.data(), value.size());
}

const std::string* Form::find(std::string_view name) const {
    const auto found = std::find_if(pairs_.begin(), pairs_.end(), [&](const auto& pair) { return pair.first == name; });
    return found == pairs_.end() || found->second.empty() ? nullptr : &found->second;
}

std::vector<std::string> Form::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& pair : pairs_)
        if (pair.first == name && !pair.second.empty()) values.push_back(pair.second);
    return values;
}

}  // namespace agentidp::oauth
