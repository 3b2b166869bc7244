#pragma once
/// @file kernel/plugin/storage_codec.h
/// Operations to the arrays of plugin.h, and the records that come back to values. Encoding is one allocation in the frame for any
/// number of operations; decoding believes nothing.
#include <string>
#include <string_view>
#include <vector>

#include "agentidp/plugin.h"
#include "base/result.h"
#include "plugin/frame.h"
#include "plugin/storage.h"

namespace agentidp::plugin {

/// Lives as long as `frame`; texts and bytes are borrowed from `ops` unless the frame copies.
[[nodiscard]] const aip_op* encodeOps(Frame& frame, const std::vector<Op>& ops);

/// One OpResult per operation. The error's text says what was wrong, for PLUGIN_BROKE_PROMISE.
[[nodiscard]] base::Result<std::vector<OpResult>> decodeResults(std::string_view records, const std::vector<Op>& ops);

}  // namespace agentidp::plugin
