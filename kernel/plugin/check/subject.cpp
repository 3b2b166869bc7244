#include "plugin/check/subject.h"

#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/ids.h"

namespace agentidp::plugin::check {
namespace {

constexpr std::string_view kFresh = "fresh";
constexpr std::int64_t kCallMs = 20'000;

base::Result<base::Secret> secretOf(std::string_view reference) {
    const auto colon = reference.find(':');
    const std::string kind(reference.substr(0, colon));
    const std::string name(colon == std::string_view::npos ? "" : reference.substr(colon + 1));
    std::string text;
    if (kind == "env") {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return base::fail(base::Errc::NotFound, "env:" + name + " is not set");
        text = value;
    } else if (kind == "file") {
        std::ifstream in(name, std::ios::binary);
        if (!in) return base::fail(base::Errc::NotFound, "file:" + name + " cannot be read");
        text.assign(std::istreambuf_iterator<char>(in), {});
        if (!text.empty() && text.back() == '\n') text.pop_back();
    } else {
        return base::fail(base::Errc::Invalid, "the check resolves env: and file: references");
    }
    return base::Secret::fromText(std::move(text));
}

/// ${fresh} is another word each time, ${NAME} the environment variable, empty where it is not set.
std::string expanded(const std::string& text) {
    std::string out;
    std::size_t at = 0;
    for (auto open = text.find("${"); open != std::string::npos; open = text.find("${", at)) {
        const auto close = text.find('}', open);
        if (close == std::string::npos) break;
        out.append(text, at, open - at);
        const auto name = text.substr(open + 2, close - open - 2);
        const char* value = name == kFresh ? nullptr : std::getenv(name.c_str());
        out += name == kFresh ? base::uuidV4().substr(0, 8) : value != nullptr ? std::string(value) : std::string();
        at = close + 1;
    }
    return out.append(text, at);
}

std::int32_t ignore(void*, const void*, std::size_t) { return 0; }

template <class Ops>
const Ops* opsOf(const aip_plugin& plugin) {
    return static_cast<const Ops*>(plugin.ops);
}

std::vector<Poke> keysPokes(const aip_keys_ops* ops) {
    const aip_sink nowhere{nullptr, ignore};
    std::vector<Poke> pokes = {
        {"generate",
         [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) { return ops->generate(self, call, text, out, err); }, false},
        {"list", [ops](void* self, auto* call, aip_str, aip_sink out, auto* err) { return ops->list(self, call, out, err); }, true},
        {"sign",
         [ops, nowhere](void* self, auto* call, aip_str text, aip_sink out, auto* err) {
             return ops->sign(self, call, text, text, out, nowhere, err);
         },
         false},
        {"retire", [ops](void* self, auto* call, aip_str text, aip_sink, auto* err) { return ops->retire(self, call, text, err); }, false}};
    if (ops->import != nullptr)
        pokes.push_back(
            {"import",
             [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) { return ops->import(self, call, text, text, out, err); },
             false});
    if (ops->wrap != nullptr)
        pokes.push_back(
            {"wrap",
             [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) { return ops->wrap(self, call, text, text, out, err); },
             false});
    if (ops->unwrap != nullptr)
        pokes.push_back(
            {"unwrap",
             [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) { return ops->unwrap(self, call, text, text, out, err); },
             false});
    if (ops->export_private != nullptr)
        pokes.push_back({"export_private",
                         [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) {
                             return ops->export_private(self, call, text, out, err);
                         },
                         false});
    return pokes;
}

std::vector<Poke> ratelimitPokes(const aip_ratelimit_ops* ops) {
    constexpr std::int64_t kMinuteUs = 60'000'000;
    constexpr std::int64_t kLaterUs = 4'000'000'000'000'000;
    return {{"take",
             [ops](void* self, auto* call, aip_str text, aip_sink, auto* err) {
                 aip_budget budget{};
                 budget.size = sizeof budget;
                 return ops->take(self, call, text, 1000, kMinuteUs, 1, &budget, err);
             },
             false},
            {"count",
             [ops](void* self, auto* call, aip_str text, aip_sink, auto* err) {
                 aip_budget budget{};
                 budget.size = sizeof budget;
                 return ops->count(self, call, text, 1000, kLaterUs, 1, &budget, err);
             },
             false}};
}

std::vector<Poke> storagePokes(const aip_storage_ops* ops) {
    return {{"apply now",
             [ops](void* self, auto* call, aip_str, aip_sink out, auto* err) {
                 aip_op op{};
                 op.size = sizeof op;
                 op.code = AIP_OP_NOW;
                 void* tx = nullptr;
                 return ops->apply(self, call, &tx, &op, 1, AIP_TX_READ, out, err);
             },
             true},
            {"apply select",
             [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) {
                 aip_op op{};
                 op.size = sizeof op;
                 op.code = AIP_OP_SELECT;
                 op.table = text;
                 op.columns = &text;
                 op.columns_n = 1;
                 op.limit = 1;
                 void* tx = nullptr;
                 return ops->apply(self, call, &tx, &op, 1, AIP_TX_READ, out, err);
             },
             false},
            {"migrate",
             [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) { return ops->migrate(self, call, text, 0, out, err); },
             false}};
}

std::vector<Poke> secretsPokes(const aip_secrets_ops* ops) {
    const aip_str newest{"", 0};
    return {
        {"get",
         [ops, newest](void* self, auto* call, aip_str text, aip_sink out, auto* err) {
             return ops->get(self, call, text, newest, out, err);
         },
         false},
        {"put", [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) { return ops->put(self, call, text, text, out, err); },
         false},
        {"versions",
         [ops](void* self, auto* call, aip_str text, aip_sink out, auto* err) { return ops->versions(self, call, text, out, err); }, false},
        {"remove", [ops](void* self, auto* call, aip_str text, aip_sink, auto* err) { return ops->remove(self, call, text, err); }, false}};
}

}  // namespace

void CheckLog::write(observe::Message message, std::initializer_list<observe::Field>) {
    if (message == observe::Message::PLUGIN_THREW) threw_ = true;
}

base::Result<std::string> Subject::config() const {
    const auto schema = SettingsSchema::parse(descriptor->config_schema_json);
    if (!schema) return schema.error();
    base::json::Object given = settings;
    for (auto& [name, value] : given) {
        if (value.asText() == nullptr) continue;
        value = expanded(*value.asText());
    }
    return schema->configFromJson(plugin, given);
}

std::string Subject::freshFolder() {
    std::string folder = scratch + "/" + std::to_string(++folders);
    (void)mkdir(folder.c_str(), 0700);
    return folder;
}

HostOffers Subject::offers(const std::string& folder, const base::Clock& withClock) {
    HostOffers made{log, withClock, pool, folder, nullptr, {}, {}, {}, {}};
    made.metric = [](std::string_view, std::string_view, double) {};
    made.audit = [](std::string_view, std::string_view, const base::json::Value&) { return base::Result<void>(); };
    made.secret = secretOf;
    return made;
}

std::vector<Poke> pokesOf(const aip_plugin& plugin) {
    std::vector<Poke> pokes;
    switch (plugin.kind) {
        case AIP_KIND_KEYS: pokes = keysPokes(opsOf<aip_keys_ops>(plugin)); break;
        case AIP_KIND_RATELIMIT: pokes = ratelimitPokes(opsOf<aip_ratelimit_ops>(plugin)); break;
        case AIP_KIND_STORAGE: pokes = storagePokes(opsOf<aip_storage_ops>(plugin)); break;
        case AIP_KIND_SECRETS: pokes = secretsPokes(opsOf<aip_secrets_ops>(plugin)); break;
        case AIP_KIND_JOB:
            pokes.push_back({"run",
                             [ops = opsOf<aip_job_ops>(plugin)](void* self, auto* call, aip_str text, aip_sink out, auto* err) {
                                 return ops->run(self, call, text, out, err);
                             },
                             false});
            break;
        default: break;
    }
    pokes.push_back({"health",
                     [&plugin](void* self, auto* call, aip_str, aip_sink out, auto* err) { return plugin.health(self, call, out, err); },
                     true});
    pokes.push_back(
        {"describe", [&plugin](void* self, auto*, aip_str, aip_sink out, auto* err) { return plugin.describe(self, out, err); }, true});
    return pokes;
}

Bare::~Bare() {
    if (started_) (void)stop();
    if (self_ != nullptr)
        (void)run([this](aip_error*) {
            subject_.descriptor->destroy(self_);
            return AIP_OK;
        });
}

aip_status Bare::run(const std::function<aip_status(aip_error*)>& body) {
    error_ = {};
    error_.size = sizeof error_;
    try {
        return body(&error_);
    } catch (...) {
        threw_ = true;
        return AIP_E_INTERNAL;
    }
}

aip_status Bare::create(std::string_view config) {
    return run([&](aip_error* err) { return subject_.descriptor->create(host_, strOf(config), &self_, err); });
}

aip_status Bare::start() {
    const aip_call call = callFor(kCallMs);
    const aip_status status = run([&](aip_error* err) { return subject_.descriptor->start(self_, &call, err); });
    started_ = status == AIP_OK;
    return status;
}

aip_status Bare::stop() {
    const aip_call call = callFor(kCallMs);
    started_ = false;
    return run([&](aip_error* err) { return subject_.descriptor->stop(self_, &call, err); });
}

aip_call callFor(std::int64_t withinMs) {
    aip_call call{};
    call.size = sizeof call;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    call.deadline_mono_ns =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() + withinMs * 1'000'000);
    return call;
}

std::size_t entriesOf(const char* folder) {
    std::size_t count = 0;
    std::error_code failed;
    for (auto at = std::filesystem::directory_iterator(folder, failed); !failed && at != std::filesystem::directory_iterator();
         at.increment(failed))
        ++count;
    return count;
}

}  // namespace agentidp::plugin::check
