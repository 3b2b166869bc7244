#include "observe/json_log.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace agentidp::observe {
namespace {

constexpr std::size_t kLineOverhead = 64;  ///< of a queued line, so that a million empty ones are bounded too

enum class Outcome { Written, Failed, Stopped };

}  // namespace

// Shared with the writing thread, which may outlive the log when its reader never reads again.
struct JsonLog::State {
    State(JsonLogOptions options, const base::Clock& clock)
        : fd(options.fd), format(options.format), limit(options.bufferBytes), clock(clock) {}

    void run();
    std::string takeBatch(std::size_t& lines);
    Outcome writeOut(std::string_view text);

    const int fd;
    const LogFormat format;
    const std::size_t limit;
    const base::Clock& clock;

    std::mutex mutex;
    std::condition_variable wake;  ///< for the writer
    std::condition_variable idle;  ///< for those who flush
    std::deque<std::string> queue;
    std::size_t queued = 0;
    std::uint64_t dropped = 0;
    std::uint64_t reported = 0;
    std::uint64_t accepted = 0;
    std::uint64_t finished = 0;  ///< of the accepted ones: written or given up
    bool stopping = false;
    std::atomic<bool> abandoned{false};
    bool ended = false;
    std::thread thread;
};

// Whole lines, together no more than PIPE_BUF unless one alone is longer: so a pipe takes them undivided (POSIX write()).
std::string JsonLog::State::takeBatch(std::size_t& lines) {
    std::string batch;
    lines = 0;
    while (!queue.empty() && (batch.empty() || batch.size() + queue.front().size() <= PIPE_BUF)) {
        queued -= queue.front().size() + kLineOverhead;
        batch += queue.front();
        queue.pop_front();
        ++lines;
    }
    return batch;
}

Outcome JsonLog::State::writeOut(std::string_view text) {
    while (!text.empty()) {
        pollfd waiter{fd, POLLOUT, 0};
        const int ready = ::poll(&waiter, 1, 100);
        if (abandoned.load()) return Outcome::Stopped;
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        const auto count = ::write(fd, text.data(), text.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count <= 0) return Outcome::Failed;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return Outcome::Written;
}

void JsonLog::State::run() {
    std::unique_lock hold(mutex);
    for (;;) {
        wake.wait(hold, [this] { return stopping || !queue.empty(); });
        if (queue.empty()) break;
        std::string batch;
        const std::uint64_t lost = dropped - reported;
        if (lost != 0) {
            // Queued lines are older than the dropped ones; the report still goes first, so that it cannot be starved.
            batch = formatLine(format, clock.now(), Message::LOG_DROPPED, {{"count", static_cast<std::int64_t>(lost)}});
            batch.push_back('\n');
        }
        std::size_t lines = 0;
        if (batch.empty()) batch = takeBatch(lines);
        hold.unlock();
        const Outcome outcome = writeOut(batch);
        hold.lock();
        if (outcome == Outcome::Stopped || abandoned.load()) break;
        if (lost != 0 && outcome == Outcome::Written) reported += lost;
        if (lost != 0 && outcome == Outcome::Failed) {
            // Where even the report fails, one queued batch is given up with it: a dead descriptor must not keep the thread spinning.
            takeBatch(lines);
        }
        if (outcome == Outcome::Failed) dropped += lines;
        finished += lines;
        idle.notify_all();
    }
    finished = accepted;
    ended = true;
    idle.notify_all();
}

JsonLog::JsonLog(JsonLogOptions options, const base::Clock& clock)
    : minimum_(options.minimum), format_(options.format), clock_(clock), state_(std::make_shared<State>(options, clock)) {
    // Signals belong to other threads, and a reader that went away must be an error of write(2), not a SIGPIPE.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    state_->thread = std::thread([state = state_] { state->run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(state_->thread.native_handle(), "log");
}

JsonLog::~JsonLog() {
    std::thread thread;
    bool ended = false;
    {
        std::unique_lock hold(state_->mutex);
        state_->stopping = true;
        state_->wake.notify_all();
        ended = state_->idle.wait_for(hold, std::chrono::seconds(1), [this] { return state_->ended; });
        if (!ended) {
            state_->abandoned = true;
            ended = state_->idle.wait_for(hold, std::chrono::milliseconds(300), [this] { return state_->ended; });
        }
        thread = std::move(state_->thread);
    }
    if (ended)
        thread.join();
    else
        thread.detach();
}

void JsonLog::write(Message message, std::initializer_list<Field> fields) {
    if (levelOf(message) < minimum_.load(std::memory_order_relaxed)) return;
    std::string line = formatLine(format_, clock_.now(), message, fields);
    line.push_back('\n');
    const std::lock_guard hold(state_->mutex);
    if (state_->stopping || state_->queued + line.size() + kLineOverhead > state_->limit) {
        ++state_->dropped;
        return;
    }
    state_->queued += line.size() + kLineOverhead;
    ++state_->accepted;
    state_->queue.push_back(std::move(line));
    if (state_->queue.size() == 1) state_->wake.notify_one();
}

bool JsonLog::flush(base::milliseconds within) {
    std::unique_lock hold(state_->mutex);
    const std::uint64_t upTo = state_->accepted;
    return state_->idle.wait_for(hold, within, [&] { return state_->finished >= upTo; });
}

std::uint64_t JsonLog::dropped() const {
    const std::lock_guard hold(state_->mutex);
    return state_->dropped;
}

}  // namespace agentidp::observe
