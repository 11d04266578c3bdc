/// The readers of single values.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lib/base/text.h"
#include "lib/conf/read.h"
#include "lib/conf/scalar.h"

namespace kiln::conf {
namespace {

namespace fs = std::filesystem;

/// The value as text, or why it is none.
Result<std::string> take_text(const Node& node, const std::string& wanted) {
  const Value& value = node.value();
  if (value.type != Value::Type::kText || value.text.empty()) return fail(node.wrong_type(wanted));
  if (is_number(value) || is_boolean(value)) {
    return fail(std::move(node.wrong_type(wanted))
                    .with_hint(fmt::format("if text is meant, quote it: \"{}\"", value.text)));
  }
  return value.text;
}

Result<std::string> take_line(const Node& node, const std::string& wanted) {
  KILN_ASSIGN(std::string line, take_text(node, wanted));
  if (line.find('\n') != std::string::npos || line.find('\0') != std::string::npos) {
    return fail(node.error("expected one line of text, got several"));
  }
  return line;
}

std::string format_list(const std::vector<std::string>& items) {
  return "[" + join(items, ", ") + "]";
}

Status check_path(const Node& node, const fs::path& path, PathKind kind) {
  if (kind == PathKind::kAny) return {};
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) {
    return fail(node.error(fmt::format("{} does not exist", path.string())));
  }
  if (code)
    return fail(node.error(fmt::format("cannot look at {}: {}", path.string(), code.message())));
  const bool folder = fs::is_directory(status);
  const bool file = fs::is_regular_file(status);
  if (kind == PathKind::kFile && !file) {
    return fail(node.error(fmt::format("{} is not a file", path.string())));
  }
  if (kind == PathKind::kFolder && !folder) {
    return fail(node.error(fmt::format("{} is not a folder", path.string())));
  }
  if (!folder && !file) {
    return fail(node.error(fmt::format("{} is neither a file nor a folder", path.string())));
  }
  return {};
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || text[0] == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

Read text(std::string* out) {
  return {"text",
          *out,
          [out](const Node& node) -> Status {
            KILN_ASSIGN(*out, take_line(node, "text"));
            return {};
          },
          {}};
}

Read name(std::string* out) {
  return {"a name",
          *out,
          [out](const Node& node) -> Status {
            KILN_ASSIGN(*out, take_line(node, "a name"));
            if (is_name(*out)) return {};
            return fail(
                node.error("a name has only a-z, 0-9 and -, at most 64 of them, and does "
                           "not begin with -"));
          },
          {}};
}

Read text_list(std::vector<std::string>* out) {
  return {"a list of text",
          format_list(*out),
          [out](const Node& node) -> Status {
            if (node.value().type != Value::Type::kList) {
              return fail(node.wrong_type("a list of text"));
            }
            std::vector<std::string> items;
            for (size_t i = 0; i < node.value().items.size(); ++i) {
              KILN_ASSIGN(std::string item, take_line(node.item(i), "text"));
              items.push_back(std::move(item));
            }
            *out = std::move(items);
            return {};
          },
          {}};
}

Read boolean(bool* out) {
  return {"true or false",
          *out ? "true" : "false",
          [out](const Node& node) -> Status {
            if (!is_boolean(node.value())) return fail(node.wrong_type("true or false"));
            *out = node.value().text == "true";
            return {};
          },
          {}};
}

Read integer(int* out, int low, int high) {
  return {fmt::format("a whole number, {} to {}", low, high),
          std::to_string(*out),
          [=](const Node& node) -> Status {
            if (!is_number(node.value())) return fail(node.wrong_type("a whole number"));
            const auto number = as_integer(node.value());
            if (!number || *number < low || *number > high) {
              return fail(node.error(fmt::format("must be a whole number from {} to {}, got {}",
                                                 low, high, node.value().text)));
            }
            *out = static_cast<int>(*number);
            return {};
          },
          {}};
}

Read integer64(uint64_t* out, uint64_t high) {
  return {fmt::format("a whole number, 0 to {}", high),
          std::to_string(*out),
          [=](const Node& node) -> Status {
            if (!is_number(node.value())) return fail(node.wrong_type("a whole number"));
            const auto number = as_unsigned(node.value());
            if (!number || *number > high) {
              return fail(node.error(fmt::format("must be a whole number from 0 to {}, got {}",
                                                 high, node.value().text)));
            }
            *out = *number;
            return {};
          },
          {}};
}

Read real(double* out, double low, double high) {
  return {fmt::format("a number, {} to {}", low, high),
          fmt::format("{}", *out),
          [=](const Node& node) -> Status {
            if (!is_number(node.value())) return fail(node.wrong_type("a number"));
            const auto number = as_real(node.value());
            if (!number || *number < low || *number > high) {
              return fail(node.error(fmt::format("must be a number from {} to {}, got {}", low,
                                                 high, node.value().text)));
            }
            *out = *number;
            return {};
          },
          {}};
}

Read duration(Millis* out, Millis low, Millis high) {
  return {
      fmt::format("a duration, {} to {}", format_duration(low), format_duration(high)),
      format_duration(*out),
      [=](const Node& node) -> Status {
        const Value& value = node.value();
        if (value.type != Value::Type::kText) return fail(node.wrong_type("a duration"));
        const auto parsed = parse_duration(value.text);
        if (!parsed) {
          return fail(std::move(node.wrong_type("a duration"))
                          .with_hint(as_unsigned(value) ? fmt::format("add a unit: {}s", value.text)
                                                        : std::string("like 90s, 10m or 1h30m")));
        }
        if (*parsed < low || *parsed > high) {
          return fail(node.error(fmt::format("must be from {} to {}, got {}", format_duration(low),
                                             format_duration(high), value.text)));
        }
        *out = *parsed;
        return {};
      },
      {}};
}

Read size(uint64_t* out, uint64_t low, uint64_t high) {
  return {fmt::format("a size, {} to {}", format_size(low), format_size(high)),
          format_size(*out),
          [=](const Node& node) -> Status {
            const Value& value = node.value();
            if (value.type != Value::Type::kText) return fail(node.wrong_type("a size"));
            const auto parsed = parse_size(value.text);
            if (!parsed) {
              return fail(std::move(node.wrong_type("a size"))
                              .with_hint(as_unsigned(value)
                                             ? fmt::format("add a unit: {}MiB", value.text)
                                             : std::string("like 512MiB or 2GiB")));
            }
            if (*parsed < low || *parsed > high) {
              return fail(node.error(fmt::format("must be from {} to {}, got {}", format_size(low),
                                                 format_size(high), value.text)));
            }
            *out = *parsed;
            return {};
          },
          {}};
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  if (folder.empty()) return true;
  const auto [end, ignored] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end();
}

Read path(std::string* out, PathKind kind) {
  const char* type = "a path";
  if (kind == PathKind::kFile) type = "a file's path";
  if (kind == PathKind::kFolder) type = "a folder's path";
  return {type,
          *out,
          [out, kind, type](const Node& node) -> Status {
            KILN_ASSIGN(const std::string written, take_line(node, type));
            const fs::path confines = node.document().confines();
            fs::path full = (fs::path(node.document().folder()) / written).lexically_normal();
            if (!confines.empty() && fs::path(written).is_absolute())
              full = (confines / fs::path(written).relative_path()).lexically_normal();
            if (!full.has_filename()) full = full.parent_path();  // "folder/"
            if (!is_inside(full, confines)) return fail(node.error("leads out of the job's files"));
            KILN_TRY(check_path(node, full, kind));
            *out = full.string();
            return {};
          },
          {}};
}

}  // namespace kiln::conf
