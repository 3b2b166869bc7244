#pragma once
/// @file kernel/observe/metrics.h
/// Metrics: the list is metrics.def, the numbers live in prometheus-cpp, which stays in metrics.cpp. Resolve a handle once
/// (at start, or on first sight of a label value) and keep it: updating one is an atomic operation.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::observe {

enum class Metric {
#define AGENTIDP_METRIC(id, type, name, labels, help) id,
#include "observe/metrics.def"
#undef AGENTIDP_METRIC
};

/// Copies refer to the same number. Any thread. A default-made handle counts into nothing.
class Counter {
public:
    void add(double delta = 1) const;
    [[nodiscard]] double value() const;

private:
    friend class Metrics;
    void* number_ = nullptr;
};
class Gauge {
public:
    void set(double value) const;
    void add(double delta) const;

private:
    friend class Metrics;
    void* number_ = nullptr;
};
class Histogram {
public:
    void observe(double seconds) const;

private:
    friend class Metrics;
    void* number_ = nullptr;
};

/// Any thread. Outlives every handle.
class Metrics {
public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;
    /// Label values in the order metrics.def names them. The caller bounds their number.
    Counter counter(Metric id, const std::vector<std::string>& labels = {});
    Gauge gauge(Metric id, const std::vector<std::string>& labels = {});
    Histogram histogram(Metric id, const std::vector<std::string>& labels = {});
    /// agentidp_plugin_<kind>_<name>_<metric>, whose names plugins choose: `plugin` is "<kind>-<name>", dashes become underscores. The
    /// caller bounds their number and checks their form.
    Counter pluginCounter(std::string_view plugin, std::string_view name);
    /// The Prometheus text format, version 0.0.4.
    [[nodiscard]] std::string text() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace agentidp::observe
