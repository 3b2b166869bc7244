#pragma once
/// @file plugins/remote/watch.h
/// Ends sockets whose caller will not wait any longer. Blocking reads know a timeout for each read, so a server that drips a byte now and
/// then could hold a caller for ever; and none of them can be told that the caller was cancelled.
#include <agentidp/plugin.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace agentidp::remote {

/// Any thread. Its thread sleeps while nothing is watched.
class Watch {
public:
    Watch();
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// While it lives, `socket` is shut down (not closed) within 20 ms of the call's end. The socket outlives it.
    class Guard {
    public:
        Guard(Watch& watch, int socket, const aip::Call& call);
        ~Guard();
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

    private:
        Watch& watch_;
        int socket_;
    };

private:
    struct Watched {
        int socket;
        const aip::Call* call;
    };
    void run();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Watched> watched_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace agentidp::remote
