#pragma once
/// gRPC's own complaints in the program's log. It is the only one that knows of handshakes that
/// failed, and says so once for each: whoever knocks all day must not fill the disk.
#include <functional>
#include <string>

namespace kiln::rpc {

/// From now on gRPC's errors are lines of `line`, at most ten in a minute; the next one after that
/// says how many were left out. `line` may be called by any thread, must not wait, and stays for
/// the life of the program.
void take_grpc_log(std::function<void(const std::string&)> line);

}  // namespace kiln::rpc
