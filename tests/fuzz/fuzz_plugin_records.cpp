/// Any bytes as the records a storage plugin answers with: decoded to one result for each operation, or refused; never believed.
#include "byte_input.h"
#include "plugin/storage_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    using plugin::Op;
    static const std::vector<Op> kOps{plugin::mark(Op::Code::Savepoint), plugin::select("agents", {"id", "num"}, {}, 3),
                                      plugin::update("agents", {{"num", std::int64_t{1}}}, {}), plugin::mark(Op::Code::Now)};
    for (std::size_t count = 1; count <= kOps.size(); ++count) {
        const std::vector<Op> ops(kOps.begin(), kOps.begin() + static_cast<std::ptrdiff_t>(count));
        const auto results = plugin::decodeResults(fuzz::textOf(data, size), ops);
        fuzz::require(!results || results->size() == ops.size());
    }
    return 0;
}
