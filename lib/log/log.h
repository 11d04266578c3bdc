#pragma once
/// What a daemon tells its keeper: one line an event on stderr, text or JSON. Off until set up, so
/// that a command's own output stays clean. Safe for concurrent use; a line is one write.
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kiln::log {

enum class Level { kDebug, kInfo, kWarning, kError, kOff };
enum class Format { kText, kJson };

std::optional<Level> level_from(std::string_view word);  ///< "debug" "info" "warning" "error"

void set_up(Format format, Level least);
void set_level(Level least);

using Field = std::pair<std::string_view, std::string>;
/// `event` is a few words that stay the same: "agent connected". Values may be any bytes; secrets
/// never are.
void line(Level level, std::string_view event, std::initializer_list<Field> fields = {});

/// The line as it is written, without its newline; for tests.
std::string render(Format format, std::string_view time, Level level, std::string_view event,
                   std::initializer_list<Field> fields);

}  // namespace kiln::log
