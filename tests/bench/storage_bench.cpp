/// storage_bench [seconds] [batch] [groups]: what one event costs the storage, without a kernel around it.
/// A transaction is the ledger's: lock and read the tip, then `batch` entries of 300-byte bodies, the tip, commit. With `groups`
/// every entry stands in a group of its own beside an update, as a change of the registry does. Needs AGENTIDP_BENCH_PLUGIN.
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "plugin/shared_object.h"
#include "support/temporary_folder.h"

namespace agentidp::tests {
namespace {

std::string folder;

aip_host hostTable() {
    aip_host host{};
    host.size = sizeof host;
    host.abi_major = AIP_ABI_MAJOR;
    host.abi_minor = AIP_ABI_MINOR;
    host.mono_ns = [](void*) { return static_cast<std::uint64_t>(base::SystemClock().mono().time_since_epoch().count()); };
    host.wall_us = [](void*) { return base::microsOf(base::SystemClock().now()); };
    host.data_dir = [](void*) { return aip_str{folder.data(), folder.size()}; };
    return host;
}

aip_str str(std::string_view text) { return {text.data(), text.size()}; }
aip_value integer(std::int64_t number) { return {AIP_V_INT, 0, number, {nullptr, 0}}; }
aip_value time(std::int64_t micros) { return {AIP_V_TIME, 0, micros, {nullptr, 0}}; }
aip_value bytes(std::string_view what) { return {AIP_V_BYTES, 0, 0, str(what)}; }
aip_value text(std::string_view what) { return {AIP_V_TEXT, 0, 0, str(what)}; }

aip_op operation(std::uint32_t code, std::string_view table) {
    aip_op op{};
    op.size = sizeof op;
    op.code = code;
    op.table = str(table);
    op.limit = 1;
    op.expect = -1;
    return op;
}

double cpuOf(int who) {
    rusage use{};
    getrusage(who, &use);
    return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

struct Bench {
    const aip_plugin& plugin;
    void* instance = nullptr;
    aip_error error{};
    std::uint64_t now() const { return static_cast<std::uint64_t>(base::SystemClock().mono().time_since_epoch().count()); }

    void must(aip_status status, const char* what) const {
        if (status == AIP_OK) return;
        std::fprintf(stderr, "%s: %d %s %s\n", what, status, error.public_msg, error.detail);
        std::exit(1);
    }
    aip_call call() const {
        aip_call made{};
        made.size = sizeof made;
        made.deadline_mono_ns = now() + 5'000'000'000;
        return made;
    }
    const aip_storage_ops& ops() const { return *static_cast<const aip_storage_ops*>(plugin.ops); }
    void apply(void** tx, const std::vector<aip_op>& what, std::uint32_t flags) {
        const aip_call made = call();
        static std::size_t answered = 0;
        const aip_sink sink{&answered,
                            [](void* to, const void*, std::size_t n) -> std::int32_t { return *static_cast<std::size_t*>(to) += n, 0; }};
        must(ops().apply(instance, &made, tx, what.data(), what.size(), flags, sink, &error), "apply");
    }
};

/// One entry's operation and what it points at.
struct Entry {
    std::vector<aip_assign> set;
    void fill(std::int64_t idx, std::int64_t organization, std::int64_t agent, std::string_view body, std::string_view hash) {
        set = {{str("idx"), 0, 0, integer(idx)},
               {str("ts"), 0, 0, time(1'790'000'000'000'000 + idx)},
               {str("organization_num"), 0, 0, integer(organization)},
               {str("agent_num"), 0, 0, integer(agent)},
               {str("action"), 0, 0, integer(1)},
               {str("outcome"), 0, 0, integer(0)},
               {str("leaf"), 0, 0, bytes(hash)},
               {str("chain_hash"), 0, 0, bytes(hash)},
               {str("body"), 0, 0, bytes(body)}};
    }
    aip_op op() const {
        aip_op made = operation(AIP_OP_INSERT, "audit_entries");
        made.set = set.data();
        made.set_n = set.size();
        return made;
    }
};

double percentile(std::vector<double>& sorted, double part) {
    return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

void run(Bench& bench, double seconds, std::size_t batch, bool groups) {
    std::mt19937_64 random(7);
    const std::string body(300, 'b'), hash(32, 'h'), frontier(32 * 20, 'f');
    const aip_value one = integer(1);
    const aip_where idIsOne{str("id"), AIP_EQ, 1, &one};
    const std::vector<aip_str> tipColumns{str("size"), str("root"), str("frontier"), str("chain_hash")};
    std::vector<aip_assign> tipRow{{str("id"), 0, 0, one},
                                   {str("origin"), 0, 0, text("bench")},
                                   {str("size"), 0, 0, integer(0)},
                                   {str("root"), 0, 0, bytes(hash)},
                                   {str("frontier"), 0, 0, bytes(frontier)},
                                   {str("chain_hash"), 0, 0, bytes(hash)},
                                   {str("updated_at"), 0, 0, time(1)}};
    aip_op insertTip = operation(AIP_OP_INSERT, "audit_tip");
    insertTip.set = tipRow.data(), insertTip.set_n = tipRow.size();
    void* tx = nullptr;
    bench.apply(&tx, {insertTip}, AIP_TX_COMMIT);

    aip_op lock = operation(AIP_OP_LOCK, "audit_tip"), readTip = operation(AIP_OP_SELECT, "audit_tip"),
           updateTip = operation(AIP_OP_UPDATE, "audit_tip");
    readTip.columns = tipColumns.data(), readTip.columns_n = tipColumns.size();
    readTip.where = &idIsOne, readTip.where_n = 1;
    updateTip.where = &idIsOne, updateTip.where_n = 1, updateTip.expect = 1;

    std::vector<Entry> entries(batch);
    std::vector<double> millis;
    std::int64_t idx = 0;
    off_t walMost = 0;
    const double cpuBefore = cpuOf(RUSAGE_THREAD), allBefore = cpuOf(RUSAGE_SELF);
    const auto begin = std::chrono::steady_clock::now();
    const auto until = begin + std::chrono::duration<double>(seconds);
    std::vector<aip_op> work;
    while (std::chrono::steady_clock::now() < until) {
        const auto from = std::chrono::steady_clock::now();
        bench.apply(&tx, {lock, readTip}, 0);
        work.clear();
        for (auto& entry : entries) {
            entry.fill(idx++, static_cast<std::int64_t>(random() % 10), static_cast<std::int64_t>(random() % 1'000), body, hash);
            if (groups) work.push_back(operation(AIP_OP_SAVEPOINT, ""));
            work.push_back(entry.op());
            if (groups) work.push_back(operation(AIP_OP_RELEASE, ""));
        }
        tipRow[2].value = integer(idx);
        updateTip.set = tipRow.data() + 1, updateTip.set_n = tipRow.size() - 1;
        work.push_back(updateTip);
        bench.apply(&tx, work, AIP_TX_COMMIT);
        millis.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - from).count());
        struct stat wal {};
        if (millis.size() % 50 == 0 && ::stat((folder + "/agentidp.db-wal").c_str(), &wal) == 0) walMost = std::max(walMost, wal.st_size);
    }
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const double cpu = cpuOf(RUSAGE_THREAD) - cpuBefore, all = cpuOf(RUSAGE_SELF) - allBefore;
    std::sort(millis.begin(), millis.end());
    struct stat wal {
    }, db{};
    ::stat((folder + "/agentidp.db-wal").c_str(), &wal);
    ::stat((folder + "/agentidp.db").c_str(), &db);
    std::printf("batch %zu%s, %.0f s: %.0f transactions/s, %.0f events/s, p50 %.2f ms, p99 %.2f ms, max %.1f ms\n", batch,
                groups ? " in groups" : "", took, static_cast<double>(millis.size()) / took, static_cast<double>(idx) / took,
                percentile(millis, 0.5), percentile(millis, 0.99), millis.back());
    std::printf("  writer %.1f us/event, process %.1f us/event, log now %.1f MB, at most %.1f MB, database %.0f MB\n",
                cpu * 1e6 / static_cast<double>(idx), all * 1e6 / static_cast<double>(idx), static_cast<double>(wal.st_size) / 1e6,
                static_cast<double>(walMost) / 1e6, static_cast<double>(db.st_size) / 1e6);
}

int bench(int argc, char** argv) {
    const char* file = std::getenv("AGENTIDP_BENCH_PLUGIN");
    if (file == nullptr) return std::fprintf(stderr, "AGENTIDP_BENCH_PLUGIN names no plugin file\n"), 2;
    const char* settings = std::getenv("AGENTIDP_BENCH_SETTINGS");
    std::ifstream schemaFile(std::string(AGENTIDP_SOURCE_DIR) + "/migrations/schema.json");
    std::stringstream schema;
    schema << schemaFile.rdbuf();
    TemporaryFolder own;
    folder = own.path().string();
    auto opened = plugin::PluginFile::open(file, geteuid(), plugin::PluginFile::Distrust::Tell);
    if (!opened.ok()) return std::fprintf(stderr, "%s\n", opened.error().hint.c_str()), 1;
    const auto loaded = plugin::loadPlugin(*opened);
    if (!loaded.ok()) return std::fprintf(stderr, "%s\n", loaded.error().hint.c_str()), 1;
    const aip_host host = hostTable();
    Bench bench{**loaded};
    bench.error.size = sizeof bench.error;
    const aip_sink nowhere{nullptr, [](void*, const void*, std::size_t) -> std::int32_t { return 0; }};
    const aip_call call = bench.call();
    bench.must(bench.plugin.create(&host, str(settings != nullptr ? settings : "{}"), &bench.instance, &bench.error), "create");
    bench.must(bench.plugin.start(bench.instance, &call, &bench.error), "start");
    bench.must(bench.ops().migrate(bench.instance, &call, str(schema.str()), 1, nowhere, &bench.error), "migrate");
    run(bench, argc > 1 ? std::atof(argv[1]) : 10, argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : 10, argc > 3);
    bench.must(bench.plugin.stop(bench.instance, &call, &bench.error), "stop");
    bench.plugin.destroy(bench.instance);
    return 0;
}

}  // namespace
}  // namespace agentidp::tests

int main(int argc, char** argv) { return agentidp::tests::bench(argc, argv); }
