#pragma once
/// @file kernel/model/answer.h
/// What a rule wants said, before HTTP is involved: rooms that know no sockets answer with this, the server writes it out.
#include <string>
#include <utility>
#include <vector>

namespace agentidp::model {

struct Answer {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

}  // namespace agentidp::model
