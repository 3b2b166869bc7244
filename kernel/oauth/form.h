#pragma once
/// @file kernel/oauth/form.h
/// application/x-www-form-urlencoded bodies, as strict as OAuth asks (RFC 6749 section 3.2 and appendix B). Pure.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "oauth/oauth_error.h"

namespace agentidp::oauth {

/// The parts of a request these endpoints look at, as received. Views live as long as the request.
struct RawRequest {
    std::string_view contentType;
    std::string_view query;
    std::string_view body;
    std::optional<std::string_view> authorization;  ///< absent: no such field. Two such fields are refused before this room
};

inline constexpr std::size_t kMaxParameters = 64;
inline constexpr std::size_t kMaxNameLength = 64;
inline constexpr std::size_t kMaxTokenLength = 16384;

/// The decoded parameters. "Parameters sent without a value MUST be treated as if they were omitted from the request"; none
/// may occur twice, except `resource` and `audience`. Values are wiped when the form dies.
class Form {
public:
    /// Also refuses secrets and tokens in the query, and foreign media types and charsets.
    static OauthResult<Form> parse(const RawRequest& request);
    Form(Form&&) noexcept = default;
    Form& operator=(Form&&) noexcept = default;
    Form(const Form&) = delete;
    Form& operator=(const Form&) = delete;
    ~Form();

    /// Null where absent or empty.
    [[nodiscard]] const std::string* find(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }

private:
    Form() = default;
    std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace agentidp::oauth
