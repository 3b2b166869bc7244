#include "plugin/checker.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "plugin/check/steps.h"

namespace agentidp::plugin {
namespace {

using check::Line;
using check::Verdict;

constexpr std::string_view kBegins = "?";

void writeAll(int fd, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t wrote = write(fd, text.data() + done, text.size() - done);
        if (wrote < 0 && errno != EINTR) _exit(2);
        if (wrote > 0) done += static_cast<std::size_t>(wrote);
    }
}

/// The child's whole life.
[[noreturn]] void runChild(const CheckOptions& options, const std::string& scratch, int out) {
    const auto send = [out](std::string_view mark, const Line& line) { writeAll(out, std::string(mark) + check::encode(line) + "\n"); };
    check::Teller teller([&](const Line& line) { send("", line); }, [&](const Line& line) { send(kBegins, line); });
    const auto run = [&] {
        if (!check::checkStatic(options.file, teller)) return;
        // Never destroyed: a plugin that left threads behind may still use it.
        auto& subject = *new check::Subject;
        subject.file = options.file;
        subject.plugin = std::filesystem::path(options.file).stem().string();
        subject.settings = options.settings;
        subject.live = options.backend == CheckOptions::Backend::Live;
        subject.scratch = scratch;
        if (check::checkLoad(subject, teller) && check::checkBorder(subject, teller)) check::checkKind(subject, teller);
    };
    run();
    _exit(0);
}

class Child {
public:
    Child(pid_t pid, int in) : pid_(pid), in_(in) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        close(in_);
        if (pid_ > 0) end();
    }
    /// The next line without its end; nothing at the end of the child; Errc::Deadline where it said nothing for that long.
    base::Result<std::optional<std::string>> line(base::milliseconds within) {
        for (;;) {
            if (const auto at = buffer_.find('\n'); at != std::string::npos) {
                std::string found = buffer_.substr(0, at);
                buffer_.erase(0, at + 1);
                return std::optional(std::move(found));
            }
            pollfd ready{in_, POLLIN, 0};
            const int polled = poll(&ready, 1, static_cast<int>(within.count()));
            if (polled < 0 && errno == EINTR) continue;
            if (polled == 0)
                return base::fail(base::Errc::Deadline, "it did not end within " + std::to_string(within.count() / 1000) + " s");
            char piece[4096];
            const ssize_t got = read(in_, piece, sizeof piece);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return std::optional<std::string>();
            buffer_.append(piece, static_cast<std::size_t>(got));
        }
    }
    void end() {
        kill(pid_, SIGKILL);
        while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
        pid_ = 0;
    }
    /// What became of it, in words; empty where it ended well.
    std::string wait() {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
        pid_ = 0;
        if (WIFSIGNALED(status))
            return std::string("the process was ended by signal ") + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) +
                   ")";
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
            return "the process ended by itself with code " + std::to_string(WEXITSTATUS(status));
        return {};
    }

private:
    pid_t pid_;
    int in_;
    std::string buffer_;
};

class Scratch {
public:
    Scratch() {
        std::string pattern = (std::filesystem::temp_directory_path() / "agentidp-check-XXXXXX").string();
        if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace

base::Result<check::Report> checkPlugin(const CheckOptions& options, const std::function<void(const Line&)>& tell) {
    const Scratch scratch;
    int ends[2];
    if (scratch.path().empty() || pipe(ends) != 0)
        return base::fail(base::Errc::Unavailable, std::string("the check cannot begin: ") + std::strerror(errno));
    const pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return base::fail(base::Errc::Unavailable, std::string("no child process: ") + std::strerror(errno));
    }
    if (pid == 0) {
        close(ends[0]);
        runChild(options, scratch.path(), ends[1]);
    }
    close(ends[1]);
    Child child(pid, ends[0]);

    check::Report report;
    report.file = options.file;
    const auto take = [&](Line line) {
        for (const auto& exception : options.exceptions) {
            if (line.verdict != Verdict::Failed || line.name.find(exception.name) == std::string::npos) continue;
            line.verdict = Verdict::Warned;
            line.detail += " (excepted" + (exception.why.empty() ? "" : ": " + exception.why) + ")";
        }
        if (tell) tell(line);
        report.lines.push_back(std::move(line));
    };
    std::optional<Line> underWay;
    const auto failUnderWay = [&](const std::string& why) {
        Line line = underWay.value_or(Line{"check", "runs to its end", Verdict::Failed, {}});
        line.verdict = Verdict::Failed;
        line.detail = why;
        take(std::move(line));
    };
    for (;;) {
        auto next = child.line(options.silence);
        if (!next) {
            failUnderWay(next.error().hint);
            child.end();
            return report;
        }
        if (!*next) break;
        const std::string_view text = **next;
        const bool begins = text.substr(0, kBegins.size()) == kBegins;
        auto line = check::decode(begins ? text.substr(kBegins.size()) : text);
        if (!line) continue;
        if (begins) {
            underWay = std::move(*line);
        } else {
            underWay.reset();
            take(std::move(*line));
        }
    }
    if (const std::string why = child.wait(); !why.empty()) failUnderWay(why);
    return report;
}

}  // namespace agentidp::plugin
