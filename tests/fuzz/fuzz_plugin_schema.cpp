/// Any bytes as the settings schema of a plugin's descriptor, and as settings for it: a default that is taken is within its own
/// bounds, and a configuration that is made is JSON. The input is split at the first zero byte.
#include "base/json.h"
#include "byte_input.h"
#include "plugin/settings_schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto text = fuzz::textOf(data, size);
    const auto zero = text.find('\0');
    const auto schema = plugin::SettingsSchema::parse(text.substr(0, zero));
    if (!schema) return 0;
    std::vector<plugin::SettingText> given;
    for (const auto& setting : schema->settings()) {
        fuzz::require(!setting.name.empty());
        if (zero != std::string_view::npos && given.size() < 4) given.emplace_back(setting.name, text.substr(zero + 1));
    }
    for (const auto& settings : {std::vector<plugin::SettingText>{}, given}) {
        const auto config = schema->configFromTexts("keys-fuzz", settings);
        if (!config) continue;
        const auto parsed = base::json::parse(*config);
        fuzz::require(parsed.ok() && parsed->asObject() != nullptr);
    }
    return 0;
}
