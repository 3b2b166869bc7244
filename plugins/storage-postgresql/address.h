#pragma once
/// @file plugins/storage-postgresql/address.h
/// Where a server is looked for. Poco's own connect waits without a deadline, and a failed one keeps its socket and its memory for ever
/// (Poco 1.11): so each host of the connection string is asked by libpq first, for no longer than the caller has, and Poco opens its
/// session to one that has just let us in.
#include <agentidp/plugin.hpp>

namespace agentidp::storage_postgresql {

/// The connection string of the first host of `url` that answers and fits (target_session_attrs), as the key=value pairs that Poco takes.
/// `url`: a libpq connection string or postgresql:// URI. A host has its connect_timeout (2 s unless given), and never more than its share
/// of what is left of the call. Invalid where `url` is no such string or holds a value that Poco cannot take; its sentence never quotes it.
[[nodiscard]] aip::Outcome<aip::Secret> reachable(const aip::Secret& url, const aip::Call& call);

/// libpq's or Poco's sentence on one line.
[[nodiscard]] std::string trimmed(const char* text);

}  // namespace agentidp::storage_postgresql
