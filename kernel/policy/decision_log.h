#pragma once
/// @file kernel/policy/decision_log.h
/// The decision log as files: one thread writes, requests hand over and go on. What is logged and how: docs/hook-authors/decision-log.md.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "observe/log.h"
#include "observe/metrics.h"
#include "policy/decision.h"

namespace agentidp::policy {

struct DecisionLogOptions {
    std::string path;  ///< absolute
    Mask mask;
    std::int64_t allowsPerSecond = 100;
    std::uint64_t maxBytes = 64U << 20U;
    base::seconds maxAge = std::chrono::hours(24);
    int keep = 14;
    std::size_t queue = 1024;
    /// How long a line that must be written waits for room.
    base::milliseconds patience{50};
};

/// Any thread. Its own thread writes, rotates and syncs nothing: the ledger is what must not lose a line.
class DecisionLog final : public Decisions {
public:
    /// Errc::Invalid where the file cannot be opened, or made later: the first line makes it. All but the options outlive it.
    static base::Result<std::unique_ptr<DecisionLog>> open(DecisionLogOptions options, const base::Clock& clock, observe::Log& log,
                                                           observe::Metrics& metrics);
    /// Writes what is queued.
    ~DecisionLog() override;
    DecisionLog(const DecisionLog&) = delete;
    DecisionLog& operator=(const DecisionLog&) = delete;

    [[nodiscard]] bool wants(const CallReport& report) override;
    void write(Decision decision) override;
    /// Everything handed over before is in the file.
    void flush();

private:
    DecisionLog(DecisionLogOptions options, const base::Clock& clock, observe::Log& log, observe::Metrics& metrics);
    base::Result<void> tryFile();
    base::Result<void> openFile();
    void run();
    void put(const Decision& decision);
    void rotate();
    void failed(const std::string& why);

    const DecisionLogOptions options_;
    const base::Clock& clock_;
    observe::Log& log_;
    const observe::Counter dropped_, skipped_;
    std::atomic<std::int64_t> second_{0};  ///< whose allows are counted
    std::atomic<std::int64_t> allows_{0};

    // Of the writing thread alone.
    int fd_ = -1;
    std::uint64_t bytes_ = 0;
    base::Instant begun_;
    bool failing_ = false;

    std::mutex mutex_;
    std::condition_variable filled_, emptied_;
    std::deque<Decision> queue_;
    std::size_t taken_ = 0;  ///< by the writer, and not in the file yet
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace agentidp::policy
