/// Any bytes as a signed note, a checkpoint and a note key (C2SP signed-note, tlog-checkpoint): exactly one text for each value.
#include "audit/checkpoint.h"
#include "byte_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto text = fuzz::textOf(data, size);
    if (const auto note = audit::parseNote(text)) {
        fuzz::require(note->write() == text && !note->signatures.empty());
        const auto checkpoint = audit::Checkpoint::parse(note->text);
        // Extension lines of others may follow; what is ours has one text.
        fuzz::require(!checkpoint || note->text.starts_with(checkpoint->text()));
        fuzz::require(!audit::openCheckpoint(text, {base::Bytes(32, 7)}));
    }
    if (const auto key = audit::NoteKey::parse(text)) fuzz::require(key->text() == text);
    return 0;
}
