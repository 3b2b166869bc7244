#include "observe/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "base/text.h"
#include "observe/process_metrics.h"

namespace agentidp::observe {
namespace {

enum class Type { Counter, Gauge, Histogram };

struct Row {
    Metric id;
    Type type;
    std::string_view name;
    std::string_view labels;
    std::string_view help;
};

constexpr std::array kRows{
#define AGENTIDP_METRIC(id, type, name, labels, help) Row{Metric::id, Type::type, name, labels, help},
#include "observe/metrics.def"
#undef AGENTIDP_METRIC
};

const prometheus::Histogram::BucketBoundaries kSecondsBuckets{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                              0.025,  0.05,    0.1,    0.25,  0.5,    1.0,   2.5};
const prometheus::Histogram::BucketBoundaries kCountBuckets{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};

const prometheus::Histogram::BucketBoundaries& bucketsOf(const Row& row) {
    return row.name.ends_with("_seconds") ? kSecondsBuckets : kCountBuckets;
}

[[noreturn]] void misuse(const Row& row, const char* what) {
    std::fprintf(stderr, "agentidp: bug: metric %.*s: %s\n", static_cast<int>(row.name.size()), row.name.data(), what);
    std::abort();
}

}  // namespace

struct Metrics::Impl {
    struct Families {
        prometheus::Family<prometheus::Counter>* counter = nullptr;
        prometheus::Family<prometheus::Gauge>* gauge = nullptr;
        prometheus::Family<prometheus::Histogram>* histogram = nullptr;
        std::vector<std::string> labelNames;
    };

    Impl() {
        for (const auto& row : kRows) {
            Families made;
            const std::string name(row.name);
            const std::string help(row.help);
            if (!row.labels.empty()) made.labelNames = base::split(row.labels, ',');
            if (row.type == Type::Counter) made.counter = &prometheus::BuildCounter().Name(name).Help(help).Register(registry);
            if (row.type == Type::Gauge) made.gauge = &prometheus::BuildGauge().Name(name).Help(help).Register(registry);
            if (row.type == Type::Histogram) made.histogram = &prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
            families.push_back(std::move(made));
        }
    }

    prometheus::Labels labelsOf(Metric id, const std::vector<std::string>& values) const {
        const auto& names = families[static_cast<std::size_t>(id)].labelNames;
        if (names.size() != values.size()) misuse(kRows[static_cast<std::size_t>(id)], "wrong number of labels");
        prometheus::Labels labels;
        for (std::size_t i = 0; i < names.size(); ++i) labels.emplace(names[i], values[i]);
        return labels;
    }

    Families& family(Metric id) { return families[static_cast<std::size_t>(id)]; }

    struct Process {
        Counter cpu;
        Gauge resident;
        Gauge virtualMemory;
        Gauge openFds;
        Gauge maxFds;
        Gauge startTime;
        Gauge threads;
    };

    prometheus::Registry registry;
    std::vector<Families> families;
    Process process;
    std::mutex scrape;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
    // A counter that first shows up with its first event has no increase to alert on.
    for (const auto& row : kRows) {
        if (!row.labels.empty()) continue;
        if (row.type == Type::Counter) (void)counter(row.id);
        if (row.type == Type::Histogram) (void)histogram(row.id);
    }
    impl_->process = {counter(Metric::ProcessCpuSecondsTotal),
                      gauge(Metric::ProcessResidentMemoryBytes),
                      gauge(Metric::ProcessVirtualMemoryBytes),
                      gauge(Metric::ProcessOpenFds),
                      gauge(Metric::ProcessMaxFds),
                      gauge(Metric::ProcessStartTimeSeconds),
                      gauge(Metric::ProcessThreads)};
}

Metrics::~Metrics() = default;

Counter Metrics::counter(Metric id, const std::vector<std::string>& labels) {
    auto* family = impl_->family(id).counter;
    if (family == nullptr) misuse(kRows[static_cast<std::size_t>(id)], "is no counter");
    Counter handle;
    handle.number_ = &family->Add(impl_->labelsOf(id, labels));
    return handle;
}

Counter Metrics::pluginCounter(std::string_view plugin, std::string_view name) {
    std::string full = "agentidp_plugin_" + std::string(plugin) + "_" + std::string(name);
    std::replace(full.begin(), full.end(), '-', '_');
    Counter handle;
    // Registering the same family again answers the one that is there.
    handle.number_ = &prometheus::BuildCounter()
                          .Name(full)
                          .Help("Counted by the plugin " + std::string(plugin) + "; see its page.")
                          .Register(impl_->registry)
                          .Add({});
    return handle;
}

Gauge Metrics::gauge(Metric id, const std::vector<std::string>& labels) {
    auto* family = impl_->family(id).gauge;
    if (family == nullptr) misuse(kRows[static_cast<std::size_t>(id)], "is no gauge");
    Gauge handle;
    handle.number_ = &family->Add(impl_->labelsOf(id, labels));
    return handle;
}

Histogram Metrics::histogram(Metric id, const std::vector<std::string>& labels) {
    auto* family = impl_->family(id).histogram;
    const auto& row = kRows[static_cast<std::size_t>(id)];
    if (family == nullptr) misuse(row, "is no histogram");
    Histogram handle;
    handle.number_ = &family->Add(impl_->labelsOf(id, labels), bucketsOf(row));
    return handle;
}

std::string Metrics::text() const {
    {
        // Two scrapes at once would add the same CPU time twice.
        const std::lock_guard hold(impl_->scrape);
        const ProcessStats stats = readProcessStats();
        const auto& process = impl_->process;
        process.cpu.add(stats.cpuSeconds - process.cpu.value());
        process.resident.set(stats.residentBytes);
        process.virtualMemory.set(stats.virtualBytes);
        process.openFds.set(stats.openFds);
        process.maxFds.set(stats.maxFds);
        process.startTime.set(stats.startTimeSeconds);
        process.threads.set(stats.threads);
    }
    return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

void Counter::add(double delta) const {
    if (number_ != nullptr && delta > 0) static_cast<prometheus::Counter*>(number_)->Increment(delta);
}
double Counter::value() const { return number_ == nullptr ? 0 : static_cast<prometheus::Counter*>(number_)->Value(); }

void Gauge::set(double value) const {
    if (number_ != nullptr) static_cast<prometheus::Gauge*>(number_)->Set(value);
}
void Gauge::add(double delta) const {
    if (number_ != nullptr) static_cast<prometheus::Gauge*>(number_)->Increment(delta);
}

void Histogram::observe(double seconds) const {
    if (number_ != nullptr) static_cast<prometheus::Histogram*>(number_)->Observe(seconds);
}

}  // namespace agentidp::observe
