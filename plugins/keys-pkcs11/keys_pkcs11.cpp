#include "keys_pkcs11.h"

namespace agentidp::keys_pkcs11 {
namespace {

constexpr std::size_t kLargestDataKey = 4'096;

bool isLabelPrefix(std::string_view text) {
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !text.empty() && text.size() <= 32 && text.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// What is bound beside the caller's own: a data key cannot be taken for a key file, nor the other way round.
std::string dataKeyPlace(std::string_view aad) { return "data key\n" + std::string(aad); }

}  // namespace

aip::Status KeysPkcs11::configure(const aip::Config& config) {
    token_ = {config.text("module"), config.text("token_label"), config.text("pin"),
              static_cast<std::size_t>(config.integer("sessions", 8))};
    keys_ = {config.text("label", "agentidp"), static_cast<unsigned>(config.integer("rsa_bits", 2048))};
    local_ = config.text("signing", "local") == "local";
    dir_ = config.text("dir");
    shared_ = config.boolean("shared");
    if (token_.module.empty()) return aip::invalid("plugins.keys-pkcs11.module is needed: a path, or a name of p11-kit list-modules");
    if (token_.token.empty()) return aip::invalid("plugins.keys-pkcs11.token_label is needed: the label of the token, or a pkcs11: URI");
    if (!isLabelPrefix(keys_.prefix))
        return aip::invalid("plugins.keys-pkcs11.label has 1 to 32 letters, digits, dots, dashes or underscores");
    if (!dir_.empty() && dir_.front() != '/') return aip::invalid("plugins.keys-pkcs11.dir is not an absolute path");
    return {};
}

aip::Status KeysPkcs11::start(const aip::Call& call) {
    (void)stop(call);
    open_ = std::make_unique<Token>(host(), token_);
    if (auto opened = open_->open(call); !opened) return opened;
    wrapping_ = std::make_unique<Wrapping>(host(), *open_, keys_.prefix);
    if (auto started = wrapping_->start(call); !started) return started;
    if (local_) return startLocal(call);
    remote_ = std::make_unique<TokenKeys>(host(), *open_, keys_);
    if (remote_->algorithms().empty())
        return aip::unsupported("the token signs with no algorithm of JWS",
                                "ECDSA on P-256, RSA with SHA-256 or EdDSA is wanted, and its key generation");
    return remote_->start(call);
}

aip::Status KeysPkcs11::startLocal(const aip::Call& call) {
    auto dir = dir_;
    if (dir.empty()) {
        if (host().dataDir().empty()) return aip::invalid("plugins.keys-pkcs11.dir is needed: the host has no data directory");
        dir = host().dataDir() + "/keys-pkcs11";
    }
    auto folder = keystore::KeyFolder::open(dir);
    if (!folder) return folder.fail();
    folder_ = std::make_unique<keystore::KeyFolder>(std::move(*folder));
    store_ = std::make_unique<keystore::KeyStore>(host(), *folder_, *wrapping_, keystore::KeyStore::Settings{shared_, keys_.rsaBits, {}});
    return store_->start(call);
}

aip::Status KeysPkcs11::stop(const aip::Call&) {
    store_.reset();
    folder_.reset();
    remote_.reset();
    wrapping_.reset();
    open_.reset();
    return {};
}

aip::Status KeysPkcs11::health(aip::Fields& details, const aip::Call& call) {
    if (!open_) return aip::unavailable("not started");
    const auto about = open_->about();
    details.text("token", about.label).text("serial", about.serial).text("model", about.model).text("signing", local_ ? "local" : "remote");
    if (store_)
        details.text("dir", folder_->path()).integer("keys", store_->count().keys);
    else
        details.integer("keys", static_cast<std::int64_t>(remote_->count()));
    if (store_) {
        if (auto there = folder_->check(); !there) return there;
    }
    const auto done = open_->run(call, [](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
        CK_SESSION_INFO info{};
        return functions.C_GetSessionInfo(session, &info);
    });
    if (!done) return done.fail();
    return *done == CKR_OK ? aip::Status() : failOf(*done, "C_GetSessionInfo");
}

aip::KeysAbilities KeysPkcs11::abilities() const {
    if (local_) return {{"ES256", "RS256", "PS256", "EdDSA"}, true, true, false};
    return {remote_ ? remote_->algorithms() : std::vector<std::string>(), false, true, true};
}

aip::Outcome<aip::HeldKey> KeysPkcs11::generate(std::string_view alg, const aip::Call& call) {
    return store_ ? store_->generate(alg, call) : remote_->generate(alg, call);
}

aip::Outcome<aip::HeldKey> KeysPkcs11::import(std::string_view alg, std::string_view pkcs8, const aip::Call& call) {
    if (!store_) return aip::unsupported("keys of a token are made in it");
    return store_->import(alg, pkcs8, call);
}

aip::Outcome<std::vector<aip::HeldKey>> KeysPkcs11::list(const aip::Call& call) {
    return store_ ? store_->list(call) : remote_->list(call);
}

aip::Outcome<aip::Signed> KeysPkcs11::sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) {
    return store_ ? store_->sign(fingerprint, data, call) : remote_->sign(fingerprint, data, call);
}

aip::Status KeysPkcs11::retire(std::string_view fingerprint, const aip::Call& call) {
    return store_ ? store_->retire(fingerprint, call) : remote_->retire(fingerprint, call);
}

aip::Outcome<std::string> KeysPkcs11::wrap(std::string_view plain, std::string_view aad, const aip::Call& call) {
    if (plain.empty() || plain.size() > kLargestDataKey) return aip::invalid("a data key has 1 to 4096 bytes");
    return wrapping_->seal(plain, dataKeyPlace(aad), call);
}

aip::Outcome<aip::Secret> KeysPkcs11::unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call) {
    return wrapping_->open(wrapped, dataKeyPlace(aad), call);
}

aip::Outcome<aip::Secret> KeysPkcs11::exportPrivate(std::string_view fingerprint, const aip::Call& call) {
    if (!store_) return aip::unsupported("private keys never leave the token");
    return store_->exportPrivate(fingerprint, call);
}

}  // namespace agentidp::keys_pkcs11

AGENTIDP_PLUGIN(KEYS, agentidp::keys_pkcs11::KeysPkcs11, "pkcs11", "1.0.0", "AgentIdP", AIP_F_CONCURRENT | AIP_F_BLOCKS, R"json({
    "module": {"type": "string", "default": "",
               "doc": "The PKCS#11 module: an absolute path, or the name of one that p11-kit is configured with (p11-kit list-modules)."},
    "token_label": {"type": "string", "default": "",
              "doc": "The label of the token, or a URI of it (RFC 7512): pkcs11:serial=1234. No PIN in it."},
    "pin": {"type": "secret_ref", "doc": "The user PIN, as file:PATH, cred:NAME or env:NAME. Empty where the token has a PIN pad or wants no login."},
    "signing": {"type": "string", "default": "local", "enum": ["local", "remote"],
                "doc": "local: signing keys are made in this process and kept as files, sealed under a key that never leaves the token. remote: they are made in the token, never leave it, and every signature is a call."},
    "label": {"type": "string", "default": "agentidp",
              "doc": "What the labels of our objects in the token begin with. Objects of other names are never touched. Two installations in one token take two."},
    "dir": {"type": "string", "default": "",
            "doc": "signing = local: absolute path of the directory of sealed key files, 0700. Empty: `keys-pkcs11` in data.dir."},
    "shared": {"type": "boolean", "default": false, "doc": "signing = local: `dir` is the same directory for all replicas (a network file system)."},
    "sessions": {"type": "integer", "default": 8, "min": 1, "max": 256, "doc": "Sessions with the token at most, opened as they are needed."},
    "rsa_bits": {"type": "integer", "default": 2048, "min": 2048, "max": 8192, "doc": "Size of generated RSA keys, for RS256 and PS256."}
})json")
