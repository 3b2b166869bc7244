/// TLS of the listener: versions, client certificates, what is no TLS at all, new certificates without a restart.
#include <cppunit/extensions/HelperMacros.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <fstream>

#include "base/guarded.h"
#include "certificates.h"
#include "raw_client.h"

namespace agentidp::http::tests {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A client that trusts `authority`, on a blocking socket.
class TlsClient {
public:
    struct Wish {
        int lowest = TLS1_2_VERSION;
        int highest = TLS1_3_VERSION;
        const char* ciphers = nullptr;
        const Authority::Leaf* certificate = nullptr;
        std::string_view protocols = {};  ///< ALPN, wire format
    };
    TlsClient(std::uint16_t port, const Authority& authority) : TlsClient(port, authority, Wish()) {}
    TlsClient(std::uint16_t port, const Authority& authority, const Wish& wish)
        : raw_(port), context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free), session_(nullptr, &SSL_free) {
        SSL_CTX_set_security_level(context_.get(), 0);
        SSL_CTX_set_min_proto_version(context_.get(), wish.lowest);
        SSL_CTX_set_max_proto_version(context_.get(), wish.highest);
        SSL_CTX_load_verify_file(context_.get(), authority.certificateFile().c_str());
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        if (wish.ciphers != nullptr) CPPUNIT_ASSERT_EQUAL(1, SSL_CTX_set_cipher_list(context_.get(), wish.ciphers));
        if (wish.certificate != nullptr) {
            SSL_CTX_use_certificate_file(context_.get(), wish.certificate->certificateFile.c_str(), SSL_FILETYPE_PEM);
            SSL_CTX_use_PrivateKey_file(context_.get(), wish.certificate->keyFile.c_str(), SSL_FILETYPE_PEM);
        }
        session_.reset(SSL_new(context_.get()));
        if (!wish.protocols.empty()) {
            SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>(wish.protocols.data()),
                                static_cast<unsigned>(wish.protocols.size()));
        }
        SSL_set_fd(session_.get(), raw_.descriptor());
        ERR_clear_error();
        connected_ = SSL_connect(session_.get()) == 1;
    }

    [[nodiscard]] bool connected() const { return connected_; }
    /// The whole answer, or nothing where the server ended the connection. In TLS 1.3 a refused certificate shows only here.
    std::string ask(std::string_view request) {
        std::size_t moved = 0;
        if (!connected_ || SSL_write_ex(session_.get(), request.data(), request.size(), &moved) != 1) return {};
        std::string all;
        std::array<char, 4096> bytes{};
        while (all.find("\r\n\r\n") == std::string::npos || !whole(all)) {
            if (SSL_read_ex(session_.get(), bytes.data(), bytes.size(), &moved) != 1) break;
            all.append(bytes.data(), moved);
        }
        return all;
    }
    SSL* session() { return session_.get(); }
    RawClient& raw() { return raw_; }
    [[nodiscard]] std::string serverName() const {
        std::array<char, 64> name{};
        const X509* leaf = SSL_get0_peer_certificate(session_.get());
        X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, name.data(), static_cast<int>(name.size()));
        return name.data();
    }

private:
    static bool whole(const std::string& all) {
        const auto at = all.find("Content-Length: ");
        return at == std::string::npos || all.size() >= all.find("\r\n\r\n") + 4 + std::stoul(all.substr(at + 16));
    }
    RawClient raw_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> session_;
    bool connected_ = false;
};

}  // namespace

class TlsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TlsTest);
    CPPUNIT_TEST(row56SpeaksTls12And13Only);
    CPPUNIT_TEST(row56OffersForwardSecretCiphersOnly);
    CPPUNIT_TEST(row56AnswersPlainTextWith400);
    CPPUNIT_TEST(row56EndsFuzzedHellosAndSlowHandshakes);
    CPPUNIT_TEST(row56RefusesRenegotiation);
    CPPUNIT_TEST(row13TellsTheClientsCertificate);
    CPPUNIT_TEST(row13RefusesCertificatesThatDoNotVerify);
    CPPUNIT_TEST(requiresACertificateWhereToldTo);
    CPPUNIT_TEST(agreesOnHttp11Only);
    CPPUNIT_TEST(takesNewCertificatesForNewConnections);
    CPPUNIT_TEST(refusesFilesItCannotUse);
    CPPUNIT_TEST(sendsLargeAnswers);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<Authority> authority_;
    Authority::Leaf server_;
    base::Guarded<std::vector<std::string>> failures_;

    std::unique_ptr<Listener> serveTls(ClientCertificates mode = ClientCertificates::Ignore, Handler handler = tellPeer) {
        ListenerOptions options = loopback();
        options.deadlines.handshake = base::milliseconds(300);
        options.tls = TlsOptions{server_.certificateFile, server_.keyFile,
                                 mode == ClientCertificates::Ignore ? "" : authority_->certificateFile(), mode};
        options.events.handshakeFailed = [this](std::string_view why) { failures_.lock()->emplace_back(why); };
        return serve(std::move(options), std::move(handler));
    }
    static void tellPeer(Request&& request, Respond respond) {
        Response response;
        response.body = std::string(request.peer.tls ? "tls|" : "plain|") + request.peer.clientCertificateDer;
        respond(std::move(response));
    }
    static TlsOptions files(const std::string& certificate, const std::string& key) {
        return {certificate, key, "", ClientCertificates::Ignore};
    }
    static std::string bodyOf(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

public:
    void setUp() override {
        authority_ = std::make_unique<Authority>("Test CA");
        server_ = authority_->issue("server", Authority::Use::Server);
        failures_.lock()->clear();
    }
    void tearDown() override { authority_.reset(); }

    void row56SpeaksTls12And13Only() {
        const auto listener = serveTls();
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            TlsClient client(portOf(*listener), *authority_, {.lowest = version, .highest = version});
            CPPUNIT_ASSERT(client.connected());
            CPPUNIT_ASSERT_EQUAL(std::string("tls|"), bodyOf(client.ask(kGet)));
            CPPUNIT_ASSERT_EQUAL(std::string("tls|"), bodyOf(client.ask(kGet)));
        }
        for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
            TlsClient client(portOf(*listener), *authority_, {.lowest = version, .highest = version, .ciphers = "ALL:@SECLEVEL=0"});
            CPPUNIT_ASSERT(!client.connected());
            CPPUNIT_ASSERT(ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
        }
    }

    void row56OffersForwardSecretCiphersOnly() {
        const auto listener = serveTls();
        for (const char* ciphers : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "NULL:@SECLEVEL=0"}) {
            TlsClient client(portOf(*listener), *authority_, {.highest = TLS1_2_VERSION, .ciphers = ciphers});
            CPPUNIT_ASSERT_MESSAGE(ciphers, !client.connected());
        }
        TlsClient client(portOf(*listener), *authority_, {.highest = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305"});
        CPPUNIT_ASSERT(client.connected());
    }

    void row56AnswersPlainTextWith400() {
        const auto listener = serveTls();
        for (const std::string_view request : {kGet, std::string_view("DELETE /x HTTP/1.1\r\n\r\n")}) {
            RawClient client(portOf(*listener));
            CPPUNIT_ASSERT(client.send(request));
            const Answer answer = client.read();
            CPPUNIT_ASSERT_EQUAL(400, answer.status);
            CPPUNIT_ASSERT_EQUAL(std::string("this port speaks TLS\n"), answer.body);
            CPPUNIT_ASSERT(client.ended());
        }
    }

    void row56EndsFuzzedHellosAndSlowHandshakes() {
        const auto listener = serveTls();
        RawClient fuzzed(portOf(*listener));
        CPPUNIT_ASSERT(fuzzed.send(std::string("\x16\x03\x01\x00\x05\xff\xff\xff\xff\xff", 10)));
        const std::string alert = fuzzed.readToEnd();
        CPPUNIT_ASSERT(alert.size() >= 7 && alert[0] == 0x15);
        RawClient silent(portOf(*listener));
        CPPUNIT_ASSERT(silent.ended());
        RawClient half(portOf(*listener));
        CPPUNIT_ASSERT(half.send(std::string("\x16\x03\x01\x02\x00\x01", 6)));
        CPPUNIT_ASSERT(half.ended());
        CPPUNIT_ASSERT(failures_.lock()->size() >= 2);
    }

    void row56RefusesRenegotiation() {
        const auto listener = serveTls();
        TlsClient client(portOf(*listener), *authority_, {.highest = TLS1_2_VERSION});
        CPPUNIT_ASSERT(client.connected());
        SSL_renegotiate(client.session());
        CPPUNIT_ASSERT(SSL_do_handshake(client.session()) != 1 || client.ask(kGet).empty());
    }

    void row13TellsTheClientsCertificate() {
        const auto listener = serveTls(ClientCertificates::Request);
        const auto leaf = authority_->issue("agent", Authority::Use::Client);
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            TlsClient with(portOf(*listener), *authority_, {.lowest = version, .highest = version, .certificate = &leaf});
            CPPUNIT_ASSERT("tls|" + leaf.der == bodyOf(with.ask(kGet)));
            TlsClient without(portOf(*listener), *authority_, {.lowest = version, .highest = version});
            CPPUNIT_ASSERT_EQUAL(std::string("tls|"), bodyOf(without.ask(kGet)));
        }
    }

    void row13RefusesCertificatesThatDoNotVerify() {
        const auto listener = serveTls(ClientCertificates::Request);
        Authority stranger("Stranger");
        const auto foreign = stranger.issue("agent", Authority::Use::Client);
        const auto expired = authority_->issue("expired", Authority::Use::ExpiredClient);
        const auto wrongUse = authority_->issue("wronguse", Authority::Use::Server);
        for (const auto* leaf : {&foreign, &expired, &wrongUse}) {
            for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
                TlsClient client(portOf(*listener), *authority_, {.lowest = version, .highest = version, .certificate = leaf});
                CPPUNIT_ASSERT(client.ask(kGet).empty());
            }
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, listener->statistics().requests);
    }

    void requiresACertificateWhereToldTo() {
        const auto listener = serveTls(ClientCertificates::Require);
        TlsClient without(portOf(*listener), *authority_);
        CPPUNIT_ASSERT(without.ask(kGet).empty());
        const auto leaf = authority_->issue("agent", Authority::Use::Client);
        TlsClient with(portOf(*listener), *authority_, {.certificate = &leaf});
        CPPUNIT_ASSERT("tls|" + leaf.der == bodyOf(with.ask(kGet)));
    }

    void agreesOnHttp11Only() {
        const auto listener = serveTls();
        TlsClient both(portOf(*listener), *authority_, {.protocols = "\x02h2\x08http/1.1"});
        CPPUNIT_ASSERT(both.connected());
        const unsigned char* chosen = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(both.session(), &chosen, &size);
        CPPUNIT_ASSERT(std::string_view(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
        TlsClient h2(portOf(*listener), *authority_, {.protocols = "\x02h2"});
        CPPUNIT_ASSERT(!h2.connected());
    }

    void takesNewCertificatesForNewConnections() {
        const auto listener = serveTls();
        TlsClient before(portOf(*listener), *authority_);
        CPPUNIT_ASSERT_EQUAL(std::string("server"), before.serverName());
        const auto next = authority_->issue("next", Authority::Use::Server);
        CPPUNIT_ASSERT(!listener->reloadTls(files(next.certificateFile, server_.keyFile)).ok());
        TlsClient still(portOf(*listener), *authority_);
        CPPUNIT_ASSERT_EQUAL(std::string("server"), still.serverName());
        CPPUNIT_ASSERT(listener->reloadTls(files(next.certificateFile, next.keyFile)).ok());
        TlsClient after(portOf(*listener), *authority_);
        CPPUNIT_ASSERT_EQUAL(std::string("next"), after.serverName());
        CPPUNIT_ASSERT_EQUAL(std::string("tls|"), bodyOf(before.ask(kGet)));
    }

    void refusesFilesItCannotUse() {
        const auto refused = [](const TlsOptions& options) {
            const auto loaded = TlsContext::load(options);
            return !loaded.ok() && loaded.error().code == base::Errc::Invalid;
        };
        const std::string absent = (authority_->folder() / "absent.pem").string();
        const std::string empty = (authority_->folder() / "empty.pem").string();
        std::ofstream(empty).flush();
        CPPUNIT_ASSERT(refused(files(absent, server_.keyFile)));
        CPPUNIT_ASSERT(refused(files(empty, server_.keyFile)));
        CPPUNIT_ASSERT(refused(files(server_.certificateFile, absent)));
        const auto with = [&](const std::string& ca) {
            return TlsOptions{server_.certificateFile, server_.keyFile, ca, ClientCertificates::Request};
        };
        CPPUNIT_ASSERT(refused(with("")) && refused(with(absent)) && refused(with(empty)));
        CPPUNIT_ASSERT(!refused(with(authority_->certificateFile())));
        const auto plain = serve();
        CPPUNIT_ASSERT(plain->reloadTls({server_.certificateFile, server_.keyFile, "", ClientCertificates::Ignore}).error().code ==
                       base::Errc::Unsupported);
    }

    void sendsLargeAnswers() {
        const std::string large(5U << 20U, 'x');
        const auto listener = serveTls(ClientCertificates::Ignore, [&](Request&&, Respond respond) {
            Response response;
            response.body = large;
            respond(std::move(response));
        });
        TlsClient client(portOf(*listener), *authority_);
        CPPUNIT_ASSERT(bodyOf(client.ask(kGet)) == large);
        CPPUNIT_ASSERT(bodyOf(client.ask(kGet)) == large);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TlsTest);

}  // namespace agentidp::http::tests
