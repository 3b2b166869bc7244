/// What the embedded plugins cost: ES256 through keys-file against OpenSSL alone, a budget through ratelimit-memory. Each through the C
/// table as the daemon's event loop would call it, and through the kernel's adapter. One thread calls; processor time, medians of five
/// rounds that alternate.
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "support/loaded_plugin.h"
#include "support/temp_folder.h"

namespace agentidp::tests {
namespace {

struct Row {
    const char* name;
    int calls;
    std::function<void(int)> body;
    std::vector<double> ns = {};
};

/// What this process used of the processors, all its threads: other load on the machine does not count.
double processorNs() {
    std::timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

void measure(std::vector<Row>& rows) {
    for (auto& row : rows)
        for (int i = 0; i < row.calls / 10; ++i) row.body(i);
    for (int round = 0; round < 5; ++round)
        for (auto& row : rows) {
            const double began = processorNs();
            for (int i = 0; i < row.calls; ++i) row.body(i);
            row.ns.push_back((processorNs() - began) / row.calls);
        }
    for (auto& row : rows) {
        std::sort(row.ns.begin(), row.ns.end());
        std::printf("%-44s %10.1f ns %12.0f /s\n", row.name, row.ns[2], 1e9 / row.ns[2]);
    }
}

aip_str str(std::string_view text) { return {text.data(), text.size()}; }

aip_sink into(std::string& out) {
    out.clear();
    return {&out, [](void* held, const void* bytes, std::size_t size) -> std::int32_t {
                static_cast<std::string*>(held)->append(static_cast<const char*>(bytes), size);
                return 0;
            }};
}

void benchKeys() {
    const TempFolder folder;
    const base::SystemClock clock;
    LoadedPlugin loaded(clock, plugin::wanted(AIP_KIND_KEYS, "file", {}), folder.path());
    auto& keys = dynamic_cast<plugin::KeysPlugin&>(loaded.catalog().keys());
    const auto& ops = keys.instance().ops<aip_keys_ops>();
    void* instance = keys.instance().self();
    const auto held = keys.generate("ES256", plugin::callWithin(clock, base::seconds(5)));
    const auto fingerprint = held->fingerprint;
    aip_error error{};
    error.size = sizeof error;
    std::string signature, used;

    const std::string data(400, 'x');  // the length of a token's signing input
    EVP_PKEY* key = EVP_EC_gen("P-256");
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
    EVP_MD* sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX* digest = EVP_MD_CTX_new();
    EVP_PKEY_sign_init(context);
    unsigned char hash[32], der[128];
    std::vector<Row> rows = {
        {"ES256, OpenSSL, contexts kept", 20'000,
         [&](int) {
             std::size_t size = sizeof der;
             EVP_DigestInit_ex2(digest, sha256, nullptr);
             EVP_DigestUpdate(digest, data.data(), data.size());
             EVP_DigestFinal_ex(digest, hash, nullptr);
             EVP_PKEY_sign(context, der, &size, hash, sizeof hash);
         }},
        {"ES256, OpenSSL, a new context each time", 20'000,
         [&](int) {
             std::size_t size = sizeof der;
             EVP_MD_CTX* fresh = EVP_MD_CTX_new();
             EVP_DigestSignInit(fresh, nullptr, EVP_sha256(), nullptr, key);
             EVP_DigestSign(fresh, der, &size, reinterpret_cast<const unsigned char*>(data.data()), data.size());
             EVP_MD_CTX_free(fresh);
         }},
        {"ES256, keys-file, C table", 20'000,
         [&](int) { ops.sign(instance, nullptr, str(fingerprint), str(data), into(signature), into(used), &error); }},
        {"ES256, keys-file, adapter and its workers", 20'000,
         [&](int) { (void)keys.sign(fingerprint, base::bytesOf(data), plugin::callWithin(clock, base::seconds(5))); }},
    };
    measure(rows);
    EVP_MD_CTX_free(digest);
    EVP_MD_free(sha256);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
}

void benchBudgets() {
    const base::SystemClock clock;
    LoadedPlugin loaded(clock, plugin::wanted(AIP_KIND_RATELIMIT, "memory", {}), "");
    auto& limiter = dynamic_cast<plugin::RateLimiterPlugin&>(loaded.catalog().rateLimiter());
    const auto& ops = limiter.instance().ops<aip_ratelimit_ops>();
    void* instance = limiter.instance().self();
    aip_error error{};
    error.size = sizeof error;
    std::vector<std::string> names;
    for (int i = 0; i < 1'000; ++i) names.push_back("rate:0192d3f0-7c11-7a52-9e43-0000000" + std::to_string(10'000 + i));
    const auto take = [&](std::string_view name) {
        aip_budget budget{};
        budget.size = sizeof budget;
        aip_call call{};
        call.size = sizeof call;
        call.deadline_mono_ns = static_cast<std::uint64_t>(INT64_MAX);
        (void)ops.take(instance, &call, str(name), 1'000'000'000, 60'000'000, 1, &budget, &error);
    };
    const auto call = plugin::callWithin(clock, base::seconds(3'600));
    int stranger = 0;
    std::vector<Row> rows = {
        {"take, C table, one key", 1'000'000, [&](int) { take(names.front()); }},
        {"take, C table, 1,000 keys", 1'000'000, [&](int i) { take(names[static_cast<std::size_t>(i) % names.size()]); }},
        {"take, C table, every key a stranger, full", 500'000, [&](int) { take("address:2001:db8::" + std::to_string(stranger++)); }},
        {"take, adapter, 1,000 keys", 1'000'000,
         [&](int i) {
             (void)limiter.take(names[static_cast<std::size_t>(i) % names.size()], 1'000'000'000, base::microseconds(60'000'000), 1, call);
         }},
    };
    measure(rows);
}

}  // namespace
}  // namespace agentidp::tests

int main() {
    agentidp::tests::benchBudgets();
    agentidp::tests::benchKeys();
    return 0;
}
