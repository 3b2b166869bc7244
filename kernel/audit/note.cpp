#include "audit/note.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/key.h"

namespace agentidp::audit {
namespace {

constexpr std::string_view kLineStart = "\xE2\x80\x94 ";
constexpr std::uint8_t kEd25519 = 1;
constexpr std::size_t kMaxNoteBytes = 64U << 10U;
constexpr std::size_t kMaxSignatures = 32;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;

base::Error malformed(std::string what) { return base::fail(base::Errc::Invalid, "not a signed note", std::move(what)); }

std::uint32_t bigEndian(base::BytesView four) {
    return (std::uint32_t{four[0]} << 24U) | (std::uint32_t{four[1]} << 16U) | (std::uint32_t{four[2]} << 8U) | four[3];
}

base::Bytes bigEndian(std::uint32_t value) {
    return {static_cast<std::uint8_t>(value >> 24U), static_cast<std::uint8_t>(value >> 16U), static_cast<std::uint8_t>(value >> 8U),
            static_cast<std::uint8_t>(value)};
}

/// Names hold no white space, ASCII or not, and no plus. Unicode's spaces outside ASCII begin with these bytes.
bool isKeyName(std::string_view name) {
    if (name.empty() || name.size() > 255 || !base::isUtf8(name)) return false;
    for (const char c : name)
        if (static_cast<std::uint8_t>(c) <= 0x20 || c == '+' || c == 0x7F) return false;
    for (const std::string_view space :
         {"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"})
        if (name.find(space) != std::string_view::npos) return false;
    for (char last = '\x80'; last <= '\x8A'; ++last)
        if (name.find(std::string("\xE2\x80") + last) != std::string_view::npos) return false;
    return true;
}

std::uint32_t keyIdOf(std::string_view name, base::BytesView publicKey) {
    const std::array<std::uint8_t, 2> middle{'\n', kEd25519};
    return bigEndian(base::BytesView(crypto::sha256({base::bytesOf(name), middle, publicKey})).first(4));
}

base::Result<NoteSignature> parseLine(std::string_view line) {
    if (line.substr(0, kLineStart.size()) != kLineStart) return malformed("a signature line begins otherwise");
    line.remove_prefix(kLineStart.size());
    const auto space = line.find(' ');
    if (space == std::string_view::npos || !isKeyName(line.substr(0, space))) return malformed("key name");
    const auto blob = base::unbase64(line.substr(space + 1));
    if (!blob || blob->size() < 5) return malformed("signature");
    return NoteSignature{std::string(line.substr(0, space)), bigEndian(base::BytesView(*blob).first(4)),
                         base::Bytes(blob->begin() + 4, blob->end())};
}

}  // namespace

NoteKey NoteKey::of(std::string name, base::BytesView publicKey) {
    NoteKey key;
    key.id = keyIdOf(name, publicKey);
    key.name = std::move(name);
    key.publicKey.assign(publicKey.begin(), publicKey.end());
    return key;
}

std::string NoteKey::text() const {
    base::Bytes typed{kEd25519};
    typed.insert(typed.end(), publicKey.begin(), publicKey.end());
    return name + "+" + base::hex(bigEndian(id)) + "+" + base::base64(typed);
}

base::Result<NoteKey> NoteKey::parse(std::string_view text) {
    const auto wrong = [] { return base::fail(base::Errc::Invalid, "a ledger key looks like name+hhhhhhhh+base64"); };
    const auto first = text.find('+');
    if (first == std::string_view::npos || text.size() < first + 11 || text[first + 9] != '+') return wrong();
    const auto name = text.substr(0, first);
    const auto typed = base::unbase64(text.substr(first + 10));
    if (!isKeyName(name) || !typed || typed->size() != kKeyBytes + 1 || typed->front() != kEd25519) return wrong();
    NoteKey key = of(std::string(name), base::BytesView(*typed).subspan(1));
    if (base::hex(bigEndian(key.id)) != text.substr(first + 1, 8))
        return base::fail(base::Errc::Invalid, "the ledger key's id is not that of its bytes");
    return key;
}

std::string Note::write() const {
    std::string out = text + "\n";
    for (const auto& one : signatures) {
        base::Bytes blob = bigEndian(one.keyId);
        blob.insert(blob.end(), one.signature.begin(), one.signature.end());
        out.append(kLineStart).append(one.name).append(" ").append(base::base64(blob)).append("\n");
    }
    return out;
}

base::Result<Note> parseNote(std::string_view text) {
    if (text.size() > kMaxNoteBytes || !base::isUtf8(text)) return malformed("length or encoding");
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<std::uint8_t>(c) < 0x20 && c != '\n'; }))
        return malformed("control character");
    const auto blank = text.rfind("\n\n");
    if (blank == std::string_view::npos || text.back() != '\n') return malformed("no signatures");
    Note note;
    note.text = text.substr(0, blank + 1);
    std::string_view lines = text.substr(blank + 2);
    while (!lines.empty()) {
        const auto end = lines.find('\n');
        auto line = parseLine(lines.substr(0, end));
        if (!line) return std::move(line).error();
        if (note.signatures.size() == kMaxSignatures) return malformed("too many signatures");
        note.signatures.push_back(std::move(*line));
        lines.remove_prefix(end + 1);
    }
    if (note.signatures.empty()) return malformed("no signatures");
    return note;
}

base::Result<Note> signNote(std::string text, const NoteKey& key, const Sign& sign) {
    auto signature = sign(base::bytesOf(text));
    if (!signature) return std::move(signature).error();
    Note note{std::move(text), {{key.name, key.id, std::move(*signature)}}};
    if (!verifyNote(note, {key}))
        return base::fail(base::Errc::Internal, "", "the ledger's signer made a signature that its public key refuses");
    return note;
}

base::Result<void> verifyNote(const Note& note, const std::vector<NoteKey>& known) {
    bool signedByKnown = false;
    for (const auto& one : note.signatures) {
        const auto key =
            std::find_if(known.begin(), known.end(), [&](const NoteKey& k) { return k.name == one.name && k.id == one.keyId; });
        if (key == known.end()) continue;
        crypto::PublicMembers members;
        members.type = crypto::KeyType::Ed25519;
        members.x = key->publicKey;
        auto pub = crypto::PublicKey::fromMembers(std::move(members));
        if (!pub || one.signature.size() != kSignatureBytes ||
            !pub->verify(crypto::Algorithm::EdDsa, base::bytesOf(note.text), one.signature))
            return base::fail(base::Errc::Denied, "a signature of the note is wrong");
        signedByKnown = true;
    }
    if (!signedByKnown) return base::fail(base::Errc::Denied, "no known key signed the note");
    return {};
}

}  // namespace agentidp::audit
