#include "policy/engine.h"

#include <algorithm>

#include "base/ids.h"
#include "policy/merge.h"

namespace agentidp::policy {
namespace {

using observe::Message;
using observe::Metric;

constexpr base::seconds kKillWindow{60};
/// A thread of SCHED_IDLE waits for its turn while the clock runs; the units still bound what it does.
constexpr int kShadowPatience = 10;
constexpr std::string_view kError = "error";

bool isBudgetKill(const CallReport& report) {
    const auto* failure = report.failure();
    return failure != nullptr &&
           (failure->kind == FailureKind::Units || failure->kind == FailureKind::Deadline || failure->kind == FailureKind::Memory);
}

std::string_view resultName(const CallReport& report) { return report.verdict() != nullptr ? nameOf(report.verdict()->kind) : kError; }

}  // namespace

/// One script at one point, with the numbers it counts into: looked up once a generation and not once a call.
struct Engine::Entry {
    ScriptPtr script;
    std::map<std::string_view, observe::Counter> calls;  ///< by result
    observe::Counter units;
    observe::Histogram seconds;
    observe::Gauge memory;
    observe::Counter mismatches;
    mutable std::atomic<std::size_t> peak{0};

    Entry(ScriptPtr given, const HookPointRow& row, HookMode mode, observe::Metrics& metrics)
        : script(std::move(given)),
          units(metrics.counter(Metric::HookUnitsTotal, {std::string(row.name), script->name()})),
          seconds(metrics.histogram(Metric::HookDurationSeconds, {std::string(row.name), script->name()})),
          memory(metrics.gauge(Metric::HookMemoryPeakBytes, {std::string(row.name), script->name()})),
          mismatches(metrics.counter(Metric::HookShadowMismatchesTotal, {std::string(row.name), script->name()})) {
        const auto add = [&](std::string_view result) {
            calls.emplace(result, metrics.counter(Metric::HookCallsTotal,
                                                  {std::string(row.name), script->name(), std::string(nameOf(mode)), std::string(result)}));
        };
        add(kError);
        for (std::uint16_t kind = 1; kind <= static_cast<std::uint16_t>(VerdictKind::Finding); kind = static_cast<std::uint16_t>(kind * 2))
            if (row.permits(static_cast<VerdictKind>(kind))) add(nameOf(static_cast<VerdictKind>(kind)));
    }
};

struct Engine::Installed {
    GenerationPtr generation;
    std::vector<std::deque<Entry>> enforced, shadowed;  ///< by point

    Installed(GenerationPtr given, observe::Metrics& metrics) : generation(std::move(given)) {
        const auto entries = [&](std::span<const ScriptPtr> scripts, const HookPointRow& row, HookMode mode) {
            std::deque<Entry> out;
            for (const auto& script : scripts) out.emplace_back(script, row, mode, metrics);
            return out;
        };
        for (const auto& row : allHookPoints()) {
            enforced.push_back(entries(generation->enforced(row.point), row, HookMode::Enforce));
            shadowed.push_back(entries(generation->shadowed(row.point), row, HookMode::Shadow));
        }
    }
    [[nodiscard]] const std::deque<Entry>& enforcedAt(HookPoint point) const { return enforced[static_cast<std::size_t>(point)]; }
    [[nodiscard]] const std::deque<Entry>& shadowedAt(HookPoint point) const { return shadowed[static_cast<std::size_t>(point)]; }
};

/// A question that shadow scripts are still to be asked, with what the enforced ones said to it.
struct Engine::Asked {
    HookPoint point{};
    std::string id;
    RequestFacts facts;
    std::shared_ptr<const base::json::Value> input;
    Merger merger;
};

class Engine::Conversation final : public Session {
public:
    Conversation(Engine& engine, InstalledPtr installed, RequestFacts facts)
        : engine_(engine), installed_(std::move(installed)), facts_(std::move(facts)), budgets_(*engine.budgets_.read()) {
        left_ = budgets_.request;
    }
    /// The answer has gone out: now the shadow scripts may be asked.
    ~Conversation() override {
        if (asked_.empty()) return;
        auto task = [&engine = engine_, installed = installed_, asked = std::move(asked_)] {
            for (const auto& one : asked) engine.runShadow(installed, one);
        };
        if (!engine_.ports_.later || !engine_.ports_.later(std::move(task)))
            engine_.ports_.metrics.counter(Metric::HookShadowDroppedTotal).add();
    }
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    [[nodiscard]] bool listens(HookPoint point) const override { return installed_->generation->listens(point); }
    [[nodiscard]] std::uint64_t generation() const override { return installed_->generation->facts().number; }
    void about(std::string tenant) override { facts_.tenant = std::move(tenant); }

    using Session::ask;
    [[nodiscard]] Ruling ask(HookPoint point, const base::json::Value& input, const LateMember* late) override {
        if (!listens(point)) return {};
        std::string id;
        const auto named = [&]() -> const std::string& {
            if (id.empty()) id = base::uuidV7(facts_.at);
            return id;
        };
        std::shared_ptr<base::json::Value> copy;
        const auto shared = [&]() -> std::shared_ptr<const base::json::Value> {
            if (copy) return copy;
            copy = std::make_shared<base::json::Value>(input);
            if (late != nullptr) copy->asObject()->emplace_back(late->name, late->make());
            return copy;
        };
        Merger merger(point);
        for (const auto& entry : installed_->enforcedAt(point)) {
            const bool whole = late != nullptr && entry.script->reads(point, late->name);
            auto report = call(*entry.script, point, whole ? *shared() : input);
            merger.take(*entry.script, report);
            engine_.account(entry, point, HookMode::Enforce, report, facts_);
            if (auto* decisions = engine_.ports_.decisions; decisions != nullptr && decisions->wants(report))
                decisions->write({named(), facts_.at, point, entry.script, generation(), HookMode::Enforce, facts_.tenant, facts_.requestId,
                                  std::move(report), shared()});
        }
        if (!installed_->shadowedAt(point).empty()) asked_.push_back({point, named(), facts_, shared(), merger});
        auto ruling = merger.ruling();
        ruling.decisionId = id;
        return ruling;
    }

private:
    static CallReport spent(const Script& script) {
        CallReport report;
        report.outcome = Failure{FailureKind::Deadline, script.file() + ": the time of all hooks of this request was spent before"};
        return report;
    }
    CallReport call(const Script& script, HookPoint point, const base::json::Value& input) {
        if (left_ <= base::microseconds(0)) return spent(script);
        CallOptions options{budgets_.call, facts_.at};
        // Whole milliseconds, rounded up: what is left is never nothing here.
        options.budget.wall = std::min(options.budget.wall, std::chrono::ceil<base::milliseconds>(left_));
        auto report = script.call(point, input, options);
        left_ -= report.took;
        return report;
    }

    Engine& engine_;
    const InstalledPtr installed_;
    RequestFacts facts_;
    const EngineBudgets budgets_;
    base::microseconds left_{0};
    std::vector<Asked> asked_;
};

Engine::Engine(Ports ports) : ports_(std::move(ports)) {}
Engine::~Engine() = default;

std::unique_ptr<Session> Engine::begin(RequestFacts facts) {
    if (listening_.load(std::memory_order_relaxed) == 0) return nullptr;
    auto installed = *current_.read();
    if (!installed || !installed->generation->asksAnything()) return nullptr;
    return std::make_unique<Conversation>(*this, std::move(installed), std::move(facts));
}

bool Engine::listens(HookPoint point) const {
    return (listening_.load(std::memory_order_relaxed) >> static_cast<unsigned>(point) & 1U) != 0;
}

void Engine::install(GenerationPtr generation) {
    const std::lock_guard held(change_);
    put(std::move(generation));
}

void Engine::put(GenerationPtr generation) {
    ports_.metrics.gauge(Metric::HookGeneration).set(generation ? static_cast<double>(generation->facts().number) : 0);
    constexpr std::size_t kFingerprintDigits = 12;
    const auto fingerprint = generation ? generation->facts().sha256.substr(0, kFingerprintDigits) : "0";
    ports_.metrics.gauge(Metric::HookBundleFingerprint).set(static_cast<double>(std::strtoull(fingerprint.c_str(), nullptr, 16)));
    auto made = generation ? std::make_shared<const Installed>(std::move(generation), ports_.metrics) : nullptr;
    std::uint32_t listening = 0;
    for (const auto& row : allHookPoints())
        if (made && made->generation->listens(row.point)) listening |= 1U << static_cast<unsigned>(row.point);
    {
        auto held = current_.write();
        std::swap(*held, made);
        listening_ = listening;
    }
    // `made` is the one before: it dies here, outside the lock, unless a request still holds it.
}

void Engine::remode(const ModeOf& modeOf) {
    const std::lock_guard held(change_);
    if (const auto now = current()) put(now->inModes(modeOf));
}

GenerationPtr Engine::current() const {
    auto held = current_.read();
    return *held ? (*held)->generation : nullptr;
}

void Engine::configure(const EngineBudgets& budgets) { *budgets_.write() = budgets; }

void Engine::account(const Entry& entry, HookPoint point, HookMode mode, const CallReport& report, const RequestFacts& facts) {
    const auto& script = *entry.script;
    if (const auto found = entry.calls.find(resultName(report)); found != entry.calls.end()) found->second.add();
    entry.units.add(static_cast<double>(report.units));
    if (mode == HookMode::Enforce) entry.seconds.observe(std::chrono::duration<double>(report.took).count());
    auto peak = entry.peak.load(std::memory_order_relaxed);
    while (report.peakBytes > peak && !entry.peak.compare_exchange_weak(peak, report.peakBytes, std::memory_order_relaxed)) {}
    if (report.peakBytes > peak) entry.memory.set(static_cast<double>(report.peakBytes));
    for (const auto& line : report.logged)
        ports_.log.write(Message::HOOK_SAID,
                         {{"hook", nameOf(point)}, {"script", script.name()}, {"text", line}, {"requestId", facts.requestId}});
    const auto* failure = report.failure();
    if (failure == nullptr) return;
    ports_.metrics.counter(Metric::HookErrorsTotal, {std::string(nameOf(point)), script.name(), std::string(nameOf(failure->kind))}).add();
    ports_.log.write(Message::HOOK_FAILED, {{"hook", nameOf(point)},
                                            {"script", script.name()},
                                            {"mode", nameOf(mode)},
                                            {"kind", nameOf(failure->kind)},
                                            {"why", failure->text},
                                            {"requestId", facts.requestId}});
}

void Engine::runShadow(const InstalledPtr& installed, const Asked& asked) {
    const auto enforced = asked.merger.ruling();
    for (const auto& entry : installed->shadowedAt(asked.point)) {
        if (stopping_) return;
        const auto& script = *entry.script;
        // Switched off since the question was asked, by an operator or by its own failures.
        const auto now = current();
        const auto stillShadowed = [&] {
            const auto scripts = now ? now->shadowed(asked.point) : std::span<const ScriptPtr>();
            return std::any_of(scripts.begin(), scripts.end(), [&](const ScriptPtr& held) { return held->name() == script.name(); });
        };
        if (!stillShadowed()) continue;
        CallOptions options{budgets_.read()->call, asked.facts.at};
        options.budget.wall *= kShadowPatience;
        auto report = script.call(asked.point, *asked.input, options);
        account(entry, asked.point, HookMode::Shadow, report, asked.facts);
        auto with = asked.merger;
        with.take(script, report);
        if (differs(enforced, with.ruling())) {
            entry.mismatches.add();
            ports_.log.write(Message::HOOK_SHADOW_DIFFERS, {{"hook", nameOf(asked.point)},
                                                            {"script", script.name()},
                                                            {"said", resultName(report)},
                                                            {"enforced", enforced.allowed ? "allow" : "deny"},
                                                            {"decision", asked.id},
                                                            {"requestId", asked.facts.requestId}});
        }
        if (isBudgetKill(report)) countKill(script.name());
        if (ports_.decisions != nullptr && ports_.decisions->wants(report))
            ports_.decisions->write({asked.id, asked.facts.at, asked.point, entry.script, installed->generation->facts().number,
                                     HookMode::Shadow, asked.facts.tenant, asked.facts.requestId, std::move(report), asked.input});
    }
}

void Engine::countKill(const std::string& script) {
    const auto now = ports_.clock.mono();
    {
        auto kills = kills_.lock();
        auto& times = (*kills)[script];
        times.push_back(now);
        while (now - times.front() >= kKillWindow) times.pop_front();
        if (times.size() < kShadowKills) return;
        times.clear();
    }
    ports_.log.write(Message::HOOK_SHADOW_STOPPED, {{"script", script}});
    {
        const std::lock_guard held(change_);
        const auto before = current();
        if (!before) return;
        put(before->inModes([&](const std::string& name) {
            if (name == script) return HookMode::Off;
            const auto& all = before->scripts();
            return std::find_if(all.begin(), all.end(), [&](const LoadedScript& loaded) { return loaded.script->name() == name; })->mode;
        }));
    }
    if (ports_.stopped) ports_.stopped(script);
}

}  // namespace agentidp::policy
