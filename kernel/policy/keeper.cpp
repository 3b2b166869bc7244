#include "policy/keeper.h"

#include <algorithm>
#include <filesystem>

#include "base/ids.h"
#include "base/text.h"

namespace agentidp::policy {
namespace {

namespace json = base::json;
using base::Errc;
using base::fail;
using observe::Message;
using observe::Metric;

base::Error refusal(const Load& load) {
    std::vector<std::string> lines;
    for (const auto& complaint : load.complaints)
        if (complaint.fatal) lines.push_back(sentence(complaint));
    return fail(Errc::Invalid, "hooks refused: " + base::join(lines, "\n"));
}

Changed changed(const Generation::Facts& facts, std::string outcome, std::vector<Complaint> warnings = {}) {
    return {facts.number, facts.sha256, std::move(outcome), std::move(warnings)};
}

/// Whether a load would put in force what is in force already. Pooled or fresh is not in the hash of the files.
bool sameAs(const GenerationPtr& now, const Generation& next) {
    if (!now || now->facts().sha256 != next.facts().sha256) return false;
    const auto& a = now->scripts();
    const auto& b = next.scripts();
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return x.state == y.state; });
}

BundleReading readDirectory(const KeeperSettings& settings) {
    std::error_code ignored;
    if (settings.directory.empty() || (settings.mayBeMissing && !std::filesystem::exists(settings.directory, ignored))) return {};
    return readBundle(settings.directory);
}

}  // namespace

void Keeper::configure(KeeperSettings settings) {
    const std::lock_guard held(mutex_);
    auto selftest = std::move(settings_.rules.selftest);
    settings_ = std::move(settings);
    settings_.rules.selftest = std::move(selftest);
}

void Keeper::testFrom(std::function<base::Result<void>()> selftest) {
    const std::lock_guard held(mutex_);
    settings_.rules.selftest = std::move(selftest);
}

ModeOf Keeper::modeOf() const {
    return [live = live_, configured = settings_.configured](const std::string& script) {
        if (const auto found = live.find(script); found != live.end()) return found->second;
        return configured ? configured(script) : HookMode::Enforce;
    };
}

base::Result<void> Keeper::readModes() {
    auto rows = store::readHookModes(ports_.storage, ports_.clock);
    if (!rows) return std::move(rows).error();
    live_.clear();
    for (const auto& [script, name] : *rows)
        if (const auto mode = hookModeNamed(name)) live_.emplace(script, *mode);
    return {};
}

Load Keeper::judge(const KeeperSettings& settings) {
    if (settings.source == HookSource::Storage) return {};
    auto rules = settings.rules;
    rules.modeOf = settings.configured ? settings.configured : [](const std::string&) { return HookMode::Enforce; };
    return loadBundle(readDirectory(settings), rules, {});
}

void Keeper::count(std::string_view outcome) { ports_.metrics.counter(Metric::HookReloadsTotal, {std::string(outcome)}).add(); }

void Keeper::tell(const Load& load) {
    for (const auto& complaint : load.complaints) {
        const auto where = complaint.line > 0 ? complaint.file + ":" + std::to_string(complaint.line) : complaint.file;
        ports_.log.write(load.generation ? Message::HOOKS_COMPLAINT : Message::HOOKS_REFUSED,
                         {{"where", where}, {"why", complaint.text}, {"mend", complaint.mend}, {"by", load.refusedBy}});
    }
}

base::Result<std::optional<Keeper::Source>> Keeper::read() {
    if (settings_.source == HookSource::Directory) return std::optional(Source{readDirectory(settings_), highest_ + 1});
    auto row = store::newestHookBundle(ports_.storage, ports_.clock);
    if (!row) return std::move(row).error();
    if (!*row) return std::optional<Source>();
    Source out;
    out.number = static_cast<std::uint64_t>((*row)->number);
    auto bundle = unpackBundle((*row)->bundle);
    if (bundle)
        out.reading.bundle = std::move(*bundle);
    else
        out.reading.complaints.push_back({"bundle " + std::to_string(out.number) + " of the storage", 0,
                                          bundle.error().hint + " (" + bundle.error().detail + ")", "push a bundle again"});
    return std::optional(std::move(out));
}

base::Result<Load> Keeper::checked(Source source, std::string cause, Tests tests) {
    auto rules = settings_.rules;
    rules.modeOf = modeOf();
    if (tests == Tests::RanElsewhere) {
        rules.tests = {};
        rules.selftest = {};
    }
    Generation::Facts facts;
    facts.number = source.number;
    facts.cause = std::move(cause);
    facts.loadedAt = ports_.clock.now();
    auto load = loadBundle(std::move(source.reading), rules, std::move(facts));
    tell(load);
    if (load.generation) return load;
    count(load.refusedBy);
    return refusal(load);
}

void Keeper::install(const GenerationPtr& generation) {
    if (auto now = ports_.engine.current()) {
        before_.push_front(std::move(now));
        if (before_.size() > kKept) before_.pop_back();
    }
    highest_ = std::max(highest_, generation->facts().number);
    ports_.engine.install(generation);
    count("done");
    const auto& facts = generation->facts();
    ports_.log.write(Message::HOOKS_LOADED, {{"generation", static_cast<std::int64_t>(facts.number)},
                                             {"sha256", facts.sha256},
                                             {"scripts", generation->scripts().size()},
                                             {"cause", facts.cause}});
}

model::AuditEvent Keeper::event(model::Action action, const std::string& actor, const Generation::Facts& facts) const {
    model::AuditEvent out;
    out.timestamp = ports_.clock.now();
    out.eventId = model::EventId(base::uuidV7(out.timestamp));
    out.action = action;
    out.actor = actor;
    out.metadataJson = json::write(
        json::Object{{"generation", static_cast<std::int64_t>(facts.number)}, {"sha256", facts.sha256}, {"cause", facts.cause}});
    return out;
}

base::Result<Changed> Keeper::load(std::string cause, const std::string& actor) {
    const std::lock_guard held(mutex_);
    if (auto modes = readModes(); !modes) {
        count("storage");
        return std::move(modes).error();
    }
    auto source = read();
    if (!source) {
        count("storage");
        return std::move(source).error();
    }
    const auto now = ports_.engine.current();
    if (!*source) return changed(Generation::Facts{}, "unchanged");
    auto load = checked(std::move(**source), std::move(cause), Tests::Run);
    if (!load) return std::move(load).error();
    const auto& next = *load->generation;
    const bool nothingAtAll = !now && next.facts().bundle->files.empty();
    const bool newRow = settings_.source == HookSource::Storage && now && now->facts().number != next.facts().number;
    if (nothingAtAll || (sameAs(now, next) && !newRow)) {
        ports_.engine.remode(modeOf());
        count("unchanged");
        return changed(now ? now->facts() : Generation::Facts{}, "unchanged", std::move(load->complaints));
    }
    install(load->generation);
    ports_.append(event(model::Action::HookReloaded, actor, next.facts()));
    return changed(next.facts(), "done", std::move(load->complaints));
}

base::Result<Changed> Keeper::push(const Bundle& bundle, const std::string& actor) {
    const std::lock_guard held(mutex_);
    if (settings_.source != HookSource::Storage)
        return fail(Errc::Unsupported, "hooks.source = directory: put the files into hooks.dir and reload, or set hooks.source = storage");
    return pushAs(bundle, actor, "push", model::Action::HookReloaded);
}

base::Result<Changed> Keeper::pushAs(const Bundle& bundle, const std::string& actor, std::string cause, model::Action action) {
    auto numbers = store::hookBundleNumbers(ports_.storage, ports_.clock);
    if (!numbers) return std::move(numbers).error();
    store::HookBundle row;
    row.number = (numbers->empty() ? 0 : numbers->front()) + 1;
    auto load = checked({{bundle, {}}, static_cast<std::uint64_t>(row.number)}, std::move(cause), Tests::Run);
    if (!load) return std::move(load).error();
    const auto& facts = load->generation->facts();
    row.sha256 = facts.sha256;
    row.bundle = packBundle(bundle);
    row.pushedBy = actor;
    row.pushedAt = facts.loadedAt;
    // What a rollback left behind goes, and what its copy replaces: going back again then goes further back.
    const bool back = action == model::Action::HookRolledBack;
    std::vector<std::int64_t> gone(numbers->begin(), numbers->begin() + (back ? std::min<std::ptrdiff_t>(2, std::ssize(*numbers)) : 0));
    for (std::size_t i = store::kKeptBundles - 1 + gone.size(); i < numbers->size(); ++i) gone.push_back((*numbers)[i]);
    audit::Effect effect;
    effect.ops.push_back(store::insertHookBundle(row));
    if (!gone.empty()) effect.ops.push_back(store::removeHookBundles(gone));
    effect.events.push_back(event(action, actor, facts));
    if (auto done = ports_.commit(std::move(effect)); !done) {
        if (done.error().code == Errc::Exists)
            return fail(Errc::Conflict, "somebody else pushed meanwhile; look at hook status, then push again");
        return std::move(done).error();
    }
    install(load->generation);
    return changed(facts, "done", std::move(load->complaints));
}

base::Result<Changed> Keeper::rollbackHere(const std::string& actor) {
    if (before_.empty()) return fail(Errc::NotFound, "no generation before this one is kept");
    auto facts = before_.front()->facts();
    facts.cause = "rollback";
    const auto generation = before_.front()->as(facts)->inModes(modeOf());
    audit::Effect effect;
    effect.events.push_back(event(model::Action::HookRolledBack, actor, facts));
    if (auto done = ports_.commit(std::move(effect)); !done) return std::move(done).error();
    before_.pop_front();
    ports_.engine.install(generation);
    ports_.log.write(Message::HOOKS_LOADED, {{"generation", static_cast<std::int64_t>(facts.number)},
                                             {"sha256", facts.sha256},
                                             {"scripts", generation->scripts().size()},
                                             {"cause", facts.cause}});
    return changed(facts, "done");
}

base::Result<Changed> Keeper::rollback(const std::string& actor) {
    const std::lock_guard held(mutex_);
    if (settings_.source == HookSource::Directory) return rollbackHere(actor);
    auto newest = store::newestHookBundle(ports_.storage, ports_.clock);
    if (!newest) return std::move(newest).error();
    auto row = store::hookBundleBefore(ports_.storage, ports_.clock, *newest ? (*newest)->number : 0);
    if (!row) return std::move(row).error();
    if (!*row) return fail(Errc::NotFound, "no bundle before this one is kept");
    auto bundle = unpackBundle((*row)->bundle);
    if (!bundle) return std::move(bundle).error();
    return pushAs(*bundle, actor, "rollback", model::Action::HookRolledBack);
}

base::Result<void> Keeper::mode(const std::string& script, std::optional<HookMode> mode, const std::string& actor, const std::string& why) {
    const std::lock_guard held(mutex_);
    const auto now = ports_.engine.current();
    const auto isLoaded = [&] {
        const auto& all = now->scripts();
        return std::any_of(all.begin(), all.end(), [&](const LoadedScript& loaded) { return loaded.script->name() == script; });
    };
    if (!now || !isLoaded()) return fail(Errc::NotFound, "no script named " + script + " is loaded; see hook list");
    const std::string told(mode ? nameOf(*mode) : "configured");
    model::AuditEvent event;
    event.timestamp = ports_.clock.now();
    event.eventId = model::EventId(base::uuidV7(event.timestamp));
    event.action = model::Action::HookModeChanged;
    event.actor = actor;
    event.metadataJson = json::write(json::Object{{"script", script}, {"mode", told}, {"why", why}});
    audit::Effect effect;
    effect.ops.push_back(mode ? store::putHookMode(script, told) : store::removeHookMode(script));
    effect.events.push_back(std::move(event));
    if (auto done = ports_.commit(std::move(effect)); !done) return done;
    if (mode)
        live_.insert_or_assign(script, *mode);
    else
        live_.erase(script);
    ports_.engine.remode(modeOf());
    ports_.log.write(Message::HOOKS_MODE, {{"script", script}, {"mode", told}, {"actor", actor}, {"why", why}});
    return {};
}

base::Result<void> Keeper::follow() {
    const std::lock_guard held(mutex_);
    const auto modes = live_;
    if (auto read = readModes(); !read) return read;
    if (modes != live_) ports_.engine.remode(modeOf());
    if (settings_.source != HookSource::Storage) return {};
    const auto numbers = store::hookBundleNumbers(ports_.storage, ports_.clock);
    if (!numbers) return numbers.error();
    const auto now = ports_.engine.current();
    const auto newest = numbers->empty() ? 0 : static_cast<std::uint64_t>(numbers->front());
    if (newest == (now ? now->facts().number : 0) || newest == refused_) return {};
    auto source = read();
    if (!source) return std::move(source).error();
    if (!*source) return {};
    const auto load = checked(std::move(**source), "push", Tests::RanElsewhere);
    if (load)
        install(load->generation);
    else
        refused_ = newest;
    return {};
}

std::vector<Generation::Facts> Keeper::before() {
    const std::lock_guard held(mutex_);
    std::vector<Generation::Facts> out;
    for (const auto& generation : before_) out.push_back(generation->facts());
    return out;
}

}  // namespace agentidp::policy
