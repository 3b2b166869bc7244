#include "plugin/storage_plugin.h"

#include "plugin/storage_codec.h"

namespace agentidp::plugin {
namespace {

constexpr std::size_t kMaxResult = 256U << 20U;
constexpr std::size_t kMaxMigration = 1U << 20U;
constexpr base::milliseconds kRollBackWithin(5'000);

/// The caller's function while the caller is there.
template <class Function>
class Borrowed {
public:
    explicit Borrowed(const Function& function) : function_(&function) {}
    void end() {
        const std::lock_guard hold(mutex_);
        function_ = nullptr;
    }
    /// `gone` where the caller has left, or where the function threw.
    template <class Answer, class... Arguments>
    Answer operator()(Answer gone, Arguments&&... arguments) {
        const std::lock_guard hold(mutex_);
        if (function_ == nullptr) return gone;
        try {
            return (*function_)(std::forward<Arguments>(arguments)...);
        } catch (...) {
            return gone;
        }
    }

private:
    std::mutex mutex_;
    const Function* function_;
};
using Receive = std::function<bool(base::BytesView)>;
using Provide = std::function<std::int64_t(std::span<std::uint8_t>)>;

std::uint32_t flagsOf(ApplyMode mode) {
    switch (mode) {
        case ApplyMode::Commit: return AIP_TX_COMMIT;
        case ApplyMode::Read: return AIP_TX_READ;
        case ApplyMode::Rollback: return AIP_TX_ROLLBACK;
        case ApplyMode::Continue: break;
    }
    return 0;
}

aip_sink nowhere() {
    return {nullptr, [](void*, const void*, std::size_t) -> std::int32_t { return 0; }};
}

/// Undoes what a lost call had left open, on the thread that opened it.
void undoLate(const aip_storage_ops& ops, void* self, Frame& frame) {
    if (frame.transaction == nullptr) return;
    aip_call unbounded{};
    unbounded.size = sizeof unbounded;
    aip_error ignored{};
    ignored.size = sizeof ignored;
    try {
        (void)ops.apply(self, &unbounded, &frame.transaction, nullptr, 0, AIP_TX_ROLLBACK, nowhere(), &ignored);
    } catch (...) {
        frame.transaction = nullptr;
    }
}

}  // namespace

StoragePlugin::StoragePlugin(std::unique_ptr<Instance> instance)
    : instance_(std::move(instance)),
      ops_(instance_->ops<aip_storage_ops>()),
      backend_(instance_->description().textOr("backend", "")),
      apply_(instance_->operation("apply")),
      migrate_(instance_->operation("migrate")),
      backup_(instance_->operation("backup")),
      restore_(instance_->operation("restore")),
      watch_(instance_->operation("watch")) {
    const auto* shared = instance_->description().find("shared");
    shared_ = shared != nullptr && shared->asBool() != nullptr && *shared->asBool();
}

StoragePlugin::~StoragePlugin() {
    if (!instance_->stop()) (void)changed_.release();
}

base::Result<std::unique_ptr<StoragePlugin>> StoragePlugin::open(std::unique_ptr<Instance> instance) {
    const auto& ops = instance->ops<aip_storage_ops>();
    if (ops.size < sizeof ops || ops.apply == nullptr || ops.migrate == nullptr || ops.backup == nullptr || ops.restore == nullptr)
        return base::fail(base::Errc::Invalid, "describe: its table of operations is not a storage's");
    std::unique_ptr<StoragePlugin> storage(new StoragePlugin(std::move(instance)));
    if (storage->backend_.empty()) return base::fail(base::Errc::Invalid, "describe: a storage must name its backend");
    return storage;
}

base::Result<std::vector<OpResult>> StoragePlugin::applyWithin(Instance::Hold& hold, const std::vector<Op>& ops, std::uint32_t flags,
                                                               const Call& call) {
    return instance_->callInTransaction(
        hold, apply_, call,
        [&](Frame& frame) {
            const aip_op* encoded = encodeOps(frame, ops);
            if (frame.copies()) frame.late = [table = &ops_, self = instance_->self()](Frame& at) { undoLate(*table, self, at); };
            return [table = &ops_, self = instance_->self(), encoded, n = ops.size(), flags](Frame& at) {
                return table->apply(self, at.call(), &at.transaction, encoded, n, flags, at.first.sink(kMaxResult), &at.error);
            };
        },
        [&](Frame& frame) -> base::Result<std::vector<OpResult>> {
            if ((flags & AIP_TX_ROLLBACK) != 0) return std::vector<OpResult>();
            if ((flags & AIP_TX_READ) != 0 && frame.transaction != nullptr)
                return instance_->brokePromise(apply_, "it opened a transaction for a read");
            auto results = decodeResults(frame.first.bytes(), ops);
            if (!results) return instance_->brokePromise(apply_, results.error().hint);
            if (flags == 0 && frame.transaction == nullptr) return instance_->brokePromise(apply_, "it left no transaction open");
            return results;
        });
}

void StoragePlugin::rollBack(Instance::Hold& hold, const Call& call) {
    (void)applyWithin(hold, {}, AIP_TX_ROLLBACK, instance_->withAtLeast(call, kRollBackWithin));
    hold.transaction = nullptr;
}

base::Result<std::vector<OpResult>> StoragePlugin::apply(Transaction& tx, const std::vector<Op>& ops, ApplyMode mode, const Call& call) {
    if (mode == ApplyMode::Rollback && !tx.open()) return std::vector<OpResult>();
    // Its own hold: a reader must not end up on the thread of the transaction its caller has open.
    std::unique_ptr<Instance::Hold> hold(mode == ApplyMode::Read ? nullptr : static_cast<Instance::Hold*>(tx.handle));
    if (mode != ApplyMode::Read) tx.handle = nullptr;
    if (!hold) hold = std::make_unique<Instance::Hold>();
    auto result = mode == ApplyMode::Rollback ? applyWithin(*hold, {}, AIP_TX_ROLLBACK, instance_->withAtLeast(call, kRollBackWithin))
                                              : applyWithin(*hold, ops, flagsOf(mode), call);
    if (result.ok() && mode == ApplyMode::Continue) {
        tx.handle = hold.release();
        return result;
    }
    // A plugin that fails must have ended its transaction; one that did not must not keep the next writer out.
    if (!result.ok() && hold->transaction != nullptr) rollBack(*hold, call);
    instance_->release(*hold);
    return result;
}

base::Result<MigrationStatus> StoragePlugin::migrate(std::string_view schemaJson, bool up, const Call& call) {
    return instance_->call(
        migrate_, call,
        [&](Frame& frame) {
            const aip_str schema = frame.keep(schemaJson);
            return [table = &ops_, self = instance_->self(), schema, up](Frame& at) {
                return table->migrate(self, at.call(), schema, up ? 1 : 0, at.first.sink(kMaxMigration), &at.error);
            };
        },
        [&](Frame& frame) -> base::Result<MigrationStatus> {
            const auto told = base::json::parse(frame.first.bytes());
            const auto* pending = told ? told->find("pending") : nullptr;
            MigrationStatus status;
            status.current = told ? told->intOr("current", -1) : -1;
            status.wanted = told ? told->intOr("wanted", -1) : -1;
            if (status.current < 0 || status.wanted < 0 || pending == nullptr || pending->asArray() == nullptr)
                return instance_->brokePromise(migrate_, "it did not answer current, wanted and pending");
            for (const auto& step : *pending->asArray())
                status.pending.push_back(std::to_string(step.intOr("number", 0)) + " " + step.textOr("name", ""));
            return status;
        });
}

base::Result<void> StoragePlugin::backup(const Receive& sink, const Call& call) {
    const auto stream = std::make_shared<Borrowed<Receive>>(sink);
    auto result = instance_->call(
        backup_, call,
        [&](Frame&) {
            return [table = &ops_, self = instance_->self(), stream](Frame& at) {
                const aip_sink out{stream.get(), [](void* ctx, const void* piece, std::size_t size) -> std::int32_t {
                                       const base::BytesView bytes(static_cast<const std::uint8_t*>(piece), size);
                                       return (*static_cast<Borrowed<Receive>*>(ctx))(false, bytes) ? 0 : 1;
                                   }};
                return table->backup(self, at.call(), out, &at.error);
            };
        },
        [](Frame&) { return base::Result<void>(); });
    stream->end();
    return result;
}

base::Result<void> StoragePlugin::restore(const Provide& source, const Call& call) {
    const auto stream = std::make_shared<Borrowed<Provide>>(source);
    auto result = instance_->call(
        restore_, call,
        [&](Frame&) {
            return [table = &ops_, self = instance_->self(), stream](Frame& at) {
                const auto read = [](void* ctx, void* into, std::size_t n) -> std::int64_t {
                    const std::span<std::uint8_t> room(static_cast<std::uint8_t*>(into), n);
                    return (*static_cast<Borrowed<Provide>*>(ctx))(std::int64_t{-1}, room);
                };
                return table->restore(self, at.call(), read, stream.get(), &at.error);
            };
        },
        [](Frame&) { return base::Result<void>(); });
    stream->end();
    return result;
}

base::Result<void> StoragePlugin::watch(const std::function<void()>& changed, const Call& call) {
    if (ops_.watch == nullptr || changed_) return base::fail(base::Errc::Unsupported, "changes of other processes cannot be watched");
    changed_ = std::make_unique<std::function<void()>>(changed);
    return instance_->call(
        watch_, call,
        [&](Frame&) {
            return [table = &ops_, self = instance_->self(), arg = changed_.get()](Frame& at) {
                return table->watch(
                    self, at.call(), [](void* fn) { (*static_cast<std::function<void()>*>(fn))(); }, arg, &at.error);
            };
        },
        [](Frame&) { return base::Result<void>(); });
}

}  // namespace agentidp::plugin
