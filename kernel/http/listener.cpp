#include "http/listener.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "http/acceptor.h"
#include "http/connection.h"

namespace agentidp::http {
namespace {

// Signals are for the main thread; and OpenSSL writes with write(2), whose SIGPIPE would end the process.
void startThread(std::vector<std::thread>& threads, const std::function<void()>& body, std::size_t number) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    threads.emplace_back(body);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(threads.back().native_handle(), ("http-" + std::to_string(number)).c_str());
}

base::Result<void> check(const ListenerOptions& options) {
    const Deadlines& given = options.deadlines;
    for (const auto deadline : {given.handshake, given.head, given.body, given.idle, given.write, given.linger, given.patience}) {
        if (deadline.count() <= 0) return base::fail(base::Errc::Invalid, "a deadline of the listener is not positive");
    }
    if (options.addresses.empty()) return base::fail(base::Errc::Invalid, "the listener has no address");
    if (options.maxConnections == 0) return base::fail(base::Errc::Invalid, "server.max_connections is 0");
    return {};
}

}  // namespace

class Listener::Impl {
public:
    Impl(ListenerOptions options, Handler handler) {
        const unsigned threads = options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
        common.options = std::move(options);
        common.handler = std::move(handler);
        common.incompleteShare = common.options.incompleteBytes / threads;
        for (unsigned i = 0; i < threads; ++i) loops.push_back(std::make_unique<Loop>(common));
        acceptor = std::make_unique<Acceptor>(common, loops);
    }
    [[nodiscard]] std::uint64_t open() const {
        std::uint64_t sum = 0;
        for (const auto& loop : loops) sum += loop->open();
        return sum;
    }

    Common common;
    std::vector<std::unique_ptr<Loop>> loops;
    std::unique_ptr<Acceptor> acceptor;
    std::vector<Endpoint> endpoints;
    std::vector<std::thread> threads;
};

Listener::Listener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Listener::~Listener() { stop(); }

base::Result<std::unique_ptr<Listener>> Listener::open(ListenerOptions options, Handler handler) {
    if (auto checked = check(options); !checked) return std::move(checked).error();
    std::shared_ptr<const TlsContext> tls;
    if (options.tls) {
        auto loaded = TlsContext::load(*options.tls);
        if (!loaded) return std::move(loaded).error();
        tls = *loaded;
    }
    auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
    *impl->common.tls.write() = std::move(tls);
    for (const auto& address : impl->common.options.addresses) {
        auto endpoint = impl->acceptor->listen(address);
        if (!endpoint) return std::move(endpoint).error();
        impl->endpoints.push_back(*endpoint);
    }
    return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

const std::vector<Endpoint>& Listener::endpoints() const { return impl_->endpoints; }

void Listener::start() {
    impl_->acceptor->start();
    for (std::size_t i = 0; i < impl_->loops.size(); ++i) {
        startThread(
            impl_->threads, [loop = impl_->loops[i].get()] { loop->run(); }, i);
    }
}

base::Result<void> Listener::drain(base::milliseconds within) {
    const auto until = std::chrono::steady_clock::now() + within;
    impl_->common.draining.store(true);
    impl_->acceptor->finish();
    for (auto& loop : impl_->loops) loop->drain();
    std::unique_lock lock(impl_->common.emptyMutex);
    if (impl_->common.empty.wait_until(lock, until, [&] { return impl_->acceptor->finished() && impl_->open() == 0; })) return {};
    return base::fail(base::Errc::Deadline, std::to_string(impl_->open()) + " connections are still open");
}

void Listener::stop() {
    for (auto& loop : impl_->loops) loop->stop();
    for (auto& thread : impl_->threads) thread.join();
    impl_->threads.clear();
}

base::Result<void> Listener::reloadTls(const TlsOptions& options) {
    if (!*impl_->common.tls.read()) return base::fail(base::Errc::Unsupported, "this listener speaks no TLS");
    auto loaded = TlsContext::load(options);
    if (!loaded) return std::move(loaded).error();
    *impl_->common.tls.write() = *loaded;
    return {};
}

ListenerStatistics Listener::statistics() const {
    ListenerStatistics statistics;
    statistics.accepted = impl_->acceptor->accepted();
    statistics.turnedAway = impl_->acceptor->turnedAway();
    for (const auto& loop : impl_->loops) loop->addTo(statistics);
    return statistics;
}

}  // namespace agentidp::http
