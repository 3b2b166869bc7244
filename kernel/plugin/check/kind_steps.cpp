#include <unistd.h>

#include <filesystem>

#include "base/ids.h"
#include "plugin/check/secrets_steps.h"
#include "plugin/check/steps.h"
#include "plugin/contract/job_contract.h"
#include "plugin/contract/keys_contract.h"
#include "plugin/contract/ratelimit_contract.h"
#include "plugin/contract/storage_contract.h"
#include "plugin/instance.h"
#include "plugin/job_plugin.h"
#include "plugin/keys_plugin.h"
#include "plugin/rate_limiter_plugin.h"
#include "plugin/secret_store_plugin.h"
#include "plugin/storage_plugin.h"

namespace agentidp::plugin::check {
namespace {

using Saw = Teller::Saw;

std::string told(const base::Error& error) { return error.hint + (error.detail.empty() ? "" : " (" + error.detail + ")"); }

/// Instances of one plugin over one folder and one configuration: stopped and started again by the suites.
template <class Adapter>
class Backing {
public:
    Backing(Subject& subject, const base::Clock& clock)
        : subject_(subject), clock_(clock), folder_(subject.freshFolder()), config_(*subject.config()) {}
    base::Result<Adapter*> start() {
        adapter_.reset();
        HostOffers offers = subject_.offers(folder_, clock_);
        offers.iface = iface;
        auto instance = Instance::start(*subject_.descriptor, subject_.plugin, config_, offers, {});
        if (!instance) return std::move(instance).error();
        auto opened = Adapter::open(std::move(*instance));
        if (!opened) return std::move(opened).error();
        adapter_ = std::move(*opened);
        return adapter_.get();
    }
    [[nodiscard]] Adapter& now() { return *adapter_; }
    ~Backing() {
        adapter_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Backing(const Backing&) = delete;
    Backing& operator=(const Backing&) = delete;

    std::function<const void*(std::string_view, std::string_view, std::uint32_t)> iface;

private:
    Subject& subject_;
    const base::Clock& clock_;
    std::string folder_, config_;
    std::unique_ptr<Adapter> adapter_;
};

template <class Kind>
void runCases(const std::vector<contract::Case<Kind>>& cases, Kind& kind, const std::string& group, Teller& teller) {
    for (const auto& promise : cases) teller.check(group, promise.name, [&] { return promise.run(kind); });
}

template <class Adapter>
bool begins(Backing<Adapter>& backing, const std::string& group, Teller& teller) {
    return teller.check(group, "opens", [&]() -> Saw {
        const auto started = backing.start();
        return started ? Saw() : told(started.error());
    });
}

void checkKeys(Subject& subject, Teller& teller) {
    Backing<KeysPlugin> backing(subject, subject.clock);
    if (!begins(backing, "keys", teller)) return;
    if (backing.now().abilities().remote && !subject.live)
        return teller.skip("keys", "the keys suite", "its keys are in a remote backend, and the suite makes new ones: say --live");
    contract::KeysSubject kind;
    kind.keys = &backing.now();
    kind.clock = &subject.clock;
    kind.restart = [&]() -> base::Result<Keys*> {
        auto started = backing.start();
        if (!started) return started.error();
        return kind.keys = *started;
    };
    runCases(contract::keysContract(), kind, "keys", teller);
}

void checkRateLimit(Subject& subject, Teller& teller) {
    ManualClock clock;
    Backing<RateLimiterPlugin> backing(subject, clock);
    if (!begins(backing, "ratelimit", teller)) return;
    contract::RateLimiterSubject kind;
    kind.limiter = &backing.now();
    kind.clock = &clock;
    kind.advance = [&](base::microseconds by) { clock.advance(by); };
    kind.stepWall = [&](base::microseconds by) { clock.stepWall(by); };
    kind.keyPrefix = "check-" + base::uuidV4() + ":";
    if (backing.now().blocks()) kind.maxCalls = 2'000;
    runCases(contract::ratelimitContract(), kind, "ratelimit", teller);
}

void checkStorage(Subject& subject, Teller& teller) {
    {
        Backing<StoragePlugin> backing(subject, subject.clock);
        if (!begins(backing, "storage", teller)) return;
        bool fresh = !backing.now().shared();
        for (const auto& [name, value] : subject.settings)
            fresh |= value.asText() != nullptr && value.asText()->find("${fresh}") != std::string::npos;
        if (!fresh || (backing.now().shared() && !subject.live))
            return teller.skip(
                "storage", "the storage suite",
                "it needs an empty store for each case: write ${fresh} into the setting that names the database or schema, and say --live");
    }
    contract::StorageSubject kind{subject.clock, {}, {}, contract::StorageSubject::Backups::Offered};
    kind.fresh = [&]() -> std::shared_ptr<Storage> {
        auto backing = std::make_shared<Backing<StoragePlugin>>(subject, subject.clock);
        auto started = backing->start();
        if (!started) {
            (void)!write(STDERR_FILENO, "a fresh store did not start\n", 28);
            _exit(3);
        }
        return {backing, *started};
    };
    runCases(contract::storageContract(), kind, "storage", teller);
}

void checkJob(Subject& subject, Teller& teller) {
    ManualClock clock;
    contract::JobHost host;
    Backing<JobPlugin> backing(subject, clock);
    backing.iface = [&host](std::string_view, std::string_view name, std::uint32_t minor) { return host.iface(name, minor); };
    if (!begins(backing, "job", teller)) return;
    contract::JobSubject kind;
    kind.job = &backing.now();
    kind.host = &host;
    kind.clock = &clock;
    kind.advance = [&](base::microseconds by) { clock.advance(by); };
    kind.restart = [&]() -> base::Result<Job*> {
        auto started = backing.start();
        if (!started) return started.error();
        return kind.job = *started;
    };
    runCases(contract::jobContract(), kind, "job", teller);
}

void checkSecrets(Subject& subject, Teller& teller) {
    if (subject.has(AIP_F_BLOCKS) && !subject.live)
        return teller.skip("secrets", "the secrets suite", "it would write to a backend: say --live");
    Backing<SecretStorePlugin> backing(subject, subject.clock);
    if (!begins(backing, "secrets", teller)) return;
    SecretsSubject kind{&backing.now(), &subject.clock, "agentidp-check/" + base::uuidV4()};
    runCases(secretsContract(), kind, "secrets", teller);
}

}  // namespace

void checkKind(Subject& subject, Teller& teller) {
    switch (subject.descriptor->kind) {
        case AIP_KIND_KEYS: return checkKeys(subject, teller);
        case AIP_KIND_RATELIMIT: return checkRateLimit(subject, teller);
        case AIP_KIND_STORAGE: return checkStorage(subject, teller);
        case AIP_KIND_JOB: return checkJob(subject, teller);
        case AIP_KIND_SECRETS: return checkSecrets(subject, teller);
        default: return;
    }
}

}  // namespace agentidp::plugin::check
