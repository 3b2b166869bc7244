#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "plugin/check/steps.h"

namespace agentidp::plugin::check {
namespace {

const std::string kGroup = "border";
constexpr auto kPrompt = std::chrono::milliseconds(100);
using Saw = Teller::Saw;

constexpr aip_str kPlain{"agentidp-check", 14};

std::int32_t ignore(void*, const void*, std::size_t) { return 0; }
constexpr aip_sink kNowhere{nullptr, ignore};
std::int32_t isCancelled(const aip_call*) { return 1; }

/// The smallest host table, flush against a page that must not be touched: reading beyond `size` ends the process.
class SmallHost {
public:
    SmallHost() {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        pages_ = static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        (void)mprotect(pages_ + page, page, PROT_NONE);
        size_ = 2 * page;
        host_ = reinterpret_cast<aip_host*>(pages_ + page - offsetof(aip_host, log));
        host_->size = offsetof(aip_host, log);
        host_->abi_major = AIP_ABI_MAJOR;
        host_->self = this;
    }
    SmallHost(const SmallHost&) = delete;
    SmallHost& operator=(const SmallHost&) = delete;
    ~SmallHost() { munmap(pages_, size_); }
    [[nodiscard]] const aip_host* table() const { return host_; }

private:
    char* pages_;
    std::size_t size_;
    aip_host* host_;
};

std::size_t residentKb() {
    std::ifstream in("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    in >> total >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

Saw smallestHost(Subject& subject) {
    const SmallHost host;
    Bare bare(subject, host.table());
    (void)bare.create(*subject.config());
    return bare.threw() ? Saw("it threw an exception") : Saw();
}

Saw garbageSettings(Subject& subject) {
    const std::vector<std::string> garbage = {"",
                                              " ",
                                              "{",
                                              "[]",
                                              "null",
                                              "\"\"",
                                              "{\"a\"",
                                              std::string("\0\0\0", 3),
                                              std::string(1U << 20U, 'x'),
                                              std::string(100'000, '['),
                                              "{\"a\":\xff}"};
    for (const auto& text : garbage) {
        HostServices host(subject.plugin, subject.offers(subject.freshFolder(), subject.clock));
        Bare bare(subject, host.table());
        if (bare.create(text) == AIP_OK) return "it took " + std::to_string(text.size()) + " bytes of garbage for its settings";
        if (bare.threw()) return "it threw an exception";
    }
    HostServices host(subject.plugin, subject.offers(subject.freshFolder(), subject.clock));
    Bare bare(subject, host.table());
    (void)bare.create("{}");
    return bare.threw() ? Saw("it threw an exception where every setting was missing") : Saw();
}

Saw createsAThousandTimes(Subject& subject) {
    const std::string folder = subject.freshFolder();
    const std::string config = *subject.config();
    std::size_t memory = 0;
    std::size_t files = 0;
    for (int i = 0; i < 1000; ++i) {
        HostServices host(subject.plugin, subject.offers(folder, subject.clock));
        Bare bare(subject, host.table());
        if (bare.create(config) != AIP_OK) return "create number " + std::to_string(i + 1) + " failed: " + bare.error().public_msg;
        if (bare.self() == nullptr) return "create said yes and made no instance";
        if (i == 100) {
            memory = residentKb();
            files = entriesOf("/proc/self/fd");
        }
    }
    if (entriesOf("/proc/self/fd") > files) return "it leaves files open";
    const std::size_t after = residentKb();
    if (after > memory + 8192) return "memory grew by " + std::to_string(after - memory) + " KB in 900 rounds of create and destroy";
    return {};
}

/// A started instance with everything it needs.
struct Running {
    explicit Running(Subject& subject, const std::string& folder)
        : host(subject.plugin, subject.offers(folder, subject.clock)), bare(subject, host.table()) {}
    HostServices host;
    Bare bare;
    Saw begin(Subject& subject) {
        if (bare.create(*subject.config()) != AIP_OK)
            return std::string("create failed: ") + bare.error().public_msg + " " + bare.error().detail;
        if (bare.start() != AIP_OK) return std::string("start failed: ") + bare.error().public_msg + " " + bare.error().detail;
        return {};
    }
};

Saw twoInstances(Subject& subject) {
    Running one(subject, subject.freshFolder());
    Running two(subject, subject.freshFolder());
    if (auto saw = one.begin(subject)) return "the first: " + *saw;
    if (auto saw = two.begin(subject)) return "the second, in a folder of its own: " + *saw;
    for (auto* running : {&one, &two}) {
        const aip_call call = callFor(5'000);
        const auto healthy = [&](aip_error* err) { return subject.descriptor->health(running->bare.self(), &call, kNowhere, err); };
        if (running->bare.run(healthy) != AIP_OK) return std::string("one of two is not healthy: ") + running->bare.error().public_msg;
    }
    return {};
}

/// Every operation within 100 ms, the best of three: the machine may be busy, the plugin may not be slow.
Saw promptly(Subject& subject, Running& running, aip_call call) {
    for (const auto& poke : pokesOf(*subject.descriptor)) {
        auto best = std::chrono::steady_clock::duration::max();
        for (int attempt = 0; attempt < 3 && best > kPrompt; ++attempt) {
            const auto began = std::chrono::steady_clock::now();
            (void)running.bare.run([&](aip_error* err) { return poke.run(running.bare.self(), &call, kPlain, kNowhere, err); });
            best = std::min(best, std::chrono::steady_clock::now() - began);
        }
        if (running.bare.threw()) return poke.name + " threw an exception";
        if (best > kPrompt)
            return poke.name + " took " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(best).count()) + " ms";
    }
    return {};
}

struct FullSink {
    std::size_t left = 0;
    static std::int32_t put(void* self, const void*, std::size_t size) {
        auto& sink = *static_cast<FullSink*>(self);
        if (size > sink.left) return 1;
        sink.left -= size;
        return 0;
    }
};

Saw fullSinks(Subject& subject, Running& running) {
    const aip_call call = callFor(20'000);
    for (const auto& poke : pokesOf(*subject.descriptor)) {
        for (const std::size_t room : {std::size_t{0}, std::size_t{1}}) {
            FullSink full{room};
            const auto status = running.bare.run([&](aip_error* err) {
                return poke.run(running.bare.self(), &call, kPlain, {&full, FullSink::put}, err);
            });
            if (running.bare.threw()) return poke.name + " threw an exception";
            if (status == AIP_OK && poke.answers) return poke.name + " said yes though its sink took nothing";
        }
        const auto again = running.bare.run([&](aip_error* err) { return poke.run(running.bare.self(), &call, kPlain, kNowhere, err); });
        if (poke.answers && again != AIP_OK) return poke.name + " does not recover: " + running.bare.error().public_msg;
    }
    return {};
}

Saw oddTexts(Subject& subject, Running& running) {
    const std::string big(1U << 20U, 'a');
    const std::vector<std::string> odd = {
        "", std::string("\0", 1), std::string("a\0b", 3), "\xff\xfe", "' OR 1=1 --", "../../etc/passwd", "%s%n", big};
    const aip_call call = callFor(60'000);
    for (const auto& poke : pokesOf(*subject.descriptor)) {
        for (const auto& text : odd) {
            const auto status =
                running.bare.run([&](aip_error* err) { return poke.run(running.bare.self(), &call, strOf(text), kNowhere, err); });
            if (running.bare.threw()) return poke.name + " threw an exception";
            if (status < AIP_OK || status > AIP_E_INTERNAL)
                return poke.name + " answers status " + std::to_string(status) + ", which does not exist";
            if (status == AIP_E_INTERNAL) return poke.name + " calls a bad argument a bug of its own: " + running.bare.error().detail;
            const auto& error = running.bare.error();
            if (std::memchr(error.public_msg, 0, sizeof error.public_msg) == nullptr ||
                std::memchr(error.detail, 0, sizeof error.detail) == nullptr)
                return poke.name + " fills an error text without its end";
        }
    }
    return {};
}

Saw manyThreads(Subject& subject, Running& running) {
    const auto pokes = pokesOf(*subject.descriptor);
    std::atomic<int> threw{0};
    std::vector<std::thread> threads;
    threads.reserve(64);
    for (int t = 0; t < 64; ++t) {
        threads.emplace_back([&, t] {
            const std::string text = "agentidp-check-" + std::to_string(t % 8);
            const aip_call call = callFor(30'000);
            aip_error error{};
            error.size = sizeof error;
            for (int i = 0; i < 20; ++i) {
                try {
                    (void)pokes[static_cast<std::size_t>(t + i) % pokes.size()].run(running.bare.self(), &call, strOf(text), kNowhere,
                                                                                    &error);
                } catch (...) {
                    ++threw;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    return threw == 0 ? Saw() : Saw("it threw exceptions");
}

Saw endsItsThreads(Subject& subject) {
    // The kernel itself removes an ended thread from /proc a moment later.
    const auto settled = [](std::size_t most) {
        for (int i = 0; i < 200 && entriesOf("/proc/self/task") > most; ++i) usleep(5'000);
        return entriesOf("/proc/self/task");
    };
    const std::size_t before = entriesOf("/proc/self/task");
    {
        Running running(subject, subject.freshFolder());
        if (auto saw = running.begin(subject)) return saw;
        (void)promptly(subject, running, callFor(5'000));
        const std::size_t during = settled(before);
        if (during > before && !subject.has(AIP_F_THREADS)) return "it owns threads and does not say AIP_F_THREADS";
        if (running.bare.stop() != AIP_OK) return std::string("stop failed: ") + running.bare.error().public_msg;
        const std::size_t after = settled(before);
        if (after > before) return std::to_string(after - before) + " of its threads are alive after stop";
    }
    return {};
}

Saw keepsSettingsItRefused(Subject& subject, Running& running) {
    const aip_call call = callFor(20'000);
    const auto status =
        running.bare.run([&](aip_error* err) { return subject.descriptor->reconfigure(running.bare.self(), &call, strOf("{"), err); });
    if (status == AIP_OK) return "it took garbage for new settings";
    const auto healthy =
        running.bare.run([&](aip_error* err) { return subject.descriptor->health(running.bare.self(), &call, kNowhere, err); });
    if (healthy != AIP_OK) return "it is not healthy after settings it refused";
    const std::string same = *subject.config();
    if (running.bare.run([&](aip_error* err) { return subject.descriptor->reconfigure(running.bare.self(), &call, strOf(same), err); }) !=
        AIP_OK)
        return std::string("it does not take the settings it has: ") + running.bare.error().public_msg;
    return {};
}

}  // namespace

bool checkBorder(Subject& subject, Teller& teller) {
    teller.check(kGroup, "takes the smallest host", [&] { return smallestHost(subject); });
    teller.check(kGroup, "refuses garbage for settings", [&] { return garbageSettings(subject); });
    if (!teller.check(kGroup, "can be created a thousand times", [&] { return createsAThousandTimes(subject); })) return false;

    Running running(subject, subject.freshFolder());
    const bool mayBeAway = subject.has(AIP_F_BLOCKS) && !subject.live;
    teller.announce(kGroup, "starts");
    auto first = running.begin(subject);
    if (first && mayBeAway) {
        teller.skip(kGroup, "everything that needs a started instance", *first + "; give a backend by --config and --live");
        return false;
    }
    if (!teller.check(kGroup, "starts", [&] { return first; })) return false;
    teller.check(kGroup, "returns past its deadline within 100 ms", [&] { return promptly(subject, running, callFor(-1'000)); });
    teller.check(kGroup, "returns when cancelled within 100 ms", [&] {
        aip_call call = callFor(20'000);
        call.cancelled = isCancelled;
        return promptly(subject, running, call);
    });
    teller.check(kGroup, "gives up where its sink is full", [&] { return fullSinks(subject, running); });
    teller.check(kGroup, "takes empty, odd and large texts", [&] { return oddTexts(subject, running); });
    if (subject.has(AIP_F_CONCURRENT))
        teller.check(kGroup, "serves 64 threads at once", [&] { return manyThreads(subject, running); });
    else
        teller.skip(kGroup, "serves 64 threads at once", "it does not say AIP_F_CONCURRENT");
    if (subject.has(AIP_F_RECONFIGURE))
        teller.check(kGroup, "keeps its settings where it refuses others", [&] { return keepsSettingsItRefused(subject, running); });
    teller.check(kGroup, "stops", [&]() -> Saw {
        if (running.bare.stop() != AIP_OK) return std::string(running.bare.error().public_msg);
        return running.bare.threw() ? Saw("it threw an exception") : Saw();
    });
    teller.check(kGroup, "runs twice in one process", [&] { return twoInstances(subject); });
    teller.check(kGroup, "has no thread after stop", [&] { return endsItsThreads(subject); });
    return true;
}

}  // namespace agentidp::plugin::check
