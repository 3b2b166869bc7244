#include "policy/decision_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/text.h"

namespace agentidp::policy {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr std::size_t kFirstLine = 4096;

std::string rotated(const std::string& path, int number) { return path + "." + std::to_string(number); }

/// When the first line of a file was written: its age counts across restarts. Nothing where no such line can be read.
std::optional<base::Instant> begunAt(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    std::string text(kFirstLine, '\0');
    const auto got = ::read(fd, text.data(), text.size());
    ::close(fd);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    constexpr std::string_view kMark = "\"time\":\"";
    const auto at = text.find(kMark);
    if (at == std::string::npos) return std::nullopt;
    const auto from = at + kMark.size();
    return base::parseRfc3339(text.substr(from, text.find('"', from) - from));
}

}  // namespace

DecisionLog::DecisionLog(DecisionLogOptions options, const base::Clock& clock, observe::Log& log, observe::Metrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      log_(log),
      dropped_(metrics.counter(observe::Metric::HookDecisionsDroppedTotal)),
      skipped_(metrics.counter(observe::Metric::HookDecisionsSkippedTotal)) {}

base::Result<std::unique_ptr<DecisionLog>> DecisionLog::open(DecisionLogOptions options, const base::Clock& clock, observe::Log& log,
                                                             observe::Metrics& metrics) {
    std::unique_ptr<DecisionLog> made(new DecisionLog(std::move(options), clock, log, metrics));
    if (auto possible = made->tryFile(); !possible) return std::move(possible).error();
    made->thread_ = std::thread([raw = made.get()] { raw->run(); });
    return made;
}

DecisionLog::~DecisionLog() {
    {
        const std::lock_guard held(mutex_);
        stopping_ = true;
    }
    filled_.notify_all();
    emptied_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (fd_ >= 0) ::close(fd_);
}

/// Without hooks there is no decision, and no empty file for it.
base::Result<void> DecisionLog::tryFile() {
    if (::access(options_.path.c_str(), F_OK) == 0) return openFile();
    auto folder = options_.path.substr(0, options_.path.rfind('/'));
    if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
    return base::fail(base::Errc::Invalid, "hooks.decision_log = " + options_.path + " cannot be made: " + std::strerror(errno));
}

base::Result<void> DecisionLog::openFile() {
    fd_ = ::open(options_.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode);
    struct stat info {};
    if (fd_ < 0 || ::fstat(fd_, &info) != 0)
        return base::fail(base::Errc::Invalid, "hooks.decision_log = " + options_.path + " cannot be written: " + std::strerror(errno));
    // What the umask took away; and a file that was there already is no wider than ours.
    if (::fchmod(fd_, kFileMode) != 0)
        return base::fail(base::Errc::Invalid, "hooks.decision_log = " + options_.path + " belongs to somebody else");
    bytes_ = static_cast<std::uint64_t>(info.st_size);
    begun_ = bytes_ > 0 ? begunAt(options_.path).value_or(clock_.now()) : clock_.now();
    return {};
}

bool DecisionLog::wants(const CallReport& report) {
    if (mustBeWritten(report)) return true;
    const auto second = base::epochSecondsOf(clock_.now());
    if (second_.exchange(second, std::memory_order_relaxed) != second) allows_.store(0, std::memory_order_relaxed);
    if (allows_.fetch_add(1, std::memory_order_relaxed) < options_.allowsPerSecond) return true;
    skipped_.add();
    return false;
}

void DecisionLog::write(Decision decision) {
    std::unique_lock held(mutex_);
    const auto room = [this] { return stopping_ || queue_.size() < options_.queue; };
    if (!room() && mustBeWritten(decision.report)) emptied_.wait_for(held, options_.patience, room);
    if (stopping_ || !room()) {
        dropped_.add();
        return;
    }
    queue_.push_back(std::move(decision));
    held.unlock();
    filled_.notify_one();
}

void DecisionLog::flush() {
    std::unique_lock held(mutex_);
    emptied_.wait(held, [this] { return queue_.empty() && taken_ == 0; });
}

void DecisionLog::run() {
    std::deque<Decision> batch;
    std::unique_lock held(mutex_);
    for (;;) {
        filled_.wait(held, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        batch.swap(queue_);
        taken_ = batch.size();
        held.unlock();
        emptied_.notify_all();
        for (const auto& decision : batch) put(decision);
        batch.clear();
        held.lock();
        taken_ = 0;
        emptied_.notify_all();
    }
}

void DecisionLog::put(const Decision& decision) {
    const auto line = lineOf(decision, options_.mask);
    if (bytes_ > 0 && (bytes_ + line.size() > options_.maxBytes || clock_.now() - begun_ >= options_.maxAge)) rotate();
    if (fd_ < 0) {
        if (auto opened = openFile(); !opened) return failed(opened.error().hint);
    }
    std::string_view rest = line;
    while (!rest.empty()) {
        const auto done = ::write(fd_, rest.data(), rest.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            // Half a line must not become the beginning of the next one.
            if (rest.size() != line.size() && ::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0) ::close(std::exchange(fd_, -1));
            return failed(std::strerror(errno));
        }
        rest.remove_prefix(static_cast<std::size_t>(done));
    }
    if (bytes_ == 0) begun_ = clock_.now();
    bytes_ += line.size();
    failing_ = false;
}

void DecisionLog::rotate() {
    ::close(std::exchange(fd_, -1));
    if (options_.keep == 0) {
        ::unlink(options_.path.c_str());
    } else {
        ::unlink(rotated(options_.path, options_.keep).c_str());
        for (int i = options_.keep - 1; i >= 1; --i) std::rename(rotated(options_.path, i).c_str(), rotated(options_.path, i + 1).c_str());
        std::rename(options_.path.c_str(), rotated(options_.path, 1).c_str());
    }
    if (auto opened = openFile(); !opened) failed(opened.error().hint);
}

void DecisionLog::failed(const std::string& why) {
    dropped_.add();
    if (!std::exchange(failing_, true)) log_.write(observe::Message::DECISION_LOG_FAILED, {{"file", options_.path}, {"why", why}});
}

}  // namespace agentidp::policy
