#include "http/router.h"

#include <algorithm>
#include <array>
#include <optional>

namespace agentidp::http {
namespace {

constexpr std::size_t kMethods = 8;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::size_t indexOf(Method method) { return static_cast<std::size_t>(method); }

struct Node {
    std::vector<std::pair<std::string, std::size_t>> literals;  ///< segment -> node
    std::size_t parameter = kNone;
    std::size_t rest = kNone;
    std::array<std::size_t, kMethods> rows = [] {
        std::array<std::size_t, kMethods> none{};
        none.fill(kNone);
        return none;
    }();
    [[nodiscard]] bool ends() const {
        return std::any_of(rows.begin(), rows.end(), [](std::size_t row) { return row != kNone; });
    }
};

bool isName(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

// One table of nodes a way of matching, walked segment by segment.
class Trie {
public:
    base::Result<void> add(const Route& route, std::size_t row) {
        if (route.pattern.empty() || route.pattern.front() != '/')
            return base::fail(base::Errc::Invalid, "a route does not begin with '/': " + route.pattern);
        const auto segments = base::split(std::string_view(route.pattern).substr(1), '/');
        std::size_t at = 0;
        for (const auto& segment : segments) {
            const bool last = &segment == &segments.back();
            if (segment.empty() && segments.size() > 1)
                return base::fail(base::Errc::Invalid, "a route has an empty segment: " + route.pattern);
            if (segment.starts_with(':') || segment.starts_with('*')) {
                const bool rest = segment.front() == '*';
                if (!isName(std::string_view(segment).substr(1)) || (rest && !last))
                    return base::fail(base::Errc::Invalid, "a route has a malformed parameter: " + route.pattern);
                at = rest ? childFor(&Node::rest, at) : childFor(&Node::parameter, at);
            } else {
                at = literal(at, segment);
            }
        }
        auto& cell = nodes_[at].rows[indexOf(route.method)];
        if (cell != kNone) return base::fail(base::Errc::Invalid, "two routes cannot be told apart: " + route.pattern);
        cell = row;
        return {};
    }

    /// The node where the path ends, or kNone. `path` begins with '/'.
    [[nodiscard]] std::size_t find(std::string_view path) const { return walk(0, path.substr(1)); }
    [[nodiscard]] const Node& node(std::size_t at) const { return nodes_[at]; }

private:
    std::size_t childFor(std::size_t Node::*slot, std::size_t at) {
        if (nodes_[at].*slot == kNone) {
            nodes_.emplace_back();
            nodes_[at].*slot = nodes_.size() - 1;
        }
        return nodes_[at].*slot;
    }
    std::size_t literal(std::size_t at, const std::string& segment) {
        for (const auto& [text, child] : nodes_[at].literals) {
            if (text == segment) return child;
        }
        nodes_.emplace_back();
        nodes_[at].literals.emplace_back(segment, nodes_.size() - 1);
        return nodes_.size() - 1;
    }

    // Depth is that of the table, not of the path: only table nodes are descended into.
    [[nodiscard]] std::size_t walk(std::size_t at, std::string_view rest) const {
        const Node& here = nodes_[at];
        const auto slash = rest.find('/');
        const auto segment = rest.substr(0, slash);
        const auto onward = [&](std::size_t child) {
            if (slash != std::string_view::npos) return walk(child, rest.substr(slash + 1));
            return nodes_[child].ends() ? child : kNone;
        };
        for (const auto& [text, child] : here.literals) {
            if (text != segment) continue;
            if (const auto found = onward(child); found != kNone) return found;
        }
        if (here.parameter != kNone && !segment.empty()) {
            if (const auto found = onward(here.parameter); found != kNone) return found;
        }
        return here.rest != kNone && !rest.empty() ? here.rest : kNone;
    }

    std::vector<Node> nodes_{1};
};

void readParams(std::string_view pattern, std::string_view path, RouteMatch& match) {
    while (!pattern.empty()) {
        pattern.remove_prefix(1);
        path.remove_prefix(1);
        const auto name = pattern.substr(0, pattern.find('/'));
        if (name.starts_with('*')) {
            match.params.emplace_back(name.substr(1), path);
            return;
        }
        const auto segment = path.substr(0, path.find('/'));
        if (name.starts_with(':')) match.params.emplace_back(name.substr(1), segment);
        pattern.remove_prefix(name.size());
        path.remove_prefix(segment.size());
    }
}

std::string allowList(const Node& node) {
    std::string allow;
    const auto add = [&](Method method) {
        if (!allow.empty()) allow += ", ";
        allow += nameOf(method);
    };
    for (std::size_t i = 0; i < indexOf(Method::Other); ++i) {
        const auto method = static_cast<Method>(i);
        const bool served = node.rows[i] != kNone || (method == Method::Head && node.rows[indexOf(Method::Get)] != kNone);
        if (served) add(method);
    }
    return allow;
}

}  // namespace

struct Router::Tree {
    std::vector<Route> table;
    std::vector<PathAlias> aliases;
    Trie exact;
    Trie relaxed;
    bool hasRelaxed = false;
};

Router::Router(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

base::Result<Router> Router::make(std::vector<Route> table, std::vector<PathAlias> aliases) {
    auto tree = std::make_unique<Tree>();
    tree->table = std::move(table);
    tree->aliases = std::move(aliases);
    for (std::size_t row = 0; row < tree->table.size(); ++row) {
        const Route& route = tree->table[row];
        if (route.method == Method::Other) return base::fail(base::Errc::Invalid, "a route needs a method: " + route.pattern);
        Route lowered = route;
        const bool relaxed = route.matching == PathMatching::AnyCaseAndSlash;
        if (relaxed) lowered.pattern = base::lower(route.pattern);
        tree->hasRelaxed = tree->hasRelaxed || relaxed;
        if (auto added = (relaxed ? tree->relaxed : tree->exact).add(lowered, row); !added) return std::move(added).error();
    }
    return Router(std::move(tree));
}

RouteMatch Router::match(Method method, std::string_view path) const {
    RouteMatch result;
    if (path.empty() || path.front() != '/') return result;
    std::string rewritten;
    for (const auto& alias : tree_->aliases) {
        if (!path.starts_with(alias.from)) continue;
        rewritten = alias.to;
        rewritten.append(path.substr(alias.from.size()));
        path = rewritten;
        break;
    }
    const Trie* trie = &tree_->exact;
    std::size_t at = trie->find(path);
    if (at == kNone && tree_->hasRelaxed) {
        if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
        trie = &tree_->relaxed;
        at = trie->find(base::lower(path));
    }
    if (at == kNone) return result;
    const Node& node = trie->node(at);
    std::size_t row = node.rows[indexOf(method)];
    if (row == kNone && method == Method::Head) row = node.rows[indexOf(Method::Get)];
    if (row == kNone) {
        result.kind = RouteMatch::Kind::NoSuchMethod;
        result.allow = allowList(node);
        const auto any = std::find_if(node.rows.begin(), node.rows.end(), [](std::size_t other) { return other != kNone; });
        result.pattern = tree_->table[*any].pattern;
        return result;
    }
    result.kind = RouteMatch::Kind::Found;
    result.route = row;
    result.pattern = tree_->table[row].pattern;
    readParams(result.pattern, path, result);
    return result;
}

std::string_view RouteMatch::param(std::string_view name) const {
    for (const auto& [key, value] : params) {
        if (key == name) return value;
    }
    return {};
}

}  // namespace agentidp::http
