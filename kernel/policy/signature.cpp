#include "policy/signature.h"

namespace agentidp::policy {
namespace {

/// The first line keeps a signature of something else by the same key, such as a checkpoint, from being one of a bundle.
std::string statementOf(const Bundle& bundle) { return "agentidp hook bundle\nsha256 " + bundle.sha256() + "\n"; }

}  // namespace

base::Result<std::vector<audit::NoteKey>> readTrust(const std::vector<std::string>& keys) {
    std::vector<audit::NoteKey> out;
    for (const auto& text : keys) {
        auto key = audit::NoteKey::parse(text);
        if (!key)
            return base::fail(
                base::Errc::Invalid,
                "hooks.trust: " + text + " is no public key; one looks like name+hhhhhhhh+base64, as agentidp hook sign prints it");
        out.push_back(std::move(*key));
    }
    return out;
}

base::Result<std::string> signBundle(const Bundle& bundle, const audit::NoteKey& key, const audit::Sign& sign) {
    auto note = audit::signNote(statementOf(bundle), key, sign);
    if (!note) return std::move(note).error();
    return note->write();
}

base::Result<void> verifyBundle(const Bundle& bundle, const std::vector<audit::NoteKey>& trust) {
    using base::Errc;
    if (trust.empty()) return {};
    if (bundle.signature.empty()) return base::fail(Errc::Denied, "the bundle is not signed, and hooks.trust wants a signature");
    const auto note = audit::parseNote(bundle.signature);
    if (!note) return base::fail(Errc::Denied, std::string(kSignatureFile) + " is no signature of a bundle");
    if (note->text != statementOf(bundle)) return base::fail(Errc::Denied, "the signature is of other files than these");
    if (const auto verified = audit::verifyNote(*note, trust); !verified)
        return base::fail(Errc::Denied, "no key of hooks.trust signed the bundle, or its signature is wrong");
    return {};
}

}  // namespace agentidp::policy
