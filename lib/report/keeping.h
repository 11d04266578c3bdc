#pragma once
/// What people read of backups and of what was cleared away. Pure; hostile strings made harmless.
#include <string>

#include "kiln/v1/keeping.pb.h"

namespace kiln::report {

std::string backup_to_text(const v1::BackupReport& report);
std::string restore_to_text(const v1::RestoreReport& report);
std::string kept_to_text(const v1::ListKeptReply& reply);
std::string clear_to_text(const v1::ClearReport& report);

}  // namespace kiln::report
