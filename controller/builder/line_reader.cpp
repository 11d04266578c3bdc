#include "controller/builder/line_reader.h"

namespace kiln::builder {

Status LineReader::run(const std::string& script, const os::Path& out, std::stop_token stop) {
  KILN_TRY(make_.sandbox().give(out));
  MakeCall call;
  call.source = sources_;
  call.objects = objects_;
  call.objects_writable = false;
  call.out = out;
  call.argv = {"sh", "-c", script};
  call.timeout = timeout_;
  KILN_TRY(make_.run(call, std::move(stop)));
  return {};
}

}  // namespace kiln::builder
