// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file agentidp/plugin.hpp
/// The C++17 face of the plugin border, header-only over agentidp/plugin.h. A plugin is one class and one macro:
///
///     class Memory final : public aip::RateLimitPlugin {
///     public:
///         aip::Status configure(const aip::Config& config) override { shards_ = config.integer("shards", 16); return {}; }
///         aip::RateLimitAbilities abilities() const override { return {}; }
///         aip::Outcome<aip::Budget> take(const Take& what, const aip::Call& call) override;
///         ...
///     };
///     AGENTIDP_PLUGIN(RATELIMIT, Memory, "memory", "1.0.0", "AgentIdP", AIP_F_CONCURRENT,
///                     R"({"shards": {"type": "integer", "default": 16, "min": 1, "max": 256, "doc": "locks"}})")
///
/// Build it with the CMake function agentidp_add_plugin(ratelimit-memory SOURCES memory.cpp).
///
/// cpp/outcome.hpp         Fail, Status, Outcome<T>, Secret
/// cpp/host.hpp            Host, Call
/// cpp/config.hpp          Config (settings), Fields (a JSON object), quoted
/// cpp/storage_values.hpp  Ops, ResultWriter
/// cpp/kinds.hpp           KeysPlugin, RateLimitPlugin, StoragePlugin, JobPlugin, SecretsPlugin
///
/// What the wrapper does for every plugin: it catches every exception (AIP_E_INTERNAL), refuses calls that are cancelled or
/// past their deadline before they begin, parses settings and refuses those of a wrong type, reads structs of an older or
/// younger host by their size, and offers only the operations that the class overrides.
#include <agentidp/cpp/trampolines.hpp>

/// Once per shared object, in one .cpp, outside any namespace. KIND is KEYS, STORAGE, RATELIMIT, JOB or SECRETS; NAME is as in
/// the file name <kind>-<name>.so; FLAGS are AIP_F_*; SCHEMA_JSON is described at aip_plugin.config_schema_json.
#define AGENTIDP_PLUGIN(KIND, Class, NAME, VERSION, VENDOR, FLAGS, SCHEMA_JSON)                                        \
    AIP_PLUGIN_NOTE(AIP_KIND_##KIND);                                                                                  \
    static_assert(AIP_KIND_##KIND == Class::kKind, "the class derives from another kind than the macro names");        \
    static_assert(((FLAGS)&AIP_F_RECONFIGURE) == 0 ||                                                                  \
                      ::aip::detail::overridden<decltype(&Class::reconfigure), decltype(&::aip::Plugin::reconfigure)>, \
                  "AIP_F_RECONFIGURE needs a reconfigure method");                                                     \
    extern "C" __attribute__((visibility("default"))) const aip_plugin* agentidp_plugin_v1(void);                      \
    extern "C" const aip_plugin* agentidp_plugin_v1(void) {                                                            \
        static constexpr aip_plugin kDescriptor =                                                                      \
            ::aip::detail::descriptor<Class>(::aip::detail::About{(FLAGS), NAME, VERSION, VENDOR, SCHEMA_JSON});       \
        return &kDescriptor;                                                                                           \
    }
