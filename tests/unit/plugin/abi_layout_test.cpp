/// The border of version 1, frozen: a plugin built at the first release must run in every later kernel of this major version.
/// A failure here is never mended by changing this file, but by appending to the struct instead of changing it.
#include <cstddef>

#include "agentidp/plugin.h"
#include "bench.h"

namespace agentidp::plugin {

#define AT(type, member, offset) static_assert(offsetof(type, member) == (offset), #type "." #member " moved")

static_assert(sizeof(void*) == 8 && sizeof(std::size_t) == 8);
static_assert(sizeof(aip_str) == 16);
AT(aip_str, p, 0);
AT(aip_str, n, 8);
static_assert(sizeof(aip_sink) == 16);
AT(aip_sink, ctx, 0);
AT(aip_sink, put, 8);
static_assert(AIP_OK == 0 && AIP_E_INVALID == 1 && AIP_E_NOTFOUND == 2 && AIP_E_EXISTS == 3 && AIP_E_DENIED == 4 && AIP_E_UNAVAILABLE == 5);
static_assert(AIP_E_DEADLINE == 6 && AIP_E_CANCELLED == 7 && AIP_E_UNSUPPORTED == 8 && AIP_E_CONFLICT == 9 && AIP_E_INTERNAL == 10);

static_assert(sizeof(aip_error) >= 528);
AT(aip_error, size, 0);
AT(aip_error, status, 4);
AT(aip_error, retry_after_ms, 8);
AT(aip_error, sys_errno, 12);
AT(aip_error, public_msg, 16);
AT(aip_error, detail, 144);

static_assert(sizeof(aip_call) >= 72);
AT(aip_call, size, 0);
AT(aip_call, flags, 4);
AT(aip_call, deadline_mono_ns, 8);
AT(aip_call, cancelled, 16);
AT(aip_call, request_id, 24);
AT(aip_call, traceparent, 40);
AT(aip_call, tenant, 56);

static_assert(sizeof(aip_host) >= 104);
AT(aip_host, size, 0);
AT(aip_host, abi_major, 4);
AT(aip_host, abi_minor, 8);
AT(aip_host, reserved, 12);
AT(aip_host, self, 16);
AT(aip_host, log, 24);
AT(aip_host, metric, 32);
AT(aip_host, audit, 40);
AT(aip_host, mono_ns, 48);
AT(aip_host, wall_us, 56);
AT(aip_host, random, 64);
AT(aip_host, secret, 72);
AT(aip_host, defer, 80);
AT(aip_host, iface, 88);
AT(aip_host, data_dir, 96);

static_assert(sizeof(aip_plugin) >= 120);
AT(aip_plugin, size, 0);
AT(aip_plugin, abi_major, 4);
AT(aip_plugin, abi_minor, 8);
AT(aip_plugin, min_host_minor, 12);
AT(aip_plugin, kind, 16);
AT(aip_plugin, flags, 20);
AT(aip_plugin, name, 24);
AT(aip_plugin, version, 32);
AT(aip_plugin, vendor, 40);
AT(aip_plugin, config_schema_json, 48);
AT(aip_plugin, create, 56);
AT(aip_plugin, start, 64);
AT(aip_plugin, reconfigure, 72);
AT(aip_plugin, health, 80);
AT(aip_plugin, describe, 88);
AT(aip_plugin, stop, 96);
AT(aip_plugin, destroy, 104);
AT(aip_plugin, ops, 112);
static_assert(AIP_KIND_STORAGE == 1 && AIP_KIND_KEYS == 2 && AIP_KIND_RATELIMIT == 3 && AIP_KIND_JOB == 4 && AIP_KIND_SECRETS == 5);
static_assert(AIP_F_CONCURRENT == 1 && AIP_F_THREADS == 2 && AIP_F_RECONFIGURE == 4 && AIP_F_BLOCKS == 8);

static_assert(sizeof(aip_note) == 40);
AT(aip_note, namesz, 0);
AT(aip_note, descsz, 4);
AT(aip_note, type, 8);
AT(aip_note, name, 12);
AT(aip_note, desc, 24);

static_assert(sizeof(aip_keys_ops) >= 72);
AT(aip_keys_ops, size, 0);
AT(aip_keys_ops, reserved, 4);
AT(aip_keys_ops, generate, 8);
AT(aip_keys_ops, import, 16);
AT(aip_keys_ops, list, 24);
AT(aip_keys_ops, sign, 32);
AT(aip_keys_ops, retire, 40);
AT(aip_keys_ops, wrap, 48);
AT(aip_keys_ops, unwrap, 56);
AT(aip_keys_ops, export_private, 64);

static_assert(sizeof(aip_budget) >= 32);
AT(aip_budget, size, 0);
AT(aip_budget, allowed, 4);
AT(aip_budget, limit, 8);
AT(aip_budget, remaining, 16);
AT(aip_budget, reset_us, 24);
static_assert(sizeof(aip_ratelimit_ops) >= 40);
AT(aip_ratelimit_ops, take, 8);
AT(aip_ratelimit_ops, count, 16);
AT(aip_ratelimit_ops, announce, 24);
AT(aip_ratelimit_ops, listen, 32);

// These five lie in arrays without a size of their own: they cannot grow within a major version.
static_assert(sizeof(aip_value) == 32);
AT(aip_value, type, 0);
AT(aip_value, reserved, 4);
AT(aip_value, i, 8);
AT(aip_value, s, 16);
static_assert(sizeof(aip_assign) == 56);
AT(aip_assign, column, 0);
AT(aip_assign, mode, 16);
AT(aip_assign, reserved, 20);
AT(aip_assign, value, 24);
static_assert(sizeof(aip_where) == 32);
AT(aip_where, column, 0);
AT(aip_where, compare, 16);
AT(aip_where, values_n, 20);
AT(aip_where, values, 24);
static_assert(sizeof(aip_order) == 24);
AT(aip_order, column, 0);
AT(aip_order, descending, 16);
AT(aip_order, reserved, 20);

static_assert(sizeof(aip_op) >= 120);
AT(aip_op, size, 0);
AT(aip_op, code, 4);
AT(aip_op, table, 8);
AT(aip_op, set, 24);
AT(aip_op, set_n, 32);
AT(aip_op, where, 40);
AT(aip_op, where_n, 48);
AT(aip_op, columns, 56);
AT(aip_op, columns_n, 64);
AT(aip_op, order, 72);
AT(aip_op, order_n, 80);
AT(aip_op, after, 88);
AT(aip_op, after_n, 96);
AT(aip_op, limit, 104);
AT(aip_op, on_conflict, 108);
AT(aip_op, expect, 112);
static_assert(AIP_V_NULL == 0 && AIP_V_BOOL == 1 && AIP_V_INT == 2 && AIP_V_TEXT == 3 && AIP_V_BYTES == 4 && AIP_V_TIME == 5 &&
              AIP_V_JSON == 6);
static_assert(AIP_TX_COMMIT == 1 && AIP_TX_READ == 2 && AIP_TX_ROLLBACK == 4);
static_assert(sizeof(aip_storage_ops) >= 48);
AT(aip_storage_ops, apply, 8);
AT(aip_storage_ops, migrate, 16);
AT(aip_storage_ops, watch, 24);
AT(aip_storage_ops, backup, 32);
AT(aip_storage_ops, restore, 40);

static_assert(sizeof(aip_job_ops) >= 16);
AT(aip_job_ops, run, 8);
static_assert(sizeof(aip_records_v1) >= 24);
AT(aip_records_v1, size, 0);
AT(aip_records_v1, minor, 4);
AT(aip_records_v1, self, 8);
AT(aip_records_v1, read, 16);
static_assert(sizeof(aip_findings_v1) >= 40);
AT(aip_findings_v1, self, 8);
AT(aip_findings_v1, report, 16);
AT(aip_findings_v1, gauge, 24);
AT(aip_findings_v1, counter, 32);
static_assert(sizeof(aip_secrets_ops) >= 40);
AT(aip_secrets_ops, put, 8);
AT(aip_secrets_ops, get, 16);
AT(aip_secrets_ops, remove, 24);
AT(aip_secrets_ops, versions, 32);
#undef AT

/// The file abi_symbols.txt lists every name of plugin.h: a name that vanishes breaks authors' sources.
class AbiLayoutTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AbiLayoutTest);
    CPPUNIT_TEST(keepsEveryNameOfTheHeader);
    CPPUNIT_TEST_SUITE_END();

    /// Every identifier of the header that begins with aip_ or AIP_.
    static std::vector<std::string> namesIn(const std::string& path) {
        std::ifstream in(path);
        CPPUNIT_ASSERT_MESSAGE(path, in.good());
        const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        std::vector<std::string> names;
        std::string word;
        for (const char c : text + " ") {
            if ((std::isalnum(static_cast<unsigned char>(c)) != 0) || c == '_') {
                word += c;
                continue;
            }
            if (word.rfind("aip_", 0) == 0 || word.rfind("AIP_", 0) == 0) names.push_back(word);
            word.clear();
        }
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        return names;
    }
    void keepsEveryNameOfTheHeader() {
        const auto now = namesIn(AGENTIDP_KERNEL "/abi/agentidp/plugin.h");
        const auto frozen = namesIn(AGENTIDP_KERNEL "/../tests/unit/plugin/abi_symbols.txt");
        CPPUNIT_ASSERT(frozen.size() > 80);
        for (const auto& name : frozen)
            CPPUNIT_ASSERT_MESSAGE(name + " vanished from plugin.h", std::binary_search(now.begin(), now.end(), name));
        for (const auto& name : now)
            CPPUNIT_ASSERT_MESSAGE(name + " is new: add it to abi_symbols.txt", std::binary_search(frozen.begin(), frozen.end(), name));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AbiLayoutTest);

}  // namespace agentidp::plugin
