#pragma once
/// @file kernel/cli/import/column_cipher.h
/// Columns that the reference sealed with AES-256-CBC: IV and ciphertext as two texts with a colon between them.
#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace agentidp::cli {

enum class CipherForm { Hex, Base64 };

class ColumnCipher {
public:
    /// `key`: 32 bytes as 64 hexadecimal digits, or as base64. Errc::Invalid otherwise.
    static base::Result<ColumnCipher> make(const base::Secret& key, CipherForm form);
    /// Whether `value` has the form of a sealed one. A bcrypt hash or a path never does.
    [[nodiscard]] static bool isSealed(std::string_view value, CipherForm form);
    /// Errc::Invalid: another key, or a damaged value.
    [[nodiscard]] base::Result<base::Secret> open(std::string_view value) const;

private:
    ColumnCipher(base::Secret key, CipherForm form) : key_(std::move(key)), form_(form) {}
    base::Secret key_;
    CipherForm form_;
};

}  // namespace agentidp::cli
