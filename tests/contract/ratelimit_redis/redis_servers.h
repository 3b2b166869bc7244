#pragma once
/// @file tests/contract/ratelimit_redis/redis_servers.h
/// Real Redis servers for one suite, by `tests/support/redis.py --serve`: one line asks, one line answers. They end with this object.
#include <cppunit/TestAssert.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace agentidp::tests {

class RedisServers {
public:
    /// Whether this run has them: AGENTIDP_TEST_REDIS is the command.
    static bool isHere() { return std::getenv("AGENTIDP_TEST_REDIS") != nullptr; }

    RedisServers() {
        int down[2], up[2];
        CPPUNIT_ASSERT(::pipe(down) == 0 && ::pipe(up) == 0);
        child_ = ::fork();
        CPPUNIT_ASSERT(child_ >= 0);
        if (child_ == 0) {
            ::dup2(down[0], 0);
            ::dup2(up[1], 1);
            for (const int fd : {down[0], down[1], up[0], up[1]}) ::close(fd);
            const std::string command = "exec " + std::string(std::getenv("AGENTIDP_TEST_REDIS"));
            ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
            ::_exit(127);
        }
        ::close(down[0]);
        ::close(up[1]);
        to_ = ::fdopen(down[1], "w");
        from_ = ::fdopen(up[0], "r");
    }
    ~RedisServers() {
        ::fclose(to_);
        ::fclose(from_);
        int status = 0;
        ::waitpid(child_, &status, 0);
    }
    RedisServers(const RedisServers&) = delete;
    RedisServers& operator=(const RedisServers&) = delete;

    std::string ask(const std::string& line) {
        std::fputs((line + "\n").c_str(), to_);
        std::fflush(to_);
        std::string answer;
        for (int byte = 0; (byte = std::fgetc(from_)) != EOF && byte != '\n';) answer.push_back(static_cast<char>(byte));
        CPPUNIT_ASSERT_MESSAGE(line + ": " + answer, answer.compare(0, 6, "error ") != 0);
        return answer;
    }

private:
    pid_t child_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
};

}  // namespace agentidp::tests
