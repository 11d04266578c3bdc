#pragma once
/// A tree of a dozen files that builds as a kernel does: Kconfig, make with O=, objects, an image,
/// a module with a build id, modules_install, out-of-tree modules. Real make, gcc and ld.
#include <map>
#include <string>

namespace kiln::builder {

inline std::map<std::string, std::string> fake_kernel() {
  return {
      {"Makefile", R"make(VERSION = 9
PATCHLEVEL = 8
SUBLEVEL = 7
MAKEFLAGS += --no-print-directory -r
CFLAGS := -O1 -Wall -fno-pie -fno-stack-protector -I$(CURDIR)/include
UNITS := init/main lib/util
.SUFFIXES:
ifdef M
modules: $(M)/bench.ko
$(M)/bench.ko: $(M)/bench.c
	@echo "  CC [M]  $(M)/bench.o"
	@$(CC) $(CFLAGS) -c $< -o $(M)/bench.o
	@ld -r --build-id -o $@ $(M)/bench.o
else
all: $(O)/vmlinux $(O)/arch/x86/boot/bzImage $(O)/drivers/fake-drm.ko
$(O)/%.o: $(CURDIR)/%.c $(CURDIR)/include/common.h $(O)/.config
	@mkdir -p $(dir $@)
	@echo "  CC      $*.o"
	@$(CC) $(CFLAGS) -c $< -o $@
$(O)/vmlinux: $(UNITS:%=$(O)/%.o)
	@echo "  LD      vmlinux"
	@$(CC:ccache%=%) -nostdlib -static -no-pie -Wl,--build-id -Wl,-e,start $^ -o $@
	@mkdir -p $(O)/include/config
	@echo 9.8.7-kiln > $(O)/include/config/kernel.release
	@echo "0x0 kmap vmlinux EXPORT_SYMBOL" > $(O)/Module.symvers
$(O)/arch/x86/boot/bzImage: $(O)/vmlinux
	@mkdir -p $(dir $@)
	@cp $< $@
$(O)/drivers/fake-drm.ko: $(O)/drivers/fake_drm.o
	@echo "  LD [M]  drivers/fake-drm.ko"
	@ld -r --build-id -o $@ $<
modules_install:
	@mkdir -p $(INSTALL_MOD_PATH)/lib/modules/9.8.7-kiln/kernel/drivers
	@cp $(O)/drivers/fake-drm.ko $(INSTALL_MOD_PATH)/lib/modules/9.8.7-kiln/kernel/drivers/
	@ln -sf /kiln/obj $(INSTALL_MOD_PATH)/lib/modules/9.8.7-kiln/build
tinyconfig:
	@echo "# CONFIG_PCI is not set" > $(O)/.config
olddefconfig:
	@awk -f scripts/conf.awk Kconfig $(O)/.config > $(O)/.config.new
	@mv $(O)/.config.new $(O)/.config
endif
)make"},
      // Keeps what is asked of known symbols whose dependency is met.
      {"scripts/conf.awk", R"awk(
FNR == NR && $1 == "config" { name = $2; order[++count] = name }
FNR == NR && $1 == "depends" { needs[name] = $3 }
FNR != NR && /^CONFIG_/ { split(substr($0, 8), kv, "="); asked[kv[1]] = kv[2] }
END {
  for (i = 1; i <= count; i++) {
    s = order[i]
    ok = asked[s] == "y" && (!(s in needs) || value[needs[s]] == "y")
    value[s] = ok ? "y" : "n"
    print ok ? "CONFIG_" s "=y" : "# CONFIG_" s " is not set"
  }
}
)awk"},
      {"Kconfig",
       "config PCI\n\tbool \"pci\"\nconfig DRM\n\tbool \"drm\"\n\tdepends on PCI\n"
       "config HIGHMEM\n\tbool \"highmem\"\nconfig KMAP_LOCAL\n\tbool \"local\"\n"
       "\tdepends on HIGHMEM\n"},
      {"include/common.h", "int util(int x);\n"},
      {"init/main.c",
       "#include \"common.h\"\nvoid start(void);\nvoid start(void)\n{\n\tutil(1);\n}\n"},
      {"lib/util.c",
       "#include \"common.h\"\nint util(int x)\n{\n\tint unused_here;\n\treturn x;\n}\n"},
      {"drivers/fake_drm.c",
       "#include \"common.h\"\nint drm(int x);\nint drm(int x)\n{\n"
       "\treturn x + 1;\n}\n"},
  };
}

inline std::map<std::string, std::string> fake_bench() {
  return {{"bench.c", "int bench(void);\nint bench(void) { return 7; }\n"},
          {"prog.c", "int main(void) { return 0; }\n"},
          {"Makefile", "programs: prog\nprog: prog.c\n\tgcc -O1 -o $@ $<\n"}};
}

}  // namespace kiln::builder
