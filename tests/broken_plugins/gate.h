#pragma once
/// @file tests/broken_plugins/gate.h
/// The host interface "gate.v1" by which a test holds a call inside the plugin `slow`.
namespace agentidp::tests {

struct Gate {
    void* self;
    void (*wait)(void* self);       ///< returns when the test opens the gate
    void (*sawCancel)(void* self);  ///< the call was cancelled when it came through
};

}  // namespace agentidp::tests
