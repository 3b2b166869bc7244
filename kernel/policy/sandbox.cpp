#include "policy/sandbox.h"

#include <array>
#include <utility>

#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr std::size_t kCollectAfter = 256U * 1024U;  ///< bytes over a pooled state's baseline
constexpr std::size_t kUncapped = ~std::size_t{0};

/// One arena is kept by each thread, so that a fresh state costs no heap.
thread_local std::unique_ptr<Arena> spareArena;

}  // namespace

std::string_view nameOf(Restriction restriction) {
    constexpr std::array<std::string_view, kRestrictions> kNames{
#define AGENTIDP_SANDBOX_RESTRICTION(id, without) #id,
#include "policy/sandbox.def"
#undef AGENTIDP_SANDBOX_RESTRICTION
    };
    return kNames[static_cast<std::size_t>(restriction)];
}

State::State(const Environment& environment) : environment_(environment), arena_(std::move(spareArena)) {
    if (!arena_) arena_ = std::make_unique<Arena>();
}

State::~State() {
    arena_->reset();
    if (!spareArena) spareArena = std::move(arena_);
}

bool State::mayGrow(const void* block, std::size_t old, std::size_t wanted, std::size_t tag) {
    if (block == nullptr && tag == LUA_TSTRING && wanted > kMostString + 64 && !without(Restriction::StringSize)) return false;
    return refusals_ <= kMostCollections && inUse_ + (wanted - old) <= cap_;
}

void* State::allocate(void* self, void* block, std::size_t old, std::size_t wanted) {
    auto& state = *static_cast<State*>(self);
    if (wanted == 0) {
        if (block != nullptr) {
            state.arena_->release(block, old);
            state.inUse_ -= old;
        }
        return nullptr;
    }
    const std::size_t tag = block == nullptr ? std::exchange(old, 0) : 0;  // without a block Lua tells what it is for instead
    if (wanted > old && !state.mayGrow(block, old, wanted, tag)) {
        ++state.refusals_;
        return nullptr;
    }
    void* fresh = state.arena_->resize(block, old, wanted);
    if (fresh == nullptr) return nullptr;
    state.inUse_ += wanted - old;
    if (wanted <= old) return fresh;
    state.peak_ = std::max(state.peak_, state.inUse_);
    state.allocated_ += wanted - old;
    if (state.lua_ != nullptr && state.armed_ > 1) {
        if (wanted >= kLargeBlock && !state.without(Restriction::FinerHook)) state.fine_ = true;
        if (state.allocated_ - state.charged_ > kLookAfterBytes) state.arm(1);
        if (state.fine_ && state.armed_ > kHookEveryFine) state.arm(kHookEveryFine);
    }
    return fresh;
}

void State::arm(int every) {
    armed_ = every;
    const bool lines = options_->coverage != nullptr || options_->trace;
    lua_sethook(lua_, &State::onHook, LUA_MASKCOUNT | (lines ? LUA_MASKLINE : 0), every);
}

void State::onHook(lua_State* lua, lua_Debug* at) {
    State& state = of(lua);
    if (at->event == LUA_HOOKLINE) {
        if (state.options_->coverage != nullptr) ++state.options_->coverage->hits[at->currentline];
        if (state.options_->trace) state.options_->trace(at->currentline);
        return;
    }
    state.units_ += state.armed_;
    lua_Debug deepest{};
    if (lua_getstack(lua, kMostDepth, &deepest) != 0 && !state.without(Restriction::CallDepth))
        state.stop(FailureKind::Runtime, "calls nested deeper than 200");
    state.look();
    const int every = state.fine_ ? kHookEveryFine : kHookEvery;
    if (state.armed_ != every) state.arm(every);
}

void State::look() {
    sinceLook_ = 0;
    const auto fresh = allocated_ - std::exchange(charged_, allocated_);
    if (!without(Restriction::AllocationCharges)) units_ += static_cast<std::int64_t>(fresh / kAllocatedPerUnit);
    if (units_ > options_->budget.units && !without(Restriction::Units)) stop(FailureKind::Units, "more work than its budget of units");
    lookAtClock();
}

void State::lookAtClock() {
    if (std::chrono::steady_clock::now() > deadline_ && !without(Restriction::Wall)) stop(FailureKind::Deadline, "longer than its budget");
}

void State::charge(std::int64_t units) {
    if (without(Restriction::HostCharges)) return;
    units_ += units;
    sinceLook_ += units;
    if (units_ > options_->budget.units || sinceLook_ > kUnitsPerLook) look();
}

std::string State::here(int level) const {
    for (lua_Debug at{}; lua_getstack(lua_, level, &at) != 0; ++level) {
        lua_getinfo(lua_, "Sl", &at);
        if (at.currentline > 0) return environment_.file + ":" + std::to_string(at.currentline) + ": ";
    }
    return environment_.file + ": ";
}

void State::stop(FailureKind kind, const std::string& text) {
    if (!ended_) ended_ = Failure{kind, (here(0) + text).substr(0, kMostErrorText)};
    arm(1);  // whoever caught this would be stopped at the next instruction
    lua_pushnil(lua_);
    lua_error(lua_);
    std::abort();  // lua_error does not return; its declaration does not say so
}

Failure State::failureOf(int status) {
    if (ended_) return *std::exchange(ended_, std::nullopt);
    if (status == LUA_ERRMEM) return {FailureKind::Memory, environment_.file + ": more memory than its budget"};
    if (status == LUA_ERRRUN && lua_type(lua_, -1) == LUA_TSTRING)
        return {FailureKind::Runtime, std::string(lua_tostring(lua_, -1)).substr(0, kMostErrorText)};
    return {FailureKind::Runtime, environment_.file + ": an error without a text"};
}

int State::trampoline(lua_State* lua) {
    State& state = of(lua);
    (*state.work_)(lua);
    return 0;
}

void State::open() {
    inUse_ = 0;
    lua_ = nullptr;
    fine_ = false;
    cap_ = kUncapped;
    lua_State* fresh = lua_newstate(&State::allocate, this);
    if (fresh == nullptr) throw std::bad_alloc();
    lua_ = fresh;
    *static_cast<State**>(lua_getextraspace(fresh)) = this;
    lua_gc(lua_, LUA_GCSTOP);  // a call's garbage goes with its state; only for want of memory Lua collects
    baseline_ = 0;
}

std::optional<Failure> State::run(const CallOptions& options, const std::function<void(lua_State*)>& work) {
    deadline_ = std::chrono::steady_clock::now() + options.budget.wall;
    options_ = &options;
    units_ = sinceLook_ = 0;
    refusals_ = 0;
    allocated_ = charged_ = 0;
    ended_.reset();
    logged.clear();
    work_ = &work;
    const bool opening = lua_ == nullptr;
    if (opening) open();
    cap_ = without(Restriction::Memory) ? kUncapped : options.budget.memory;
    peak_ = inUse_;
    arm(fine_ ? kHookEveryFine : kHookEvery);
    lua_settop(lua_, 0);
    lua_pushcfunction(lua_, &State::trampoline);
    const int status = lua_pcall(lua_, 0, 0, 0);
    if (!without(Restriction::AllocationCharges)) units_ += static_cast<std::int64_t>((allocated_ - charged_) / kAllocatedPerUnit);
    std::optional<Failure> failure;
    if (status != LUA_OK || ended_) failure = failureOf(status);
    return failure;
}

bool State::settle() {
    if (lua_ == nullptr) return false;
    if (baseline_ == 0) {
        baseline_ = inUse_;
    } else if (inUse_ > baseline_ + kCollectAfter) {
        lua_sethook(lua_, nullptr, 0, 0);
        lua_gc(lua_, LUA_GCCOLLECT);
        if (inUse_ > baseline_ + kCollectAfter || arena_->held() > cap_ / 2) return false;
    }
    return true;
}

}  // namespace agentidp::policy::sandbox
