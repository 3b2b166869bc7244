#include "audit/follower.h"

#include <pthread.h>

#include "audit/entry.h"
#include "audit/tip.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

using plugin::Compare;

constexpr std::string_view kEntries = "audit_entries";

plugin::Op selectBehind(std::uint64_t mark, const FollowerOptions& options) {
    std::vector<plugin::Value> actions;
    for (const auto action : options.actions) actions.emplace_back(static_cast<std::int64_t>(action));
    return plugin::select(kEntries, {"idx", "body"},
                          {{"idx", Compare::Ge, {static_cast<std::int64_t>(mark)}}, {"action", Compare::In, std::move(actions)}},
                          options.page, {{"idx", false}});
}

struct Page {
    std::vector<model::AuditEvent> events;
    std::uint64_t last = 0;
};

/// Entries whose body is gone were dropped long after everybody had been told.
base::Result<Page> decode(const plugin::OpResult& result) {
    Page page;
    for (const auto& stored : result.rows) {
        store::RowReader row(stored);
        page.last = static_cast<std::uint64_t>(row.integer());
        const auto body = row.bytesOrNull();
        if (auto shape = row.verdict(kEntries); !shape) return std::move(shape).error();
        if (!body) continue;
        auto entry = parseEntry(*body);
        if (!entry)
            return base::fail(base::Errc::Internal, "the audit ledger is damaged",
                              "entry " + std::to_string(page.last) + " cannot be read");
        page.events.push_back(std::move(entry->event));
    }
    return page;
}

}  // namespace

base::Result<void> Follower::mark() {
    const auto tip = readTip(storage_, clock_);
    if (!tip && tip.error().code != base::Errc::NotFound) return tip.error();
    mark_ = tip ? tip->frontier.size() : 0;
    return {};
}

base::Result<void> Follower::look() {
    while (!stopping()) {
        const auto asOf = clock_.mono();
        auto results = storage_.read({selectTip(), selectBehind(mark_, options_)}, plugin::callWithin(clock_, store::kReadDeadline));
        if (!results) return std::move(results).error();
        const auto tip = decodeTip(results->at(0));
        if (!tip) return tip.error();
        const std::uint64_t size = *tip ? (*tip)->frontier.size() : 0;
        if (size < mark_)
            return base::fail(base::Errc::Conflict, "the audit ledger is shorter than it was",
                              std::to_string(size) + " entries after " + std::to_string(mark_));
        const auto page = decode(results->at(1));
        if (!page) return page.error();
        if (!page->events.empty()) {
            if (auto told = options_.tell(page->events); !told) return told;
        }
        if (results->at(1).rows.size() == options_.page) {
            mark_ = page->last + 1;
            continue;
        }
        mark_ = size;
        options_.caughtUp(asOf);
        return {};
    }
    return {};
}

void Follower::start(base::milliseconds every) {
    thread_ = std::thread([this, every] { run(every); });
    pthread_setname_np(thread_.native_handle(), "follower");
}

void Follower::wake() {
    {
        const std::lock_guard hold(mutex_);
        hinted_ = true;
    }
    changed_.notify_one();
}

void Follower::stop() {
    {
        const std::lock_guard hold(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool Follower::stopping() {
    const std::lock_guard hold(mutex_);
    return stopping_;
}

void Follower::run(base::milliseconds every) {
    for (;;) {
        const auto done = look();
        if (!done && !failing_) options_.failed(done.error());
        failing_ = !done;
        std::unique_lock hold(mutex_);
        changed_.wait_for(hold, options_.apart, [this] { return stopping_; });
        changed_.wait_for(hold, every - options_.apart, [this] { return stopping_ || hinted_; });
        if (stopping_) return;
        hinted_ = false;
    }
}

}  // namespace agentidp::audit
