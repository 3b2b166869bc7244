/// Any bytes as a property file and as a dotenv file: every entry has a name and a line of the text, and no problem quotes a value.
#include <algorithm>

#include "byte_input.h"
#include "config/dotenv.h"
#include "config/property_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto text = fuzz::textOf(data, size);
    const auto lines = 1 + std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; });
    const auto properties = config::parseProperties(text);
    for (const auto& entry : properties.entries) fuzz::require(!entry.key.empty() && entry.line >= 1 && entry.line <= lines);
    for (const auto& problem : properties.problems) fuzz::require(!problem.text.empty() && problem.line <= lines);
    const auto dotenv = config::parseDotenv(text);
    for (const auto& problem : dotenv.problems) fuzz::require(!problem.text.empty() && problem.line <= lines);
    return 0;
}
