#include "keys/key_ring.h"

#include <algorithm>
#include <future>

#include "base/failpoint.h"
#include "base/ids.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "store/meta.h"
#include "store/signing_keys.h"

namespace agentidp::keys {
namespace {

using base::Errc;
using base::fail;
using model::SigningKey;
using Kind = Transition::Kind;

constexpr base::milliseconds kPluginWithin{20000};
constexpr std::chrono::seconds kLedgerWithin{30};
constexpr int kMostRounds = 32;
constexpr std::string_view kFirstKey = "signing_keys.first";
constexpr std::string_view kProof = "agentidp signing key proof";
const std::string kSystem = "system";

std::string metadataOf(const SigningKey& key) {
    std::string out;
    base::json::Writer writer(out);
    writer.beginObject().key("kid").text(key.kid.str()).key("alg").text(key.alg).key("state").text(store::nameOf(key.state));
    if (key.state == model::KeyState::Published && key.activatesAt) writer.key("activatesAt").text(base::rfc3339(*key.activatesAt));
    if (key.compromised) writer.key("compromised").boolean(true);
    writer.endObject();
    return out;
}

model::AuditEvent eventOf(const SigningKey& key, base::Instant now, const std::string& actor) {
    model::AuditEvent event;
    event.eventId = model::EventId(base::uuidV7(now));
    event.timestamp = now;
    event.actor = actor;
    event.metadataJson = metadataOf(key);
    switch (key.state) {
        case model::KeyState::Pending:
        case model::KeyState::Published: event.action = model::Action::KeyPublished; break;
        case model::KeyState::Active: event.action = model::Action::KeyActivated; break;
        case model::KeyState::Retiring:
        case model::KeyState::Gone: event.action = model::Action::KeyRetired; break;
    }
    return event;
}

observe::Message messageFor(const SigningKey& key) {
    if (key.state == model::KeyState::Published) return observe::Message::KEY_PUBLISHED;
    return key.state == model::KeyState::Active ? observe::Message::KEY_ACTIVATED : observe::Message::KEY_RETIRED;
}

base::Result<jose::VerificationKey> verificationOf(const SigningKey& key) {
    const auto damaged = [&key](const std::string& why) {
        return fail(Errc::Internal, "", "the public JWK of signing key " + key.kid.str() + " in storage is not usable: " + why);
    };
    const auto alg = crypto::algorithmNamed(key.alg);
    const auto jwk = base::json::parse(key.publicJwk);
    if (!alg || !jwk) return damaged("not JSON, or another algorithm");
    auto imported = jose::importPublic(*jwk, alg);
    if (!imported) return damaged(imported.error().hint);
    if (imported->alg != *alg) return damaged("alg differs");
    imported->kid = key.kid;
    return imported;
}

/// Moves one row on, as the op that does it and the event that tells it; `rows` follows.
void moveOn(SigningKey& row, const Transition& transition, audit::Effect& effect,
            const std::pair<base::Instant, const std::string&>& when) {
    SigningKey moved = after(row, transition, when.first);
    effect.ops.push_back(store::updateSigningKey(moved, row.rowVersion));
    effect.events.push_back(eventOf(moved, when.first, when.second));
    ++moved.rowVersion;
    row = std::move(moved);
}

std::string copyPlaceOf(const SigningKey& key) { return "signing-key:" + key.kid.str(); }

/// `thumbprint`, or the first free number behind `prefix`. A thumbprint is taken where the same key signed by another algorithm.
std::string freeKid(const std::vector<SigningKey>& rows, std::string prefix, const std::string& thumbprint) {
    const auto taken = [&rows](const std::string& kid) {
        return std::any_of(rows.begin(), rows.end(), [&kid](const SigningKey& row) { return row.kid.str() == kid; });
    };
    if (prefix.empty() && !taken(thumbprint)) return thumbprint;
    if (prefix.empty()) prefix = thumbprint + "-";
    for (std::size_t number = 1;; ++number)
        if (auto kid = prefix + std::to_string(number); !taken(kid)) return kid;
}

base::Result<void> fits(const std::vector<SigningKey>& rows, const KeyRing::Settings& settings) {
    return settings.pinned ? checkPin(rows, *settings.pinned) : base::Result<void>();
}

KeyRing::Settings withPin(KeyRing::Settings settings) {
    settings.policy.pin.reset();
    if (settings.pinned) settings.policy.pin = pinOf(*settings.pinned, settings.pinActivation);
    return settings;
}

/// The step as failpoints call it: a process that dies before or behind any of them goes on from the rows.
std::string stepOf(Kind kind) {
    switch (kind) {
        case Kind::Generate: return "record";
        case Kind::Publish: return "publish";
        case Kind::Activate: return "activate";
        case Kind::Retire: return "retire";
        case Kind::Remove: break;
    }
    return "remove";
}

std::uint64_t nextOfThisThread() {
    thread_local std::uint64_t signatures = 0;
    return ++signatures;
}

}  // namespace

const jose::VerificationKey* KeySnapshot::find(std::string_view kid) const {
    const auto found = byKid.find(std::string(kid));
    return found == byKid.end() ? nullptr : &found->second;
}

KeyRing::KeyRing(Backends backends, Settings settings)
    : backends_(backends),
      settings_(withPin(std::move(settings))),
      verifySample_(std::max(1U, settings_.verifySample)),
      snapshot_(std::make_shared<const KeySnapshot>()) {}

base::Result<ActiveKey> KeyRing::activeKey() const {
    const auto now = snapshot();
    if (!now->active) return fail(Errc::Unavailable, "no signing key is active");
    const auto& signer = *now->active;
    return ActiveKey{signer.kid(), signer.alg(), signer.source(), signer.local(), signer.blocks()};
}

base::Result<base::Bytes> KeyRing::sign(const model::KeyId& kid, base::BytesView data) const {
    const auto now = snapshot();
    const Signer* signer = nullptr;
    for (const auto* candidate : {now->active.get(), now->before.get()})
        if (candidate != nullptr && candidate->kid() == kid) signer = candidate;
    if (signer == nullptr) return fail(Errc::Conflict, "the signing key was changed meanwhile");
    const bool check = !signer->local() || nextOfThisThread() % verifySample_.load(std::memory_order_relaxed) == 0;
    auto signature = check ? signer->makeChecked(data) : signer->make(data);
    if (signature) return signature;
    const auto& why = signature.error();
    backends_.log.write(observe::Message::KEY_SIGNING_FAILED, {{"kid", kid.str()}, {"why", why.detail.empty() ? why.hint : why.detail}});
    return fail(Errc::Unavailable, "a token cannot be signed now");
}

base::Result<jose::Jws> KeyRing::verify(std::string_view token) const {
    const auto now = snapshot();
    return jose::verifyJws(token, [&now](const model::KeyId& kid) { return now->find(kid.str()); });
}

base::Result<void> KeyRing::ensureFirstKey() {
    const std::lock_guard lock(changing_);
    if (const auto before = store::readSigningKeys(backends_.storage, backends_.clock); !before)
        return before.error();
    else if (auto fit = fits(*before, settings_); !fit)
        return fit;
    if (auto settled = settle(Wish::None, kSystem); !settled) return std::move(settled).error();
    const auto rows = rebuild();
    if (!rows) return rows.error();
    finishRetirements(*rows);
    if (auto kept = keepCopy(*rows); !kept) return kept;
    const auto now = snapshot();
    if (!now->active) return fail(Errc::Unavailable, "no signing key is active");
    // A key that was active before this start proves itself again: the plugin behind it may be another one now.
    if (auto proof = now->active->makeChecked(base::bytesOf(kProof)); !proof) return std::move(proof).error();
    return {};
}

base::Result<std::size_t> KeyRing::tick() {
    const std::lock_guard lock(changing_);
    auto steps = settle(Wish::None, kSystem);
    if (!steps || *steps == 0 || !settings_.pinned) return steps;
    const auto rows = rebuild();
    if (!rows) return rows.error();
    if (auto kept = keepCopy(*rows); !kept) return std::move(kept).error();
    return steps;
}

base::Result<void> KeyRing::reload() {
    const std::lock_guard lock(changing_);
    auto rows = rebuild();
    if (!rows) return std::move(rows).error();
    return {};
}

base::Result<SigningKey> KeyRing::rotate(Wish wish, const std::string& actor) {
    const std::lock_guard lock(changing_);
    const auto before = rebuild();
    if (!before) return before.error();
    const auto* pin = pinnedAmong(*before, settings_.policy);
    // One that is compromised has given its place to generated keys.
    if (settings_.pinned && (pin == nullptr || !pin->compromised))
        return fail(Errc::Conflict, "the signing key is pinned by " + settings_.pinned->source +
                                        ": give that another key to rotate, or remove it to go back to generated keys");
    if (auto settled = settle(wish, actor); !settled) return std::move(settled).error();
    const auto rows = rebuild();
    if (!rows) return rows.error();
    const auto published = publishedAmong(*rows);
    const auto waiting =
        std::find_if(published.begin(), published.end(), [](const SigningKey* key) { return key->state == model::KeyState::Published; });
    if (waiting != published.end()) return **waiting;
    if (const auto* active = activeAmong(*rows)) return *active;
    return fail(Errc::Unavailable, "no signing key is active");
}

base::Result<void> KeyRing::retire(const model::KeyId& kid, Compromise compromise, const std::string& actor) {
    const std::lock_guard lock(changing_);
    for (int round = 0; round < kMostRounds; ++round) {
        auto rows = rebuild();
        if (!rows) return std::move(rows).error();
        const auto* pinned = pinnedAmong(*rows, settings_.policy);
        if (pinned != nullptr && pinned->kid == kid && compromise == Compromise::No)
            return fail(Errc::Conflict, "this key is pinned by " + settings_.pinned->source + ": change that, or retire it as compromised");
        const auto transitions = decideRetirement(*rows, kid, compromise);
        if (!transitions) return transitions.error();
        if (transitions->empty()) break;
        if (auto done = performAll(*rows, *transitions, actor); !done) return std::move(done).error();
    }
    if (auto settled = settle(Wish::None, kSystem); !settled) return std::move(settled).error();
    return {};
}

base::Result<std::vector<SigningKey>> KeyRing::list() const { return store::readSigningKeys(backends_.storage, backends_.clock); }

base::Result<void> KeyRing::configure(Settings given) {
    auto settings = withPin(std::move(given));
    const std::lock_guard lock(changing_);
    if (settings.pinned) {
        const auto rows = store::readSigningKeys(backends_.storage, backends_.clock);
        if (!rows) return rows.error();
        if (auto fit = fits(*rows, settings); !fit) return fit;
    }
    settings_ = std::move(settings);
    verifySample_ = std::max(1U, settings_.verifySample);
    return {};
}

base::Result<std::size_t> KeyRing::settle(Wish wish, const std::string& actor) {
    std::size_t steps = 0;
    for (int round = 0; round < kMostRounds; ++round) {
        auto rows = rebuild();
        if (!rows) return std::move(rows).error();
        // Nobody can sign until a successor does: to wait for the JWKS max-age would only add to the damage.
        const bool lost = isLost(*rows);
        if (lost && !saidLost_) backends_.log.write(observe::Message::KEY_LOST, {{"kid", activeAmong(*rows)->kid.str()}});
        saidLost_ = lost;
        const auto transitions = decide(backends_.clock.now(), *rows, settings_.policy, lost ? Wish::RotateNow : wish);
        if (transitions.empty()) return steps;
        const auto done = performAll(*rows, transitions, actor);
        if (!done) {
            (void)rebuild();
            return done.error();
        }
        steps += *done;
        // A wish is granted by its first step; the rows remember the rest.
        if (*done > 0) wish = Wish::None;
    }
    return fail(Errc::Conflict, "signing keys kept changing", "other replicas were first each time");
}

base::Result<std::size_t> KeyRing::performAll(Rows& rows, const std::vector<Transition>& transitions, const std::string& actor) {
    std::size_t done = 0;
    for (const auto& transition : transitions) {
        [[maybe_unused]] const auto step = stepOf(transition.kind);
        if (AGENTIDP_FAILPOINT("keys.before_" + step)) return fail(Errc::Unavailable, "failpoint");
        const auto outcome = transition.kind == Kind::Generate ? generate(rows, transition) : change(rows, transition, actor);
        if (!outcome) return outcome.error();
        if (AGENTIDP_FAILPOINT("keys.after_" + step)) return fail(Errc::Unavailable, "failpoint");
        if (*outcome == Outcome::Lost) return done;
        ++done;
    }
    return done;
}

base::Result<plugin::HeldKey> KeyRing::adoptOrMake(const Rows& rows) const {
    auto& plugin = backends_.keys;
    const std::string alg(crypto::nameOf(settings_.policy.alg));
    const auto& offered = plugin.abilities().algorithms;
    if (std::find(offered.begin(), offered.end(), alg) == offered.end())
        return fail(Errc::Unsupported, "keys plugin " + plugin.name() + " makes no " + alg + " keys: change token.alg or keys.plugin");
    const auto call = plugin::callWithin(backends_.clock, kPluginWithin);
    // A crash between making a key and recording it leaves one that no row knows: it is taken up instead of a second one.
    auto held = plugin.list(call);
    if (!held) return std::move(held).error();
    const auto orphan = std::find_if(held->begin(), held->end(), [&](const plugin::HeldKey& key) {
        const bool known = std::any_of(rows.begin(), rows.end(), [&](const SigningKey& row) { return row.fingerprint == key.fingerprint; });
        return !known && !key.retired && key.alg == alg;
    });
    if (orphan != held->end()) return *orphan;
    return plugin.generate(alg, call);
}

base::Result<plugin::Op> KeyRing::guardAgainstTwins(const Rows& rows, const model::KeyId& kid) const {
    // Two replicas that follow the same newest key, or that both see none, cannot both succeed.
    if (!rows.empty()) return store::touchSigningKey(rows.back().kid, rows.back().rowVersion);
    const auto first = store::readMeta(backends_.storage, backends_.clock, kFirstKey);
    if (!first) return first.error();
    if (!*first) return store::insertMeta(kFirstKey, kid.str());
    // The name and the first row are written together: whoever sees the name and no row has read its rows too early.
    return fail(Errc::Conflict, "another replica made the first key");
}

base::Result<SigningKey> KeyRing::rowForGenerated(const Rows& rows) const {
    const auto held = adoptOrMake(rows);
    if (!held) return held.error();
    if (AGENTIDP_FAILPOINT("keys.after_generate")) return fail(Errc::Unavailable, "failpoint");
    auto verification = jose::importPublic(held->jwk, settings_.policy.alg);
    if (!verification) return verification.error();
    if (jose::thumbprint(verification->key) != held->fingerprint)
        return fail(Errc::Internal, "", "keys plugin " + backends_.keys.name() + " names a key by something else than its thumbprint");
    verification->kid = model::KeyId(freeKid(rows, settings_.generatedKids, held->fingerprint));
    return newRow(*verification, backends_.keys.name());
}

base::Result<SigningKey> KeyRing::rowForPinned(const Rows& rows) const {
    const auto& pinned = *settings_.pinned;
    if (auto fit = checkPin(rows, pinned); !fit) return std::move(fit).error();
    const auto kid = pinned.kid.empty() ? freeKid(rows, settings_.pinnedKids, pinned.fingerprint) : pinned.kid;
    auto row = newRow({model::KeyId(kid), pinned.alg, pinned.key.publicKey()}, std::string(kPinnedHolder));
    if (!keepsCopies()) return row;
    auto copy = copyOf(pinned.key, row);
    if (!copy) return std::move(copy).error();
    row.wrapped = std::move(*copy);
    return row;
}

bool KeyRing::isPinned(const SigningKey& key) const {
    return settings_.pinned && key.fingerprint == settings_.pinned->fingerprint && key.alg == crypto::nameOf(settings_.pinned->alg);
}

base::Result<crypto::PrivateKey> KeyRing::privatePartOf(const SigningKey& pinned) const {
    if (isPinned(pinned)) return settings_.pinned->key;
    const auto gone = [&pinned] { return fail(Errc::NotFound, "pinned key " + pinned.kid.str() + " is configured no more"); };
    if (!pinned.wrapped) return gone();
    for (auto* wrapper : {&backends_.keys, backends_.previous}) {
        if (wrapper == nullptr) continue;
        const auto pkcs8 = wrapper->unwrap(*pinned.wrapped, copyPlaceOf(pinned), plugin::callWithin(backends_.clock, kPluginWithin));
        if (pkcs8) return crypto::PrivateKey::fromPkcs8(pkcs8->view());
        const auto code = pkcs8.error().code;
        if (code == Errc::Unavailable || code == Errc::Deadline) return pkcs8.error();
    }
    return gone();
}

bool KeyRing::isLost(const Rows& rows) {
    const auto* active = activeAmong(rows);
    if (active == nullptr || active->plugin != kPinnedHolder) return false;
    const auto signer = signerOf(*active);
    return !signer && signer.error().code == Errc::NotFound;
}

bool KeyRing::keepsCopies() const { return settings_.pinActivation == Pin::Activation::Wait && backends_.keys.abilities().wraps; }

base::Result<base::Bytes> KeyRing::copyOf(const crypto::PrivateKey& key, const SigningKey& row) const {
    const auto pkcs8 = key.toPkcs8();
    if (!pkcs8) return pkcs8.error();
    return backends_.keys.wrap(*pkcs8, copyPlaceOf(row), plugin::callWithin(backends_.clock, kPluginWithin));
}

base::Result<void> KeyRing::keepCopy(const Rows& rows) {
    for (const auto& row : rows) {
        const bool ends = row.compromised || row.state == model::KeyState::Retiring || row.state == model::KeyState::Gone;
        if (row.plugin != kPinnedHolder || ends) continue;
        const bool opens =
            row.wrapped && backends_.keys.unwrap(*row.wrapped, copyPlaceOf(row), plugin::callWithin(backends_.clock, kPluginWithin)).ok();
        if (keepsCopies() ? opens : !row.wrapped.has_value()) continue;
        SigningKey changed = row;
        changed.wrapped.reset();
        if (keepsCopies()) {
            const auto key = privatePartOf(row);
            if (!key && key.error().code == Errc::NotFound) continue;
            if (!key) return key.error();
            auto copy = copyOf(*key, row);
            if (!copy) return std::move(copy).error();
            changed.wrapped = std::move(*copy);
        }
        audit::Effect effect;
        effect.ops = {store::updateSigningKey(changed, row.rowVersion)};
        // Another replica that was first has kept the same copy.
        if (auto done = submit(std::move(effect)); !done) return std::move(done).error();
    }
    return {};
}

SigningKey KeyRing::newRow(const jose::VerificationKey& key, std::string holder) const {
    SigningKey row;
    row.kid = key.kid;
    row.alg = crypto::nameOf(key.alg);
    row.publicJwk = base::json::write(jose::exportPublic(key));
    row.plugin = std::move(holder);
    row.fingerprint = jose::thumbprint(key.key);
    row.createdAt = backends_.clock.now();
    return row;
}

base::Result<KeyRing::Outcome> KeyRing::generate(const Rows& rows, const Transition& transition) {
    const auto* compromised = pinnedAmong(rows, settings_.policy);
    const bool pin = settings_.pinned && (compromised == nullptr || !compromised->compromised);
    auto row = pin ? rowForPinned(rows) : rowForGenerated(rows);
    if (!row) return std::move(row).error();
    row->activatesAt = transition.activatesAt;
    auto guard = guardAgainstTwins(rows, row->kid);
    if (!guard && guard.error().code == Errc::Conflict) return Outcome::Lost;
    if (!guard) return std::move(guard).error();
    audit::Effect effect;
    effect.ops = {store::insertSigningKey(*row), std::move(*guard)};
    return submit(std::move(effect));
}

base::Result<KeyRing::Outcome> KeyRing::change(Rows& rows, const Transition& transition, const std::string& actor) {
    const auto now = backends_.clock.now();
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const SigningKey& row) { return row.kid == transition.kid; });
    if (found == rows.end()) return fail(Errc::Internal, "", "a transition names no row");
    audit::Effect effect;
    const auto* retiring = transition.kind == Kind::Activate ? activeAmong(rows) : nullptr;
    if (transition.kind == Kind::Activate) {
        const auto signer = signerOf(*found);
        if (!signer) return signer.error();
        if (auto proof = (*signer)->makeChecked(base::bytesOf(kProof)); !proof) return std::move(proof).error();
    }
    std::vector<SigningKey*> moved;
    if (retiring != nullptr) {
        auto& before = rows[static_cast<std::size_t>(retiring - rows.data())];
        moveOn(before, {Kind::Retire, before.kid, {}, false}, effect, {now, actor});
        moved.push_back(&before);
    }
    moveOn(*found, transition, effect, {now, actor});
    moved.push_back(&*found);
    auto outcome = submit(std::move(effect));
    if (!outcome || *outcome == Outcome::Lost) return outcome;
    for (const auto* key : moved)
        backends_.log.write(messageFor(*key), {{"kid", key->kid.str()}, {"alg", key->alg}, {"state", store::nameOf(key->state)}});
    if (transition.kind == Kind::Remove) {
        if (AGENTIDP_FAILPOINT("keys.before_retire_in_plugin")) return fail(Errc::Unavailable, "failpoint");
        retireInPlugin(*found);
    }
    return outcome;
}

base::Result<KeyRing::Outcome> KeyRing::submit(audit::Effect effect) const {
    auto promise = std::make_shared<std::promise<base::Result<audit::Committed>>>();
    auto future = promise->get_future();
    backends_.ledger.append(std::move(effect), [promise](base::Result<audit::Committed> result) { promise->set_value(std::move(result)); });
    if (future.wait_for(kLedgerWithin) != std::future_status::ready) return fail(Errc::Deadline, "the ledger did not answer in time");
    const auto committed = future.get();
    if (committed) return Outcome::Done;
    const auto code = committed.error().code;
    if (code == Errc::Conflict || code == Errc::NotFound || code == Errc::Exists) return Outcome::Lost;
    return committed.error();
}

plugin::Keys* KeyRing::holderOf(std::string_view plugin) const {
    if (backends_.keys.name() == plugin) return &backends_.keys;
    return backends_.previous != nullptr && backends_.previous->name() == plugin ? backends_.previous : nullptr;
}

base::Result<std::shared_ptr<const Signer>> KeyRing::signerOf(const SigningKey& key) {
    if (const auto found = signers_.find(key.kid.str()); found != signers_.end()) return found->second;
    if (isPinned(key) || key.plugin == kPinnedHolder) {
        const auto verification = verificationOf(key);
        if (!verification) return verification.error();
        auto own = privatePartOf(key);
        if (!own) return std::move(own).error();
        auto signer = pinnedSigner(std::move(*own), *verification);
        if (signer) signers_.insert_or_assign(key.kid.str(), *signer);
        return signer;
    }
    auto* holder = holderOf(key.plugin);
    if (holder == nullptr)
        return fail(Errc::Unavailable, "signing key " + key.kid.str() + " is held by keys plugin " + key.plugin + ": set keys.previous = " +
                                           key.plugin + " until its successor signs, or keys.plugin = " + key.plugin);
    const auto verification = verificationOf(key);
    if (!verification) return verification.error();
    auto signer = openSigner(*holder, key.fingerprint, *verification, backends_.clock);
    if (!signer && signer.error().code == Errc::NotFound)
        return fail(Errc::Unavailable, "keys plugin " + key.plugin + " does not hold signing key " + key.kid.str() +
                                           " here: if another daemon made it, all must reach the same keys (plugins.keys-" + key.plugin +
                                           ".dir and .shared, where it keeps files)");
    if (signer) signers_.insert_or_assign(key.kid.str(), *signer);
    return signer;
}

base::Result<KeyRing::Rows> KeyRing::rebuild() {
    auto rows = store::readSigningKeys(backends_.storage, backends_.clock);
    if (!rows) return rows;
    auto next = std::make_shared<KeySnapshot>();
    std::vector<jose::VerificationKey> inOrder;
    for (const auto* row : publishedAmong(*rows)) {
        auto key = verificationOf(*row);
        if (!key) return std::move(key).error();
        next->byKid.emplace(row->kid.str(), *key);
        inOrder.push_back(std::move(*key));
    }
    next->jwks = jose::writeJwks(inOrder);
    next->etag = "\"" + base::base64url(crypto::sha256(base::bytesOf(next->jwks))) + "\"";
    const auto last = snapshot();
    const auto stillTrusted = [&](const std::shared_ptr<const Signer>& signer) {
        return signer && next->byKid.contains(signer->kid().str());
    };
    std::optional<base::Error> problem;
    if (const auto* active = activeAmong(*rows)) {
        auto signer = signerOf(*active);
        // A pinned key that nobody has any more is no problem to stop at: settle() puts a successor in its place.
        const bool lost = !signer && signer.error().code == Errc::NotFound && active->plugin == kPinnedHolder;
        if (signer)
            next->active = std::move(*signer);
        else if (!lost)
            problem = std::move(signer).error();
    }
    // Where the successor cannot be had, the key before it goes on: verifiers know it for its whole grace.
    if (problem && stillTrusted(last->active)) next->active = last->active;
    const auto& before = last->active != next->active ? last->active : last->before;
    if (stillTrusted(before)) next->before = before;
    std::erase_if(signers_, [&](const auto& entry) { return entry.second != next->active && entry.second != next->before; });
    if (last->jwks != next->jwks || last->active != next->active || last->before != next->before) snapshot_.set(std::move(next));
    if (problem) return *std::move(problem);
    return rows;
}

void KeyRing::retireInPlugin(const SigningKey& key) {
    auto* holder = holderOf(key.plugin);
    if (holder == nullptr) return;
    const auto retired = holder->retire(key.fingerprint, plugin::callWithin(backends_.clock, kPluginWithin));
    if (retired || retired.error().code == Errc::NotFound) return;
    backends_.log.write(observe::Message::KEY_NOT_RETIRED_IN_PLUGIN,
                        {{"kid", key.kid.str()}, {"plugin", key.plugin}, {"why", retired.error().hint}});
}

void KeyRing::finishRetirements(const Rows& rows) {
    for (auto* holder : {&backends_.keys, backends_.previous}) {
        if (holder == nullptr) continue;
        const auto held = holder->list(plugin::callWithin(backends_.clock, kPluginWithin));
        if (!held) continue;
        for (const auto& row : rows) {
            if (row.state != model::KeyState::Gone || row.plugin != holder->name()) continue;
            const bool alive = std::any_of(held->begin(), held->end(),
                                           [&](const plugin::HeldKey& key) { return key.fingerprint == row.fingerprint && !key.retired; });
            if (alive) retireInPlugin(row);
        }
    }
}

}  // namespace agentidp::keys
