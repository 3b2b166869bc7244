/// Any bytes as a column that the reference sealed, and as the key to it: opened where they have the form, or refused. The first byte
/// chooses the form.
#include "byte_input.h"
#include "cli/import/column_cipher.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    if (size < 1) return 0;
    const auto form = data[0] % 2 == 0 ? cli::CipherForm::Hex : cli::CipherForm::Base64;
    const auto text = fuzz::textOf(data + 1, size - 1);
    static const auto kKey = base::Secret::fromText("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    const auto cipher = cli::ColumnCipher::make(kKey, form);
    fuzz::require(cipher.ok());
    if (cipher->open(text)) fuzz::require(cli::ColumnCipher::isSealed(text, form));
    // A key has 64 hexadecimal digits, or 44 characters of base64.
    if (cli::ColumnCipher::make(base::Secret::fromText(std::string(text)), form)) fuzz::require(text.size() == 64 || text.size() == 44);
    return 0;
}
