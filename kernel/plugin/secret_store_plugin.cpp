#include "plugin/secret_store_plugin.h"

#include <algorithm>

#include "base/text.h"

namespace agentidp::plugin {
namespace {

constexpr std::size_t kMaxVersion = 128;
constexpr std::size_t kMaxVersionsJson = 256U << 10U;
constexpr std::size_t kMaxSecret = 64U << 10U;
constexpr std::size_t kMaxPath = 256;

/// The border promises [A-Za-z0-9/_-]{1,256}; anything else is this daemon's own bug.
base::Result<void> checkPath(std::string_view path) {
    const bool good = !path.empty() && path.size() <= kMaxPath && std::all_of(path.begin(), path.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-';
    });
    if (good) return {};
    return base::fail(base::Errc::Invalid, "not a path of a secret");
}

bool isVersion(std::string_view text) { return !text.empty() && text.size() <= kMaxVersion && base::isUtf8(text); }

}  // namespace

SecretStorePlugin::SecretStorePlugin(std::unique_ptr<Instance> instance)
    : instance_(std::move(instance)),
      ops_(instance_->ops<aip_secrets_ops>()),
      put_(instance_->operation("put")),
      get_(instance_->operation("get")),
      remove_(instance_->operation("remove")),
      versions_(instance_->operation("versions")) {}

base::Result<std::unique_ptr<SecretStorePlugin>> SecretStorePlugin::open(std::unique_ptr<Instance> instance) {
    const auto& ops = instance->ops<aip_secrets_ops>();
    if (ops.size < sizeof ops || ops.put == nullptr || ops.get == nullptr || ops.remove == nullptr || ops.versions == nullptr)
        return base::fail(base::Errc::Invalid, "describe: its table of operations is not a secrets plugin's");
    return std::unique_ptr<SecretStorePlugin>(new SecretStorePlugin(std::move(instance)));
}

base::Result<std::string> SecretStorePlugin::put(std::string_view path, const base::Secret& secret, const Call& call) {
    if (auto good = checkPath(path); !good) return good.error();
    return instance_->call(
        put_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), path = frame.keep(path), bytes = frame.keep(secret.text())](Frame& at) {
                return table->put(self, at.call(), path, bytes, at.first.sink(kMaxVersion), &at.error);
            };
        },
        [&](Frame& frame) -> base::Result<std::string> {
            if (!isVersion(frame.first.bytes())) return instance_->brokePromise(put_, "it named no version");
            return std::move(frame.first.bytes());
        },
        Frame::Sensitive::Yes);
}

base::Result<base::Secret> SecretStorePlugin::get(std::string_view path, std::string_view version, const Call& call) {
    if (auto good = checkPath(path); !good) return good.error();
    return instance_->call(
        get_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), path = frame.keep(path), version = frame.keep(version)](Frame& at) {
                return table->get(self, at.call(), path, version, at.first.secretSink(kMaxSecret), &at.error);
            };
        },
        [](Frame& frame) -> base::Result<base::Secret> {
            const auto& held = frame.first.bytes();
            return base::Secret(base::Bytes(held.begin(), held.end()));
        });
}

base::Result<void> SecretStorePlugin::remove(std::string_view path, const Call& call) {
    if (auto good = checkPath(path); !good) return good;
    return instance_->call(
        remove_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), path = frame.keep(path)](Frame& at) {
                return table->remove(self, at.call(), path, &at.error);
            };
        },
        [](Frame&) { return base::Result<void>(); });
}

base::Result<std::vector<std::string>> SecretStorePlugin::versions(std::string_view path, const Call& call) {
    if (auto good = checkPath(path); !good) return good.error();
    return instance_->call(
        versions_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), path = frame.keep(path)](Frame& at) {
                return table->versions(self, at.call(), path, at.first.sink(kMaxVersionsJson), &at.error);
            };
        },
        [&](Frame& frame) -> base::Result<std::vector<std::string>> {
            const auto told = base::json::parse(frame.first.bytes());
            const auto* items = told ? told->find("versions") : nullptr;
            if (items == nullptr || items->asArray() == nullptr)
                return instance_->brokePromise(versions_, "its answer has no list of versions");
            std::vector<std::string> versions;
            for (const auto& item : *items->asArray()) {
                if (item.asText() == nullptr || !isVersion(*item.asText()))
                    return instance_->brokePromise(versions_, "a version is no text");
                versions.push_back(*item.asText());
            }
            return versions;
        });
}

}  // namespace agentidp::plugin
