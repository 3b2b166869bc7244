#include "app/mint_key.h"

namespace agentidp::app {

using config::Setting;

std::string mintKeySource(const config::Settings& settings) {
    const auto& pinned = settings.text(Setting::KeysPinned);
    return pinned.empty() ? "generated" : pinned.substr(0, pinned.find(':'));
}

base::Result<void> judgeMintKey(const config::Settings& settings) {
    if (settings.text(Setting::MacpMintEnabled) != "true" || settings.text(Setting::Mode) != "production" ||
        mintKeySource(settings) != "generated" || settings.flag(Setting::MacpMintAllowGeneratedKey))
        return {};
    return base::fail(base::Errc::Invalid,
                      "production mode does not mint with a generated key: give the mint its own key in MACP_AUTH_SIGNING_KEY_JSON, or say "
                      "macp.mint.allow_generated_key = true");
}

}  // namespace agentidp::app
