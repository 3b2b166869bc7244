/// Metrics as a scraper sees them: the text format, label values, buckets, and the process's own numbers.
#include "observe/metrics.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "base/text.h"
#include "observe/process_metrics.h"

namespace agentidp::observe {

class MetricsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MetricsTest);
    CPPUNIT_TEST(countsByLabels);
    CPPUNIT_TEST(handlesOfTheSameLabelsAreOneNumber);
    CPPUNIT_TEST(showsCountersBeforeTheirFirstEvent);
    CPPUNIT_TEST(countsWhatPluginsName);
    CPPUNIT_TEST(escapesLabelValues);
    CPPUNIT_TEST(everyLineIsOfTheTextFormat);
    CPPUNIT_TEST(namesBucketsFromMicrosecondsToSeconds);
    CPPUNIT_TEST(countsSizesInPowersOfTwo);
    CPPUNIT_TEST(ignoresWhatACounterCannotDo);
    CPPUNIT_TEST(emptyHandlesCountIntoNothing);
    CPPUNIT_TEST(countsFromManyThreads);
    CPPUNIT_TEST(tellsOfTheProcess);
    CPPUNIT_TEST(readsProcStatWithStrangeNames);
    CPPUNIT_TEST(abortsOnMisuse);
    CPPUNIT_TEST(everyMetricIsInTheTable);
    CPPUNIT_TEST_SUITE_END();

    static bool has(const std::string& text, const std::string& line) {
        return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
    }
    static double valueOf(const std::string& text, const std::string& series) {
        const auto at = ("\n" + text).find("\n" + series + " ");
        CPPUNIT_ASSERT_MESSAGE(series, at != std::string::npos);
        return std::stod(text.substr(at + series.size() + 1));
    }

public:
    void countsByLabels() {
        Metrics metrics;
        metrics.counter(Metric::HttpRequestsTotal, {"GET", "/api/v1/agents/:id", "200"}).add();
        metrics.counter(Metric::HttpRequestsTotal, {"GET", "/api/v1/agents/:id", "404"}).add(3);
        metrics.gauge(Metric::Keys, {"active"}).set(1);
        metrics.gauge(Metric::Keys, {"retiring"}).add(2);
        const auto text = metrics.text();
        CPPUNIT_ASSERT(has(text, "# TYPE agentidp_http_requests_total counter"));
        CPPUNIT_ASSERT(has(text, R"(agentidp_http_requests_total{method="GET",route="/api/v1/agents/:id",status_code="200"} 1)"));
        CPPUNIT_ASSERT(has(text, R"(agentidp_http_requests_total{method="GET",route="/api/v1/agents/:id",status_code="404"} 3)"));
        CPPUNIT_ASSERT(has(text, R"(agentidp_keys{state="active"} 1)"));
        CPPUNIT_ASSERT(has(text, R"(agentidp_keys{state="retiring"} 2)"));
    }

    void handlesOfTheSameLabelsAreOneNumber() {
        Metrics metrics;
        const auto first = metrics.counter(Metric::AuthFailuresTotal, {"wrong_secret"});
        const auto second = metrics.counter(Metric::AuthFailuresTotal, {"wrong_secret"});
        const auto copy = first;
        first.add();
        second.add();
        copy.add(0.5);
        CPPUNIT_ASSERT_EQUAL(2.5, first.value());
        metrics.histogram(Metric::DbQueryDurationSeconds, {"apply"}).observe(0.1);
        metrics.histogram(Metric::DbQueryDurationSeconds, {"apply"}).observe(0.1);
        CPPUNIT_ASSERT_EQUAL(2.0, valueOf(metrics.text(), R"(agentidp_db_query_duration_seconds_count{operation="apply"})"));
    }

    void showsCountersBeforeTheirFirstEvent() {
        const Metrics metrics;
        const auto text = metrics.text();
        CPPUNIT_ASSERT(has(text, "agentidp_bugs_total 0"));
        CPPUNIT_ASSERT(has(text, "agentidp_ledger_commit_seconds_count 0"));
    }

    void countsWhatPluginsName() {
        Metrics metrics;
        metrics.pluginCounter("keys-demo", "logins").add();
        metrics.pluginCounter("keys-demo", "logins").add(2);
        metrics.pluginCounter("keys-demo-2", "logins").add();
        const auto text = metrics.text();
        CPPUNIT_ASSERT(text.find("# TYPE agentidp_plugin_keys_demo_logins counter\nagentidp_plugin_keys_demo_logins 3\n") !=
                       std::string::npos);
        CPPUNIT_ASSERT(text.find("\nagentidp_plugin_keys_demo_2_logins 1\n") != std::string::npos);
    }

    void escapesLabelValues() {
        Metrics metrics;
        metrics.counter(Metric::TokensIssuedTotal, {"a\"b\\c\nd"}).add();
        CPPUNIT_ASSERT(has(metrics.text(), R"(agentidp_tokens_issued_total{scope="a\"b\\c\nd"} 1)"));
    }

    void everyLineIsOfTheTextFormat() {
        Metrics metrics;
        metrics.counter(Metric::TokensIssuedTotal, {"agents:read agents:write"}).add();
        metrics.histogram(Metric::HttpRequestDurationSeconds, {"POST", "/api/v1/token", "200"}).observe(0.0003);
        const std::regex sample(
            R"re([a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*")*\})? [0-9.e+-]+)re");
        const std::regex comment(R"(# (HELP|TYPE) [a-z_]+ .+)");
        std::istringstream in(metrics.text());
        for (std::string line; std::getline(in, line);)
            CPPUNIT_ASSERT_MESSAGE(line, std::regex_match(line, line.starts_with("#") ? comment : sample));
    }

    void namesBucketsFromMicrosecondsToSeconds() {
        Metrics metrics;
        const auto latency = metrics.histogram(Metric::HttpRequestDurationSeconds, {"POST", "/api/v1/token", "200"});
        latency.observe(0.00005);
        latency.observe(0.004);
        latency.observe(10);
        const auto text = metrics.text();
        const std::string series =
            R"(agentidp_http_request_duration_seconds_bucket{method="POST",route="/api/v1/token",status_code="200",le=")";
        CPPUNIT_ASSERT_EQUAL(1.0, valueOf(text, series + R"(0.0001"})"));
        CPPUNIT_ASSERT_EQUAL(1.0, valueOf(text, series + R"(0.0025"})"));
        CPPUNIT_ASSERT_EQUAL(2.0, valueOf(text, series + R"(0.005"})"));
        CPPUNIT_ASSERT_EQUAL(2.0, valueOf(text, series + R"(2.5"})"));
        CPPUNIT_ASSERT_EQUAL(3.0, valueOf(text, series + R"(+Inf"})"));
    }

    void countsSizesInPowersOfTwo() {
        Metrics metrics;
        metrics.histogram(Metric::LedgerBatchSize).observe(9);
        const auto text = metrics.text();
        CPPUNIT_ASSERT_EQUAL(0.0, valueOf(text, R"(agentidp_ledger_batch_size_bucket{le="8"})"));
        CPPUNIT_ASSERT_EQUAL(1.0, valueOf(text, R"(agentidp_ledger_batch_size_bucket{le="16"})"));
    }

    void ignoresWhatACounterCannotDo() {
        Metrics metrics;
        const auto counter = metrics.counter(Metric::BugsTotal);
        counter.add(2);
        counter.add(-1);
        counter.add(0);
        CPPUNIT_ASSERT_EQUAL(2.0, counter.value());
    }

    void emptyHandlesCountIntoNothing() {
        Counter().add();
        Gauge().set(1);
        Gauge().add(1);
        Histogram().observe(1);
        CPPUNIT_ASSERT_EQUAL(0.0, Counter().value());
    }

    void countsFromManyThreads() {
        Metrics metrics;
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&metrics, t] {
                const auto mine = metrics.counter(Metric::RatelimitDecisionsTotal, {"client", t % 2 == 0 ? "allowed" : "refused"});
                for (int i = 0; i < 2000; ++i) mine.add();
                (void)metrics.text();
            });
        for (auto& thread : threads) thread.join();
        CPPUNIT_ASSERT_EQUAL(8000.0, metrics.counter(Metric::RatelimitDecisionsTotal, {"client", "allowed"}).value());
    }

    void tellsOfTheProcess() {
        const Metrics metrics;
        const auto first = metrics.text();
        CPPUNIT_ASSERT(valueOf(first, "process_resident_memory_bytes") > 1e6);
        CPPUNIT_ASSERT(valueOf(first, "process_open_fds") >= 3);
        CPPUNIT_ASSERT(valueOf(first, "process_max_fds") >= 64);
        CPPUNIT_ASSERT(valueOf(first, "process_threads") >= 1);
        CPPUNIT_ASSERT(valueOf(first, "process_start_time_seconds") > 1.5e9);
        const double before = valueOf(first, "process_cpu_seconds_total");
        CPPUNIT_ASSERT(valueOf(metrics.text(), "process_cpu_seconds_total") >= before);
        const int extra = ::dup(2);
        CPPUNIT_ASSERT_EQUAL(valueOf(first, "process_open_fds") + 1, valueOf(metrics.text(), "process_open_fds"));
        ::close(extra);
    }

    void readsProcStatWithStrangeNames() {
        const auto stats =
            parseProcStat("42 (a ) (b c) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 7 18 1000 8192 3 21\n", {4096, 100, 1'700'000'000});
        CPPUNIT_ASSERT_EQUAL(2.0, stats.cpuSeconds);
        CPPUNIT_ASSERT_EQUAL(7.0, stats.threads);
        CPPUNIT_ASSERT_EQUAL(1'700'000'010.0, stats.startTimeSeconds);
        CPPUNIT_ASSERT_EQUAL(8192.0, stats.virtualBytes);
        CPPUNIT_ASSERT_EQUAL(12288.0, stats.residentBytes);
        for (const auto* broken : {"", "42", "42 (a", "42 (a)", "42 (a) S"})
            CPPUNIT_ASSERT_EQUAL(0.0, parseProcStat(broken, {}).cpuSeconds);
    }

    void abortsOnMisuse() {
        const ::pid_t child = ::fork();
        if (child == 0) {
            ::close(2);
            Metrics metrics;
            (void)metrics.counter(Metric::HttpRequestsTotal, {"GET"});
            ::_exit(0);
        }
        int status = 0;
        CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, &status, 0));
        CPPUNIT_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }

    void everyMetricIsInTheTable() {
        Metrics metrics;
        std::set<std::string> names;
        const auto labels = [](std::string_view list) { return list.empty() ? std::vector<std::string>{} : base::split(list, ','); };
#define AGENTIDP_METRIC(id, type, name, labelList, help)     \
    CPPUNIT_ASSERT_MESSAGE(name, names.insert(name).second); \
    touch##type(metrics, Metric::id, labels(labelList));     \
    CPPUNIT_ASSERT_MESSAGE(name, metrics.text().find("# HELP " name " " help) != std::string::npos);
#include "observe/metrics.def"
#undef AGENTIDP_METRIC
    }

private:
    static void touchCounter(Metrics& metrics, Metric id, const std::vector<std::string>& labels) { metrics.counter(id, labels).add(); }
    static void touchGauge(Metrics& metrics, Metric id, const std::vector<std::string>& labels) { metrics.gauge(id, labels).set(1); }
    static void touchHistogram(Metrics& metrics, Metric id, const std::vector<std::string>& labels) {
        metrics.histogram(id, labels).observe(1);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MetricsTest);

}  // namespace agentidp::observe
