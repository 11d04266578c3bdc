#pragma once
/// Which computer this is.
#include <string>

namespace kiln::os {

/// The same for all processes of a computer and over its reboots: /etc/machine-id, else the name.
std::string host_id();

/// The file that this process runs; "" = not known.
std::string own_program();

}  // namespace kiln::os
