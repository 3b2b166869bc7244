#pragma once
/// @file kernel/http/router.h
/// Method and path -> one row of the caller's table. Paths are compared as received: nothing is decoded, so `%2f` never
/// splits a segment and `..` is a name like any other. Immutable once made; any thread.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace agentidp::http {

enum class PathMatching {
    Exact,
    AnyCaseAndSlash,  ///< ASCII case and one trailing slash do not matter
};

/// One row. A pattern is literal segments, `:name` (one non-empty segment) and, last only, `*name` (the rest, non-empty).
/// A literal beats a `:name`, which beats a `*name`.
struct Route {
    Method method = Method::Get;
    std::string pattern;
    PathMatching matching = PathMatching::Exact;
};

/// `from` at the start of a path is read as `to`: {"/v1/", "/api/v1/"}.
struct PathAlias {
    std::string from;
    std::string to;
};

struct RouteMatch {
    enum class Kind { Found, NoSuchPath, NoSuchMethod };
    Kind kind = Kind::NoSuchPath;
    std::size_t route = 0;                                         ///< row in the table given; Found only
    std::string_view pattern;                                      ///< as in the table, also for NoSuchMethod; lives as long as the router
    std::string allow;                                             ///< for the Allow field; NoSuchMethod only
    std::vector<std::pair<std::string_view, std::string>> params;  ///< name and segment as received

    /// The segment of that name; empty if the pattern has none.
    [[nodiscard]] std::string_view param(std::string_view name) const;
};

class Router {
public:
    /// Errc::Invalid: a pattern that is malformed, or two rows that can not be told apart; the hint names it.
    [[nodiscard]] static base::Result<Router> make(std::vector<Route> table, std::vector<PathAlias> aliases = {});
    Router(Router&&) noexcept;
    Router& operator=(Router&&) noexcept;
    ~Router();

    /// HEAD is served by GET where it has no row of its own; OPTIONS is in no Allow list unless it has a row.
    [[nodiscard]] RouteMatch match(Method method, std::string_view path) const;

private:
    struct Tree;
    explicit Router(std::unique_ptr<Tree> tree);
    std::unique_ptr<Tree> tree_;
};

}  // namespace agentidp::http
