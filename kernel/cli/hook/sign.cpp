/// `agentidp hook sign`: bundle.sig beside the scripts, by an Ed25519 key that never comes near the daemon.
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "cli/arguments/arguments.h"
#include "cli/hook/hook_files.h"
#include "cli/hook/verbs.h"
#include "crypto/key.h"
#include "jose/jwk.h"
#include "policy/signature.h"

namespace agentidp::cli {
namespace {

base::Result<crypto::PrivateKey> keyOf(const std::string& path) {
    const auto text = readText(path);
    if (!text) return text.error();
    const bool jwk = base::trim(*text).starts_with("{");
    auto key = [&]() -> base::Result<crypto::PrivateKey> {
        if (!jwk) return crypto::PrivateKey::fromPem(*text);
        auto read = jose::importPrivateText(base::trim(*text));
        if (!read) return std::move(read).error();
        return std::move(read->key);
    }();
    if (!key) return base::fail(base::Errc::Invalid, path + " is no private key: " + key.error().hint);
    if (key->type() != crypto::KeyType::Ed25519)
        return base::fail(base::Errc::Invalid, path + " is no Ed25519 key; make one: openssl genpkey -algorithm ed25519 -out hooks.pem");
    return key;
}

base::Result<void> writeWhole(const std::filesystem::path& path, const std::string& text) {
    const auto beside = path.string() + ".new";
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    std::error_code error;
    if (out) std::filesystem::rename(beside, path, error);
    if (!out || error) return base::fail(base::Errc::Unavailable, path.string() + " cannot be written");
    return {};
}

}  // namespace

int runHookSign(const Invocation& invocation) {
    const auto arguments = Arguments::read(invocation.words, {}, {"--key", "--name"});
    if (!arguments) return refuse("hook sign: " + arguments.error().hint, kMisuse);
    if (arguments->rest.size() != 1 || !arguments->values.contains("--key"))
        return refuse("hook sign wants a folder and --key FILE", kMisuse);
    const auto key = keyOf(arguments->value("--key"));
    if (!key) return refuse(key.error());
    const std::filesystem::path folder(arguments->rest[0]);
    if (!std::filesystem::is_directory(folder)) return refuse("hook sign: " + folder.string() + " is no folder", kMisuse);
    const auto files = readHooks(invocation, folder.string());
    tellComplaints(files.complaints, std::cerr);
    if (files.refused()) return refuse("hook sign: what would not load is not signed", kFailed);
    const auto name = arguments->value("--name", "hooks");
    const auto noteKey = audit::NoteKey::of(name, key->publicKey().members().x);
    if (const auto parsed = audit::NoteKey::parse(noteKey.text()); !parsed)
        return refuse("hook sign: --name " + name + " cannot be a key's name: no spaces, no '+'", kMisuse);
    const auto signature =
        policy::signBundle(files.bundle, noteKey, [&](base::BytesView data) { return key->sign(crypto::Algorithm::EdDsa, data); });
    if (!signature) return refuse(signature.error());
    if (const auto written = writeWhole(folder / std::string(policy::kSignatureFile), *signature); !written) return refuse(written.error());
    if (invocation.json())
        std::cout << base::json::write(base::json::Object{{"sha256", files.bundle.sha256()}, {"key", noteKey.text()}}) << "\n";
    else
        std::cout << "signed " << files.bundle.sha256() << "\nhooks.trust = " << noteKey.text() << "\n";
    return kDone;
}

}  // namespace agentidp::cli
