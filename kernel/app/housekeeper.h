#pragma once
/// @file kernel/app/housekeeper.h
/// What has to be done now and then, as one visible list on one thread.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace agentidp::app {

struct Chore {
    std::string name;
    base::seconds every{1};
    std::function<base::Result<void>()> run;
};

/// Chores run one after the other, each when it is due; one that fails is told to `onError` and tried again next time.
class Housekeeper {
public:
    Housekeeper(const base::Clock& clock, std::vector<Chore> chores, std::function<void(const std::string&, const base::Error&)> onError);
    Housekeeper(const Housekeeper&) = delete;
    Housekeeper& operator=(const Housekeeper&) = delete;
    ~Housekeeper();
    void start(const std::string& threadName);
    /// Ends after the chore at hand. Idempotent.
    void stop();

private:
    struct Planned {
        Chore chore;
        base::MonoInstant next;
    };
    void loop();
    const base::Clock& clock_;
    std::vector<Planned> planned_;
    std::function<void(const std::string&, const base::Error&)> onError_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace agentidp::app
