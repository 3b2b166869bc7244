/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file agentidp/plugin.h
 * The border between the AgentIdP kernel and a plugin: C11, and C++17 as it stands. This file is the whole contract; a
 * plugin includes nothing else of the kernel. C++ authors will prefer agentidp/plugin.hpp, which is header-only over it.
 *
 * RULES OF THE BORDER
 *  1. Only the types below cross. No C++ type, exception, FILE*, errno, or object of any library.
 *  2. Nothing allocated on one side is freed on the other. Inputs are borrowed until the call returns. Results go into a
 *     sink that the caller hands in. Errors go into an aip_error that the caller owns.
 *  3. Every struct that may grow begins with `size` = sizeof as its author compiled it. A reader uses no member that lies
 *     beyond `size`. Members are appended (minor version), never moved or given another meaning (major version).
 *  4. `reserved` members are zero. An unknown status is AIP_E_INTERNAL. An unknown flag bit is ignored.
 *  5. Every operation takes an aip_call. It returns by its deadline, with AIP_E_DEADLINE if it must, and within 100 ms after
 *     `cancelled` turns true, with AIP_E_CANCELLED. The host stops waiting at the deadline whatever the plugin does.
 *  6. An instance is used from many threads at once if the plugin sets AIP_F_CONCURRENT; otherwise the host serialises
 *     every call into it. create, start, reconfigure, stop and destroy are always serialised.
 *  7. stop() returns only when no thread of the instance is alive and no host function will be called again.
 *  8. A plugin is loaded once and never unloaded. New settings are a new instance; new code is a restart.
 *
 * LIFE OF AN INSTANCE: create -> start -> (operations, health, describe, reconfigure)* -> stop -> destroy.
 *  create checks settings and takes no resource that outlives a failure. start opens files and connections.
 */
#ifndef AGENTIDP_PLUGIN_H
#define AGENTIDP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this header. A host loads a plugin whose major equals its own and whose min_host_minor is not above its minor. */
#define AIP_ABI_MAJOR 1u
#define AIP_ABI_MINOR 0u

/* ---------------------------------------------------------------- values that cross */

/** Borrowed bytes. `p` may be null only if `n` is 0. Text is UTF-8, not NUL-terminated, and may hold NUL. */
typedef struct aip_str {
    const char* p;
    size_t n;
} aip_str;

/**
 * Where results go. `put` may be called any number of times; the pieces are concatenated. A non-zero answer means that the
 * receiver will take no more: the operation stops and returns AIP_E_CANCELLED. Only the calling thread may use it, only
 * until the operation returns.
 */
typedef struct aip_sink {
    void* ctx;
    int32_t (*put)(void* ctx, const void* p, size_t n);
} aip_sink;

/** The answer of every operation. */
typedef int32_t aip_status;
enum {
    AIP_OK = 0,
    AIP_E_INVALID = 1,     /**< the arguments are wrong; again unchanged cannot help */
    AIP_E_NOTFOUND = 2,    /**< no such key, row or name */
    AIP_E_EXISTS = 3,      /**< a unique value is taken */
    AIP_E_DENIED = 4,      /**< the backend refuses this identity or operation */
    AIP_E_UNAVAILABLE = 5, /**< the backend cannot answer now; retry_after_ms may say when */
    AIP_E_DEADLINE = 6,    /**< the deadline passed; whether it took effect is unknown */
    AIP_E_CANCELLED = 7,   /**< the caller wants no answer any more, or an earlier operation of the group failed */
    AIP_E_UNSUPPORTED = 8, /**< understood, and not offered by this plugin */
    AIP_E_CONFLICT = 9,    /**< an expectation did not hold, or a transaction lost a race */
    AIP_E_INTERNAL = 10    /**< a bug */
};

/**
 * One failure, allocated by the caller, filled by the callee, both texts NUL-terminated UTF-8. `public_msg` may reach a
 * client; `detail` goes to the log. Neither ever holds a secret. A callee that returns AIP_OK leaves it alone.
 */
typedef struct aip_error {
    uint32_t size;           /**< set by the caller */
    aip_status status;       /**< the same as returned */
    uint32_t retry_after_ms; /**< 0: unknown */
    uint32_t sys_errno;      /**< 0: none */
    char public_msg[128];
    char detail[384];
} aip_error;

/** What travels with every operation. Borrowed for its duration. */
typedef struct aip_call {
    uint32_t size;
    uint32_t flags;                                    /**< none defined */
    uint64_t deadline_mono_ns;                         /**< CLOCK_MONOTONIC; 0: the plugin's own default, at most 30 s */
    int32_t (*cancelled)(const struct aip_call* call); /**< may be null; non-zero: give up. Any thread of the plugin */
    aip_str request_id;                                /**< for the plugin's log lines; may be empty */
    aip_str traceparent;                               /**< W3C trace context; may be empty */
    aip_str tenant;                                    /**< organization id; may be empty */
} aip_call;

/* ---------------------------------------------------------------- what the host offers */

enum { AIP_LOG_DEBUG = 0, AIP_LOG_INFO = 1, AIP_LOG_WARN = 2, AIP_LOG_ERROR = 3 };

/**
 * The host's functions. Valid from create until stop returns; any thread of the plugin may call any of them, with `self` as
 * first argument. A member beyond `size` does not exist. A member may be null: then it is not offered here.
 */
typedef struct aip_host {
    uint32_t size, abi_major, abi_minor, reserved;
    void* self;
    /** One log line, at most 4 KiB; the host adds plugin name and time. Never a secret. */
    void (*log)(void* self, int32_t level, aip_str text);
    /** Adds `delta` to the counter agentidp_plugin_<kind>_<plugin>_<name> (dashes become _); at most 64 names a plugin. */
    aip_status (*metric)(void* self, aip_str name, double delta);
    /** Appends an audit event `plugin.<kind>.<action>` with a JSON object as metadata. Does not wait for durability. */
    aip_status (*audit)(void* self, aip_str action, aip_str metadata_json);
    /** The host's clocks. A plugin that asks here instead of the system can be tested with a clock that is not the system's. */
    uint64_t (*mono_ns)(void* self);
    int64_t (*wall_us)(void* self);
    /** Random bytes from the operating system. */
    aip_status (*random)(void* self, void* out, size_t n);
    /** Resolves a secret reference (`file:PATH`, `cred:NAME`, `env:NAME`) into the sink. The plugin wipes what it received. */
    aip_status (*secret)(void* self, aip_str reference, aip_sink out, aip_error* err);
    /** Runs fn(arg) later on a host thread that may block. The host waits for it before destroy. */
    aip_status (*defer)(void* self, void (*fn)(void* arg), void* arg);
    /** A named optional interface (for example "records.v1"), or null. */
    const void* (*iface)(void* self, aip_str name, uint32_t min_minor);
    /** The kernel's data directory, absolute; a file plugin keeps its files in a folder of its own name below it. */
    aip_str (*data_dir)(void* self);
} aip_host;

/* ---------------------------------------------------------------- what a plugin is */

enum { AIP_KIND_STORAGE = 1, AIP_KIND_KEYS = 2, AIP_KIND_RATELIMIT = 3, AIP_KIND_JOB = 4, AIP_KIND_SECRETS = 5 };

/** Flags of aip_plugin. */
enum {
    AIP_F_CONCURRENT = 1u << 0,  /**< operations may run at once in one instance */
    AIP_F_THREADS = 1u << 1,     /**< it owns threads between start and stop */
    AIP_F_RECONFIGURE = 1u << 2, /**< reconfigure is not null and takes effect without a new instance */
    AIP_F_BLOCKS = 1u << 3       /**< operations may wait for disk or network: the host keeps them off its event loops */
};

/** The descriptor: static storage, never changed after the first call. */
typedef struct aip_plugin {
    uint32_t size, abi_major, abi_minor, min_host_minor;
    uint32_t kind;       /**< AIP_KIND_*; one file is one kind */
    uint32_t flags;      /**< AIP_F_* */
    const char* name;    /**< [a-z][a-z0-9]*(-[a-z0-9]+)*, as in the file name <kind>-<name>.so */
    const char* version; /**< the plugin's own, for people */
    const char* vendor;
    /**
     * The plugin's settings `plugins.<kind>-<name>.*` as a JSON object: member name -> {"type": "string" | "integer" |
     * "boolean" | "secret_ref" | "list", "default": ..., "required": bool, "min": n, "max": n, "enum": [...], "doc": "..."}.
     * The host refuses unknown names, wrong types and values out of range before create.
     */
    const char* config_schema_json;
    /** `config_json`: one flat object, every setting present with its default filled in. secret_ref stays a reference. */
    aip_status (*create)(const aip_host* host, aip_str config_json, void** instance, aip_error* err);
    aip_status (*start)(void* instance, const aip_call* call, aip_error* err);
    /** All or nothing; on failure the old settings stay in force. Null without AIP_F_RECONFIGURE. */
    aip_status (*reconfigure)(void* instance, const aip_call* call, aip_str config_json, aip_error* err);
    /** AIP_OK: fit to serve. A JSON object for people goes into the sink either way. */
    aip_status (*health)(void* instance, const aip_call* call, aip_sink json, aip_error* err);
    /** What this instance can do, as a JSON object; each kind says below which members it needs. Called after start. */
    aip_status (*describe)(void* instance, aip_sink json, aip_error* err);
    aip_status (*stop)(void* instance, const aip_call* call, aip_error* err);
    void (*destroy)(void* instance); /**< after a failed create or start, too, if an instance was made */
    const void* ops;                 /**< aip_storage_ops, aip_keys_ops, ... by kind */
} aip_plugin;

/** The only symbol a plugin exports. Pure: no allocation, no thread, the same pointer each time. */
#define AIP_ENTRY_SYMBOL "agentidp_plugin_v1"
typedef const aip_plugin* (*aip_entry_fn)(void);

/**
 * The ELF note, section .note.agentidp: owner "AgentIdP", type 1, four uint32: major, minor, kind, 0. The host reads it
 * before it lets the loader run any code of the file. plugin.hpp and AIP_PLUGIN_NOTE write it.
 */
#define AIP_NOTE_SECTION ".note.agentidp"
#define AIP_NOTE_OWNER "AgentIdP"
#define AIP_NOTE_TYPE 1u
typedef struct aip_note {
    uint32_t namesz, descsz, type; /**< 9, 16, AIP_NOTE_TYPE */
    char name[12];                 /**< "AgentIdP\0" padded to 4 */
    uint32_t desc[4];              /**< major, minor, kind, 0 */
} aip_note;
#define AIP_PLUGIN_NOTE(KIND)                                                                        \
    __attribute__((section(AIP_NOTE_SECTION), used, aligned(4))) static const aip_note aip_note_ = { \
        9u, 16u, AIP_NOTE_TYPE, AIP_NOTE_OWNER, {AIP_ABI_MAJOR, AIP_ABI_MINOR, (KIND), 0u}}

/* ---------------------------------------------------------------- kind: keys */

/**
 * Holds private keys and wraps data keys. A key is named by its `fingerprint`: the RFC 7638 SHA-256 thumbprint of its public
 * JWK in base64url, 43 characters. Algorithms are JWS names: ES256, RS256, PS256, EdDSA (Ed25519).
 * describe: {"algorithms": ["ES256", ...], "exportable": bool, "wraps": bool, "remote": bool}.
 */
typedef struct aip_keys_ops {
    uint32_t size, reserved;
    /** Makes a key pair and keeps it. `out`: {"fingerprint": "...", "jwk": {public JWK}}. */
    aip_status (*generate)(void* inst, const aip_call*, aip_str alg, aip_sink out, aip_error*);
    /** Takes a private key, PKCS#8 DER. As generate. AIP_E_EXISTS if it is held already. */
    aip_status (*import)(void* inst, const aip_call*, aip_str alg, aip_str pkcs8, aip_sink out, aip_error*);
    /** `out`: {"keys": [{"fingerprint", "alg", "jwk", "createdAt" (us), "retired": bool}]}. Retired keys may be absent. */
    aip_status (*list)(void* inst, const aip_call*, aip_sink out, aip_error*);
    /**
     * Signs `data` (not a digest) by the key `fingerprint` names. `sig` receives a JWS signature value (ES256: r||s, 64
     * bytes). `used` receives the fingerprint of the key that signed: the host compares. A retired key: AIP_E_DENIED.
     */
    aip_status (*sign)(void* inst, const aip_call*, aip_str fingerprint, aip_str data, aip_sink sig, aip_sink used, aip_error*);
    /** From now on the key never signs again, also after a restart. Idempotent; unknown: AIP_E_NOTFOUND. */
    aip_status (*retire)(void* inst, const aip_call*, aip_str fingerprint, aip_error*);
    /**
     * Encrypts a data key (1 to 4,096 bytes) so that only this backend can give it back; `aad` binds it to its place.
     * Null if describe says wraps:false.
     */
    aip_status (*wrap)(void* inst, const aip_call*, aip_str plain, aip_str aad, aip_sink out, aip_error*);
    /** The reverse. Another aad, or bytes that were changed: AIP_E_INVALID. */
    aip_status (*unwrap)(void* inst, const aip_call*, aip_str wrapped, aip_str aad, aip_sink out, aip_error*);
    /** PKCS#8 DER into locked memory of the host, which then signs locally. Null, or AIP_E_UNSUPPORTED, if it cannot. */
    aip_status (*export_private)(void* inst, const aip_call*, aip_str fingerprint, aip_sink pkcs8, aip_error*);
} aip_keys_ops;

/* ---------------------------------------------------------------- kind: ratelimit */

/** The answer to take and count. */
typedef struct aip_budget {
    uint32_t size;
    int32_t allowed; /**< 1 yes, 0 no */
    int64_t limit;
    int64_t remaining; /**< never negative */
    int64_t reset_us;  /**< wall clock: when the current window (or period) ends */
} aip_budget;

/**
 * Budgets. Time is the host's clock. describe: {"shared": bool} (true: replicas share budgets). health: a plugin that goes on by
 * itself while its backend is away answers AIP_OK with "connected": false and "why": "..."; the host tells that in /health and
 * goes on.
 */
typedef struct aip_ratelimit_ops {
    uint32_t size, reserved;
    /**
     * Sliding window: the current aligned window's count plus the previous window's weighted by what is left of it. Takes
     * `cost` (1 to 1,000) if it fits in `limit`, else takes nothing. Never more than `limit` in an aligned window; never
     * more lost than taken under concurrency. A clock that steps back grants nothing anew.
     */
    aip_status (*take)(void* inst, const aip_call*, aip_str key, int64_t limit, int64_t window_us, int64_t cost, aip_budget* out,
                       aip_error*);
    /**
     * Adds `cost` (0 reads) to a counter that ends at period_end_us and answers its sum in `limit - remaining`. Counts past
     * the limit too (allowed = 0 then). Key is the reference's, e.g. "monthly:<client>:2026:11".
     */
    aip_status (*count)(void* inst, const aip_call*, aip_str key, int64_t limit, int64_t period_end_us, int64_t cost, aip_budget* out,
                        aip_error*);
    /** A hint to other replicas that `key` of `topic` changed; lost hints are harmless. Null if shared is false. */
    aip_status (*announce)(void* inst, const aip_call*, aip_str topic, aip_str key, int64_t ttl_us, aip_error*);
    /** Calls `fn` for each hint until stop, on a thread of the plugin. At most one listener. Null if shared is false. */
    aip_status (*listen)(void* inst, const aip_call*, void (*fn)(void* arg, aip_str topic, aip_str key), void* arg, aip_error*);
} aip_ratelimit_ops;

/* ---------------------------------------------------------------- kind: storage */

/** Types of a value, also the type byte of the result encoding. */
enum {
    AIP_V_NULL = 0,
    AIP_V_BOOL = 1,  /**< `i` is 0 or 1 */
    AIP_V_INT = 2,   /**< `i` */
    AIP_V_TEXT = 3,  /**< `s`, UTF-8 without NUL */
    AIP_V_BYTES = 4, /**< `s` */
    AIP_V_TIME = 5,  /**< `i`: microseconds since 1970-01-01 UTC */
    AIP_V_JSON = 6   /**< `s`: JSON text; a backend may store it in its own form, and answers equal JSON */
};
typedef struct aip_value {
    uint32_t type, reserved;
    int64_t i;
    aip_str s;
} aip_value;

/** column = value; `mode` AIP_SET, or AIP_ADD (integer columns of an update: column = column + value). */
enum { AIP_SET = 0, AIP_ADD = 1 };
typedef struct aip_assign {
    aip_str column;
    uint32_t mode, reserved;
    aip_value value;
} aip_assign;

/**
 * One condition. All conditions of an operation must hold; at most 16. Comparison of text is by bytes. A null in a row holds
 * only under AIP_NULL; a null among `values` is AIP_E_INVALID, as is a value of another type than its column's. JSON is not
 * compared, nor ordered by.
 */
enum {
    AIP_EQ = 0,
    AIP_NE = 1,
    AIP_LT = 2,
    AIP_LE = 3,
    AIP_GT = 4,
    AIP_GE = 5,
    AIP_IN = 6,      /**< one of `values`, 1 to 1,000 */
    AIP_NULL = 7,    /**< is null; no value */
    AIP_NOTNULL = 8, /**< is not null; no value */
    AIP_PREFIX = 9   /**< text that begins with the value */
};
typedef struct aip_where {
    aip_str column;
    uint32_t compare, values_n;
    const aip_value* values;
} aip_where;

/** Nulls come before everything, or last where descending. */
typedef struct aip_order {
    aip_str column;
    uint32_t descending, reserved;
} aip_order;

/** Operations. */
enum {
    AIP_OP_INSERT = 1,    /**< table, set; on_conflict */
    AIP_OP_UPDATE = 2,    /**< table, set, where; expect */
    AIP_OP_REMOVE = 3,    /**< table, where; expect */
    AIP_OP_SELECT = 4,    /**< table, columns, where, order, after, limit */
    AIP_OP_COUNT = 5,     /**< table, where; the answer is `count` */
    AIP_OP_LOCK = 6,      /**< name: exclusive among all transactions of all replicas until this one ends */
    AIP_OP_SAVEPOINT = 7, /**< begins a group, see apply */
    AIP_OP_RELEASE = 8,   /**< ends it */
    AIP_OP_NOW = 9        /**< the backend's wall clock: one row, one AIP_V_TIME */
};
/**
 * What an insert does where the primary key or a unique index is taken: AIP_E_EXISTS; nothing, `count` 0; or the rows that hold
 * the taken values are removed and the new one stands alone, `count` 1.
 */
enum { AIP_CONFLICT_FAIL = 0, AIP_CONFLICT_IGNORE = 1, AIP_CONFLICT_REPLACE = 2 };

/** In an array of operations the distance between two is the first one's `size`: a younger host has longer ones. */
typedef struct aip_op {
    uint32_t size, code;
    aip_str table; /**< table; for LOCK the name */
    const aip_assign* set;
    size_t set_n; /**< at most 64 */
    const aip_where* where;
    size_t where_n; /**< at most 16 */
    const aip_str* columns;
    size_t columns_n; /**< SELECT: which, in this order; at most 64 */
    const aip_order* order;
    size_t order_n; /**< at most 2 */
    const aip_value* after;
    size_t after_n;       /**< keyset cursor: the order columns of the last row seen, none of them null */
    uint32_t limit;       /**< SELECT: 1 to 10,000 */
    uint32_t on_conflict; /**< INSERT */
    int64_t expect;       /**< UPDATE, REMOVE: how many rows must match, else AIP_E_CONFLICT (or NOTFOUND for none); -1: any */
} aip_op;

/** Flags of apply. */
enum {
    AIP_TX_COMMIT = 1u << 0,  /**< commit durably after the last operation */
    AIP_TX_READ = 1u << 1,    /**< reads only, of one committed snapshot; *tx stays null; may run beside a writer */
    AIP_TX_ROLLBACK = 1u << 2 /**< end *tx without effect; operations are not looked at */
};

/**
 * A small relational store. describe: {"backend": "sqlite", "shared": bool, "durable": true}; `backend` is the member of
 * /health. All SQL, or whatever else, stays inside.
 */
typedef struct aip_storage_ops {
    uint32_t size, reserved;
    /**
     * Runs operations in order in one transaction. *tx null: a new one begins. Without COMMIT the transaction stays open
     * and *tx names it; the caller ends it by COMMIT or ROLLBACK from the same thread. At most one write transaction is
     * open at a time in an instance; a further one waits, up to its deadline.
     *
     * Groups: between SAVEPOINT and RELEASE (not nested, both in one call) a failing operation undoes the group; the rest of
     * the group answers AIP_E_CANCELLED, RELEASE itself AIP_OK, and work goes on behind it. AIP_E_DEADLINE, CANCELLED,
     * UNAVAILABLE and INTERNAL concern the whole transaction wherever they happen. A failure outside any group undoes the
     * whole transaction, ends it (*tx null) and is what apply returns. AIP_OK from a call with COMMIT means: it is durable, a
     * power cut included. AIP_E_DEADLINE or AIP_E_UNAVAILABLE from such a call: the outcome may be unknown.
     *
     * `out` receives one record per operation, in order, integers little-endian without padding:
     *   int32 status, int64 count (rows affected, matched or selected), uint32 rows, uint32 columns, then rows x columns
     *   values: uint8 type, then nothing (NULL), uint8 (BOOL), int64 (INT, TIME), or uint32 length and bytes.
     */
    aip_status (*apply)(void* inst, const aip_call*, void** tx, const aip_op* ops, size_t n, uint32_t flags, aip_sink out, aip_error*);
    /**
     * `schema_json`: migrations/schema.json. up = 0 only tells: {"current": n, "wanted": n, "pending": [{"number", "name"}]}.
     * up = 1 applies pending steps one by one, each in a transaction, recorded in schema_migrations, under a lock, and
     * tells the same after. A store whose `current` is above `wanted`, or whose recorded steps differ: AIP_E_CONFLICT.
     */
    aip_status (*migrate)(void* inst, const aip_call*, aip_str schema_json, int32_t up, aip_sink out, aip_error*);
    /** Calls `fn` soon after another process committed; a hint only. Null if shared is false. */
    aip_status (*watch)(void* inst, const aip_call*, void (*fn)(void* arg), void* arg, aip_error*);
    /** A consistent copy of everything as a byte stream in a form of the plugin's own. */
    aip_status (*backup)(void* inst, const aip_call*, aip_sink out, aip_error*);
    /** The reverse, into an empty store only (else AIP_E_CONFLICT). `read` fills up to n bytes, 0 at the end, <0 on error. */
    aip_status (*restore)(void* inst, const aip_call*, int64_t (*read)(void* ctx, void* p, size_t n), void* ctx, aip_error*);
} aip_storage_ops;

/* ---------------------------------------------------------------- kind: job */

/**
 * A compliance job. describe: {"interval_seconds": n, "doc": "..."}. Idempotent, resumable by cursor, bounded by its deadline.
 */
typedef struct aip_job_ops {
    uint32_t size, reserved;
    /**
     * One slice of work from `cursor` (empty: the beginning). `out`: {"cursor": "..." (absent or empty: done), "processed": n}.
     * Records come from the host interface "records.v1", findings go to "findings.v1".
     */
    aip_status (*run)(void* inst, const aip_call*, aip_str cursor, aip_sink out, aip_error*);
} aip_job_ops;

/** Host interface "records.v1": typed reads for jobs. No secret or key is ever in a record. */
typedef struct aip_records_v1 {
    uint32_t size, minor;
    void* self;
    /**
     * `kind`: "credentials" | "agents". `query_json`: {"cursor": "...", "limit": n, "status": "active",
     * "expiresBefore": us}. `out`: {"records": [{...as the REST API shows it, times in us}], "cursor": "..."}.
     */
    aip_status (*read)(void* self, const aip_call*, aip_str kind, aip_str query_json, aip_sink out, aip_error*);
} aip_records_v1;

/** Host interface "findings.v1": what a job has to say. */
typedef struct aip_findings_v1 {
    uint32_t size, minor;
    void* self;
    /** `finding_json`: {"code": "...", "severity": "info" | "warning" | "critical", "subject": "...", "organizationId": "...", "detail":
     * {...}}. The same code and subject again within a day is one finding. */
    aip_status (*report)(void* self, const aip_call*, aip_str finding_json, aip_error*);
    /** Sets a gauge agentidp_<name> or adds to a counter agentidp_<name>_total; only names the host lists are taken. */
    aip_status (*gauge)(void* self, aip_str name, double value);
    aip_status (*counter)(void* self, aip_str name, double delta);
} aip_findings_v1;

/* ---------------------------------------------------------------- kind: secrets */

/** Keeps client secrets in another system. Paths are chosen by the host: [A-Za-z0-9/_-]{1,256}. */
typedef struct aip_secrets_ops {
    uint32_t size, reserved;
    aip_status (*put)(void* inst, const aip_call*, aip_str path, aip_str secret, aip_sink version, aip_error*);
    aip_status (*get)(void* inst, const aip_call*, aip_str path, aip_str version, aip_sink secret,
                      aip_error*);                                                                /**< version empty: newest */
    aip_status (*remove)(void* inst, const aip_call*, aip_str path, aip_error*);                  /**< all versions; idempotent */
    aip_status (*versions)(void* inst, const aip_call*, aip_str path, aip_sink json, aip_error*); /**< {"versions": ["..."]} */
} aip_secrets_ops;

#ifdef __cplusplus
}
#endif
#endif /* AGENTIDP_PLUGIN_H */
