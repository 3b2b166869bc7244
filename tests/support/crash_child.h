#pragma once
/// @file tests/support/crash_child.h
/// Runs a program that is to be killed at a failpoint, and tells how it died.
#include <cppunit/TestAssert.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace agentidp::tests {

#ifdef AGENTIDP_FAILPOINTS
inline constexpr bool kFailpoints = true;
#else
inline constexpr bool kFailpoints = false;
#endif

struct Death {
    int signal = 0;
    int code = -1;
};

/// Starts `program` with `arguments` and AGENTIDP_FAIL as `failpoint` (empty: none), appends what it prints to the file `told`, and
/// waits for its end.
inline Death runCrashChild(const std::string& program, std::vector<std::string> arguments, const std::string& failpoint,
                           const std::string& told) {
    std::vector<char*> words{const_cast<char*>(program.c_str())};
    for (auto& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        const int out = ::open(told.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (out < 0 || ::dup2(out, 1) < 0) ::_exit(126);
        if (failpoint.empty())
            ::unsetenv("AGENTIDP_FAIL");
        else
            ::setenv("AGENTIDP_FAIL", failpoint.c_str(), 1);
        ::execv(program.c_str(), words.data());
        ::_exit(127);
    }
    int status = 0;
    CPPUNIT_ASSERT(::waitpid(child, &status, 0) == child);
    return {WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

}  // namespace agentidp::tests
