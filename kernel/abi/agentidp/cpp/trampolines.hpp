// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file agentidp/cpp/trampolines.hpp
/// From the C table to a plugin class and back. Authors do not read this: AGENTIDP_PLUGIN uses it. Every function here catches
/// everything; no exception reaches the host.
#include <agentidp/cpp/kinds.hpp>
#include <algorithm>
#include <exception>
#include <new>
#include <type_traits>

namespace aip::detail {

template <std::size_t N>
void copyText(char (&out)[N], std::string_view text) {
    std::size_t length = std::min(text.size(), N - 1);
    while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80) --length;
    for (std::size_t i = 0; i < length; ++i) out[i] = text[i] == '\0' ? ' ' : text[i];
    out[length] = '\0';
}

inline aip_status report(aip_error* err, aip_status status, std::string_view message, std::string_view text = {}) {
    if (err == nullptr) return status;
    if (AIP_HAS_MEMBER(aip_error, err->size, status)) err->status = status;
    if (AIP_HAS_MEMBER(aip_error, err->size, public_msg)) copyText(err->public_msg, message);
    if (AIP_HAS_MEMBER(aip_error, err->size, detail)) copyText(err->detail, text);
    return status;
}
inline aip_status report(aip_error* err, const Fail& fail) {
    const aip_status status = fail.status == AIP_OK ? AIP_E_INTERNAL : fail.status;
    if (err != nullptr && AIP_HAS_MEMBER(aip_error, err->size, sys_errno)) {
        err->retry_after_ms = fail.retryAfterMs;
        err->sys_errno = fail.sysErrno;
    }
    return report(err, status, fail.message, fail.detail);
}
inline aip_status report(aip_error* err, const Status& status) { return status.ok() ? AIP_OK : report(err, status.fail()); }

template <class Body>
aip_status guarded(aip_error* err, Body&& body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return report(err, AIP_E_INTERNAL, "out of memory");
    } catch (const std::exception& thrown) {
        return report(err, AIP_E_INTERNAL, "the plugin failed", thrown.what());
    } catch (...) {
        return report(err, AIP_E_INTERNAL, "the plugin failed", "an exception that is no std::exception");
    }
}

inline aip_status give(aip_sink sink, std::string_view bytes, aip_error* err) {
    if (sink.put != nullptr && sink.put(sink.ctx, bytes.data(), bytes.size()) == 0) return AIP_OK;
    return report(err, AIP_E_CANCELLED, "the receiver took no more");
}

/// The method a class uses for an operation: the base's own when the class did not override it.
template <class Derived, class Base>
constexpr bool overridden = !std::is_same_v<Derived, Base>;

template <class Class>
struct Instance {
    explicit Instance(const aip_host* raw) : host(raw) { plugin.attach(host); }
    Host host;
    Class plugin;
};

/// Runs `body(plugin, call)` behind the guard, unless the call is over before it began.
template <class Class, class Body>
aip_status operate(void* inst, const aip_call* raw, aip_error* err, Body&& body) noexcept {
    return guarded(err, [&]() -> aip_status {
        auto& instance = *static_cast<Instance<Class>*>(inst);
        const Call call(raw, instance.host);
        if (const Status over = call.check(); !over) return report(err, over.fail());
        return body(instance.plugin, call);
    });
}

/// The same for what must run however late it is: giving things back.
template <class Class, class Body>
aip_status conclude(void* inst, const aip_call* raw, aip_error* err, Body&& body) noexcept {
    return guarded(err, [&]() -> aip_status {
        auto& instance = *static_cast<Instance<Class>*>(inst);
        return body(instance.plugin, Call(raw, instance.host));
    });
}

template <class Class>
Status settle(Class& plugin, aip_str configJson, Status (*apply)(Class&, const Config&, const Call*), const Call* call) {
    auto config = Config::parse(view(configJson));
    if (!config) return config.fail();
    if (Status status = apply(plugin, *config, call); !status) return status;
    if (!config->mistake().empty()) return invalid(config->mistake());
    return {};
}

/// What every kind has.
template <class Class>
struct Life {
    static aip_status create(const aip_host* host, aip_str configJson, void** inst, aip_error* err) {
        return guarded(err, [&]() -> aip_status {
            *inst = nullptr;
            if (host == nullptr || !AIP_HAS_MEMBER(aip_host, host->size, self)) return report(err, AIP_E_INVALID, "no host table");
            auto made = std::make_unique<Instance<Class>>(host);
            const Status status = settle<Class>(
                made->plugin, configJson, [](Class& plugin, const Config& config, const Call*) { return plugin.configure(config); },
                nullptr);
            if (!status) return report(err, status.fail());
            *inst = made.release();
            return AIP_OK;
        });
    }
    static aip_status start(void* inst, const aip_call* raw, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) { return report(err, plugin.start(call)); });
    }
    static aip_status reconfigure(void* inst, const aip_call* raw, aip_str configJson, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) {
            return report(err,
                          settle<Class>(
                              plugin, configJson,
                              [](Class& one, const Config& config, const Call* when) { return one.reconfigure(config, *when); }, &call));
        });
    }
    static aip_status health(void* inst, const aip_call* raw, aip_sink json, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) {
            Fields details;
            const Status status = plugin.health(details, call);
            const aip_status given = give(json, details.json(), status.ok() ? err : nullptr);
            return status.ok() ? given : report(err, status.fail());
        });
    }
    static aip_status stop(void* inst, const aip_call* raw, aip_error* err) {
        return conclude<Class>(inst, raw, err, [&](Class& plugin, const Call& call) { return report(err, plugin.stop(call)); });
    }
    static void destroy(void* inst) {
        (void)guarded(nullptr, [&]() -> aip_status {
            delete static_cast<Instance<Class>*>(inst);
            return AIP_OK;
        });
    }
};

template <class Class, std::uint32_t Kind = Class::kKind>
struct Operations;

template <class Class>
struct Operations<Class, AIP_KIND_KEYS> {
    using Base = KeysPlugin;
    static aip_status describe(void* inst, aip_sink json, aip_error* err) {
        return conclude<Class>(inst, nullptr, err, [&](Class& plugin, const Call&) {
            const KeysAbilities can = plugin.abilities();
            return give(json,
                        Fields()
                            .list("algorithms", can.algorithms)
                            .boolean("exportable", can.exportable)
                            .boolean("wraps", can.wraps)
                            .boolean("remote", can.remote)
                            .json(),
                        err);
        });
    }
    static std::string jsonOf(const HeldKey& key) {
        return Fields()
            .text("fingerprint", key.fingerprint)
            .text("alg", key.alg)
            .raw("jwk", key.jwk)
            .integer("createdAt", key.createdAtUs)
            .boolean("retired", key.retired)
            .json();
    }
    static aip_status made(const Outcome<HeldKey>& key, aip_sink out, aip_error* err) {
        return key.ok() ? give(out, jsonOf(*key), err) : report(err, key.fail());
    }
    static aip_status generate(void* inst, const aip_call* raw, aip_str alg, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err,
                              [&](Class& plugin, const Call& call) { return made(plugin.generate(view(alg), call), out, err); });
    }
    static aip_status import(void* inst, const aip_call* raw, aip_str alg, aip_str pkcs8, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err,
                              [&](Class& plugin, const Call& call) { return made(plugin.import(view(alg), view(pkcs8), call), out, err); });
    }
    static aip_status list(void* inst, const aip_call* raw, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto keys = plugin.list(call);
            if (!keys) return report(err, keys.fail());
            std::string items = "[";
            for (const auto& key : *keys) {
                if (items.size() > 1) items.push_back(',');
                items += jsonOf(key);
            }
            return give(out, Fields().raw("keys", items + "]").json(), err);
        });
    }
    static aip_status sign(void* inst, const aip_call* raw, aip_str fingerprint, aip_str data, aip_sink sig, aip_sink used,
                           aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto done = plugin.sign(view(fingerprint), view(data), call);
            if (!done) return report(err, done.fail());
            const aip_status given = give(sig, done->signature, err);
            return given == AIP_OK ? give(used, done->fingerprint, err) : given;
        });
    }
    static aip_status retire(void* inst, const aip_call* raw, aip_str fingerprint, aip_error* err) {
        return operate<Class>(inst, raw, err,
                              [&](Class& plugin, const Call& call) { return report(err, plugin.retire(view(fingerprint), call)); });
    }
    static aip_status wrap(void* inst, const aip_call* raw, aip_str plain, aip_str aad, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto wrapped = plugin.wrap(view(plain), view(aad), call);
            return wrapped.ok() ? give(out, *wrapped, err) : report(err, wrapped.fail());
        });
    }
    static aip_status unwrap(void* inst, const aip_call* raw, aip_str wrapped, aip_str aad, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto plain = plugin.unwrap(view(wrapped), view(aad), call);
            return plain.ok() ? give(out, plain->view(), err) : report(err, plain.fail());
        });
    }
    static aip_status exportPrivate(void* inst, const aip_call* raw, aip_str fingerprint, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto key = plugin.exportPrivate(view(fingerprint), call);
            return key.ok() ? give(out, key->view(), err) : report(err, key.fail());
        });
    }
    static constexpr aip_keys_ops ops() {
        aip_keys_ops table{};
        table.size = sizeof table;
        table.generate = generate;
        table.import = overridden<decltype(&Class::import), decltype(&Base::import)> ? import : nullptr;
        table.list = list;
        table.sign = sign;
        table.retire = retire;
        table.wrap = overridden<decltype(&Class::wrap), decltype(&Base::wrap)> ? wrap : nullptr;
        table.unwrap = overridden<decltype(&Class::unwrap), decltype(&Base::unwrap)> ? unwrap : nullptr;
        table.export_private = overridden<decltype(&Class::exportPrivate), decltype(&Base::exportPrivate)> ? exportPrivate : nullptr;
        return table;
    }
};

template <class Class>
struct Operations<Class, AIP_KIND_RATELIMIT> {
    using Base = RateLimitPlugin;
    static aip_status describe(void* inst, aip_sink json, aip_error* err) {
        return conclude<Class>(inst, nullptr, err, [&](Class& plugin, const Call&) {
            return give(json, Fields().boolean("shared", plugin.abilities().shared).json(), err);
        });
    }
    static aip_status answer(const Outcome<Budget>& budget, aip_budget* out, aip_error* err) {
        if (!budget) return report(err, budget.fail());
        if (out == nullptr || !AIP_HAS_MEMBER(aip_budget, out->size, reset_us)) return report(err, AIP_E_INVALID, "no room for the answer");
        out->allowed = budget->allowed ? 1 : 0;
        out->limit = budget->limit;
        out->remaining = budget->remaining < 0 ? 0 : budget->remaining;
        out->reset_us = budget->resetUs;
        return AIP_OK;
    }
    static aip_status take(void* inst, const aip_call* raw, aip_str key, std::int64_t limit, std::int64_t windowUs, std::int64_t cost,
                           aip_budget* out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) {
            return answer(plugin.take(typename Base::Take{view(key), limit, windowUs, cost}, call), out, err);
        });
    }
    static aip_status count(void* inst, const aip_call* raw, aip_str key, std::int64_t limit, std::int64_t periodEndUs, std::int64_t cost,
                            aip_budget* out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) {
            return answer(plugin.count(typename Base::Count{view(key), limit, periodEndUs, cost}, call), out, err);
        });
    }
    static aip_status announce(void* inst, const aip_call* raw, aip_str topic, aip_str key, std::int64_t ttlUs, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) {
            return report(err, plugin.announce(view(topic), view(key), ttlUs, call));
        });
    }
    static aip_status listen(void* inst, const aip_call* raw, void (*fn)(void*, aip_str, aip_str), void* arg, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) {
            return report(err,
                          plugin.listen([fn, arg](std::string_view topic, std::string_view key) { fn(arg, str(topic), str(key)); }, call));
        });
    }
    static constexpr aip_ratelimit_ops ops() {
        aip_ratelimit_ops table{};
        table.size = sizeof table;
        table.take = take;
        table.count = count;
        table.announce = overridden<decltype(&Class::announce), decltype(&Base::announce)> ? announce : nullptr;
        table.listen = overridden<decltype(&Class::listen), decltype(&Base::listen)> ? listen : nullptr;
        return table;
    }
};

/// Kept from call to call so that a warm thread does not allocate for a result; a large one is given back.
inline std::string& resultBuffer() {
    static thread_local std::string buffer;
    if (buffer.capacity() > (std::size_t{1} << 20U)) buffer = std::string();
    buffer.clear();
    return buffer;
}

template <class Class>
struct Operations<Class, AIP_KIND_STORAGE> {
    using Base = StoragePlugin;
    static aip_status describe(void* inst, aip_sink json, aip_error* err) {
        return conclude<Class>(inst, nullptr, err, [&](Class& plugin, const Call&) {
            const StorageAbilities can = plugin.abilities();
            return give(json, Fields().text("backend", can.backend).boolean("shared", can.shared).boolean("durable", can.durable).json(),
                        err);
        });
    }
    static aip_status apply(void* inst, const aip_call* raw, void** tx, const aip_op* ops, std::size_t n, std::uint32_t flags, aip_sink out,
                            aip_error* err) {
        const auto body = [&](Class& plugin, const Call& call) -> aip_status {
            std::string& buffer = resultBuffer();
            ResultWriter writer(buffer);
            const Status status = plugin.apply(typename Base::Apply{tx, Ops(ops, n), flags}, writer, call);
            if (!status) return report(err, status.fail());
            return buffer.empty() ? AIP_OK : give(out, buffer, err);
        };
        const bool undoes = (tx != nullptr && *tx != nullptr) || (flags & AIP_TX_ROLLBACK) != 0;
        return undoes ? conclude<Class>(inst, raw, err, body) : operate<Class>(inst, raw, err, body);
    }
    static aip_status migrate(void* inst, const aip_call* raw, aip_str schemaJson, std::int32_t up, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto status = plugin.migrate(view(schemaJson), up != 0 ? Base::Migrate::Up : Base::Migrate::Tell, call);
            if (!status) return report(err, status.fail());
            std::string pending = "[";
            for (const auto& step : status->pending) {
                if (pending.size() > 1) pending.push_back(',');
                pending += Fields().integer("number", step.number).text("name", step.name).json();
            }
            return give(out,
                        Fields().integer("current", status->current).integer("wanted", status->wanted).raw("pending", pending + "]").json(),
                        err);
        });
    }
    static aip_status watch(void* inst, const aip_call* raw, void (*fn)(void*), void* arg, aip_error* err) {
        return operate<Class>(inst, raw, err,
                              [&](Class& plugin, const Call& call) { return report(err, plugin.watch([fn, arg] { fn(arg); }, call)); });
    }
    static aip_status backup(void* inst, const aip_call* raw, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) {
            return report(err,
                          plugin.backup([out](std::string_view piece) { return out.put(out.ctx, piece.data(), piece.size()) == 0; }, call));
        });
    }
    static aip_status restore(void* inst, const aip_call* raw, std::int64_t (*read)(void*, void*, std::size_t), void* ctx, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) {
            return report(err, plugin.restore([read, ctx](void* into, std::size_t n) { return read(ctx, into, n); }, call));
        });
    }
    static constexpr aip_storage_ops ops() {
        aip_storage_ops table{};
        table.size = sizeof table;
        table.apply = apply;
        table.migrate = migrate;
        table.watch = overridden<decltype(&Class::watch), decltype(&Base::watch)> ? watch : nullptr;
        table.backup = backup;
        table.restore = restore;
        return table;
    }
};

template <class Class>
struct Operations<Class, AIP_KIND_JOB> {
    static aip_status describe(void* inst, aip_sink json, aip_error* err) {
        return conclude<Class>(inst, nullptr, err, [&](Class& plugin, const Call&) {
            const JobAbilities can = plugin.abilities();
            return give(json, Fields().integer("interval_seconds", can.intervalSeconds).text("doc", can.doc).json(), err);
        });
    }
    static aip_status run(void* inst, const aip_call* raw, aip_str cursor, aip_sink out, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto slice = plugin.run(view(cursor), call);
            if (!slice) return report(err, slice.fail());
            return give(out, Fields().text("cursor", slice->cursor).integer("processed", slice->processed).json(), err);
        });
    }
    static constexpr aip_job_ops ops() {
        aip_job_ops table{};
        table.size = sizeof table;
        table.run = run;
        return table;
    }
};

template <class Class>
struct Operations<Class, AIP_KIND_SECRETS> {
    static aip_status describe(void* inst, aip_sink json, aip_error* err) {
        return conclude<Class>(inst, nullptr, err, [&](Class&, const Call&) { return give(json, "{}", err); });
    }
    static aip_status put(void* inst, const aip_call* raw, aip_str path, aip_str secret, aip_sink version, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto newest = plugin.put(view(path), view(secret), call);
            return newest.ok() ? give(version, *newest, err) : report(err, newest.fail());
        });
    }
    static aip_status get(void* inst, const aip_call* raw, aip_str path, aip_str version, aip_sink secret, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto held = plugin.get(view(path), view(version), call);
            return held.ok() ? give(secret, held->view(), err) : report(err, held.fail());
        });
    }
    static aip_status remove(void* inst, const aip_call* raw, aip_str path, aip_error* err) {
        return operate<Class>(inst, raw, err,
                              [&](Class& plugin, const Call& call) { return report(err, plugin.remove(view(path), call)); });
    }
    static aip_status versions(void* inst, const aip_call* raw, aip_str path, aip_sink json, aip_error* err) {
        return operate<Class>(inst, raw, err, [&](Class& plugin, const Call& call) -> aip_status {
            const auto held = plugin.versions(view(path), call);
            return held.ok() ? give(json, Fields().list("versions", *held).json(), err) : report(err, held.fail());
        });
    }
    static constexpr aip_secrets_ops ops() {
        aip_secrets_ops table{};
        table.size = sizeof table;
        table.put = put;
        table.get = get;
        table.remove = remove;
        table.versions = versions;
        return table;
    }
};

/// The operations table of a class: one object with static storage.
template <class Class>
inline constexpr auto kOps = Operations<Class>::ops();

struct About {
    std::uint32_t flags;
    const char* name;
    const char* version;
    const char* vendor;
    const char* schema;
};

template <class Class>
constexpr aip_plugin descriptor(const About& about) {
    aip_plugin made{};
    made.size = sizeof made;
    made.abi_major = AIP_ABI_MAJOR;
    made.abi_minor = AIP_ABI_MINOR;
    made.min_host_minor = 0;
    made.kind = Class::kKind;
    made.flags = about.flags;
    made.name = about.name;
    made.version = about.version;
    made.vendor = about.vendor;
    made.config_schema_json = about.schema;
    made.create = Life<Class>::create;
    made.start = Life<Class>::start;
    made.reconfigure = (about.flags & AIP_F_RECONFIGURE) != 0 ? Life<Class>::reconfigure : nullptr;
    made.health = Life<Class>::health;
    made.describe = Operations<Class>::describe;
    made.stop = Life<Class>::stop;
    made.destroy = Life<Class>::destroy;
    made.ops = &kOps<Class>;
    return made;
}

}  // namespace aip::detail
