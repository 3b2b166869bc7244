#pragma once
/// @file kernel/plugin/storage_plugin.h
/// A storage plugin behind plugin::Storage.
#include <functional>
#include <memory>
#include <vector>

#include "plugin/instance.h"
#include "plugin/storage.h"

namespace agentidp::plugin {

/// Reads run at once where the plugin is AIP_F_CONCURRENT. A write transaction keeps one worker (or the plugin's turn) from its
/// first call to its end, as the border asks; where the plugin is not concurrent, its reads wait for it too.
class StoragePlugin final : public Storage {
public:
    /// Errc::Invalid if the operations table or what describe says is not a storage's.
    static base::Result<std::unique_ptr<StoragePlugin>> open(std::unique_ptr<Instance> instance);
    ~StoragePlugin() override;

    base::Result<std::vector<OpResult>> apply(Transaction& tx, const std::vector<Op>& ops, ApplyMode mode, const Call& call) override;
    base::Result<MigrationStatus> migrate(std::string_view schemaJson, bool up, const Call& call) override;
    /// `sink` and `source` run on a thread of the plugin's instance, never after the call returned.
    base::Result<void> backup(const std::function<bool(base::BytesView)>& sink, const Call& call) override;
    base::Result<void> restore(const std::function<std::int64_t(std::span<std::uint8_t>)>& source, const Call& call) override;
    base::Result<void> health(const Call& call) override { return instance_->health(call); }
    [[nodiscard]] std::string backend() const override { return backend_; }
    base::Result<void> watch(const std::function<void()>& changed, const Call& call) override;

    [[nodiscard]] bool shared() const { return shared_; }
    [[nodiscard]] Instance& instance() { return *instance_; }

private:
    explicit StoragePlugin(std::unique_ptr<Instance> instance);
    base::Result<std::vector<OpResult>> applyWithin(Instance::Hold& hold, const std::vector<Op>& ops, std::uint32_t flags,
                                                    const Call& call);
    void rollBack(Instance::Hold& hold, const Call& call);

    std::unique_ptr<Instance> instance_;
    const aip_storage_ops& ops_;
    std::string backend_;
    bool shared_ = false;
    Operation apply_, migrate_, backup_, restore_, watch_;
    std::unique_ptr<std::function<void()>> changed_;
};

}  // namespace agentidp::plugin
