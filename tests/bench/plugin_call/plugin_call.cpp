// What the plugin border costs, without any plugin's own work: a direct call, a call through workers, encoding and decoding of a
// ledger-like batch. Prints ns a call, the median of nine runs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

#include "../../unit/plugin/bench.h"
#include "plugin/storage_codec.h"

#include <agentidp/cpp/storage_values.hpp>

namespace agentidp::plugin {
namespace {

void measure(const char* what, int calls, const std::function<void()>& call) {
    std::vector<double> runs;
    for (int run = 0; run < 9; ++run) {
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; ++i) call();
        runs.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / calls);
    }
    std::nth_element(runs.begin(), runs.begin() + 4, runs.end());
    std::printf("%-55s %10.0f ns\n", what, runs[4]);
}

/// Ten events of a ledger batch: an insert of fifteen columns each, and the tip.
std::vector<Op> batch() {
    std::vector<Op> ops;
    ops.push_back(mark(Op::Code::Lock, "tip"));
    for (int i = 0; i < 10; ++i) {
        std::vector<Assign> set;
        for (const auto* column : {"index", "at", "action", "agent", "organization", "a", "b", "c", "d", "e"})
            set.push_back({column, std::int64_t{i}});
        for (const auto* column : {"body", "hash", "id", "ip", "agent_name"}) set.push_back({column, std::string(i == 0 ? 600 : 40, 'x')});
        ops.push_back(insertInto("entries", std::move(set)));
    }
    ops.push_back(update("tip", {{"size", std::int64_t{10}}}, {{"id", Compare::Eq, {std::int64_t{1}}}}, 1));
    return ops;
}

}  // namespace

int run() {
    Bench bench;
    bench.install("badanswers");
    bench.install("slow");
    Catalog direct(bench.settings, bench.offers());
    Catalog workers(bench.settings, bench.offers());
    observe::Metrics metrics;
    HostOffers counted = bench.offers();
    counted.metrics = &metrics;
    Catalog timed(bench.settings, counted);
    for (auto* catalog : {&direct, &timed})
        if (!catalog->add(Bench::ratelimit("badanswers"))) return 1;
    if (!workers.add(Bench::ratelimit("slow"))) return 1;
    const auto take = [&bench](Catalog& catalog) {
        const Call call = callWithin(bench.clock, base::seconds(5));
        if (!catalog.rateLimiter().take("key", 10, base::seconds(60), 1, call)) std::abort();
    };
    measure("take, on the caller's thread", 200'000, [&] { take(direct); });
    measure("take, on the caller's thread, counted and timed", 200'000, [&] { take(timed); });
    measure("take, through workers", 20'000, [&] { take(workers); });

    const auto ops = batch();
    const Call call{base::MonoInstant(base::seconds(1)), "request", "tenant"};
    measure("encode a batch of 10 events, borrowed", 20'000, [&] {
        Frame frame(Frame::Inputs::Borrow, call, Frame::Sensitive::No);
        if (encodeOps(frame, ops) == nullptr) std::abort();
    });
    measure("encode a batch of 10 events, copied", 20'000, [&] {
        Frame frame(Frame::Inputs::Copy, call, Frame::Sensitive::No);
        if (encodeOps(frame, ops) == nullptr) std::abort();
    });
    std::string records;
    aip::ResultWriter writer(records);
    for (std::size_t i = 0; i < ops.size(); ++i) writer.record(AIP_OK, 1);
    measure("decode its 12 records", 20'000, [&] {
        if (!decodeResults(records, ops)) std::abort();
    });
    return 0;
}

}  // namespace agentidp::plugin

int main() { return agentidp::plugin::run(); }
