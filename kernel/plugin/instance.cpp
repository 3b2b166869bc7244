#include "plugin/instance.h"

#include <pthread.h>

#include <cstring>
#include <thread>

#include "base/text.h"

namespace agentidp::plugin {
namespace {

constexpr std::size_t kMaxDescription = 64U << 10U;
constexpr base::milliseconds kDeferredWithin(2'000);

std::string_view nameOfErrc(base::Errc code) {
    switch (code) {
        case base::Errc::Invalid: return "invalid";
        case base::Errc::NotFound: return "not_found";
        case base::Errc::Exists: return "exists";
        case base::Errc::Denied: return "denied";
        case base::Errc::Conflict: return "conflict";
        case base::Errc::Unavailable: return "unavailable";
        case base::Errc::Deadline: return "deadline";
        case base::Errc::Unsupported: return "unsupported";
        case base::Errc::TooLarge: return "too_large";
        default: return "internal";
    }
}

template <std::size_t N>
std::string boundedText(const char (&text)[N]) {
    std::string bounded(text, strnlen(text, N));
    return base::isUtf8(bounded) ? bounded : std::string();
}

/// Runs `work` on a thread of its own. False if it did not end in time; the thread is left behind then, with what it captured.
bool runWatched(std::function<void()> work, base::milliseconds within) {
    struct Watch {
        std::mutex mutex;
        std::condition_variable ended;
        bool done = false;
    };
    auto watch = std::make_shared<Watch>();
    std::thread thread([watch, work = std::move(work)] {
        work();
        const std::lock_guard hold(watch->mutex);
        watch->done = true;
        watch->ended.notify_one();
    });
    pthread_setname_np(thread.native_handle(), "plugin-life");
    bool done = false;
    {
        std::unique_lock hold(watch->mutex);
        done = watch->ended.wait_for(hold, within, [&] { return watch->done; });
    }
    if (done)
        thread.join();
    else
        thread.detach();
    return done;
}

/// What the beginning of an instance shares with its thread, which may outlive the wait for it.
struct Beginning {
    explicit Beginning(const Call& call) : frame(Frame::Inputs::Copy, call, Frame::Sensitive::No) {}
    const aip_plugin* plugin = nullptr;
    std::shared_ptr<HostServices> host;
    std::string config;
    Frame frame;
    std::atomic<const char*> step{"create"};
    void* self = nullptr;
    aip_status status = AIP_OK;
    bool threw = false;

    void run() {
        try {
            attempt();
        } catch (...) {
            threw = true;
        }
        if (status == AIP_OK && !threw) return;
        if (self == nullptr) return;
        try {
            if (step.load() != std::string_view("create") && step.load() != std::string_view("start")) {
                aip_error ignored{};
                ignored.size = sizeof ignored;
                (void)plugin->stop(self, frame.call(), &ignored);
            }
            plugin->destroy(self);
        } catch (...) {
            threw = true;
        }
    }

private:
    void attempt() {
        status = plugin->create(host->table(), strOf(config), &self, &frame.error);
        if (status != AIP_OK) return;
        if (self == nullptr) {
            status = AIP_E_INTERNAL;
            std::strcpy(frame.error.public_msg, "it said yes and made no instance");
            return;
        }
        step = "start";
        status = plugin->start(self, frame.call(), &frame.error);
        if (status != AIP_OK) return;
        step = "health";
        status = plugin->health(self, frame.call(), frame.first.sink(kMaxDescription), &frame.error);
        if (status != AIP_OK) return;
        step = "describe";
        status = plugin->describe(self, frame.second.sink(kMaxDescription), &frame.error);
    }
};

}  // namespace

base::Errc Instance::errcOf(aip_status status) {
    switch (status) {
        case AIP_E_INVALID: return base::Errc::Invalid;
        case AIP_E_NOTFOUND: return base::Errc::NotFound;
        case AIP_E_EXISTS: return base::Errc::Exists;
        case AIP_E_DENIED: return base::Errc::Denied;
        case AIP_E_UNAVAILABLE:
        case AIP_E_CANCELLED: return base::Errc::Unavailable;
        case AIP_E_DEADLINE: return base::Errc::Deadline;
        case AIP_E_UNSUPPORTED: return base::Errc::Unsupported;
        case AIP_E_CONFLICT: return base::Errc::Conflict;
        default: return base::Errc::Internal;
    }
}

Instance::Instance(const aip_plugin& plugin, std::string name, const HostOffers& offers, const InstanceLimits& limits)
    : plugin_(plugin), name_(std::move(name)), limits_(limits), host_(std::make_shared<HostServices>(name_, offers)) {
    health_ = operation("health");
    reconfigure_ = operation("reconfigure");
    if ((plugin_.flags & AIP_F_BLOCKS) == 0) return;
    const auto tell = [host = host_](Workers::Event event, std::size_t lost) {
        using observe::Message;
        const Message message = event == Workers::Event::CameBack ? Message::PLUGIN_CALL_CAME_BACK
                                : event == Workers::Event::Lost   ? Message::PLUGIN_CALL_LOST
                                                                  : Message::PLUGIN_WEDGED;
        host->offers().log.write(message, {{"plugin", host->plugin()}, {"lost", lost}});
    };
    workers_ = std::make_unique<Workers>(name_, concurrent() ? limits_.workers : 1, tell);
}

Instance::~Instance() { stop(); }

Operation Instance::operation(std::string_view literal) const {
    Operation made;
    made.name = literal;
    if (auto* metrics = host_->offers().metrics) {
        made.succeeded = metrics->counter(observe::Metric::PluginCallsTotal, {name_, std::string(literal), "ok"});
        made.seconds = metrics->histogram(observe::Metric::PluginCallSeconds, {name_, std::string(literal)});
    }
    return made;
}

base::Result<std::unique_ptr<Instance>> Instance::start(const aip_plugin& plugin, std::string_view name, const std::string& configJson,
                                                        const HostOffers& offers, const InstanceLimits& limits) {
    std::unique_ptr<Instance> instance(new Instance(plugin, std::string(name), offers, limits));
    if (auto begun = instance->begin(configJson); !begun) return begun.error();
    return instance;
}

base::Result<void> Instance::begin(const std::string& configJson) {
    auto beginning = std::make_shared<Beginning>(callWithin(host_->offers().clock, limits_.startWithin));
    beginning->plugin = &plugin_;
    beginning->host = host_;
    beginning->config = configJson;
    if (!runWatched([beginning] { beginning->run(); }, limits_.startWithin))
        return base::fail(base::Errc::Deadline, std::string(beginning->step.load()) + ": it did not return within " +
                                                    std::to_string(limits_.startWithin.count()) + " ms");
    const std::string step = std::string(beginning->step.load()) + ": ";
    if (beginning->threw) return base::fail(base::Errc::Internal, step + "it threw an exception across the plugin border");
    if (beginning->status != AIP_OK) {
        base::Error error = errorOf(Operation{}, beginning->status, beginning->frame);
        error.hint = step + error.hint;
        error.detail = boundedText(beginning->frame.error.detail);
        return error;
    }
    self_ = beginning->self;
    running_ = true;
    auto described = base::json::parse(beginning->frame.second.bytes(), {kMaxDescription, 8});
    if (!described || described->asObject() == nullptr) {
        stop();
        return base::fail(base::Errc::Invalid, "describe: it did not answer a JSON object");
    }
    description_ = std::move(*described);
    return {};
}

bool Instance::stop() {
    const std::lock_guard hold(lifeMutex_);
    if (!running_) return endedWell_;
    running_ = false;
    endedWell_ = false;
    const auto tell = [this](std::string_view why) {
        host_->offers().log.write(observe::Message::PLUGIN_NOT_STOPPED, {{"plugin", name_}, {"why", why}});
        return false;
    };
    if (workers_ && workers_->lost() != 0) return tell("a call into it is lost");
    struct Ending {
        aip_status status = AIP_OK;
        bool threw = false;
        bool idle = true;
    };
    auto ending = std::make_shared<Ending>();
    auto call = std::make_shared<Frame>(Frame::Inputs::Copy, callWithin(host_->offers().clock, limits_.stopWithin), Frame::Sensitive::No);
    const bool ended = runWatched(
        [ending, call, host = host_, plugin = &plugin_, self = self_] {
            try {
                ending->status = plugin->stop(self, call->call(), &call->error);
                ending->idle = host->close(kDeferredWithin);
                if (ending->idle) plugin->destroy(self);
            } catch (...) {
                ending->threw = true;
            }
        },
        limits_.stopWithin + kDeferredWithin);
    if (!ended) return tell("stop did not return");
    if (ending->threw) return tell("it threw an exception");
    if (!ending->idle) return tell("work it deferred still runs");
    self_ = nullptr;
    endedWell_ = ending->status == AIP_OK;
    return endedWell_ || tell(boundedText(call->error.public_msg));
}

void Instance::release(Hold& hold) {
    if (workers_) workers_->release(hold.lease);
    if (!hold.turn) return;
    hold.turn = false;
    {
        const std::lock_guard locked(turnMutex_);
        turnTaken_ = false;
    }
    turnFreed_.notify_one();
}

base::Result<void> Instance::takeTurn(const Call& call) {
    std::unique_lock hold(turnMutex_);
    if (!turnFreed_.wait_for(hold, std::max(left(call), base::nanoseconds(0)), [this] { return !turnTaken_; }))
        return base::fail(base::Errc::Deadline, "a backend is busy", name_ + " serves one call at a time");
    turnTaken_ = true;
    return {};
}

base::Result<void> Instance::health(const Call& call) {
    auto told = inspect(call);
    if (!told) return std::move(told).error();
    return {};
}

base::Result<base::json::Value> Instance::inspect(const Call& call) {
    return this->call(
        health_, call,
        [plugin = &plugin_, self = self_](Frame&) {
            return [plugin, self](Frame& frame) {
                return plugin->health(self, frame.call(), frame.first.sink(kMaxDescription), &frame.error);
            };
        },
        [this](Frame& frame) -> base::Result<base::json::Value> {
            auto details = base::json::parse(frame.first.bytes(), {kMaxDescription, 8});
            if (!details || details->asObject() == nullptr) return brokePromise(health_, "its details are no JSON object");
            return details;
        });
}

base::Result<void> Instance::reconfigure(const std::string& configJson, const Call& call) {
    const std::lock_guard hold(lifeMutex_);
    if ((plugin_.flags & AIP_F_RECONFIGURE) == 0)
        return base::fail(base::Errc::Unsupported, name_ + " takes new settings only at a restart");
    return this->call(
        reconfigure_, call,
        [&, plugin = &plugin_, self = self_](Frame& frame) {
            const aip_str config = frame.keep(configJson);
            return [plugin, self, config](Frame& at) { return plugin->reconfigure(self, at.call(), config, &at.error); };
        },
        [](Frame&) { return base::Result<void>(); }, Frame::Sensitive::Yes);
}

aip_status Instance::threw(HostServices& host, std::string_view operation, Frame& frame) {
    host.offers().log.write(observe::Message::PLUGIN_THREW, {{"plugin", host.plugin()}, {"operation", operation}});
    frame.error.public_msg[0] = '\0';
    frame.error.detail[0] = '\0';
    return AIP_E_INTERNAL;
}

base::Error Instance::errorOf(const Operation& operation, aip_status status, Frame& frame) const {
    base::Error error;
    error.code = frame.first.overflowed() || frame.second.overflowed() ? base::Errc::TooLarge : errcOf(status);
    error.hint = boundedText(frame.error.public_msg);
    if (error.hint.empty()) error.hint = error.code == base::Errc::Internal ? "a backend failed" : std::string(nameOfErrc(error.code));
    error.detail = name_ + " " + std::string(operation.name) + ": " + boundedText(frame.error.detail);
    if (frame.error.sys_errno != 0) error.detail += " (errno " + std::to_string(frame.error.sys_errno) + ")";
    if (status < AIP_OK || status > AIP_E_INTERNAL) error.detail += " (status " + std::to_string(status) + ", which does not exist)";
    return error;
}

base::Error Instance::tellLost(const Operation& operation, base::Error error) const {
    error.detail = name_ + " " + std::string(operation.name) + (error.detail.empty() ? "" : ": " + error.detail);
    return error;
}

base::Error Instance::brokePromise(const Operation& operation, const std::string& why) const {
    host_->offers().log.write(observe::Message::PLUGIN_BROKE_PROMISE, {{"plugin", name_}, {"operation", operation.name}, {"why", why}});
    return base::fail(base::Errc::Internal, "a backend failed", name_ + " " + std::string(operation.name) + " broke its contract: " + why);
}

void Instance::count(const Operation& operation, std::optional<base::Errc> failure, base::MonoInstant began) const {
    auto* metrics = host_->offers().metrics;
    if (metrics == nullptr) return;
    const double seconds = std::chrono::duration<double>(steadyNow() - began).count();
    operation.seconds.observe(seconds);
    operation.alsoSeconds.observe(seconds);
    if (!failure) return operation.succeeded.add();
    metrics->counter(observe::Metric::PluginCallsTotal, {name_, std::string(operation.name), std::string(nameOfErrc(*failure))}).add();
}

base::MonoInstant Instance::steadyNow() { return std::chrono::time_point_cast<base::nanoseconds>(std::chrono::steady_clock::now()); }

}  // namespace agentidp::plugin
