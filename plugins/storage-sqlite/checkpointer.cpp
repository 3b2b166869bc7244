#include "checkpointer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace agentidp::storage_sqlite {

namespace {

constexpr std::chrono::milliseconds kPause{100};
constexpr int kUrgentPages = 8'192;
/// Where a long reader keeps the log from beginning anew, holding the writers back again is worth it only after this many more.
constexpr int kMorePages = 2'048;
/// So many pages since it began show that a log is busy.
constexpr int kBusyPages = 256;
/// Holds kUrgentPages frames, and what comes while the writers are being held back.
constexpr off_t kLogBytes = off_t{36} << 20U;

}  // namespace

Checkpointer::Checkpointer(std::unique_ptr<Connection> connection, std::string path, sql::Gate& writers, const aip::Host& host)
    : connection_(std::move(connection)),
      log_(std::move(path) + "-wal"),
      writers_(writers),
      host_(host),
      urgentAt_(kUrgentPages),
      thread_([this] { work(); }) {
    pthread_setname_np(thread_.native_handle(), "sqlite-wal");
}

Checkpointer::~Checkpointer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Checkpointer::committed(int pages) {
    pages_.store(pages, std::memory_order_relaxed);
    if (pages < urgentAt_.load(std::memory_order_relaxed)) {
        if (pages < kUrgentPages) urgentAt_.store(kUrgentPages, std::memory_order_relaxed);
        return;
    }
    urgentAt_.store(pages + kMorePages, std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        urgent_ = true;
    }
    wake_.notify_one();
}

std::string Checkpointer::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

void Checkpointer::work() {
    int seen = -1;
    for (;;) {
        bool urgent = false;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, kPause, [&] { return stopping_ || urgent_; });
            if (stopping_) return;
            urgent = std::exchange(urgent_, false);
        }
        if (!urgent && pages() == seen) continue;
        seen = pages();
        const aip::Call call(nullptr, host_);
        if (!laidOut_ && seen > kBusyPages && writers_.enter(call)) {
            layOutLog();
            writers_.leave();
        }
        if (!urgent) {
            checkpoint();
        } else if (writers_.enter(call)) {
            checkpoint();
            writers_.leave();
        }
    }
}

/// With the writers held back: nobody may append meanwhile. SQLite takes bytes behind its last frame for the end of the log. It keeps
/// its locks on other files, so that closing this one gives none of them up. A full disk is no reason to stop: the log grows as
/// before.
void Checkpointer::layOutLog() {
    laidOut_ = true;
    const int file = ::open(log_.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return;
    struct stat facts {};
    const std::vector<char> zeroes(std::size_t{1} << 20U);
    if (::fstat(file, &facts) == 0) {
        for (off_t at = facts.st_size; at < kLogBytes;) {
            const auto wanted = std::min<off_t>(static_cast<off_t>(zeroes.size()), kLogBytes - at);
            const auto written = ::pwrite(file, zeroes.data(), static_cast<std::size_t>(wanted), at);
            if (written <= 0) break;
            at += written;
        }
        (void)::fdatasync(file);
    }
    ::close(file);
}

void Checkpointer::checkpoint() {
    const aip::Call call(nullptr, host_);
    const Connection::Bounded bounded(*connection_, call);
    int inLog = 0, moved = 0;
    const int rc = sqlite3_wal_checkpoint_v2(connection_->native(), "main", SQLITE_CHECKPOINT_PASSIVE, &inLog, &moved);
    const std::lock_guard lock(mutex_);
    const bool fine = rc == SQLITE_OK || (rc & 0xFF) == SQLITE_BUSY;
    const std::string before = std::exchange(trouble_, fine ? std::string() : connection_->failure(rc).message);
    if (!trouble_.empty() && before.empty()) host_.error("the write-ahead log cannot be moved into the database: " + trouble_);
}

}  // namespace agentidp::storage_sqlite
