/// Any bytes as a database schema given as data, and as one recorded step of it: what is taken has one canonical text.
#include "byte_input.h"
#include "sql/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto text = fuzz::textOf(data, size);
    const auto steps = sql::parseSchema(text);
    if (steps) {
        std::int64_t number = 0;
        sql::Catalog catalog;
        bool fits = true;
        for (const auto& step : *steps) {
            fuzz::require(step.number == ++number);
            const auto again = sql::parseStep(step.text);
            fuzz::require(static_cast<bool>(again) && again->text == step.text && again->checksum == step.checksum);
            fits = fits && static_cast<bool>(catalog.add(step));
        }
    }
    (void)sql::parseStep(text);
    return 0;
}
