#include "cli/invocation.h"

#include <filesystem>

namespace agentidp::cli {

base::Result<Invocation> readInvocation(std::vector<std::string> arguments) {
    Invocation out;
    const auto valued = [&](std::size_t& at, std::string_view option) -> base::Result<std::string> {
        const auto& argument = arguments[at];
        if (argument.size() > option.size() && argument[option.size()] == '=') return argument.substr(option.size() + 1);
        if (++at < arguments.size()) return arguments[at];
        return base::fail(base::Errc::Invalid, std::string(option) + " wants a value");
    };
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const auto& argument = arguments[at];
        if (argument == "--json") {
            out.output = Output::Json;
        } else if (argument == "--help" || argument == "-h") {
            out.help = true;
        } else if (argument == "--config" || argument.starts_with("--config=")) {
            auto value = valued(at, "--config");
            if (!value) return std::move(value).error();
            out.sources.file = *value;
        } else if (argument == "--env-file" || argument.starts_with("--env-file=")) {
            auto value = valued(at, "--env-file");
            if (!value) return std::move(value).error();
            out.sources.envFile = *value;
        } else if (argument.starts_with("-D")) {
            if (argument.size() > 2) {
                out.sources.definitions.push_back(argument.substr(2));
            } else if (++at < arguments.size()) {
                out.sources.definitions.push_back(arguments[at]);
            } else {
                return base::fail(base::Errc::Invalid, "-D wants KEY=VALUE");
            }
        } else {
            out.words.push_back(argument);
        }
    }
    out.sources.environment = config::environmentOfProcess();
    std::error_code error;
    out.sources.programFolder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
    return out;
}

int refuse(const std::string& line, int code) {
    std::cerr << "agentidp: " << line << std::endl;
    return code;
}

int refuse(const base::Error& error) {
    return refuse(error.hint.empty() ? error.detail : error.hint, error.code == base::Errc::Invalid ? kMisuse : kFailed);
}

std::optional<config::Loaded> settingsOf(const Invocation& invocation) {
    auto loaded = config::load(invocation.sources);
    if (loaded.ok()) return loaded;
    for (const auto& problem : loaded.problems) refuse(problem.text, kMisuse);
    return std::nullopt;
}

}  // namespace agentidp::cli
