#pragma once
/// @file kernel/observe/json_log.h
/// The daemon's log: one JSON object a line (`ts`, `level`, `id`, `text`, `fields`) to a file descriptor, or the same for people.
/// A thread of its own does the writing: callers never wait for a slow terminal or a full pipe. What does not fit the buffer is
/// dropped and counted, and a LOG_DROPPED line says so as soon as there is room. A write(2) carries whole lines only.
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "observe/log.h"

namespace agentidp::observe {

enum class LogFormat { Json, Human };

struct JsonLogOptions {
    int fd = 2;  ///< borrowed; must stay open as long as the log lives
    Level minimum = Level::Info;
    LogFormat format = LogFormat::Json;
    std::size_t bufferBytes = 1U << 20U;
};

inline constexpr std::size_t kMaxFieldBytes = 2048;  ///< longer field texts are cut, and end in "..."

class JsonLog final : public Log {
public:
    /// Starts the writing thread. `clock` outlives the log.
    JsonLog(JsonLogOptions options, const base::Clock& clock);
    JsonLog(const JsonLog&) = delete;
    JsonLog& operator=(const JsonLog&) = delete;
    /// Writes what is buffered, but waits at most a second for a reader that does not read.
    ~JsonLog() override;

    void write(Message message, std::initializer_list<Field> fields = {}) override;

    void setMinimum(Level minimum) { minimum_.store(minimum, std::memory_order_relaxed); }
    /// Waits until everything written before is out; false if that took longer.
    bool flush(base::milliseconds within);
    /// Lines lost since the start.
    [[nodiscard]] std::uint64_t dropped() const override;

private:
    struct State;
    std::atomic<Level> minimum_;
    LogFormat format_;
    const base::Clock& clock_;
    std::shared_ptr<State> state_;
};

/// `auto`: human where `fd` is a terminal.
[[nodiscard]] LogFormat formatFor(int fd);

/// One line without its end, as JsonLog writes it. Field texts: bytes that are not UTF-8 become U+FFFD, control characters and
/// everything that some reader takes for a line end are escaped, and over kMaxFieldBytes they are cut.
[[nodiscard]] std::string formatLine(LogFormat format, base::Instant at, Message message, std::initializer_list<Field> fields);

}  // namespace agentidp::observe
