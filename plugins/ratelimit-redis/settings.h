#pragma once
/// @file plugins/ratelimit-redis/settings.h
/// The settings of ratelimit-redis, judged.
#include <agentidp/plugin.hpp>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "address.h"

namespace agentidp::ratelimit_redis {

struct Settings {
    std::string url;      ///< a secret reference
    std::string prefix;   ///< before every key and channel
    std::string caFile;   ///< empty: the machine's authorities
    std::string tlsName;  ///< empty: the host that is connected to
    std::vector<HostPort> sentinels;
    std::string master;
    std::string sentinelPassword;  ///< a secret reference, or empty
    std::size_t pool = 2;
    std::size_t localKeys = 100'000;
    bool hashTags = false;
    std::chrono::milliseconds connectWithin{1'000};
    std::chrono::milliseconds answerWithin{150};

    static aip::Outcome<Settings> read(const aip::Config& config);
};

}  // namespace agentidp::ratelimit_redis
