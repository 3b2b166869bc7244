/// The one file that names concrete types: every room of the daemon is made and connected here, in the order of its members.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "app/adapters.h"
#include "app/daemon.h"
#include "app/hooks.h"
#include "app/housekeeper.h"
#include "app/initialise.h"
#include "app/job_host.h"
#include "app/key_settings.h"
#include "app/mint_key.h"
#include "audit/appender.h"
#include "audit/checkpointer.h"
#include "audit/follower.h"
#include "audit/reader.h"
#include "audit/retention.h"
#include "audit/verifier.h"
#include "base/ids.h"
#include "compliance/records.h"
#include "compliance/scheduler.h"
#include "control/socket.h"
#include "http/listener.h"
#include "macp/minted.h"
#include "oauth/metadata.h"
#include "observe/process_metrics.h"
#include "server/audit_handler.h"
#include "server/cache_follower.h"
#include "server/enriching_ledger.h"
#include "server/mint_handler.h"
#include "server/pipeline.h"
#include "server/public_handler.h"
#include "server/registry_handler.h"
#include "server/registry_store.h"
#include "server/token_handler.h"
#include "store/leases.h"
#include "store/meta.h"
#include "store/revocations.h"
#include "store/signing_keys.h"

namespace agentidp::app {
namespace {

using base::Errc;
using base::fail;
using config::Setting;
using observe::Message;
using observe::Metric;

constexpr std::size_t kPoolQueue = 2048;
constexpr std::size_t kPoolThreads = 10;  // one organization has at most 8 of them
constexpr base::seconds kReadinessDeadline{1};
constexpr base::milliseconds kHintDeadline{250};
/// How often the ledger is looked at unasked: beside other replicas, and where nobody else can write.
constexpr base::milliseconds kFollowOthers{500};
constexpr base::milliseconds kFollowAlone{5'000};
constexpr base::seconds kPruning{600};
constexpr std::size_t kFormBody = 64U << 10U;
constexpr std::size_t kJsonBody = 1U << 20U;

std::string endpointText(const http::Endpoint& endpoint) {
    const bool v6 = endpoint.host.find(':') != std::string::npos;
    return (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

oauth::TokenSettings tokenSettings(const config::Settings& settings, const std::string& issuer) {
    oauth::TokenSettings out;
    out.issuer = issuer;
    out.audience = settings.text(Setting::TokenAudience).empty() ? issuer : settings.text(Setting::TokenAudience);
    out.lifetime = base::seconds(settings.integer(Setting::TokenAccessLifetimeSeconds));
    out.maxLifetime = base::seconds(settings.integer(Setting::TokenAccessMaxLifetimeSeconds));
    const auto& quota = settings.text(Setting::QuotaMode);
    out.quota = quota == "off" ? oauth::QuotaMode::Off : quota == "enforce" ? oauth::QuotaMode::Enforce : oauth::QuotaMode::Report;
    return out;
}

base::Result<server::PipelineSettings> pipelineSettings(const config::Settings& settings) {
    server::PipelineSettings out;
    auto cors = http::CorsPolicy::parse(settings.text(Setting::CorsOrigins));
    if (!cors) return std::move(cors).error();
    out.cors = std::move(*cors);
    out.requireTls = settings.flag(Setting::ServerRequireTls);
    out.logRequests = settings.flag(Setting::LogRequests);
    return out;
}

server::MintRoutes mintRoutes(const config::Settings& settings) {
    return settings.text(Setting::MacpMintEnabled) == "true" ? server::MintRoutes::On : server::MintRoutes::Off;
}

server::MintLimits mintLimits(const config::Settings& settings) {
    server::MintLimits out;
    out.ttl.defaultSeconds = static_cast<double>(settings.integer(Setting::MacpTtlDefaultSeconds));
    out.ttl.maxSeconds = static_cast<double>(settings.integer(Setting::MacpTtlMaxSeconds));
    out.perMinute = settings.integer(Setting::MacpMintPerMinute);
    return out;
}

/// A key file's path out of its reference: the TLS library reads it itself, so that no copy of it stays with us.
base::Result<std::string> pathOfReference(const std::string& reference, const config::Environment& environment) {
    if (reference.starts_with("file:")) return reference.substr(5);
    if (reference.starts_with("cred:")) {
        const auto* folder = config::find(environment, "CREDENTIALS_DIRECTORY");
        if (folder == nullptr)
            return fail(Errc::Invalid, "server.tls.key = cred:... needs a systemd credential; CREDENTIALS_DIRECTORY is not set");
        return *folder + "/" + reference.substr(5);
    }
    return fail(Errc::Invalid, "server.tls.key must be file:PATH or cred:NAME");
}

base::Result<std::optional<http::TlsOptions>> tlsOptions(const config::Loaded& loaded) {
    const auto& settings = loaded.settings;
    if (settings.text(Setting::ServerTlsCert).empty()) return std::optional<http::TlsOptions>();
    http::TlsOptions out;
    out.certificateFile = settings.text(Setting::ServerTlsCert);
    auto key = pathOfReference(settings.text(Setting::ServerTlsKey), loaded.environment);
    if (!key) return std::move(key).error();
    out.keyFile = std::move(*key);
    out.clientCaFile = settings.text(Setting::ServerTlsClientCa);
    const auto& client = settings.text(Setting::ServerTlsClientAuth);
    out.clientCertificates = client == "required"   ? http::ClientCertificates::Require
                             : client == "optional" ? http::ClientCertificates::Request
                                                    : http::ClientCertificates::Ignore;
    return std::optional<http::TlsOptions>(std::move(out));
}

/// Files and sockets share one limit: it is raised as far as allowed, and a promise above it is refused.
base::Result<void> raiseOpenFiles(std::int64_t connections) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        ::getrlimit(RLIMIT_NOFILE, &limit);
    }
    constexpr std::int64_t kOurs = 128;
    if (limit.rlim_cur != RLIM_INFINITY && connections + kOurs > static_cast<std::int64_t>(limit.rlim_cur))
        return fail(Errc::Invalid, "server.max_connections = " + std::to_string(connections) +
                                       " needs more than the limit of open files, " + std::to_string(limit.rlim_cur) +
                                       "; lower it, or raise LimitNOFILE (ulimit -n)");
    return {};
}

}  // namespace

/// Members in the order they are made; they die in the reverse one.
struct Daemon::Rooms {
    observe::Log& log;
    std::atomic<bool> stopping{false};
    std::atomic<bool> serving{false};
    std::atomic<std::int64_t> jwksMaxAge{0};

    std::unique_ptr<http::Listener> listener;
    std::unique_ptr<http::Listener> adminListener;
    std::atomic<const server::Front*> front{nullptr};
    std::atomic<const server::Front*> adminFront{nullptr};

    std::unique_ptr<server::CacheFollower> caches;
    std::unique_ptr<audit::Follower> follower;  ///< plugins of `base` wake it until they end
    std::shared_ptr<JobHost> jobHost = std::make_shared<JobHost>();
    std::unique_ptr<Foundation> base;
    std::string issuer;
    std::string replica;

    std::unique_ptr<audit::LedgerAppender> ledger;
    std::unique_ptr<server::EnrichingLedger> enriched;  ///< the same, as whoever writes to it sees it
    keys::KeyRing::Settings keySettings;
    std::unique_ptr<keys::KeyRing> ring;
    std::unique_ptr<HookRooms> hooks;
    server::HookSettings hookSettings;
    std::unique_ptr<PeppersPort> peppers;
    BcryptPort imported;
    std::unique_ptr<plugin::Silence> keysSilence;
    std::unique_ptr<SignerPort> signer;
    std::unique_ptr<JwsVerifierPort> jws;
    std::unique_ptr<server::RevocationSet> revocations;
    std::unique_ptr<secrets::ClientSecrets> clientSecrets;  ///< null: no secret is kept outside storage
    std::unique_ptr<VaultedSecretsPort> vaulted;
    std::unique_ptr<server::Directory> directory;
    std::unique_ptr<server::ClientBudgets> budgets;
    std::unique_ptr<server::LastUsed> lastUsed;
    std::unique_ptr<registry::Cursors> cursors;

    std::unique_ptr<oauth::TokenEndpoint> tokens;
    std::unique_ptr<oauth::Issuer> tokenIssuer;
    std::unique_ptr<oauth::TokenVerifier> verifier;
    std::unique_ptr<oauth::ClientAuthenticator> authenticator;
    std::unique_ptr<oauth::BearerAuth> bearer;
    std::unique_ptr<oauth::Introspection> introspection;
    std::unique_ptr<oauth::Revocation> revocation;
    std::unique_ptr<oauth::AuthFailures> failures;
    std::unique_ptr<oauth::IntrospectionTally> tally;
    std::unique_ptr<macp::Gate> mintGate;  ///< these three are null where the mint is off
    std::unique_ptr<macp::Mint> mint;
    std::unique_ptr<macp::Minted> minted;

    std::unique_ptr<server::RegistryAgents> registryAgents;
    std::unique_ptr<server::RegistryOrganizations> registryOrganizations;
    std::unique_ptr<server::RegistryCredentials> registryCredentials;
    std::unique_ptr<registry::AgentRules> agentRules;
    std::unique_ptr<registry::CredentialRules> credentialRules;
    std::unique_ptr<registry::OrganizationRules> organizationRules;

    std::unique_ptr<audit::Checkpointer> checkpointer;
    std::unique_ptr<audit::Reader> reader;
    std::unique_ptr<audit::Verifier> auditVerifier;
    std::unique_ptr<audit::Retention> retention;

    std::unique_ptr<compliance::Records> records;
    std::unique_ptr<compliance::Findings> findings;
    std::unique_ptr<compliance::Scheduler> scheduler;

    std::unique_ptr<base::ThreadPool> pool, cores;
    std::unique_ptr<const server::Workplaces> workplaces;
    server::Endpoints endpoints;
    std::unique_ptr<server::TokenHandler> tokenHandler;
    std::unique_ptr<server::MintHandler> mintHandler;  ///< null where the mint is off
    std::unique_ptr<server::RegistryHandler> registryHandler;
    std::unique_ptr<server::AuditHandler> auditHandler;
    std::unique_ptr<server::PublicHandler> publicHandler;
    std::unique_ptr<server::Front> mainPipeline;
    std::unique_ptr<server::Front> adminPipeline;
    std::string saidNotReady;                ///< what the log last said; of the watch's thread
    bool saidClock = false;                  ///< whether the log last said that the clock is wrong; of the watch's thread
    std::atomic<bool> storageAnswers{true};  ///< at the last look, once a second
    bool hintsReachOthers = false;           ///< the rate limiter tells other replicas what it is told
    std::unique_ptr<Housekeeper> watch;
    std::unique_ptr<Housekeeper> quickChores;
    std::unique_ptr<Housekeeper> slowChores;
    std::unique_ptr<control::ControlServer> control;

    explicit Rooms(observe::Log& given) : log(given) {}
    ~Rooms() {
        if (follower) follower->stop();
    }
    Rooms(const Rooms&) = delete;
    Rooms& operator=(const Rooms&) = delete;

    const config::Settings& settings() const { return base->settings(); }
    const base::Clock& clock() const { return base->clock(); }

    base::Result<void> bind(const config::Loaded& loaded);
    base::Result<void> openLedgerAndKeys();
    base::Result<void> markLedger();
    void followLedger();
    base::Result<void> firstStart();
    base::Result<void> makeHooks();
    void makeOauth();
    base::Result<void> makeMint();
    void makeRegistry();
    base::Result<void> makeServer();
    void makeChores();
    base::Result<void> openControl();
    void updateGauges();
    std::string notReady() const;
    base::Result<base::json::Value> verify(audit::VerifyMode mode);
    base::Result<void> verifyAs(audit::VerifyMode mode) {
        auto done = verify(mode);
        if (!done) return std::move(done).error();
        return {};
    }
    base::Result<void> prune();
    base::Result<void> watchClock();
    base::Result<void> tellReadiness();
    base::Result<void> lookAtKeysBackend();
    void tellPlugins();
    void tellMint();
    model::AuditEvent systemEvent(model::Action action) const;
    void failed(const oauth::AuthFailure& failure);
    void tellRevoked(const model::Jti& jti, base::Instant until);
    void appendAll(std::vector<model::AuditEvent> events);
    audit::LedgerKeys ledgerKeys() const { return {base->dataKeys().checkpoint().publicKey().members().x}; }
    std::vector<audit::AnchorFolder> anchorFolders() const;
};

base::Result<void> Daemon::Rooms::bind(const config::Loaded& loaded) {
    const auto& given = loaded.settings;
    if (auto raised = raiseOpenFiles(given.integer(Setting::ServerMaxConnections)); !raised) return raised;
    if (auto allowed = judgeMintKey(given); !allowed) return allowed;
    const bool mints = mintRoutes(given) == server::MintRoutes::On;
    const auto options = [&](const std::string& address,
                             std::atomic<const server::Front*>& target) -> base::Result<std::unique_ptr<http::Listener>> {
        http::ListenerOptions wanted;
        wanted.addresses = {address};
        wanted.threads = static_cast<unsigned>(given.integer(Setting::ServerThreads));
        wanted.maxConnections = static_cast<std::size_t>(given.integer(Setting::ServerMaxConnections));
        wanted.limits.body = [mints](http::Method, std::string_view path) {
            if (mints && server::isMintPath(path)) return macp::kMaxBody;
            return path.find("/token") != std::string_view::npos ? kFormBody : kJsonBody;
        };
        auto proxies = http::TrustedProxies::parse(given.list(Setting::ServerTrustedProxies));
        if (!proxies) return std::move(proxies).error();
        wanted.trustedProxies = std::move(*proxies);
        wanted.wordRefusal = [mints](const http::Refused& refused) {
            const bool ofMint = mints && server::isMintPath(refused.request.path);
            return server::Front::wordRefusal(refused.refusal.status, refused.refusal.why,
                                              ofMint ? server::Voice::Mint : server::Voice::Api);
        };
        wanted.events.answerLost = [this] { log.write(Message::INTERNAL_ERROR, {{"what", "an answer was lost"}}); };
        if (&target == &front) {
            auto tls = tlsOptions(loaded);
            if (!tls) return std::move(tls).error();
            wanted.tls = std::move(*tls);
        }
        return http::Listener::open(std::move(wanted), [&target](http::Request&& request, http::Respond respond) {
            target.load(std::memory_order_acquire)->handle(std::move(request), std::move(respond));
        });
    };
    auto opened = options(given.text(Setting::ServerListen), front);
    if (!opened) {
        auto error = std::move(opened).error();
        const auto& origin = given.origin(Setting::ServerListen);
        const std::string from = origin.kind == config::Origin::Kind::BuiltIn ? "" : " (" + config::describe(origin) + ")";
        error.hint = "server.listen = " + given.text(Setting::ServerListen) + from + ": " + error.hint +
                     "; stop what uses it, or set another address";
        return error;
    }
    listener = std::move(*opened);
    if (const auto& admin = given.text(Setting::ServerAdminListen); !admin.empty()) {
        auto openedAdmin = options(admin, adminFront);
        if (!openedAdmin) {
            auto error = std::move(openedAdmin).error();
            error.hint = "server.admin.listen = " + admin + ": " + error.hint + "; stop what uses it, or set another address";
            return error;
        }
        adminListener = std::move(*openedAdmin);
    }
    issuer = config::issuerAt(given, listener->endpoints().front().port);
    return {};
}

std::vector<audit::AnchorFolder> Daemon::Rooms::anchorFolders() const {
    std::vector<audit::AnchorFolder> folders{{base->dataDir() + "/checkpoints", audit::AnchorFolder::Keeps::Latest}};
    if (const auto& outside = settings().text(Setting::AuditAnchorDir); !outside.empty())
        folders.push_back({absolutePath(outside), audit::AnchorFolder::Keeps::Hourly});
    return folders;
}

base::Result<void> Daemon::Rooms::openLedgerAndKeys() {
    auto& storage = base->storage();
    auto name = replicaName(base->dataDir());
    if (!name) return std::move(name).error();
    replica = std::move(*name);
    if (auto extended = audit::checkStart(storage, clock(), anchorFolders(), ledgerKeys()); !extended) {
        auto error = std::move(extended).error();
        if (error.code == Errc::Conflict)
            error.hint += ": " + error.detail +
                          "; put the newer database back, or accept the loss for all to see by agentidp audit origin open --yes";
        return error;
    }

    audit::LedgerOptions options;
    options.replica = replica;
    options.origin = "agentidp/" + replica;
    ledger = std::make_unique<audit::LedgerAppender>(storage, clock(), log, std::move(options));
    enriched = std::make_unique<server::EnrichingLedger>(*ledger, clock());
    if (auto* store = base->secretStore(); store != nullptr) {
        const auto& peppers = base->dataKeys().peppers();
        secrets::Bounds bounds;
        bounds.fresh = base::seconds(settings().integer(Setting::CredentialsVaultCacheSeconds));
        bounds.offline = base::seconds(settings().integer(Setting::MaxOfflineSeconds));
        const auto macUnder = [&peppers](base::BytesView secret) -> base::Result<secrets::Mac> {
            auto mac = peppers.mac(peppers.currentId(), secret);
            if (!mac) return std::move(mac).error();
            return secrets::Mac{peppers.currentId(), *mac};
        };
        clientSecrets = std::make_unique<secrets::ClientSecrets>(*store, clock(), macUnder, bounds);
        vaulted = std::make_unique<VaultedSecretsPort>(*clientSecrets, settings().text(Setting::CredentialsStore) == "vault");
    }
    directory = std::make_unique<server::Directory>(storage, clock(), clientSecrets.get(),
                                                    base::seconds(settings().integer(Setting::CredentialsVaultCacheSeconds)),
                                                    static_cast<std::size_t>(settings().integer(Setting::CacheAgents)));
    ledger->observe([this](std::span<const model::AuditEvent> events) {
        for (const auto& event : events) directory->onEvent(event);
    });
    ledger->onBatch(
        [size = base->metrics().gauge(Metric::LedgerSize), batch = base->metrics().histogram(Metric::LedgerBatchSize),
         seconds = base->metrics().histogram(Metric::LedgerCommitSeconds),
         query = base->metrics().histogram(Metric::DbQueryDurationSeconds, {"ledger_batch"})](const audit::BatchReport& report) {
            size.set(static_cast<double>(report.treeSize));
            batch.observe(static_cast<double>(report.events));
            seconds.observe(report.commitSeconds);
            query.observe(report.commitSeconds);
        });
    if (auto started = ledger->start(); !started) return started;

    ring = std::make_unique<keys::KeyRing>(keys::KeyRing::Backends{storage, *enriched, base->keys(), base->previousKeys(), clock(), log},
                                           keySettings);
    if (auto ready = ring->ensureFirstKey(); !ready) return ready;
    if (settings().flag(Setting::KeysRotateAtStart) && !keySettings.pinned) {
        if (auto rotated = ring->rotate(keys::Wish::RotateUnlessFresh, "system"); !rotated) return std::move(rotated).error();
    }

    if (auto marked = markLedger(); !marked) return marked;
    revocations =
        std::make_unique<server::RevocationSet>(clock(), base::seconds(settings().integer(Setting::RevocationMaxStalenessSeconds)));
    // Read before the revocations are: whatever came later is in neither.
    const auto ledgerSize = ledger->stats().treeSize;
    auto loaded = store::loadRevocations(
        storage, clock(), [this](store::Revocation&& revocation) { revocations->add(revocation.jti.str(), revocation.expiresAt); });
    if (!loaded) return std::move(loaded).error();
    log.write(Message::REVOCATIONS_LOADED, {{"count", *loaded}, {"ledgerSize", static_cast<std::int64_t>(ledgerSize)}});

    const auto& signer = base->dataKeys().checkpoint();
    audit::CheckpointerOptions checkpoints;
    checkpoints.holder = replica;
    checkpoints.interval = base::seconds(settings().integer(Setting::AuditCheckpointSeconds));
    checkpoints.publicKey = signer.publicKey().members().x;
    checkpoints.sign = [&signer](base::BytesView note) { return signer.sign(note); };
    checkpoints.anchors = anchorFolders();
    checkpointer = std::make_unique<audit::Checkpointer>(storage, clock(), log, std::move(checkpoints));
    reader = std::make_unique<audit::Reader>(storage, clock(), ledgerKeys());
    return {};
}

base::Result<void> Daemon::Rooms::markLedger() {
    audit::FollowerOptions options;
    options.actions = server::CacheFollower::actions();
    options.tell = [this](std::span<const model::AuditEvent> events) { return caches->take(events); };
    options.caughtUp = [this](base::MonoInstant asOf) { revocations->confirm(asOf); };
    options.failed = [this](const base::Error& error) {
        log.write(Message::CHORE_FAILED, {{"chore", "follow the ledger"}, {"why", error.hint}, {"detail", error.detail}});
    };
    follower = std::make_unique<audit::Follower>(base->storage(), clock(), std::move(options));
    return follower->mark();
}

/// Hints make it quick, looking makes it sure.
void Daemon::Rooms::followLedger() {
    const auto reloadKeys = [this] {
        // Keys may have to be fetched from their plugin, and revocations must not wait for that. Whatever fails here is repaired by the
        // chore "keys".
        (void)pool->post([this] { (void)ring->reload(); });
    };
    caches = std::make_unique<server::CacheFollower>(
        server::CacheFollower::Rooms{*directory, *revocations, base->storage(), clock(), reloadKeys, [this] { hooks->changed(); }});
    const auto wake = [follower = follower.get()] { follower->wake(); };
    const auto call = plugin::callWithin(clock(), kReadinessDeadline);
    const bool others = base->storage().watch(wake, call).ok();
    hintsReachOthers = base->plugins().rateLimiter().listen([wake](std::string_view, std::string_view) { wake(); }, call).ok();
    follower->start(others ? kFollowOthers : kFollowAlone);
}

base::Result<void> Daemon::Rooms::firstStart() {
    auto before = isInitialised(base->storage(), clock());
    if (!before) return std::move(before).error();
    if (*before) return {};
    Initialisation work{base->storage(), *ledger, base->dataKeys().peppers(), clock(), std::nullopt, "system", {}};
    const auto& reference = settings().text(Setting::BootstrapSecret);
    if (!reference.empty()) {
        auto secret = base->secrets().resolve(reference);
        if (!secret) return std::move(secret).error();
        work.secret = std::move(*secret);
    }
    const auto file = base->dataDir() + "/admin.json";
    work.keep = [&](const FirstAdmin& admin) -> base::Result<void> {
        if (!reference.empty()) return {};
        auto text = admin.json() + "\n";
        auto written = writePrivateFile(file, text);
        base::wipe(text.data(), text.size());
        return written;
    };
    work.discard = [&] {
        if (reference.empty()) ::unlink(file.c_str());
    };
    auto admin = initialise(std::move(work));
    if (!admin) {
        if (admin.error().code == Errc::Exists) return {};  // another replica was faster
        return std::move(admin).error();
    }
    log.write(Message::INITIALISED, {{"agentId", admin->agentId}, {"secretIn", reference.empty() ? file : reference}});
    return {};
}

/// A script that would be refused ends the start here: nothing listens before the hooks of the moment are in force.
base::Result<void> Daemon::Rooms::makeHooks() {
    auto made = HookRooms::make(*base, *enriched);
    if (!made) return std::move(made).error();
    hooks = std::move(*made);
    if (auto started = hooks->start(); !started) return started;
    hookSettings = {&hooks->hooks(), settings().list(Setting::ClaimsAllowed)};
    enriched->attach(hookSettings, hooks->pool());
    return {};
}

void Daemon::Rooms::makeOauth() {
    auto& storage = base->storage();
    auto& limiter = base->plugins().rateLimiter();
    peppers = std::make_unique<PeppersPort>(base->dataKeys().peppers());
    keysSilence = std::make_unique<plugin::Silence>(clock(), base::seconds(settings().integer(Setting::MaxOfflineSeconds)));
    signer = std::make_unique<SignerPort>(*ring, *keysSilence, base->clock());
    jws = std::make_unique<JwsVerifierPort>(*ring);
    budgets = std::make_unique<server::ClientBudgets>(
        limiter, storage, clock(),
        server::BudgetLimits{settings().integer(Setting::RatelimitClientPerMinute), settings().integer(Setting::QuotaMonthlyTokens)});
    budgets->countInto(base->metrics());
    lastUsed = std::make_unique<server::LastUsed>(storage, clock());

    tokens = std::make_unique<oauth::TokenEndpoint>(oauth::TokenEndpoint::Ports{*directory, *peppers, *budgets, &imported});
    tokenIssuer = std::make_unique<oauth::Issuer>(issuer, *signer);
    verifier = std::make_unique<oauth::TokenVerifier>(oauth::TokenVerifier::Ports{*jws, *revocations, *directory}, issuer);
    authenticator = std::make_unique<oauth::ClientAuthenticator>(*directory, *peppers, &imported);
    bearer = std::make_unique<oauth::BearerAuth>(*verifier);
    introspection = std::make_unique<oauth::Introspection>(*verifier, *authenticator);
    revocation = std::make_unique<oauth::Revocation>(*verifier, *authenticator);
    oauth::AuthFailures::Limits limits;
    limits.perAddress = settings().integer(Setting::RatelimitAddressFailuresPerMinute);
    failures = std::make_unique<oauth::AuthFailures>(limits);
    const auto& mode = settings().text(Setting::AuditIntrospection);
    tally = std::make_unique<oauth::IntrospectionTally>(mode == "each"  ? oauth::IntrospectionAudit::Each
                                                        : mode == "off" ? oauth::IntrospectionAudit::Off
                                                                        : oauth::IntrospectionAudit::Aggregate);
}

base::Result<void> Daemon::Rooms::makeMint() {
    if (mintRoutes(settings()) == server::MintRoutes::Off) return {};
    const auto auth = macp::mintAuthNamed(settings().text(Setting::MacpMintAuth)).value();
    std::optional<macp::SharedSecret> secret;
    if (auth == macp::MintAuth::SharedSecret) {
        const auto& reference = settings().text(Setting::MacpMintSecret);
        const auto resolved = base->secrets().resolve(reference);
        auto made = resolved ? macp::SharedSecret::make(*resolved) : base::Result<macp::SharedSecret>(resolved.error());
        if (!made) {
            auto error = std::move(made).error();
            return fail(Errc::Invalid, "macp.mint.secret = " + reference + ": " + error.hint, std::move(error.detail));
        }
        secret.emplace(std::move(*made));
    }
    const macp::MintNames names{settings().text(Setting::MacpIssuer), settings().text(Setting::MacpAudience)};
    mintGate = std::make_unique<macp::Gate>(auth, *bearer, std::move(secret));
    mint = std::make_unique<macp::Mint>(names, *signer);
    minted = std::make_unique<macp::Minted>(macp::Minted::Ports{*jws, *revocations}, names);
    return {};
}

void Daemon::Rooms::makeRegistry() {
    auto& storage = base->storage();
    cursors = std::make_unique<registry::Cursors>(base->dataKeys().cursorKey().mac(base::bytesOf("agentidp list cursors")));
    registryAgents = std::make_unique<server::RegistryAgents>(storage, clock());
    registryOrganizations = std::make_unique<server::RegistryOrganizations>(storage, clock());
    registryCredentials = std::make_unique<server::RegistryCredentials>(storage, clock());
    agentRules = std::make_unique<registry::AgentRules>(
        registry::AgentRules::Ports{*registryAgents, *registryOrganizations, *registryCredentials, *cursors},
        settings().list(Setting::ClaimsAllowed));
    credentialRules = std::make_unique<registry::CredentialRules>(
        registry::CredentialRules::Ports{*registryAgents, *registryCredentials, *peppers, *cursors, vaulted.get()});
    organizationRules = std::make_unique<registry::OrganizationRules>(registry::OrganizationRules::Ports{*registryOrganizations, *cursors});

    audit::VerifierOptions verification;
    verification.keys = ledgerKeys();
    verification.anchors = anchorFolders();
    auditVerifier = std::make_unique<audit::Verifier>(storage, clock(), std::move(verification));
    retention =
        std::make_unique<audit::Retention>(storage, clock(), audit::RetentionPolicy{settings().integer(Setting::AuditRetentionDays), {}});
    records = std::make_unique<compliance::Records>(storage, clock());
    findings = std::make_unique<compliance::Findings>(*enriched, storage, clock());
    jobHost->open(*records, *findings, base->metrics());
    compliance::SchedulerOptions options;
    options.replica = replica;
    options.onRun = [this](const std::string& job, const std::string& outcome, double seconds) {
        const bool ok = outcome == "ok";
        base->metrics().counter(Metric::JobRunsTotal, {job, ok ? "done" : "failed"}).add();
        base->metrics().histogram(Metric::JobDurationSeconds, {job}).observe(seconds);
        if (ok)
            base->metrics().gauge(Metric::JobLastSuccessSeconds, {job}).set(static_cast<double>(base::epochSecondsOf(clock().now())));
        else
            log.write(Message::JOB_FAILED, {{"job", job}, {"why", outcome}});
    };
    scheduler = std::make_unique<compliance::Scheduler>(storage, clock(), base->plugins().jobs(), std::move(options));
}

void Daemon::Rooms::failed(const oauth::AuthFailure& failure) {
    base->metrics().counter(Metric::AuthFailuresTotal, {failure.reason.empty() ? "other" : failure.reason}).add();
    if (auto event = failures->record(failure)) appendAll({std::move(*event)});
}

void Daemon::Rooms::appendAll(std::vector<model::AuditEvent> events) {
    for (auto& event : events) {
        audit::Effect effect;
        effect.events.push_back(std::move(event));
        enriched->append(std::move(effect), [](const base::Result<audit::Committed>&) {});
    }
}

void Daemon::Rooms::tellRevoked(const model::Jti& jti, base::Instant until) {
    if (!hintsReachOthers) return;
    const auto left = std::chrono::duration_cast<base::microseconds>(until - clock().now());
    if (left <= base::microseconds(0)) return;
    (void)pool->post([this, jti, left] {
        (void)base->plugins().rateLimiter().announce("revoked", jti.str(), left, plugin::callWithin(clock(), kHintDeadline));
    });
}

base::Result<void> Daemon::Rooms::makeServer() {
    pool = std::make_unique<base::ThreadPool>("pool", kPoolThreads, kPoolQueue);
    cores = std::make_unique<base::ThreadPool>("cores", std::max(1U, std::thread::hardware_concurrency()), kPoolQueue);
    const auto onFailure = [this](const oauth::AuthFailure& failure) { failed(failure); };
    const auto signing = [this] {
        const auto signer = ring->snapshot()->active;
        if (signer && !signer->blocks()) return server::Place::Loop;
        return signer && signer->local() ? server::Place::Cores : server::Place::Pool;
    };
    workplaces = std::make_unique<const server::Workplaces>(server::Workplaces{*cores, *pool, hooks->pool(), signing});
    const auto routesOfMint = mintRoutes(settings());
    tokenHandler = std::make_unique<server::TokenHandler>(
        server::TokenHandler::Rooms{*tokens, *tokenIssuer, *introspection, *revocation, *enriched, *directory, *budgets, *revocations,
                                    *tally, *workplaces, clock(), base->metrics(), onFailure, *lastUsed, hookSettings, log, minted.get(),
                                    [this](const model::Jti& jti, base::Instant until) { tellRevoked(jti, until); }},
        tokenSettings(settings(), issuer));
    if (mint) {
        mintHandler = std::make_unique<server::MintHandler>(
            server::MintHandler::Rooms{*mintGate, *mint, *enriched, *budgets, *failures, *workplaces, *signer, base->metrics(), onFailure},
            mintLimits(settings()));
        mintHandler->bind(endpoints);
    }
    endpoints.bind(server::RouteId::Token, [this](const server::ExchangePtr& exchange) { tokenHandler->token(exchange); });
    endpoints.bind(server::RouteId::Introspect, [this](const server::ExchangePtr& exchange) { tokenHandler->introspect(exchange); });
    endpoints.bind(server::RouteId::Revoke, [this](const server::ExchangePtr& exchange) { tokenHandler->revoke(exchange); });
    registryHandler = std::make_unique<server::RegistryHandler>(
        server::RegistryHandler::Rooms{*agentRules, *credentialRules, *organizationRules, *enriched, base->storage(), clock(),
                                       base->metrics(), hookSettings, clientSecrets.get()});
    registryHandler->bind(endpoints);
    auditHandler = std::make_unique<server::AuditHandler>(server::AuditHandler::Rooms{
        *reader, *directory, *cursors,
        [this](server::VerifyMode mode) {
            return verify(mode == server::VerifyMode::Full ? audit::VerifyMode::Full : audit::VerifyMode::Incremental);
        },
        [this] {
            const auto tip = audit::readTip(base->storage(), clock());
            return tip ? tip->origin : std::string();
        },
        [this] {
            const auto tip = audit::readTip(base->storage(), clock());
            return audit::NoteKey::of(tip ? tip->origin : "", ledgerKeys().front()).text();
        },
        clock()});
    auditHandler->bind(endpoints);

    jwksMaxAge = settings().integer(Setting::JwksMaxAgeSeconds);
    std::vector<std::string> grants;
    for (const auto& grant : oauth::allGrantTypes()) grants.emplace_back(grant->name());
    std::vector<server::Backend> backends;
    const auto within = base::milliseconds(1000);
    backends.push_back(
        {base->storage().backend(), [this, within] { return base->storage().health(plugin::callWithin(clock(), within)).ok(); }});
    auto& limiter = base->plugins().rateLimiter();
    backends.push_back({limiter.backend(), [this, &limiter, within] { return limiter.health(plugin::callWithin(clock(), within)).ok(); }});
    publicHandler = std::make_unique<server::PublicHandler>(server::PublicHandler::Rooms{
        [this] {
            const auto snapshot = ring->snapshot();
            return server::ServedJwks{snapshot->jwks, snapshot->etag};
        },
        [this] { return jwksMaxAge.load(); }, oauth::metadataDocument({issuer, oauth::builtInScopes(), grants, ""}),
        server::openapiDocument(issuer, AGENTIDP_VERSION, routesOfMint), std::move(backends), [this] { return notReady(); },
        [this] { updateGauges(); }, base->metrics(),
        std::string(routesOfMint == server::MintRoutes::On ? macp::kMediaType : std::string_view("application/json"))});
    publicHandler->bind(endpoints);
    if (const auto* route = endpoints.unbound(routesOfMint); route != nullptr)
        return fail(Errc::Internal, "the route " + std::string(route->pattern) + " has no endpoint");

    auto settingsNow = pipelineSettings(settings());
    if (!settingsNow) return std::move(settingsNow).error();
    const server::Front::Rooms rooms{endpoints, *bearer, *failures, *budgets, *pool, clock(), log, base->metrics(), onFailure};
    auto main =
        server::Front::make(rooms, adminListener ? server::Surface::Public : server::Surface::Everything, routesOfMint, *settingsNow);
    if (!main) return std::move(main).error();
    mainPipeline = std::move(*main);
    front.store(mainPipeline.get(), std::memory_order_release);
    if (adminListener) {
        auto operations = server::Front::make(rooms, server::Surface::Operations, routesOfMint, *settingsNow);
        if (!operations) return std::move(operations).error();
        adminPipeline = std::move(*operations);
        adminFront.store(adminPipeline.get(), std::memory_order_release);
    }
    return {};
}

std::string Daemon::Rooms::notReady() const {
    if (stopping) return "stopping";
    if (!serving) return "starting";
    if (const auto stats = ledger->stats(); stats.halted) return "the ledger has stopped: " + stats.halted->hint;
    if (const auto stats = checkpointer->stats(); stats.refused) return "audit rollback: " + stats.refused->hint;
    if (!storageAnswers) return "the storage does not answer";
    if (keysSilence->tooLong()) return "the backend of the keys plugin does not answer";
    if (auto why = hooks->notReady(); !why.empty()) return why;
    if (base->clock().stepped()) return "the clock of this machine is wrong, or the storage's is";
    if (const auto wedged = base->plugins().wedged(); !wedged.empty()) return "a plugin does not answer: " + wedged.front();
    return {};
}

void Daemon::Rooms::updateGauges() {
    auto& metrics = base->metrics();
    const auto process = observe::readProcessStats();
    metrics.gauge(Metric::ProcessResidentMemoryBytes).set(process.residentBytes);
    metrics.gauge(Metric::ProcessVirtualMemoryBytes).set(process.virtualBytes);
    metrics.gauge(Metric::ProcessOpenFds).set(process.openFds);
    metrics.gauge(Metric::ProcessMaxFds).set(process.maxFds);
    metrics.gauge(Metric::ProcessStartTimeSeconds).set(process.startTimeSeconds);
    metrics.gauge(Metric::ProcessThreads).set(process.threads);
    const auto cpu = metrics.counter(Metric::ProcessCpuSecondsTotal);
    cpu.add(std::max(0.0, process.cpuSeconds - cpu.value()));
    const auto connections = listener->statistics();
    metrics.gauge(Metric::HttpConnections).set(static_cast<double>(connections.open));
    const auto refused = metrics.counter(Metric::HttpConnectionsRefusedTotal);
    refused.add(std::max(0.0, static_cast<double>(connections.turnedAway + connections.shed) - refused.value()));
    metrics.gauge(Metric::LedgerUnanchoredSeconds).set(checkpointer->stats().unanchoredSeconds);
    metrics.gauge(Metric::RevocationStalenessSeconds).set(std::chrono::duration<double>(revocations->staleness()).count());
    const auto wedged = base->plugins().wedged();
    for (const auto& plugin : base->plugins().plugins()) {
        const bool stuck = std::find(wedged.begin(), wedged.end(), plugin.plugin) != wedged.end();
        metrics.gauge(Metric::PluginState, {plugin.plugin, "serving"}).set(stuck ? 0 : 1);
        metrics.gauge(Metric::PluginState, {plugin.plugin, "wedged"}).set(stuck ? 1 : 0);
    }
    const auto lost = metrics.counter(Metric::LogLinesDroppedTotal);
    lost.add(std::max(0.0, static_cast<double>(log.dropped()) - lost.value()));
    if (const auto rows = ring->list()) {
        for (const auto state : {model::KeyState::Pending, model::KeyState::Published, model::KeyState::Active, model::KeyState::Retiring,
                                 model::KeyState::Gone}) {
            const auto count = std::count_if(rows->begin(), rows->end(), [&](const model::SigningKey& key) { return key.state == state; });
            metrics.gauge(Metric::Keys, {std::string(store::nameOf(state))}).set(static_cast<double>(count));
        }
        if (const auto* active = keys::activeAmong(*rows); active != nullptr && active->activatedAt)
            metrics.gauge(Metric::KeyAgeSeconds).set(std::chrono::duration<double>(clock().now() - *active->activatedAt).count());
    }
}

base::Result<base::json::Value> Daemon::Rooms::verify(audit::VerifyMode mode) {
    const auto report = auditVerifier->verify(mode);
    if (!report) return report.error();
    base->metrics().gauge(Metric::AuditChainIntegrity).set(report->ok ? 1 : 0);
    if (!report->ok) log.write(Message::LEDGER_DAMAGED, {{"report", report->json()}});
    return base::json::parse(report->json());
}

base::Result<void> Daemon::Rooms::prune() {
    const auto lease = store::takeLease(base->storage(), clock(), "retention", replica, kPruning);
    if (!lease) return lease.error();
    if (*lease == store::LeaseOutcome::HeldByAnother) return {};
    for (bool more = true; more && !stopping;) {
        more = false;
        auto steps = retention->plan();
        if (!steps) return std::move(steps).error();
        for (auto& step : *steps) {
            more = more || step.more;
            if (auto done = appendAndWait(*enriched, std::move(step.effect)); !done) return std::move(done).error();
            log.write(Message::LEDGER_PRUNED, {{"entries", static_cast<std::int64_t>(step.entries)}});
        }
    }
    return {};
}

base::Result<void> Daemon::Rooms::watchClock() {
    const bool before = saidClock;
    auto compared = base->watchClock();
    saidClock = base->clock().stepped();
    if (saidClock && !before) log.write(Message::CLOCK_WRONG);
    if (!saidClock && before) log.write(Message::CLOCK_RIGHT);
    return compared;
}

base::Result<void> Daemon::Rooms::tellReadiness() {
    storageAnswers = base->storage().health(plugin::callWithin(clock(), kReadinessDeadline)).ok();
    auto why = notReady();
    if (!why.empty() && why != saidNotReady) log.write(Message::NOT_READY, {{"why", why}});
    saidNotReady = std::move(why);
    return {};
}

base::Result<void> Daemon::Rooms::lookAtKeysBackend() {
    const auto health = base->keys().health(plugin::callWithin(clock(), kReadinessDeadline));
    const bool silentBefore = keysSilence->lasted() > base::seconds(0);
    keysSilence->saw(health.ok());
    auto& metrics = base->metrics();
    metrics.gauge(Metric::BackendSilentSeconds, {"keys"}).set(static_cast<double>(keysSilence->lasted().count()));
    if (clientSecrets) metrics.gauge(Metric::BackendSilentSeconds, {"secrets"}).set(static_cast<double>(clientSecrets->silence().count()));
    if (!health && !silentBefore)
        log.write(Message::BACKEND_SILENT,
                  {{"plugin", "keys-" + base->keys().name()}, {"why", health.error().hint}, {"detail", health.error().detail}});
    return {};
}

void Daemon::Rooms::tellPlugins() {
    for (const auto& plugin : base->plugins().plugins()) {
        auto event = systemEvent(model::Action::PluginLoaded);
        event.metadataJson = base::json::write(base::json::Object{
            {"plugin", plugin.plugin}, {"version", plugin.version}, {"sha256", plugin.sha256}, {"flags", std::int64_t{plugin.flags}}});
        appendAll({std::move(event)});
    }
}

void Daemon::Rooms::tellMint() {
    if (!mint) return;
    const auto key = signer->current();
    log.write(Message::MINT_LISTENING, {{"listen", endpointText(listener->endpoints().front())},
                                        {"issuer", mint->names().issuer},
                                        {"audience", mint->names().audience},
                                        {"alg", key ? key->alg : std::string()},
                                        {"kid", key ? key->kid : std::string()},
                                        {"keySource", mintKeySource(settings())},
                                        {"auth", std::string(macp::nameOf(mintGate->auth()))},
                                        {"jwksUrl", issuer + "/.well-known/jwks.json"},
                                        {"mintUrl", issuer + "/tokens"}});
}

model::AuditEvent Daemon::Rooms::systemEvent(model::Action action) const {
    model::AuditEvent event;
    event.timestamp = clock().now();
    event.eventId = model::EventId(base::uuidV7(event.timestamp));
    event.action = action;
    event.actor = "system";
    return event;
}

void Daemon::Rooms::makeChores() {
    const auto onError = [this](const std::string& chore, const base::Error& error) {
        log.write(Message::CHORE_FAILED, {{"chore", chore}, {"why", error.hint}, {"detail", error.detail}});
    };
    using base::Result;
    using std::chrono::hours;
    using std::chrono::minutes;
    std::vector<Chore> quick{
        {"keys-backend", base::seconds(5), [this] { return lookAtKeysBackend(); }},
        {"checkpoint", base::seconds(1), [this] { return checkpointer->tick(); }},
        {"auth-failures", base::seconds(1),
         [this]() -> Result<void> {
             appendAll(failures->sweep(clock().now()));
             appendAll(tally->sweep(clock().now()));
             return {};
         }},
        {"keys", base::seconds(std::clamp<std::int64_t>(settings().integer(Setting::JwksMaxAgeSeconds) / 4, 1, 5)),
         [this]() -> Result<void> {
             auto done = ring->tick();
             if (!done) return std::move(done).error();
             return {};
         }},
        {"months", base::seconds(1), [this] { return budgets->flush(); }},
        {"hooks", base::seconds(15), [this] { return hooks->look(); }},
        {"last-used", base::seconds(1),
         [this]() -> Result<void> {
             if (!lastUsed->due()) return {};
             auto done = lastUsed->flush();
             if (!done) return std::move(done).error();
             return {};
         }},
    };
    if (clientSecrets) quick.push_back({"secrets", base::seconds(1), [this] { return clientSecrets->sweep(); }});
    // Alone on its thread: where storage hangs, every other chore waits for its own deadline first.
    std::vector<Chore> looks{{"readiness", base::seconds(1), [this] { return tellReadiness(); }},
                             {"clock", base::seconds(1), [this] { return storageAnswers ? watchClock() : Result<void>(); }}};
    std::vector<Chore> slow{
        {"verify", minutes(1), [this] { return verifyAs(audit::VerifyMode::Incremental); }},
        {"verify-sampled", hours(1), [this] { return verifyAs(audit::VerifyMode::Sampled); }},
        {"expired-rows", minutes(10),
         [this]() -> Result<void> {
             const auto now = clock().now();
             revocations->dropExpired(now);
             plugin::Transaction tx;
             auto done = base->storage().apply(tx, {store::removeExpiredRevocations(now), store::removeExpiredIdempotentAnswers(now)},
                                               plugin::ApplyMode::Commit, plugin::callWithin(clock(), base::seconds(5)));
             if (!done) return std::move(done).error();
             return {};
         }},
        {"retention", hours(1), [this] { return prune(); }},
    };
    base->metrics().gauge(Metric::AuditChainIntegrity).set(1);
    watch = std::make_unique<Housekeeper>(clock(), std::move(looks), onError);
    quickChores = std::make_unique<Housekeeper>(clock(), std::move(quick), onError);
    slowChores = std::make_unique<Housekeeper>(clock(), std::move(slow), onError);
}

base::Result<void> Daemon::Rooms::openControl() {
    using control::PeerCredentials;
    namespace json = base::json;
    const auto audited = [this](std::string name,
                                std::function<base::Result<json::Value>(const json::Value&, const PeerCredentials&)> run) {
        return control::Command{name, [this, name, run = std::move(run)](const json::Value& args, const PeerCredentials& peer) {
                                    model::AuditEvent event;
                                    event.timestamp = clock().now();
                                    event.eventId = model::EventId(base::uuidV7(event.timestamp));
                                    event.action = model::Action::ControlCommand;
                                    event.actor = "cli:" + std::to_string(peer.uid);
                                    event.metadataJson = json::write(json::Object{{"command", name}, {"pid", peer.pid}});
                                    appendAll({std::move(event)});
                                    return run(args, peer);
                                }};
    };
    std::vector<control::Command> commands;
    commands.push_back({"status", [this](const json::Value&, const PeerCredentials&) -> base::Result<json::Value> {
                            const auto why = notReady();
                            const auto stats = ledger->stats();
                            return json::Value(json::Object{{"version", AGENTIDP_VERSION},
                                                            {"issuer", issuer},
                                                            {"listen", endpointText(listener->endpoints().front())},
                                                            {"ready", why.empty()},
                                                            {"reason", why},
                                                            {"ledgerSize", static_cast<std::int64_t>(stats.treeSize)},
                                                            {"revocations", static_cast<std::int64_t>(revocations->size())}});
                        }});
    commands.push_back({"jobs.list", [this](const json::Value&, const PeerCredentials&) -> base::Result<json::Value> {
                            auto status = scheduler->status();
                            if (!status) return std::move(status).error();
                            json::Array jobs;
                            for (const auto& job : *status) jobs.emplace_back(jobJson(job));
                            return json::Value(std::move(jobs));
                        }});
    commands.push_back(audited("jobs.run", [this](const json::Value& args, const PeerCredentials&) -> base::Result<json::Value> {
        auto run = scheduler->runNow(args.textOr("job", ""));
        if (!run) return std::move(run).error();
        return json::Value(json::Object{{"job", run->job}, {"outcome", run->outcome}, {"processed", run->processed}});
    }));
    commands.push_back(audited("keys.rotate", [this](const json::Value& args, const PeerCredentials& peer) -> base::Result<json::Value> {
        const auto wish = args.textOr("when", "") == "now" ? keys::Wish::RotateNow : keys::Wish::Rotate;
        auto key = ring->rotate(wish, "cli:" + std::to_string(peer.uid));
        if (!key) return std::move(key).error();
        return keyJson(*key);
    }));
    commands.push_back(audited("keys.retire", [this](const json::Value& args, const PeerCredentials& peer) -> base::Result<json::Value> {
        const auto how = args.textOr("reason", "") == "compromised" ? keys::Compromise::Yes : keys::Compromise::No;
        auto done = ring->retire(model::KeyId(args.textOr("kid", "")), how, "cli:" + std::to_string(peer.uid));
        if (!done) return std::move(done).error();
        return json::Value(json::Object{});
    }));
    const auto checkpointNow = [this](const json::Value&, const PeerCredentials&) -> base::Result<json::Value> {
        if (auto flushed = ledger->flush(base::seconds(5)); !flushed) return std::move(flushed).error();
        if (auto done = checkpointer->signNow(); !done) return std::move(done).error();
        auto newest = reader->checkpoint();
        if (!newest) return std::move(newest).error();
        return json::Value(newest->note);
    };
    commands.push_back({"audit.checkpoint", checkpointNow});
    // The copy itself is made by the one who asks: a long one here would keep every other command waiting.
    commands.push_back(audited("backup", checkpointNow));
    for (auto& command : hooks->commands())
        commands.push_back(command.changes ? audited(command.name, std::move(command.run))
                                           : control::Command{command.name, std::move(command.run)});
    // The signals have one owner, main(): both commands only send them.
    commands.push_back(audited("drain", [](const json::Value&, const PeerCredentials&) -> base::Result<json::Value> {
        ::kill(::getpid(), SIGTERM);
        return json::Value(json::Object{{"draining", true}});
    }));
    commands.push_back(audited("reload", [](const json::Value&, const PeerCredentials&) -> base::Result<json::Value> {
        ::kill(::getpid(), SIGHUP);
        return json::Value(json::Object{{"reloading", true}});
    }));
    auto opened = control::ControlServer::open(base->runtimeDir() + "/control.sock", std::move(commands));
    if (!opened) return std::move(opened).error();
    control = std::move(*opened);
    return {};
}

Daemon::Daemon(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}
Daemon::~Daemon() = default;

base::Result<std::unique_ptr<Daemon>> Daemon::start(config::Loaded loaded, observe::Log& log) {
    auto rooms = std::make_unique<Rooms>(log);
    auto keySettings = app::keySettings(loaded.settings, loaded.environment);
    if (!keySettings) return std::move(keySettings).error();
    rooms->keySettings = std::move(*keySettings);
    if (auto bound = rooms->bind(loaded); !bound) return std::move(bound).error();

    PluginOffers offers;
    offers.audit = [rooms = rooms.get()](std::string_view plugin, std::string_view action,
                                         base::json::Value metadata) -> base::Result<void> {
        // Before the ledger is open there is nowhere to write; the plugin is told so.
        if (!rooms->ledger) return fail(Errc::Unavailable, "the ledger is not open yet");
        auto event = rooms->systemEvent(model::Action::PluginReported);
        event.actor = "plugin:" + std::string(plugin);
        event.metadataJson = base::json::write(base::json::Object{{"action", action}, {"report", std::move(metadata)}});
        rooms->appendAll({std::move(event)});
        return {};
    };
    offers.iface = [host = rooms->jobHost](std::string_view plugin, std::string_view name, std::uint32_t minMinor) {
        return host->interfaceFor(plugin, name, minMinor);
    };
    auto foundation = Foundation::open(std::move(loaded), Purpose::Serve, log, std::move(offers));
    if (!foundation) return std::move(foundation).error();
    rooms->base = std::move(*foundation);
    if (auto opened = rooms->openLedgerAndKeys(); !opened) return std::move(opened).error();
    if (auto first = rooms->firstStart(); !first) return std::move(first).error();
    if (auto made = rooms->makeHooks(); !made) return std::move(made).error();
    rooms->makeOauth();
    if (auto made = rooms->makeMint(); !made) return std::move(made).error();
    rooms->makeRegistry();
    if (auto made = rooms->makeServer(); !made) return std::move(made).error();
    rooms->tellPlugins();
    rooms->makeChores();
    if (auto opened = rooms->openControl(); !opened) return std::move(opened).error();
    rooms->base->metrics().gauge(Metric::BuildInfo, {AGENTIDP_VERSION, AGENTIDP_REVISION}).set(1);

    // Before the first token: it carries this clock's time.
    if (auto compared = rooms->watchClock(); !compared) return std::move(compared).error();

    rooms->followLedger();
    rooms->serving = true;
    rooms->listener->start();
    if (rooms->adminListener) rooms->adminListener->start();
    rooms->watch->start("watch");
    rooms->quickChores->start("chores");
    rooms->slowChores->start("slow-chores");
    rooms->scheduler->start();
    rooms->hooks->startSelftest();
    log.write(Message::LISTENING, {{"address", endpointText(rooms->listener->endpoints().front())}, {"issuer", rooms->issuer}});
    if (rooms->adminListener) log.write(Message::LISTENING, {{"adminAddress", endpointText(rooms->adminListener->endpoints().front())}});
    rooms->tellMint();
    log.write(Message::READY, {{"replica", rooms->replica}});
    return std::unique_ptr<Daemon>(new Daemon(std::move(rooms)));
}

void Daemon::reload(const config::Loaded& loaded) {
    auto& rooms = *rooms_;
    if (!loaded.ok()) {
        for (const auto& problem : loaded.problems) rooms.log.write(Message::CONFIG_RELOAD_REFUSED, {{"why", problem.text}});
        return;
    }
    // What only a restart applies keeps its old value in everything that is made from here on.
    const auto now = config::reloaded(rooms.settings(), loaded.settings);
    auto pipeline = pipelineSettings(now);
    auto tls = tlsOptions(loaded);
    auto keys = app::keySettings(now, loaded.environment);
    if (!pipeline || !tls || !keys) {
        const auto& why = !pipeline ? pipeline.error() : !tls ? tls.error() : keys.error();
        rooms.log.write(Message::CONFIG_RELOAD_REFUSED, {{"why", why.hint}});
        return;
    }
    if (*tls) {
        if (auto reloaded = rooms.listener->reloadTls(**tls); !reloaded) {
            rooms.log.write(Message::CONFIG_RELOAD_REFUSED, {{"why", reloaded.error().hint}});
            return;
        }
    }
    if (auto taken = rooms.ring->configure(std::move(*keys)); !taken) {
        rooms.log.write(Message::CONFIG_RELOAD_REFUSED, {{"why", taken.error().hint}});
        return;
    }
    for (const auto& key : config::needRestart(rooms.settings(), loaded.settings))
        rooms.log.write(Message::RELOAD_NEEDS_RESTART, {{"setting", key}});
    rooms.mainPipeline->configure(*pipeline);
    if (rooms.adminPipeline) rooms.adminPipeline->configure(*pipeline);
    rooms.tokenHandler->configure(tokenSettings(now, rooms.issuer));
    rooms.jwksMaxAge = now.integer(Setting::JwksMaxAgeSeconds);
    if (rooms.mintHandler) rooms.mintHandler->configure(mintLimits(now));
    rooms.hooks->reload(now);
    auto event = rooms.systemEvent(model::Action::ConfigChanged);
    event.metadataJson = base::json::write(base::json::Object{{"file", loaded.file}});
    rooms.appendAll({std::move(event)});
    rooms.log.write(Message::CONFIG_RELOADED);
}

base::Result<void> Daemon::stop() {
    auto& rooms = *rooms_;
    rooms.stopping = true;
    rooms.log.write(Message::STOPPING);
    const auto grace = base::milliseconds(rooms.settings().integer(Setting::StopGraceSeconds) * 1000);
    rooms.control.reset();
    rooms.watch->stop();
    rooms.quickChores->stop();
    rooms.slowChores->stop();
    rooms.scheduler->stop();
    rooms.follower->stop();
    auto drained = rooms.listener->drain(grace);
    if (rooms.adminListener) {
        if (auto done = rooms.adminListener->drain(base::milliseconds(1000)); !done && drained) drained = std::move(done);
    }
    rooms.cores->stop();
    rooms.pool->stop();
    // Sums of the running minute, so that nothing that was counted is forgotten.
    const auto later = rooms.clock().now() + std::chrono::minutes(1);
    rooms.appendAll(rooms.failures->sweep(later));
    rooms.appendAll(rooms.tally->sweep(later));
    // What waits there for its hooks is appended before the ledger ends.
    rooms.hooks->stop();
    auto used = rooms.lastUsed->flush();
    // The table has them; whoever reads the counter alone would miss them until this client's next token.
    (void)rooms.budgets->flush();
    auto stopped = rooms.ledger->stop(base::milliseconds(5000));
    auto signedLast = rooms.checkpointer->signNow();
    rooms.listener->stop();
    if (rooms.adminListener) rooms.adminListener->stop();
    if (!stopped) return stopped;
    if (!signedLast) return signedLast;
    if (!used) return std::move(used).error();
    return drained;
}

}  // namespace agentidp::app
