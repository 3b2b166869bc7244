#include "sql/dialect.h"

namespace agentidp::sql {

void Dialect::quoted(std::string& out, std::string_view name) {
    out.push_back('"');
    for (const char c : name) {
        if (c == '"') out.push_back('"');
        out.push_back(c);
    }
    out.push_back('"');
}

void Dialect::oneOf(std::string& out, std::string_view column, std::size_t first, std::size_t count) const {
    quoted(out, column);
    out += " IN (";
    for (std::size_t i = 0; i < count; ++i) {
        if (i != 0) out.push_back(',');
        placeholder(out, first + i);
    }
    out.push_back(')');
}

}  // namespace agentidp::sql
