#include "agent/tools/trial_order.h"

#include "agent/test/archive.h"
#include "lib/base/text.h"

namespace kiln::agent {

Result<TrialKernel> trial_kernel(const os::Path& build, const os::Path& modules_tar) {
  TrialKernel kernel;
  kernel.image = build / "arch/x86/boot/bzImage";
  kernel.vmlinux = build / "vmlinux";
  kernel.config = build / ".config";
  kernel.modules_tar = modules_tar;
  KILN_ASSIGN(const std::string release,
              os::read_file(build / "include/config/kernel.release", 1000));
  kernel.release = trim(release);
  KILN_ASSIGN(const std::string config, os::read_file(kernel.config));
  kernel.highmem = config.find("\nCONFIG_HIGHMEM=y\n") != std::string::npos;
  return kernel;
}

Result<ExpectedIdentity> expected_of(const TrialKernel& kernel) {
  ExpectedIdentity expected;
  expected.release = kernel.release;
  expected.wants_highmem = kernel.highmem;
  KILN_ASSIGN(expected.config_digest, os::sha256_file(kernel.config));
  KILN_ASSIGN(const std::string vmlinux, os::read_file(kernel.vmlinux, 1ULL << 30));
  expected.kernel_build_id = build_id_of_elf(vmlinux);
  return expected;
}

Result<v1::SessionOrder> trial_order(OneSessionController& controller, const TrialKernel& kernel) {
  v1::SessionOrder order;
  order.set_session_id(1);
  order.set_lease_epoch(1);
  order.set_machine("qemu-1");
  order.set_cell("trial");
  order.set_max_restarts(5);
  KILN_ASSIGN(*order.mutable_image_digest(), controller.offer(kernel.image));
  v1::ExpectedIdentity* expected = order.mutable_expected();
  KILN_ASSIGN(const ExpectedIdentity its, expected_of(kernel));
  expected->set_release(its.release);
  expected->set_wants_highmem(its.wants_highmem);
  expected->set_config_digest(its.config_digest);
  expected->set_kernel_build_id(its.kernel_build_id);
  if (!kernel.modules_tar.empty()) {
    KILN_ASSIGN(*order.mutable_modules_digest(), controller.offer(kernel.modules_tar));
    KILN_ASSIGN(const auto ids, module_build_ids(kernel.modules_tar, {"i915"}));
    for (const auto& [name, id] : ids) (*expected->mutable_module_build_ids())[name] = id;
  }
  order.mutable_setup()->set_memory_bytes(2ULL << 30);
  order.mutable_setup()->set_cpus(2);
  return order;
}

}  // namespace kiln::agent
