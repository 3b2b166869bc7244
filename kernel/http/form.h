#pragma once
/// @file kernel/http/form.h
/// application/x-www-form-urlencoded, strictly: order and duplicates stay visible, so that the reader can refuse them
/// (RFC 6749 section 3.2: "parameters MUST NOT be included more than once"). Any thread.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace agentidp::http {

struct FormField {
    std::string name;
    std::string value;
};

struct FormLimits {
    std::size_t bytes = 64U << 10U;
    std::size_t fields = 100;
};

/// Errc::TooLarge: over a limit. Errc::Invalid: a broken escape, a name that is empty, a control character, or a name or
/// value that is not UTF-8 when decoded. Empty pairs (`a=1&&b=2`) are skipped; a name without '=' has an empty value.
[[nodiscard]] base::Result<std::vector<FormField>> parseForm(std::string_view text, FormLimits limits = {});

/// True if a Content-Type names a form: parameters other than `charset=utf-8` are refused.
[[nodiscard]] bool isFormType(std::string_view contentType);

}  // namespace agentidp::http
