#pragma once
/// @file kernel/plugin/instance.h
/// One running plugin behind its C table: the life cycle, the deadline, the turn of plugins that cannot serve two threads, and
/// the translation of everything that comes back. The typed adapters of each kind stand on this and touch the border nowhere else.
///
/// A plugin without AIP_F_BLOCKS runs on the caller's thread: some 0.12 us on top of its own work, 0.2 us where calls are counted. One
/// with AIP_F_BLOCKS runs on workers (workers.h), so the host stops waiting at the deadline whatever the plugin does.
#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "observe/metrics.h"
#include "plugin/frame.h"
#include "plugin/host_services.h"
#include "plugin/workers.h"

namespace agentidp::plugin {

/// An operation as metrics and log lines name it. Resolved once, by the adapter.
struct Operation {
    std::string_view name;  ///< a literal: a lost call outlives its adapter
    observe::Counter succeeded;
    observe::Histogram seconds;
    observe::Histogram alsoSeconds;  ///< a name that dashboards know it by, where it has one
};

struct InstanceLimits {
    base::milliseconds startWithin{30'000};  ///< create and start together
    base::milliseconds stopWithin{10'000};
    std::size_t workers = 16;  ///< calls at once into a blocking plugin that is AIP_F_CONCURRENT
};

class Instance {
public:
    /// create, start and a first health, each on a thread of its own that is given up after startWithin. A failure after create
    /// ends what had begun. Errors carry the step as the first word of the hint: "create: ...". Errc::Deadline means that a thread
    /// of the plugin is still running: the process should end by _exit.
    static base::Result<std::unique_ptr<Instance>> start(const aip_plugin& plugin, std::string_view name, const std::string& configJson,
                                                         const HostOffers& offers, const InstanceLimits& limits);
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;
    /// As stop().
    ~Instance();

    [[nodiscard]] const aip_plugin& plugin() const { return plugin_; }
    [[nodiscard]] const std::string& name() const { return name_; }  ///< "keys-file"
    [[nodiscard]] void* self() const { return self_; }
    template <class Ops>
    [[nodiscard]] const Ops& ops() const {
        return *static_cast<const Ops*>(plugin_.ops);
    }
    [[nodiscard]] bool blocks() const { return workers_ != nullptr; }
    [[nodiscard]] bool concurrent() const { return (plugin_.flags & AIP_F_CONCURRENT) != 0; }
    [[nodiscard]] bool wedged() const { return workers_ && workers_->wedged(); }

    [[nodiscard]] Operation operation(std::string_view literal) const;

    /// What one call holds on to from call to call: the thread or the turn of an open transaction.
    struct Hold {
        Workers::Lease lease;
        bool turn = false;
        void* transaction = nullptr;  ///< as the last call that came back left it; null after one that was lost
    };

    /// One call. `prepare(Frame&)` runs here and answers the body, `aip_status(Frame&)`, that makes the ABI call with what the frame
    /// keeps; `decode(Frame&)` runs here after AIP_OK and answers a Result. The body captures values only (the table, self(), kept
    /// texts): a lost one outlives this object. Any thread.
    template <class Prepare, class Decode>
    auto call(const Operation& operation, const Call& call, Prepare&& prepare, Decode&& decode,
              Frame::Sensitive sensitive = Frame::Sensitive::No) -> decltype(decode(std::declval<Frame&>())) {
        Hold hold;
        auto result = callHolding(operation, call, prepare, decode, sensitive, hold);
        release(hold);
        return result;
    }
    /// The same for calls of one transaction. `hold` is filled by the first; the caller gives it back by release().
    template <class Prepare, class Decode>
    auto callInTransaction(Hold& hold, const Operation& operation, const Call& call, Prepare&& prepare, Decode&& decode)
        -> decltype(decode(std::declval<Frame&>())) {
        return callHolding(operation, call, prepare, decode, Frame::Sensitive::No, hold);
    }
    void release(Hold& hold);

    /// The same call with at least `least` left: for what must be done however late it is.
    [[nodiscard]] Call withAtLeast(Call call, base::milliseconds least) const {
        call.deadline = std::max(call.deadline, host_->offers().clock.mono() + least);
        return call;
    }
    base::Result<void> health(const Call& call);
    /// The same, with what it tells for people: a JSON object.
    base::Result<base::json::Value> inspect(const Call& call);
    /// Null where nothing is counted.
    [[nodiscard]] observe::Metrics* metrics() const { return host_->offers().metrics; }
    /// The JSON object of describe; read once, after start.
    [[nodiscard]] const base::json::Value& description() const { return description_; }
    /// Errc::Unsupported without AIP_F_RECONFIGURE. On an error the old settings are in force.
    base::Result<void> reconfigure(const std::string& configJson, const Call& call);
    /// Ends the instance: stop, then destroy, unless a call is lost or stop does not return. No call may be under way. False: code of the
    /// plugin may still run, and what it may touch must stay. Again: the same answer.
    bool stop();

    /// The answer of a plugin that broke its contract: logged, and an Internal error for the caller.
    base::Error brokePromise(const Operation& operation, const std::string& why) const;
    /// The status of one operation inside an answer; an unknown one is Internal.
    [[nodiscard]] static base::Errc errcOf(aip_status status);

private:
    Instance(const aip_plugin& plugin, std::string name, const HostOffers& offers, const InstanceLimits& limits);
    [[nodiscard]] base::Result<void> begin(const std::string& configJson);
    [[nodiscard]] base::Result<void> describe();
    [[nodiscard]] base::Result<void> takeTurn(const Call& call);
    [[nodiscard]] base::Error errorOf(const Operation& operation, aip_status status, Frame& frame) const;
    /// Runs the body; whatever it throws is AIP_E_INTERNAL.
    template <class Body>
    static aip_status guarded(HostServices& host, std::string_view operation, Frame& frame, Body& body) {
        try {
            return body(frame);
        } catch (...) {
            return threw(host, operation, frame);
        }
    }
    static aip_status threw(HostServices& host, std::string_view operation, Frame& frame);
    void count(const Operation& operation, std::optional<base::Errc> failure, base::MonoInstant began) const;
    [[nodiscard]] base::nanoseconds left(const Call& call) const { return call.deadline - host_->offers().clock.mono(); }

    template <class Prepare, class Decode>
    auto callHolding(const Operation& operation, const Call& call, Prepare& prepare, Decode& decode, Frame::Sensitive sensitive, Hold& hold)
        -> decltype(decode(std::declval<Frame&>())) {
        const base::MonoInstant began = steadyNow();
        auto result =
            workers_ ? away(operation, call, prepare, decode, sensitive, hold) : here(operation, call, prepare, decode, sensitive, hold);
        count(operation, result.ok() ? std::nullopt : std::optional(result.error().code), began);
        return result;
    }
    template <class Prepare, class Decode>
    auto here(const Operation& operation, const Call& call, Prepare& prepare, Decode& decode, Frame::Sensitive sensitive, Hold& hold)
        -> decltype(decode(std::declval<Frame&>())) {
        if (!concurrent() && !hold.turn) {
            if (auto turn = takeTurn(call); !turn) return std::move(turn).error();
            hold.turn = true;
        }
        Frame frame(Frame::Inputs::Borrow, call, sensitive);
        frame.transaction = hold.transaction;
        auto body = prepare(frame);
        const aip_status status = guarded(*host_, operation.name, frame, body);
        hold.transaction = frame.transaction;
        if (status != AIP_OK) return errorOf(operation, status, frame);
        return decode(frame);
    }
    template <class Prepare, class Decode>
    auto away(const Operation& operation, const Call& call, Prepare& prepare, Decode& decode, Frame::Sensitive sensitive, Hold& hold)
        -> decltype(decode(std::declval<Frame&>())) {
        auto frame = std::make_shared<Frame>(Frame::Inputs::Copy, call, sensitive);
        frame->transaction = hold.transaction;
        frame->body = [host = host_, name = operation.name, body = prepare(*frame)](Frame& at) { return guarded(*host, name, at, body); };
        auto status = workers_->run(frame, left(call), hold.lease);
        hold.transaction = status ? frame->transaction : nullptr;
        if (!status) return tellLost(operation, std::move(status).error());
        if (*status != AIP_OK) return errorOf(operation, *status, *frame);
        return decode(*frame);
    }
    base::Error tellLost(const Operation& operation, base::Error error) const;
    static base::MonoInstant steadyNow();

    const aip_plugin& plugin_;
    std::string name_;
    InstanceLimits limits_;
    std::shared_ptr<HostServices> host_;  ///< shared with calls that may outlive this
    void* self_ = nullptr;
    bool running_ = false;
    bool endedWell_ = true;
    std::unique_ptr<Workers> workers_;
    std::mutex turnMutex_;
    std::condition_variable turnFreed_;
    bool turnTaken_ = false;
    std::mutex lifeMutex_;
    base::json::Value description_;
    Operation health_, reconfigure_;
};

}  // namespace agentidp::plugin
