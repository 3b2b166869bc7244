/// agentidpd: a Poco ServerApplication around the daemon. Exit codes: 0 done, 1 failed or a backend is unreachable, 2 misuse or
/// configuration.
#include <Poco/Util/HelpFormatter.h>
#include <Poco/Util/Option.h>
#include <Poco/Util/OptionSet.h>
#include <Poco/Util/ServerApplication.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <thread>

#include "app/daemon.h"
#include "app/signals.h"
#include "observe/json_log.h"

namespace agentidp::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kMisuse = 2;

observe::Level levelNamed(const std::string& name) {
    if (name == "debug") return observe::Level::Debug;
    if (name == "warn") return observe::Level::Warn;
    return name == "error" ? observe::Level::Error : observe::Level::Info;
}

class Application final : public Poco::Util::ServerApplication {
public:
    Application() { setUnixOptions(true); }

protected:
    // Poco's own initialize() would look for a configuration file beside the binary and configure its loggers; ours does neither.
    void initialize(Poco::Util::Application&) override {}
    void uninitialize() override {}

    void defineOptions(Poco::Util::OptionSet& options) override {
        options.addOption(Poco::Util::Option("config", "c", "the settings file; without it ./etc/agentidp.properties, then /etc/agentidp")
                              .argument("FILE"));
        options.addOption(Poco::Util::Option("env-file", "e", "variables in dotenv syntax, weaker than the environment").argument("FILE"));
        options.addOption(
            Poco::Util::Option("define", "D", "one setting, stronger than every other source").argument("KEY=VALUE").repeatable(true));
        options.addOption(Poco::Util::Option("version", "V", "the version"));
        options.addOption(Poco::Util::Option("help", "h", "this help"));
    }

    void handleOption(const std::string& name, const std::string& value) override {
        if (name == "config") sources_.file = value;
        if (name == "env-file") sources_.envFile = value;
        if (name == "define") sources_.definitions.push_back(value);
        if (name == "version") only_ = Only::Version;
        if (name == "help") only_ = Only::Help;
        if (only_ != Only::Nothing) stopOptionsProcessing();
    }

    // Called by Poco's run() below main(), which catches.
    // NOLINTNEXTLINE(bugprone-exception-escape)
    int main(const std::vector<std::string>& arguments) override {
        if (only_ == Only::Version) {
            std::cout << "agentidpd " AGENTIDP_VERSION "\n";
            return kDone;
        }
        if (only_ == Only::Help) {
            Poco::Util::HelpFormatter help(options());
            help.setUnixStyle(true);
            help.setCommand("agentidpd");
            help.setUsage("[--config FILE] [--env-file FILE] [-DKEY=VALUE]...");
            help.setHeader("The AgentIdP daemon. Starts without any file on embedded defaults; stops on SIGTERM, reloads on SIGHUP.");
            help.setFooter("Example: agentidpd -Dserver.listen=127.0.0.1:3000 -Ddata.dir=./var");
            help.format(std::cout);
            return kDone;
        }
        if (!arguments.empty()) return refuse("agentidpd takes no argument '" + arguments.front() + "'; see agentidpd --help", kMisuse);
        return serve();
    }

private:
    enum class Only { Nothing, Version, Help };

    static int refuse(const std::string& line, int code) {
        std::cerr << "agentidpd: " << line << std::endl;
        return code;
    }

    config::Loaded load() {
        sources_.environment = config::environmentOfProcess();
        std::error_code error;
        sources_.programFolder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
        return config::load(sources_);
    }

    int serve() {
        auto loaded = load();
        if (!loaded.ok()) {
            for (const auto& problem : loaded.problems) refuse(problem.text, kMisuse);
            return kMisuse;
        }
        const auto& format = loaded.settings.text(config::Setting::LogFormat);
        observe::JsonLogOptions options;
        options.minimum = levelNamed(loaded.settings.text(config::Setting::LogLevel));
        options.format = format == "json"    ? observe::LogFormat::Json
                         : format == "human" ? observe::LogFormat::Human
                                             : observe::formatFor(options.fd);
        const base::SystemClock clock;
        observe::JsonLog log(options, clock);
        log.write(observe::Message::STARTING,
                  {{"version", AGENTIDP_VERSION}, {"file", loaded.file}, {"dataDir", dataDirOf(loaded.settings)}});
        for (const auto& notice : loaded.notices) {
            const auto message = notice.kind == config::Notice::Kind::ReferenceOverruled    ? observe::Message::CONFIG_REFERENCE_OVERRULED
                                 : notice.kind == config::Notice::Kind::ReferenceNotOffered ? observe::Message::CONFIG_REFERENCE_NOT_OFFERED
                                 : notice.kind == config::Notice::Kind::PluginNotNamed      ? observe::Message::CONFIG_PLUGIN_NOT_NAMED
                                                                                            : observe::Message::CONFIG_UNKNOWN_VARIABLE;
            log.write(message, {{"variable", notice.variable}, {"why", notice.text}});
        }
        auto daemon = Daemon::start(std::move(loaded), log);
        if (!daemon) {
            const auto& error = daemon.error();
            if (!error.detail.empty()) log.write(observe::Message::START_FAILED, {{"why", error.hint}, {"detail", error.detail}});
            log.flush(base::milliseconds(1000));
            const int code = error.code == base::Errc::Invalid ? kMisuse : kFailed;
            refuse(error.hint.empty() ? error.detail : error.hint, code);
            // A plugin that hangs keeps a thread: nothing may wait for it.
            if (error.code == base::Errc::Deadline) ::_exit(code);
            return code;
        }
        notifySystemd("READY=1");
        for (;;) {
            if (waitForSignal() == Signal::Stop) break;
            notifySystemd("RELOADING=1");
            (*daemon)->reload(load());
            notifySystemd("READY=1");
        }
        notifySystemd("STOPPING=1");
        nextStopIsImmediate();
        const auto stopped = (*daemon)->stop();
        daemon->reset();
        log.write(observe::Message::STOPPED, {{"clean", stopped.ok()}, {"why", stopped ? std::string() : stopped.error().hint}});
        log.flush(base::milliseconds(1000));
        return stopped ? kDone : kFailed;
    }

    config::Sources sources_;
    Only only_ = Only::Nothing;
};

}  // namespace
}  // namespace agentidp::app

int main(int argc, char** argv) {
#ifndef __SANITIZE_ADDRESS__  // the leak checker looks at the process from outside
    // A core or another process of this user must not show what is held here.
    ::prctl(PR_SET_DUMPABLE, 0);
#endif
    // glibc would keep eight arenas a core, each with its own peak for good: 12 MB more after a million tokens, and no token faster.
    ::mallopt(M_ARENA_MAX, static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2U, 64U)));
    agentidp::app::claimSignals();
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.rfind("--daemon", 0) != 0 && argument.rfind("--pidfile", 0) != 0) continue;
        std::cerr << "agentidpd: it stays in the foreground; let systemd (packaging/systemd) or `agentidpd &` put it into the background\n";
        return 2;
    }
    agentidp::app::Application application;
    try {
        return application.run(argc, argv);
    } catch (const std::exception& bug) {
        std::cerr << "agentidpd: this is a bug, please report it: " << bug.what() << std::endl;
        return 1;
    }
}
