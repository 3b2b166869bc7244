#pragma once
/// @file kernel/audit/entry.h
/// The bytes of one ledger entry: canonical JSON (RFC 8785) that anybody can hash again. Members, in their order: action,
/// actor, agentId, epoch, eventId, ext, ip, jti, lseq, metadata, orgId, outcome, replica, requestId, salt, [truncated], ts,
/// userAgent, v. The salt keeps a hash from being guessed back into its entry. Pure; any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/merkle.h"
#include "base/bytes.h"
#include "base/result.h"
#include "model/audit_event.h"

namespace agentidp::audit {

inline constexpr std::size_t kMaxEntryBytes = 16U << 10U;
inline constexpr std::int64_t kEntryVersion = 1;

/// Who writes: one name per replica, one epoch per start of it.
struct Writer {
    std::string replica;
    std::int64_t epoch = 0;
};

/// An entry but for its lseq, which only the appender can give. Made by the thread that asks, so that the appender merely
/// joins and hashes.
struct PreparedEntry {
    std::string text;        ///< the whole entry without the digits of lseq
    std::size_t lseqAt = 0;  ///< where they belong
    std::string chainInput;  ///< eventId + timestamp + action + outcome + agentId + orgId
    [[nodiscard]] base::Bytes finish(std::int64_t lseq) const;
};

/// Never refuses: invalid UTF-8 becomes U+FFFD; what JSON of `metadata` or `ext` is not canonical is rewritten (numbers that are
/// no integers to 2^53 become strings, text that is no object becomes {"unparsed": text}); over 16 KiB userAgent, then ext,
/// then metadata are cut and "truncated": true is set.
[[nodiscard]] PreparedEntry prepareEntry(const model::AuditEvent& event, const Writer& writer, base::BytesView salt);

/// What an entry says. `agentNum` and `organizationNum` of the event are not in it and stay 0.
struct EntryView {
    model::AuditEvent event;
    std::string replica;
    std::int64_t epoch = 0;
    std::int64_t lseq = 0;
    bool truncated = false;
};
/// Errc::Invalid for anything that `prepareEntry` would not have written.
[[nodiscard]] base::Result<EntryView> parseEntry(base::BytesView bytes);

/// The few members a verifier needs of millions of entries, as they stand in the bytes.
struct EntrySkim {
    std::string_view action, agentId, eventId, metadata, orgId, outcome, replica, ts;
    std::int64_t epoch = 0;
    std::int64_t lseq = 0;
    /// The same as chainInputOf the event.
    [[nodiscard]] std::string chainInput() const;
};
/// Reads the members in their one order without building values; nothing where the bytes are not plainly such an entry, or a
/// member above holds an escape: then parseEntry decides. The views live as long as `bytes`.
[[nodiscard]] std::optional<EntrySkim> skimEntry(base::BytesView bytes);

/// The reference's chain: SHA-256 of `chainInput` and the previous hash in lower-case hexadecimal.
[[nodiscard]] Hash chainHash(std::string_view chainInput, const Hash& previous);
[[nodiscard]] std::string chainInputOf(const model::AuditEvent& event);
/// What stands before the first event.
[[nodiscard]] inline Hash chainStart() { return Hash{}; }

[[nodiscard]] std::string_view nameOf(model::Outcome outcome);
[[nodiscard]] std::optional<model::Outcome> outcomeNamed(std::string_view name);

}  // namespace agentidp::audit
