#pragma once
/// @file tests/support/skip.h
/// `throw`-free skipping: `return skip("why");` from a test method reports it as skipped, by name, with its reason.
#include <string>

namespace agentidp::tests {

/// Marks the running test as skipped.
void skip(const std::string& reason);

/// Where the public vectors are: $AGENTIDP_VECTORS, else shared/vectors beside the checkout; empty where absent.
std::string vectorsFolder();

}  // namespace agentidp::tests
