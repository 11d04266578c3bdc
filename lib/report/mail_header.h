#pragma once
/// Header fields of a mail as RFC 5322 and RFC 2047 ask for. Pure.
#include <string>
#include <string_view>

namespace kiln::report {

/// "Subject: ..." in lines of at most 72 columns, folded at blanks; words that are no ASCII become
/// encoded words. Never more than one field, whatever `text` holds. Ends with a newline.
std::string mail_subject(std::string_view text);

/// "<id>" when it is a message id as RFC 5322 has it, else "": an id that no program understands
/// would break the thread.
std::string message_id_field(std::string_view id);

/// The fields that tell of a body with other characters than ASCII; "" when it has none.
std::string mime_fields(std::string_view body);

}  // namespace kiln::report
