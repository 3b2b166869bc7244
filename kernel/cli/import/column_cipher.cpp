#include "cli/import/column_cipher.h"

#include <utility>

#include "base/text.h"
#include "crypto/aes_cbc.h"

namespace agentidp::cli {
namespace {

using Parts = std::pair<base::Bytes, base::Bytes>;

std::optional<Parts> partsOf(std::string_view value, CipherForm form) {
    const auto colon = value.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto decode = [form](std::string_view text) { return form == CipherForm::Hex ? base::unhex(text) : base::unbase64(text); };
    auto iv = decode(value.substr(0, colon));
    auto sealed = decode(value.substr(colon + 1));
    if (!iv || !sealed || iv->size() != 16 || sealed->empty() || sealed->size() % 16 != 0) return std::nullopt;
    return Parts(std::move(*iv), std::move(*sealed));
}

}  // namespace

base::Result<ColumnCipher> ColumnCipher::make(const base::Secret& key, CipherForm form) {
    auto bytes = base::unhex(key.text());
    if (!bytes || bytes->size() != 32) bytes = base::unbase64(key.text());
    if (!bytes || bytes->size() != 32)
        return base::fail(base::Errc::Invalid, "the column key is 32 bytes, as 64 hexadecimal digits or as base64");
    return ColumnCipher(base::Secret(std::move(*bytes)), form);
}

bool ColumnCipher::isSealed(std::string_view value, CipherForm form) { return partsOf(value, form).has_value(); }

base::Result<base::Secret> ColumnCipher::open(std::string_view value) const {
    const auto parts = partsOf(value, form_);
    if (!parts) return base::fail(base::Errc::Invalid, "the value is not sealed in this form");
    return crypto::openAesCbc(key_.view(), parts->first, parts->second);
}

}  // namespace agentidp::cli
