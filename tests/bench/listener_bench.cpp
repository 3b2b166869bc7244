/// Our listener with a handler that does nothing, to be compared with floor (which signs) and with a bare server under the
/// same load: listener_bench [threads]. Prints its port and serves until it is killed.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "http/listener.h"

int main(int argc, char** argv) {
    namespace http = agentidp::http;
    http::ListenerOptions options;
    options.addresses = {"127.0.0.1:0"};
    options.threads = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 0;
    options.maxConnections = 20'000;
    auto listener = http::Listener::open(std::move(options), [](http::Request&&, http::Respond respond) {
        http::Response response;
        response.headers.add("Content-Type", "application/json");
        response.body = R"({"ok":true})";
        respond(std::move(response));
    });
    if (!listener) {
        std::cerr << listener.error().hint << "\n";
        return 1;
    }
    (*listener)->start();
    std::cout << (*listener)->endpoints().front().port << std::endl;
    pause();
}
