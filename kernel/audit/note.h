#pragma once
/// @file kernel/audit/note.h
/// Signed notes (C2SP signed-note) with Ed25519: a text, a blank line, and lines `- name base64(keyid || signature)` that
/// begin with an em dash. Pure; any thread.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace agentidp::audit {

/// A public key under a name. The id is the first four bytes of SHA-256(name || 0x0A || 0x01 || key).
struct NoteKey {
    std::string name;
    std::uint32_t id = 0;
    base::Bytes publicKey;  ///< 32 bytes, RFC 8032

    static NoteKey of(std::string name, base::BytesView publicKey);
    /// `name+hhhhhhhh+base64(0x01 || key)`: the usual text form of such a key.
    [[nodiscard]] std::string text() const;
    static base::Result<NoteKey> parse(std::string_view text);
};

struct NoteSignature {
    std::string name;
    std::uint32_t keyId = 0;
    base::Bytes signature;
};

struct Note {
    std::string text;  ///< with its final newline
    std::vector<NoteSignature> signatures;
    [[nodiscard]] std::string write() const;
};

/// At most 64 KiB and 32 signatures. Errc::Invalid for anything else than the exact form.
[[nodiscard]] base::Result<Note> parseNote(std::string_view text);

/// Signs by the ledger's key; may block where the key is elsewhere.
using Sign = std::function<base::Result<base::Bytes>(base::BytesView)>;
/// `text` signed by one key; what came back is verified before it is believed.
[[nodiscard]] base::Result<Note> signNote(std::string text, const NoteKey& key, const Sign& sign);

/// Errc::Denied unless a known key signed and no known key's signature is wrong. Lines of unknown keys (witnesses) are passed over.
[[nodiscard]] base::Result<void> verifyNote(const Note& note, const std::vector<NoteKey>& known);

}  // namespace agentidp::audit
