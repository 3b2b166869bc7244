#include "plugin/keys_plugin.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace agentidp::plugin {
namespace {

constexpr std::size_t kMaxKeyJson = 16U << 10U;
constexpr std::size_t kMaxListJson = 1U << 20U;
constexpr std::size_t kMaxSignature = 1024;
constexpr std::size_t kMaxFingerprint = 43;
constexpr std::size_t kMaxWrapped = 64U << 10U;
constexpr std::size_t kMaxSecret = 16U << 10U;

bool isFingerprint(std::string_view text) {
    const auto bytes = base::unbase64url(text);
    return bytes && bytes->size() == 32;
}

/// RFC 7517: "d" and its like are private, "k" is the whole of a symmetric key.
bool isPublicJwk(const base::json::Value& jwk) {
    static constexpr std::array<std::string_view, 8> kPrivate = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    return jwk.asObject() != nullptr && !jwk.textOr("kty", "").empty() &&
           std::none_of(kPrivate.begin(), kPrivate.end(), [&](std::string_view member) { return jwk.find(member) != nullptr; });
}

bool isAlgorithm(std::string_view alg) { return alg == "ES256" || alg == "RS256" || alg == "PS256" || alg == "EdDSA"; }

bool flagOf(const base::json::Value& object, std::string_view name) {
    const auto* value = object.find(name);
    return value != nullptr && value->asBool() != nullptr && *value->asBool();
}

base::Result<base::Secret> secretOf(Frame& frame) {
    const auto& held = frame.first.bytes();
    return base::Secret(base::Bytes(held.begin(), held.end()));
}

base::Error notOffered(const char* what) { return base::fail(base::Errc::Unsupported, what); }

}  // namespace

KeysPlugin::KeysPlugin(std::unique_ptr<Instance> instance)
    : instance_(std::move(instance)),
      ops_(instance_->ops<aip_keys_ops>()),
      generate_(instance_->operation("generate")),
      import_(instance_->operation("import")),
      list_(instance_->operation("list")),
      sign_(instance_->operation("sign")),
      retire_(instance_->operation("retire")),
      wrap_(instance_->operation("wrap")),
      unwrap_(instance_->operation("unwrap")),
      export_(instance_->operation("export_private")) {
    const auto& told = instance_->description();
    if (const auto* algorithms = told.find("algorithms"); algorithms != nullptr && algorithms->asArray() != nullptr)
        for (const auto& alg : *algorithms->asArray())
            if (alg.asText() != nullptr) abilities_.algorithms.push_back(*alg.asText());
    abilities_.exportable = flagOf(told, "exportable");
    abilities_.wraps = flagOf(told, "wraps");
    abilities_.remote = flagOf(told, "remote");
}

base::Result<std::unique_ptr<KeysPlugin>> KeysPlugin::open(std::unique_ptr<Instance> instance) {
    const auto refuse = [](const char* why) { return base::fail(base::Errc::Invalid, std::string("describe: ") + why); };
    const auto& ops = instance->ops<aip_keys_ops>();
    if (ops.size < sizeof ops || ops.generate == nullptr || ops.list == nullptr || ops.sign == nullptr || ops.retire == nullptr)
        return refuse("its table of operations is not a keys plugin's");
    std::unique_ptr<KeysPlugin> keys(new KeysPlugin(std::move(instance)));
    const KeysAbilities& can = keys->abilities_;
    if (can.algorithms.empty()) return refuse("it offers no algorithm");
    for (const auto& alg : can.algorithms)
        if (!isAlgorithm(alg)) return refuse("it offers an algorithm that is not ES256, RS256, PS256 or EdDSA");
    if (can.wraps && (ops.wrap == nullptr || ops.unwrap == nullptr)) return refuse("it says that it wraps and has no wrap or unwrap");
    if (can.exportable && ops.export_private == nullptr) return refuse("it says that it is exportable and has no export_private");
    return keys;
}

base::Result<HeldKey> KeysPlugin::readKey(const Operation& operation, const base::json::Value& told, std::string_view alg) const {
    const auto* jwk = told.find("jwk");
    HeldKey key;
    key.fingerprint = told.textOr("fingerprint", "");
    key.alg = alg;
    key.retired = flagOf(told, "retired");
    if (!isFingerprint(key.fingerprint)) return instance_->brokePromise(operation, "a fingerprint is not 43 characters of base64url");
    if (jwk == nullptr || !isPublicJwk(*jwk)) return instance_->brokePromise(operation, "a key has no public JWK");
    key.jwk = *jwk;
    return key;
}

base::Result<HeldKey> KeysPlugin::readMade(const Operation& operation, Frame& frame, std::string_view alg) const {
    const auto told = base::json::parse(frame.first.bytes());
    if (!told) return instance_->brokePromise(operation, "its answer is not JSON");
    return readKey(operation, *told, alg);
}

base::Result<HeldKey> KeysPlugin::generate(std::string_view alg, const Call& call) {
    return instance_->call(
        generate_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), alg = frame.keep(alg)](Frame& at) {
                return table->generate(self, at.call(), alg, at.first.sink(kMaxKeyJson), &at.error);
            };
        },
        [&](Frame& frame) { return readMade(generate_, frame, alg); });
}

base::Result<HeldKey> KeysPlugin::import(std::string_view alg, const base::Secret& pkcs8, const Call& call) {
    if (ops_.import == nullptr) return notOffered("this keys plugin takes no private keys");
    return instance_->call(
        import_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), alg = frame.keep(alg), key = frame.keep(pkcs8.text())](Frame& at) {
                return table->import(self, at.call(), alg, key, at.first.sink(kMaxKeyJson), &at.error);
            };
        },
        [&](Frame& frame) { return readMade(import_, frame, alg); }, Frame::Sensitive::Yes);
}

base::Result<std::vector<HeldKey>> KeysPlugin::list(const Call& call) {
    return instance_->call(
        list_, call,
        [&](Frame&) {
            return [table = &ops_, self = instance_->self()](Frame& at) {
                return table->list(self, at.call(), at.first.sink(kMaxListJson), &at.error);
            };
        },
        [&](Frame& frame) -> base::Result<std::vector<HeldKey>> {
            const auto told = base::json::parse(frame.first.bytes());
            const auto* items = told ? told->find("keys") : nullptr;
            if (items == nullptr || items->asArray() == nullptr) return instance_->brokePromise(list_, "its answer has no list of keys");
            std::vector<HeldKey> keys;
            for (const auto& item : *items->asArray()) {
                const std::string alg = item.textOr("alg", "");
                if (!isAlgorithm(alg)) return instance_->brokePromise(list_, "a key has no known algorithm");
                auto key = readKey(list_, item, alg);
                if (!key) return std::move(key).error();
                keys.push_back(std::move(*key));
            }
            return keys;
        });
}

base::Result<Signed> KeysPlugin::sign(std::string_view fingerprint, base::BytesView data, const Call& call) {
    return instance_->call(
        sign_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), name = frame.keep(fingerprint),
                    bytes = frame.keep(base::textOf(data))](Frame& at) {
                return table->sign(self, at.call(), name, bytes, at.first.sink(kMaxSignature), at.second.sink(kMaxFingerprint), &at.error);
            };
        },
        [&](Frame& frame) -> base::Result<Signed> {
            const auto& signature = frame.first.bytes();
            if (signature.empty()) return instance_->brokePromise(sign_, "the signature is empty");
            if (!isFingerprint(frame.second.bytes()))
                return instance_->brokePromise(sign_, "a fingerprint is not 43 characters of base64url");
            return Signed{base::Bytes(signature.begin(), signature.end()), std::move(frame.second.bytes())};
        });
}

base::Result<void> KeysPlugin::retire(std::string_view fingerprint, const Call& call) {
    return instance_->call(
        retire_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), name = frame.keep(fingerprint)](Frame& at) {
                return table->retire(self, at.call(), name, &at.error);
            };
        },
        [](Frame&) { return base::Result<void>(); });
}

base::Result<base::Bytes> KeysPlugin::wrap(const base::Secret& plain, std::string_view aad, const Call& call) {
    if (ops_.wrap == nullptr || !abilities_.wraps) return notOffered("this keys plugin wraps no data keys");
    return instance_->call(
        wrap_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), key = frame.keep(plain.text()), aad = frame.keep(aad)](Frame& at) {
                return table->wrap(self, at.call(), key, aad, at.first.sink(kMaxWrapped), &at.error);
            };
        },
        [&](Frame& frame) -> base::Result<base::Bytes> {
            const auto& wrapped = frame.first.bytes();
            if (wrapped.empty()) return instance_->brokePromise(wrap_, "the wrapped key is empty");
            return base::Bytes(wrapped.begin(), wrapped.end());
        },
        Frame::Sensitive::Yes);
}

base::Result<base::Secret> KeysPlugin::unwrap(base::BytesView wrapped, std::string_view aad, const Call& call) {
    if (ops_.unwrap == nullptr || !abilities_.wraps) return notOffered("this keys plugin wraps no data keys");
    return instance_->call(
        unwrap_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), bytes = frame.keep(base::textOf(wrapped)), aad = frame.keep(aad)](Frame& at) {
                return table->unwrap(self, at.call(), bytes, aad, at.first.secretSink(kMaxSecret), &at.error);
            };
        },
        secretOf);
}

base::Result<base::Secret> KeysPlugin::exportPrivate(std::string_view fingerprint, const Call& call) {
    if (ops_.export_private == nullptr || !abilities_.exportable) return notOffered("private keys never leave this keys plugin");
    return instance_->call(
        export_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), name = frame.keep(fingerprint)](Frame& at) {
                return table->export_private(self, at.call(), name, at.first.secretSink(kMaxSecret), &at.error);
            };
        },
        secretOf);
}

}  // namespace agentidp::plugin
