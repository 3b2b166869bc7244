#include "cli/opened.h"

#include "control/socket.h"

namespace agentidp::cli {

Opened::Opened() : log({2, observe::Level::Error, observe::formatFor(2)}, clock) {}

std::unique_ptr<Opened> open(config::Loaded loaded, app::Purpose purpose, int& code) {
    auto opened = std::make_unique<Opened>();
    auto foundation = app::Foundation::open(std::move(loaded), purpose, opened->log);
    if (!foundation) {
        code = refuse(foundation.error());
        return nullptr;
    }
    opened->foundation = std::move(*foundation);
    return opened;
}

base::Result<base::json::Value> askDaemon(const config::Loaded& loaded, std::string_view command, const base::json::Value& args) {
    return control::ask(app::controlSocketOf(loaded.settings), command, args, base::milliseconds(30'000));
}

}  // namespace agentidp::cli
