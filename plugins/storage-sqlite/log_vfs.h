#pragma once
/// @file plugins/storage-sqlite/log_vfs.h
/// Writes of a commit to the write-ahead log, gathered into one. SQLite writes each frame in two pieces (24 bytes of header, then the
/// page), some thirty system calls for a batch of twelve tokens, on the one thread that every token waits for. This layer over
/// SQLite's own file system keeps neighbouring writes of a log back until the sync that makes them durable, and hands them on in one.
/// Every other file goes to SQLite's own layer untouched. SQLite's VFS interface: sqlite.org/vfs.html.
///
/// Why nobody misses what is kept back: frames count only once the index of the log names them, which SQLite does after the sync, as
/// long as `synchronous` is FULL. This connection's own reads, its questions for the size and every other operation hand on first. A
/// write that fails does so at the sync, before anything counts.

namespace agentidp::storage_sqlite {

/// For `?vfs=` of a database's URI. Registers the layer at the first call; any thread. Null where SQLite refuses it.
[[nodiscard]] const char* logVfs();

}  // namespace agentidp::storage_sqlite
