#pragma once
/// A small program that builds as a kernel's objects do: kbuild's command files with their
/// dependencies, GCOV_PROFILE_x.o in a folder's Makefile, CFLAGS_GCOV, preprocessed files. Its
/// image can be run, and then writes the counters that a kernel would show.
#include <map>
#include <string>

namespace kiln::builder {

inline std::map<std::string, std::string> fake_kbuild() {
  return {
      {"Makefile", R"make(MAKEFLAGS += --no-print-directory -r
CFLAGS_GCOV := -fprofile-arcs -ftest-coverage
FLAGS := -O2 -Wall -I$(CURDIR)/include
UNITS := init/main lib/util lib/gt/deep
.SUFFIXES:
.PHONY: FORCE all modules_install
# Each folder is a make of its own, so that its variables are its own.
ifdef obj
-include $(CURDIR)/$(obj)/Makefile
name = $(notdir $*)
flags = $(FLAGS) $(if $(filter y,$(GCOV_PROFILE_$(name).o)),$(CFLAGS_GCOV))
command = $(CC) $(flags) -c -o $*.o $(CURDIR)/$*.c
files = $(patsubst %,$(O)/%,$(filter $(obj)/%,$(addsuffix .o,$(UNITS))))
objects: $(files)
$(O)/%.o: FORCE
	@mkdir -p $(dir $@)
	@cd $(O) && c=$(dir $*).$(name).o.cmd && \
	if [ "$$(head -n 1 $$c 2>/dev/null)" != 'cmd_$*.o := $(command)' ] || \
	   [ -n "$$(find $$(sed -n 's/^  \(\/.*\) \\$$/\1/p' $$c) -newer $*.o | head -n 1)" ]; then \
	  echo "  CC      $*.o"; $(command) -MMD -MF $*.d || exit 1; \
	  { echo 'cmd_$*.o := $(command)'; echo; echo 'source_$*.o := $(CURDIR)/$*.c'; echo; \
	    echo 'deps_$*.o := \'; sed 's/^[^:]*://' $*.d | tr -d '\\' | tr -s ' ' '\n' | \
	    sed -n 's/^\/.*/  & \\/p'; } >$$c; \
	fi
else
all: $(O)/arch/x86/boot/bzImage
$(O)/vmlinux: FORCE
	@for d in init lib; do $(MAKE) obj=$$d objects || exit 1; done
	@echo "  LD      vmlinux"
	@gcc --coverage -Wl,--build-id $(UNITS:%=$(O)/%.o) -o $@
	@mkdir -p $(O)/include/config
	@echo 9.8.7-kiln > $(O)/include/config/kernel.release
$(O)/arch/x86/boot/bzImage: $(O)/vmlinux
	@mkdir -p $(dir $@)
	@cp $< $@
%.i: FORCE
	@mkdir -p $(dir $(O)/$@)
	@$(CC:ccache%=%) $(FLAGS) -E -o $(O)/$@ $(CURDIR)/$*.c
modules_install:
	@mkdir -p $(INSTALL_MOD_PATH)/lib/modules/9.8.7-kiln
tinyconfig:
	@echo "# CONFIG_PCI is not set" > $(O)/.config
olddefconfig:
	@true
endif
)make"},
      {"Kconfig", "config PCI\n\tbool \"pci\"\n"},
      {"init/Makefile", ""},
      {"lib/Makefile", "GCOV_PROFILE_forbidden.o := n\n"},
      {"include/common.h",
       "int util(int x);\nint deep(int x);\n"
       "static inline int twice(int x)\n{\n\treturn x * 2;\n}\n"},
      {"init/main.c",
       "#include \"common.h\"\nint main(int argc, char **argv)\n{\n\t(void)argv;\n"
       "\treturn argc > 1 ? deep(argc) : util(0);\n}\n"},
      {"lib/util.c",
       "#include \"common.h\"\nint util(int x)\n{\n\tif (x)\n\t\treturn 1;\n\treturn 0;\n}\n"},
      {"lib/gt/deep.c",
       "#include \"common.h\"\n#include \"selftest.c\"\nint deep(int x)\n{\n"
       "\treturn check(twice(x));\n}\n"},
      {"lib/gt/selftest.c", "static int check(int x)\n{\n\treturn x ? 0 : 3;\n}\n"},
  };
}

}  // namespace kiln::builder
