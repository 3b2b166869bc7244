// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file agentidp/cpp/kinds.hpp
/// One base class per plugin kind. Derive from one, override what it does, keep overrides public: an operation that is not
/// overridden is not offered (its entry in the operations table is null), and that is decided by the compiler.
///
/// Views that come in are valid until the method returns. The wrapper has looked at cancellation and deadline before a method
/// runs; a method that takes longer than 100 ms looks at call.check() itself. Several threads enter at once only if the plugin
/// has AIP_F_CONCURRENT.
#include <agentidp/cpp/config.hpp>
#include <agentidp/cpp/host.hpp>
#include <agentidp/cpp/storage_values.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aip {

/// What every kind has. Life: default constructor, configure, start, operations, stop, destructor.
class Plugin {
public:
    virtual ~Plugin() = default;
    /// Checks settings; takes nothing that outlives a failure. host() works already.
    virtual Status configure(const Config&) { return {}; }
    /// Opens files and connections, starts threads. May be called again after it failed.
    virtual Status start(const Call&) { return {}; }
    /// All or nothing. Only with AIP_F_RECONFIGURE.
    virtual Status reconfigure(const Config&, const Call&) { return unsupported("new settings need a restart"); }
    /// `details` is for people: {"path": "...", "keys": 3}.
    virtual Status health(Fields& details, const Call&) {
        (void)details;
        return {};
    }
    /// When it returns, no thread of the plugin is alive and the host is not called again.
    virtual Status stop(const Call&) { return {}; }

    const Host& host() const { return host_; }
    /// The wrapper's; an author's own tests may call it too.
    void attach(const Host& host) { host_ = host; }

private:
    Host host_;
};

// ---------------------------------------------------------------- keys

struct KeysAbilities {
    std::vector<std::string> algorithms;  ///< JWS names: ES256, RS256, PS256, EdDSA
    bool exportable = false;              ///< exportPrivate works
    bool wraps = false;                   ///< wrap and unwrap work
    bool remote = false;                  ///< a signature is a network call
};

struct HeldKey {
    std::string fingerprint;  ///< RFC 7638 SHA-256 thumbprint, base64url
    std::string alg;
    std::string jwk;  ///< the public JWK, JSON
    std::int64_t createdAtUs = 0;
    bool retired = false;
};

struct Signed {
    std::string signature;    ///< JWS signature value
    std::string fingerprint;  ///< of the key that signed
};

class KeysPlugin : public Plugin {
public:
    static constexpr std::uint32_t kKind = AIP_KIND_KEYS;
    virtual KeysAbilities abilities() const = 0;
    virtual Outcome<HeldKey> generate(std::string_view alg, const Call&) = 0;
    virtual Outcome<HeldKey> import(std::string_view, std::string_view pkcs8, const Call&) {
        (void)pkcs8;
        return unsupported("keys cannot be imported");
    }
    virtual Outcome<std::vector<HeldKey>> list(const Call&) = 0;
    virtual Outcome<Signed> sign(std::string_view fingerprint, std::string_view data, const Call&) = 0;
    virtual Status retire(std::string_view fingerprint, const Call&) = 0;
    virtual Outcome<std::string> wrap(std::string_view, std::string_view aad, const Call&) {
        (void)aad;
        return unsupported("data keys cannot be wrapped");
    }
    virtual Outcome<Secret> unwrap(std::string_view, std::string_view aad, const Call&) {
        (void)aad;
        return unsupported("data keys cannot be unwrapped");
    }
    virtual Outcome<Secret> exportPrivate(std::string_view, const Call&) { return unsupported("private keys never leave the backend"); }
};

// ---------------------------------------------------------------- ratelimit

struct RateLimitAbilities {
    bool shared = false;  ///< replicas share budgets
};

struct Budget {
    bool allowed = false;
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    std::int64_t resetUs = 0;  ///< wall clock
};

class RateLimitPlugin : public Plugin {
public:
    static constexpr std::uint32_t kKind = AIP_KIND_RATELIMIT;
    using Hint = std::function<void(std::string_view topic, std::string_view key)>;
    struct Take {
        std::string_view key;
        std::int64_t limit;
        std::int64_t windowUs;
        std::int64_t cost;
    };
    struct Count {
        std::string_view key;
        std::int64_t limit;
        std::int64_t periodEndUs;
        std::int64_t cost;
    };
    virtual RateLimitAbilities abilities() const = 0;
    virtual Outcome<Budget> take(const Take&, const Call&) = 0;
    virtual Outcome<Budget> count(const Count&, const Call&) = 0;
    virtual Status announce(std::string_view, std::string_view key, std::int64_t ttlUs, const Call&) {
        (void)key, (void)ttlUs;
        return unsupported("budgets are not shared");
    }
    // NOLINTNEXTLINE(performance-unnecessary-value-param): whoever overrides it keeps the hint
    virtual Status listen(Hint, const Call&) { return unsupported("budgets are not shared"); }
};

// ---------------------------------------------------------------- storage

struct StorageAbilities {
    std::string backend;  ///< the member of /health: "sqlite"
    bool shared = false;  ///< replicas may share it
    bool durable = true;
};

struct MigrationStatus {
    struct Step {
        std::int64_t number = 0;
        std::string name;
    };
    std::int64_t current = 0;
    std::int64_t wanted = 0;
    std::vector<Step> pending;
};

class StoragePlugin : public Plugin {
public:
    static constexpr std::uint32_t kKind = AIP_KIND_STORAGE;
    /// False: the receiver takes no more, give up with AIP_E_CANCELLED.
    using Receive = std::function<bool(std::string_view bytes)>;
    /// Fills up to n bytes: how many, 0 at the end, negative on an error.
    using Provide = std::function<std::int64_t(void* into, std::size_t n)>;
    virtual StorageAbilities abilities() const = 0;
    /// aip_storage_ops.apply to the letter: `tx`, `flags` and the groups are this method's. Past its deadline it is still
    /// entered where a transaction is open or AIP_TX_ROLLBACK is set, so that it can undo.
    struct Apply {
        void** tx;
        Ops ops;
        std::uint32_t flags;
    };
    virtual Status apply(const Apply& what, ResultWriter& out, const Call&) = 0;
    enum class Migrate { Tell, Up };
    virtual Outcome<MigrationStatus> migrate(std::string_view schemaJson, Migrate mode, const Call&) = 0;
    // NOLINTNEXTLINE(performance-unnecessary-value-param): whoever overrides it keeps the function
    virtual Status watch(std::function<void()>, const Call&) { return unsupported("no other process writes here"); }
    virtual Status backup(const Receive& out, const Call&) = 0;
    virtual Status restore(const Provide& in, const Call&) = 0;
};

// ---------------------------------------------------------------- job

struct JobAbilities {
    std::int64_t intervalSeconds = 86'400;
    std::string doc;
};

struct JobSlice {
    std::string cursor;  ///< empty: done
    std::int64_t processed = 0;
};

class JobPlugin : public Plugin {
public:
    static constexpr std::uint32_t kKind = AIP_KIND_JOB;
    virtual JobAbilities abilities() const = 0;
    virtual Outcome<JobSlice> run(std::string_view cursor, const Call&) = 0;

protected:
    /// records.v1: the JSON of one page.
    Outcome<std::string> readRecords(std::string_view kind, std::string_view queryJson, const Call& call) const {
        const auto* records = host().iface<aip_records_v1>("records.v1");
        if (records == nullptr) return unavailable("the host offers no records");
        std::string page;
        aip_error error = fresh();
        const aip_status status = records->read(records->self, call.raw(), str(kind), str(queryJson), sinkInto(page), &error);
        if (status != AIP_OK) return failOf(status, error);
        return page;
    }
    /// findings.v1.
    Status reportFinding(std::string_view findingJson, const Call& call) const {
        const auto* findings = host().iface<aip_findings_v1>("findings.v1");
        if (findings == nullptr) return unavailable("the host takes no findings");
        aip_error error = fresh();
        const aip_status status = findings->report(findings->self, call.raw(), str(findingJson), &error);
        if (status != AIP_OK) return failOf(status, error);
        return {};
    }
    void setGauge(std::string_view name, double value) const {
        const auto* findings = host().iface<aip_findings_v1>("findings.v1");
        if (findings != nullptr && findings->gauge != nullptr) (void)findings->gauge(findings->self, str(name), value);
    }
    void addToCounter(std::string_view name, double delta) const {
        const auto* findings = host().iface<aip_findings_v1>("findings.v1");
        if (findings != nullptr && findings->counter != nullptr) (void)findings->counter(findings->self, str(name), delta);
    }

private:
    static aip_error fresh() {
        aip_error error{};
        error.size = sizeof error;
        return error;
    }
    static Fail failOf(aip_status status, const aip_error& error) {
        return {status, std::string(error.public_msg, strnlen(error.public_msg, sizeof error.public_msg)),
                std::string(error.detail, strnlen(error.detail, sizeof error.detail)), error.retry_after_ms, error.sys_errno};
    }
};

// ---------------------------------------------------------------- secrets

class SecretsPlugin : public Plugin {
public:
    static constexpr std::uint32_t kKind = AIP_KIND_SECRETS;
    /// Answers the version that now is the newest.
    virtual Outcome<std::string> put(std::string_view path, std::string_view secret, const Call&) = 0;
    /// `version` empty: the newest.
    virtual Outcome<Secret> get(std::string_view path, std::string_view version, const Call&) = 0;
    virtual Status remove(std::string_view path, const Call&) = 0;
    virtual Outcome<std::vector<std::string>> versions(std::string_view path, const Call&) = 0;
};

}  // namespace aip
