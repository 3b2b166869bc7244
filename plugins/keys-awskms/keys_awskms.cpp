#include "keys_awskms.h"

#include <algorithm>

namespace agentidp::keys_awskms {
namespace {

constexpr std::size_t kLargestDataKey = 4'096;

bool isWord(std::string_view text, std::size_t most) {
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return !text.empty() && text.size() <= most && text.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// What is bound beside the caller's own: a data key cannot be taken for a key file, nor the other way round.
std::string dataKeyPlace(std::string_view aad) { return "data key\n" + std::string(aad); }

}  // namespace

aip::Status KeysAwskms::configure(const aip::Config& config) {
    key_ = config.text("key_id");
    where_ = {config.text("region"), config.text("endpoint"), config.text("ca_file"), config.integer("per_second", 100)};
    who_ = {config.text("access_key_id"), config.text("secret_access_key"),
            config.text("session_token"), {},
            config.text("sts_endpoint"),  where_.caFile};
    keys_ = {config.text("label", "default"), static_cast<unsigned>(config.integer("rsa_bits", 2048)), config.integer("deletion_days", 30)};
    local_ = config.text("signing", "local") == "local";
    dir_ = config.text("dir");
    shared_ = config.boolean("shared");
    if (key_.empty()) return aip::invalid("plugins.keys-awskms.key_id is needed: the id, ARN or alias of a symmetric KMS key that wraps");
    if (!where_.region.empty() && !isWord(where_.region, 32)) return aip::invalid("plugins.keys-awskms.region is no region");
    if (!isWord(keys_.label, 64) || keys_.label == "retired")
        return aip::invalid("plugins.keys-awskms.label has 1 to 64 letters, digits, dashes or underscores, and is not `retired`");
    if (who_.accessKeyId.empty() != who_.secretAccessKey.empty())
        return aip::invalid("plugins.keys-awskms.access_key_id and secret_access_key are set together or not at all");
    if (!dir_.empty() && dir_.front() != '/') return aip::invalid("plugins.keys-awskms.dir is not an absolute path");
    if (!local_ && keys_.rsaBits != 2048 && keys_.rsaBits != 3072 && keys_.rsaBits != 4096)
        return aip::invalid("plugins.keys-awskms.rsa_bits is 2048, 3072 or 4096 where KMS makes the keys");
    return {};
}

/// The setting; else what AWS's own tools read.
std::string KeysAwskms::regionHere() const {
    if (!where_.region.empty()) return where_.region;
    for (const char* name : {"env:AWS_REGION", "env:AWS_DEFAULT_REGION"})
        if (const auto given = host().secret(name); given && isWord(given->view(), 32)) return std::string(given->view());
    // An ARN names its region: arn:aws:kms:eu-central-1:...
    std::string_view rest = key_;
    for (int part = 0; part < 3 && !rest.empty(); ++part) rest.remove_prefix(std::min(rest.size(), rest.find(':') + 1));
    const auto region = rest.substr(0, rest.find(':'));
    return key_.compare(0, 4, "arn:") == 0 && isWord(region, 32) ? std::string(region) : std::string();
}

/// The setting; else what AWS's own tools read; empty for AWS's own of the region.
std::string KeysAwskms::endpointHere(const std::string& setting, const char* service) const {
    if (!setting.empty()) return setting;
    for (const auto& name : {"env:AWS_ENDPOINT_URL_" + std::string(service), std::string("env:AWS_ENDPOINT_URL")})
        if (const auto given = host().secret(name); given && !given->empty()) return std::string(given->view());
    return {};
}

aip::Status KeysAwskms::start(const aip::Call& call) {
    (void)stop(call);
    auto where = where_;
    where.region = regionHere();
    if (where.region.empty()) return aip::invalid("plugins.keys-awskms.region is needed: neither AWS_REGION nor an ARN says it");
    where.endpoint = endpointHere(where_.endpoint, "KMS");
    auto who = who_;
    who.region = where.region;
    who.stsEndpoint = endpointHere(who_.stsEndpoint, "STS");
    credentials_ = std::make_unique<Credentials>(host(), who);
    auto kms = Kms::open(host(), where, *credentials_);
    if (!kms) return kms.fail();
    kms_ = std::move(*kms);
    envelope_ = std::make_unique<Envelope>(*kms_, key_);
    if (auto started = envelope_->start(call); !started) return started;
    if (local_) return startLocal(call);
    remote_ = std::make_unique<KmsKeys>(host(), *kms_, keys_);
    return remote_->start(call);
}

aip::Status KeysAwskms::startLocal(const aip::Call& call) {
    auto dir = dir_;
    if (dir.empty()) {
        if (host().dataDir().empty()) return aip::invalid("plugins.keys-awskms.dir is needed: the host has no data directory");
        dir = host().dataDir() + "/keys-awskms";
    }
    auto folder = keystore::KeyFolder::open(dir);
    if (!folder) return folder.fail();
    folder_ = std::make_unique<keystore::KeyFolder>(std::move(*folder));
    store_ = std::make_unique<keystore::KeyStore>(host(), *folder_, *envelope_, keystore::KeyStore::Settings{shared_, keys_.rsaBits, {}});
    return store_->start(call);
}

aip::Status KeysAwskms::stop(const aip::Call&) {
    store_.reset();
    folder_.reset();
    remote_.reset();
    envelope_.reset();
    kms_.reset();
    credentials_.reset();
    return {};
}

aip::Status KeysAwskms::health(aip::Fields& details, const aip::Call&) {
    if (!envelope_) return aip::unavailable("not started");
    details.text("key", envelope_->id()).text("credentials", credentials_->source()).text("signing", local_ ? "local" : "remote");
    if (!store_) {
        details.integer("keys", static_cast<std::int64_t>(remote_->count()));
        return {};
    }
    details.text("dir", folder_->path()).integer("keys", store_->count().keys);
    return folder_->check();
}

aip::KeysAbilities KeysAwskms::abilities() const {
    if (local_) return {{"ES256", "RS256", "PS256", "EdDSA"}, true, true, false};
    return {{"ES256", "RS256", "PS256"}, false, true, true};
}

aip::Outcome<aip::HeldKey> KeysAwskms::generate(std::string_view alg, const aip::Call& call) {
    return store_ ? store_->generate(alg, call) : remote_->generate(alg, call);
}

aip::Outcome<aip::HeldKey> KeysAwskms::import(std::string_view alg, std::string_view pkcs8, const aip::Call& call) {
    if (!store_) return aip::unsupported("keys of KMS are made in it");
    return store_->import(alg, pkcs8, call);
}

aip::Outcome<std::vector<aip::HeldKey>> KeysAwskms::list(const aip::Call& call) {
    return store_ ? store_->list(call) : remote_->list(call);
}

aip::Outcome<aip::Signed> KeysAwskms::sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) {
    return store_ ? store_->sign(fingerprint, data, call) : remote_->sign(fingerprint, data, call);
}

aip::Status KeysAwskms::retire(std::string_view fingerprint, const aip::Call& call) {
    return store_ ? store_->retire(fingerprint, call) : remote_->retire(fingerprint, call);
}

aip::Outcome<std::string> KeysAwskms::wrap(std::string_view plain, std::string_view aad, const aip::Call& call) {
    if (plain.empty() || plain.size() > kLargestDataKey) return aip::invalid("a data key has 1 to 4096 bytes");
    return envelope_->seal(plain, dataKeyPlace(aad), call);
}

aip::Outcome<aip::Secret> KeysAwskms::unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call) {
    return envelope_->open(wrapped, dataKeyPlace(aad), call);
}

aip::Outcome<aip::Secret> KeysAwskms::exportPrivate(std::string_view fingerprint, const aip::Call& call) {
    if (!store_) return aip::unsupported("private keys never leave KMS");
    return store_->exportPrivate(fingerprint, call);
}

}  // namespace agentidp::keys_awskms

AGENTIDP_PLUGIN(KEYS, agentidp::keys_awskms::KeysAwskms, "awskms", "1.0.0", "AgentIdP", AIP_F_CONCURRENT | AIP_F_THREADS | AIP_F_BLOCKS,
                R"json({
    "key_id": {"type": "string", "default": "",
            "doc": "The symmetric KMS key (ENCRYPT_DECRYPT) that wraps: its id, ARN or alias/NAME. Do not point an alias to another key later; KMS's own yearly rotation is fine."},
    "region": {"type": "string", "default": "", "doc": "Empty: AWS_REGION, AWS_DEFAULT_REGION, or that of the key's ARN."},
    "endpoint": {"type": "string", "default": "", "doc": "Another URL than AWS's of the region: a VPC or FIPS endpoint, or a test server. Empty: AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL, else AWS's."},
    "ca_file": {"type": "string", "default": "", "doc": "PEM file of the only roots that are trusted at the endpoint. Empty: the system's."},
    "access_key_id": {"type": "string", "default": "", "doc": "A user's access key. Empty: AWS_ACCESS_KEY_ID, web identity (IRSA), the container's endpoint, the instance's role, in this order."},
    "secret_access_key": {"type": "secret_ref", "doc": "Its secret, as file:PATH, cred:NAME or env:NAME."},
    "session_token": {"type": "secret_ref", "doc": "Its session token, if it is a temporary one."},
    "sts_endpoint": {"type": "string", "default": "", "doc": "For web identity: another URL than AWS's STS of the region."},
    "signing": {"type": "string", "default": "local", "enum": ["local", "remote"],
                "doc": "local: signing keys are made in this process and kept as files under data keys of KMS. remote: they are made in KMS, and every signature is a request."},
    "label": {"type": "string", "default": "default", "doc": "signing = remote: names the keys of this installation among others of the account (alias/agentidp/LABEL/..., tag agentidp=LABEL)."},
    "deletion_days": {"type": "integer", "default": 30, "min": 7, "max": 30, "doc": "signing = remote: days between the retirement of a key and its deletion by KMS."},
    "dir": {"type": "string", "default": "",
            "doc": "signing = local: absolute path of the directory of sealed key files, 0700. Empty: `keys-awskms` in data.dir."},
    "shared": {"type": "boolean", "default": false, "doc": "signing = local: `dir` is the same directory for all replicas (a network file system)."},
    "per_second": {"type": "integer", "default": 100, "min": 1, "max": 10000, "doc": "Requests to KMS a second at most, so that a daemon cannot spend the account's quota alone."},
    "rsa_bits": {"type": "integer", "default": 2048, "min": 2048, "max": 8192, "doc": "Size of generated RSA keys, for RS256 and PS256; 2048, 3072 or 4096 with signing = remote."}
})json")
