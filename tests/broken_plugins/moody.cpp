// Sound until the file `mood` in the data directory says otherwise, at each call anew: `throws`, `hangs` (until it says something else),
// `leaks` (1 MiB a call), `crashes`.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include "sound.h"
AIP_PLUGIN_NOTE(AIP_KIND_RATELIMIT);
static std::string file;
static std::string mood() {
    std::string word;
    std::ifstream(file) >> word;
    return word;
}
static aip_status create(const aip_host* host, aip_str, void** out, aip_error*) {
    const aip_str folder = host->data_dir(host->self);
    file = std::string(folder.p, folder.n) + "/mood";
    *out = &file;
    return AIP_OK;
}
static aip_status take(void* self, const aip_call* call, aip_str key, std::int64_t limit, std::int64_t window, std::int64_t cost,
                       aip_budget* out, aip_error* err) {
    const std::string now = mood();
    if (now == "throws") throw 7;
    while (mood() == "hangs") usleep(10'000);
    if (now == "leaks") {
        static void* volatile kept;
        kept = std::malloc(1U << 20U);
        if (kept != nullptr) std::memset(kept, 1, 1U << 20U);
    }
    if (now == "crashes") std::raise(SIGSEGV);
    return sound::take(self, call, key, limit, window, cost, out, err);
}
SOUND_PLUGIN("moody", plugin.create = create; plugin.flags = AIP_F_BLOCKS | AIP_F_CONCURRENT; table.take = take; table.count = take)
