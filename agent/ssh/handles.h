#pragma once
/// libssh's C handles with an owner; for this folder only.
#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <memory>

namespace kiln::agent {

struct SessionFree {
  void operator()(ssh_session session) const {
    ssh_disconnect(session);
    ssh_free(session);
  }
};
struct ChannelFree {
  void operator()(ssh_channel channel) const { ssh_channel_free(channel); }
};
struct KeyFree {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using SessionHandle = std::unique_ptr<ssh_session_struct, SessionFree>;
using ChannelHandle = std::unique_ptr<ssh_channel_struct, ChannelFree>;
using KeyHandle = std::unique_ptr<ssh_key_struct, KeyFree>;

}  // namespace kiln::agent
