/// Any JSON as the first line of a backup: what is taken can be written and read again as the same.
#include "base/json.h"
#include "byte_input.h"
#include "cli/backup/backup_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto parsed = base::json::parse(fuzz::textOf(data, size));
    if (!parsed) return 0;
    const auto header = cli::BackupHeader::of(*parsed);
    if (!header) return 0;
    fuzz::require(header->schema > 0 && !header->backend.empty());
    const auto written = base::json::write(header->json());
    const auto again = base::json::parse(written);
    fuzz::require(again.ok());
    const auto same = cli::BackupHeader::of(*again);
    fuzz::require(same.ok() && base::json::write(same->json()) == written);
    return 0;
}
