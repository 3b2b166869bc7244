#include "app/hooks.h"

#include <malloc.h>
#include <sched.h>

#include <algorithm>

#include "app/data_folder.h"
#include "app/initialise.h"
#include "base/text.h"
#include "policy/selftest.h"
#include "policy/tester.h"

namespace agentidp::app {
namespace {

namespace json = base::json;
using base::Errc;
using base::fail;
using config::Setting;
using control::PeerCredentials;
using observe::Message;
using observe::Metric;

constexpr std::size_t kWaitingLoads = 4;
constexpr int kSelftestTries = 3;

std::string actorOf(const PeerCredentials& peer) { return "cli:" + std::to_string(peer.uid); }

json::Value complaintsJson(const std::vector<policy::Complaint>& complaints) {
    json::Array out;
    for (const auto& complaint : complaints)
        out.emplace_back(
            json::Object{{"file", complaint.file}, {"line", complaint.line}, {"text", complaint.text}, {"mend", complaint.mend}});
    return out;
}

json::Value changedJson(const policy::Changed& changed) {
    return json::Object{{"outcome", changed.outcome},
                        {"generation", static_cast<std::int64_t>(changed.generation)},
                        {"sha256", changed.sha256},
                        {"warnings", complaintsJson(changed.warnings)}};
}

base::Result<json::Value> answered(base::Result<policy::Changed> changed) {
    if (!changed) return std::move(changed).error();
    return changedJson(*changed);
}

json::Object factsJson(const policy::Generation::Facts& facts) {
    return {{"generation", static_cast<std::int64_t>(facts.number)},
            {"sha256", facts.sha256},
            {"cause", facts.cause},
            {"loadedAt", base::rfc3339(facts.loadedAt)}};
}

/// Behind everything else on this machine: a thread of this class runs when nobody else wants to.
void yieldToEverybody() {
    const sched_param none{};
    (void)::sched_setscheduler(0, SCHED_IDLE, &none);
}

std::size_t threadsOf(const config::Settings& settings) {
    const auto given = static_cast<std::size_t>(settings.integer(Setting::HooksThreads));
    return given > 0 ? given : std::max(1U, std::thread::hardware_concurrency());
}

base::Result<std::unique_ptr<policy::DecisionLog>> decisionLog(Foundation& base) {
    const auto& settings = base.settings();
    policy::DecisionLogOptions options;
    options.path = settings.text(Setting::HooksDecisionLog);
    if (options.path == "off") return std::unique_ptr<policy::DecisionLog>();
    options.path = absolutePath(options.path);
    auto mask = policy::Mask::make(settings.list(Setting::HooksDecisionLogMask));
    if (!mask) return std::move(mask).error();
    options.mask = std::move(*mask);
    options.allowsPerSecond = settings.integer(Setting::HooksDecisionLogAllowsPerSecond);
    options.maxBytes = static_cast<std::uint64_t>(settings.integer(Setting::HooksDecisionLogMaxMegabytes)) << 20U;
    options.maxAge = std::chrono::hours(settings.integer(Setting::HooksDecisionLogMaxAgeHours));
    options.keep = static_cast<int>(settings.integer(Setting::HooksDecisionLogKeep));
    return policy::DecisionLog::open(std::move(options), base.clock(), base.log(), base.metrics());
}

}  // namespace

policy::EngineBudgets hookBudgets(const config::Settings& settings) {
    policy::EngineBudgets out;
    out.call.units = settings.integer(Setting::HooksBudgetUnits);
    out.call.wall = base::milliseconds(settings.integer(Setting::HooksBudgetWallMs));
    out.call.memory = static_cast<std::size_t>(settings.integer(Setting::HooksBudgetMemoryBytes));
    out.call.result = static_cast<std::size_t>(settings.integer(Setting::HooksBudgetResultBytes));
    out.call.depth = static_cast<int>(settings.integer(Setting::HooksBudgetDepth));
    out.request = base::milliseconds(settings.integer(Setting::HooksBudgetRequestMs));
    return out;
}

base::Result<policy::KeeperSettings> hookSettings(const config::Settings& settings) {
    policy::KeeperSettings out;
    out.source = settings.text(Setting::HooksSource) == "storage" ? policy::HookSource::Storage : policy::HookSource::Directory;
    if (const auto& directory = settings.text(Setting::HooksDir); !directory.empty()) out.directory = absolutePath(directory);
    out.mayBeMissing = !settings.given(Setting::HooksDir);
    auto trust = policy::readTrust(settings.list(Setting::HooksTrust));
    if (!trust) return std::move(trust).error();
    out.rules.trust = std::move(*trust);
    out.rules.budget = hookBudgets(settings).call;
    out.rules.stateOf = [settings](const std::string& script) {
        return settings.hook(script, "state") == "pooled" ? policy::StateMode::Pooled : policy::StateMode::Fresh;
    };
    out.rules.tests = policy::runBundleTests;
    out.configured = [settings](const std::string& script) {
        return policy::hookModeNamed(settings.hook(script, "mode")).value_or(policy::HookMode::Enforce);
    };
    return out;
}

HookJudgement judgeHooks(const config::Settings& settings) {
    HookJudgement out;
    auto rules = hookSettings(settings);
    if (!rules) {
        out.problems.push_back(rules.error().hint);
        return out;
    }
    if (auto mask = policy::Mask::make(settings.list(Setting::HooksDecisionLogMask)); !mask) out.problems.push_back(mask.error().hint);
    const auto load = policy::Keeper::judge(*rules);
    for (const auto& complaint : load.complaints) (complaint.fatal ? out.problems : out.notes).push_back("hooks: " + sentence(complaint));
    for (const auto& setting : settings.hooks()) {
        const auto isIt = [&](const policy::LoadedScript& loaded) { return loaded.script->name() == setting.script; };
        if (load.generation && rules->source == policy::HookSource::Directory &&
            std::none_of(load.generation->scripts().begin(), load.generation->scripts().end(), isIt))
            out.notes.push_back("hooks." + setting.script + "." + setting.key + " has no effect: no script has that name");
    }
    return out;
}

HookRooms::HookRooms(Foundation& base, audit::Ledger& ledger) : base_(base), ledger_(ledger) {}

base::Result<std::unique_ptr<HookRooms>> HookRooms::make(Foundation& base, audit::Ledger& ledger) {
    std::unique_ptr<HookRooms> made(new HookRooms(base, ledger));
    if (auto opened = made->open(); !opened) return std::move(opened).error();
    return made;
}

base::Result<void> HookRooms::open() {
    const auto& settings = base_.settings();
    auto keeperSettings = hookSettings(settings);
    if (!keeperSettings) return std::move(keeperSettings).error();
    auto decisions = decisionLog(base_);
    if (!decisions) return std::move(decisions).error();
    decisions_ = std::move(*decisions);
    shadow_ = std::make_unique<base::ThreadPool>("hook-shadow", 1, static_cast<std::size_t>(settings.integer(Setting::HooksShadowQueue)));
    (void)shadow_->post(yieldToEverybody);
    pool_ =
        std::make_unique<base::ThreadPool>("hooks", threadsOf(settings), static_cast<std::size_t>(settings.integer(Setting::HooksQueue)));

    loads_ = std::make_unique<base::ThreadPool>("hook-loads", 1, kWaitingLoads);

    policy::Engine::Ports ports{base_.clock(), base_.log(), base_.metrics(), decisions_.get()};
    ports.later = [this](std::function<void()> task) { return shadow_->post(std::move(task)); };
    ports.stopped = [this](const std::string& script) {
        // What fails here is in the log of the engine, and the script is off in this process whatever the ledger says.
        (void)keeper_->mode(script, policy::HookMode::Off, "system", "over its budget three times within a minute, in shadow");
    };
    engine_ = std::make_unique<policy::Engine>(std::move(ports));
    engine_->configure(hookBudgets(settings));

    const auto commit = [this](audit::Effect effect) -> base::Result<void> {
        auto committed = appendAndWait(ledger_, std::move(effect));
        if (!committed) return std::move(committed).error();
        return {};
    };
    const auto append = [this](model::AuditEvent event) {
        audit::Effect effect;
        effect.events.push_back(std::move(event));
        ledger_.append(std::move(effect), [](const base::Result<audit::Committed>&) {});
    };
    keeper_ = std::make_unique<policy::Keeper>(
        policy::Keeper::Ports{*engine_, base_.storage(), base_.clock(), base_.log(), base_.metrics(), commit, append},
        std::move(*keeperSettings));
    base_.metrics().gauge(Metric::HookSelftestOk).set(0);
    return {};
}

HookRooms::~HookRooms() { stop(); }

base::Result<void> HookRooms::start() {
    auto loaded = keeper_->load("start", "system");
    if (!loaded) return std::move(loaded).error();
    keeper_->testFrom([this] { return selftest(); });
    return {};
}

/// By the built-in budget, which is what the corpus was written for: a lower one would end its scripts in other ways. A time that a busy
/// machine stretched does not come three times; a script that was not stopped does.
base::Result<void> HookRooms::selftest() {
    auto report = policy::selftest(policy::CallBudget{});
    for (int again = 1; again < kSelftestTries && !report.passed(); ++again) report = policy::selftest(policy::CallBudget{});
    // What hostile scripts took for a moment would else stay with the daemon for good.
    ::malloc_trim(0);
    const bool passed = report.passed();
    selftest_ = passed ? Selftest::Passed : Selftest::Failed;
    base_.metrics().gauge(Metric::HookSelftestOk).set(passed ? 1 : 0);
    std::vector<std::string> failed = report.strayNames;
    for (const auto& one : report.cases)
        if (!one.passed) failed.push_back(one.name);
    const auto names = base::join(failed, ", ");
    const auto* slowest = report.slowest();
    base_.log().write(Message::HOOK_SELFTEST, {{"ok", passed},
                                               {"scripts", report.cases.size()},
                                               {"failed", names},
                                               {"slowest", slowest != nullptr ? slowest->name : std::string()}});
    if (passed) return {};
    return fail(Errc::Internal, "the selftest of the sandbox failed (" + names + "); see agentidp hook selftest");
}

void HookRooms::startSelftest() {
    (void)loads_->post([this] { (void)selftest(); });
}

std::string HookRooms::notReady() const {
    if (selftest_ == Selftest::Passed) return {};
    const auto now = engine_->current();
    if (!now || !now->enforcesAnything()) return {};
    return selftest_ == Selftest::NotYet ? "the selftest of the hooks runs" : "the selftest of the hooks failed";
}

void HookRooms::reload(const config::Settings& settings) {
    auto next = hookSettings(settings);
    if (!next) {
        base_.log().write(Message::CONFIG_RELOAD_REFUSED, {{"why", next.error().hint}});
        return;
    }
    keeper_->configure(std::move(*next));
    engine_->configure(hookBudgets(settings));
    if (auto loaded = keeper_->load("reload", "system"); !loaded && loaded.error().code != Errc::Invalid)
        base_.log().write(Message::CHORE_FAILED,
                          {{"chore", "reload of hooks"}, {"why", loaded.error().hint}, {"detail", loaded.error().detail}});
}

void HookRooms::changed() {
    // Where there is no room one is on its way, and the chore comes anyway.
    (void)loads_->post([this] { (void)keeper_->follow(); });
}

json::Value HookRooms::list() const {
    json::Array out;
    const auto now = engine_->current();
    if (!now) return out;
    for (const auto& loaded : now->scripts()) {
        json::Array points;
        for (const auto& row : policy::allHookPoints())
            if (loaded.script->hooks(row.point)) points.emplace_back(row.name);
        out.emplace_back(json::Object{{"name", loaded.script->name()},
                                      {"version", loaded.script->version()},
                                      {"file", loaded.script->file()},
                                      {"mode", nameOf(loaded.mode)},
                                      {"state", loaded.script->state() == policy::StateMode::Pooled ? "pooled" : "fresh"},
                                      {"hooks", std::move(points)},
                                      {"sha256", loaded.script->sha256()}});
    }
    return out;
}

json::Value HookRooms::status() const {
    const auto now = engine_->current();
    auto out = factsJson(now ? now->facts() : policy::Generation::Facts{});
    out.emplace_back("source", base_.settings().text(Setting::HooksSource));
    out.emplace_back("scripts", list());
    json::Array before;
    for (const auto& facts : keeper_->before()) before.emplace_back(factsJson(facts));
    out.emplace_back("before", std::move(before));
    out.emplace_back("selftest", selftest_ == Selftest::Passed ? "passed" : selftest_ == Selftest::Failed ? "failed" : "running");
    return out;
}

std::vector<HookRooms::LiveCommand> HookRooms::commands() {
    std::vector<LiveCommand> out;
    out.push_back({"hook-list", false, [this](const json::Value&, const PeerCredentials&) -> base::Result<json::Value> { return list(); }});
    out.push_back(
        {"hook-status", false, [this](const json::Value&, const PeerCredentials&) -> base::Result<json::Value> { return status(); }});
    out.push_back({"hook-mode", true, [this](const json::Value& args, const PeerCredentials& peer) -> base::Result<json::Value> {
                       const auto script = args.textOr("script", ""), word = args.textOr("mode", "");
                       const auto mode = policy::hookModeNamed(word);
                       if (!mode && word != "configured") return fail(Errc::Invalid, "a mode is enforce, shadow, off or configured");
                       if (auto done = keeper_->mode(script, mode, actorOf(peer), "asked for"); !done) return std::move(done).error();
                       return json::Value(json::Object{{"script", script}, {"mode", word}});
                   }});
    out.push_back({"hook-rollback", true,
                   [this](const json::Value&, const PeerCredentials& peer) { return answered(keeper_->rollback(actorOf(peer))); }});
    out.push_back({"hook-reload", true,
                   [this](const json::Value&, const PeerCredentials& peer) { return answered(keeper_->load("reload", actorOf(peer))); }});
    out.push_back({"hook-push", true, [this](const json::Value& args, const PeerCredentials& peer) -> base::Result<json::Value> {
                       auto bundle = policy::unpackBundle(args.textOr("bundle", ""));
                       if (!bundle) return std::move(bundle).error();
                       return answered(keeper_->push(*bundle, actorOf(peer)));
                   }});
    return out;
}

void HookRooms::stop() {
    if (engine_) engine_->stop();
    if (loads_) loads_->stop();
    if (pool_) pool_->stop();
    if (shadow_) shadow_->stop();
}

}  // namespace agentidp::app
