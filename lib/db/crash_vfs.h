#pragma once
/// For tests: a SQLite VFS over the default one that ends the process in the middle of the Nth
/// change to any file (write, truncate, sync, delete), as a kill or a power cut would.
#include <sqlite3.h>
#include <unistd.h>

#include <cstring>

namespace kiln::db {

constexpr int kCrashExit = 9;

/// Counts down; at zero the write that is due happens half and the process ends.
class CrashVfs {
 public:
  /// Becomes the process's default VFS; used in a child that dies with it.
  static void install(int die_at) {
    base_ = sqlite3_vfs_find(nullptr);
    left_ = die_at;
    vfs_ = *base_;
    vfs_.zName = "crash";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + base_->szOsFile;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    sqlite3_vfs_register(&vfs_, 1);
  }
  /// Changes seen so far, when it was installed with a number that is never reached.
  static int changes_left() { return left_; }

 private:
  /// SQLite's file object: ours first, the base's behind it.
  struct File {
    sqlite3_file head;
    [[nodiscard]] sqlite3_file* base() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static sqlite3_file* base(sqlite3_file* file) { return reinterpret_cast<File*>(file)->base(); }
  static bool due() { return --left_ == 0; }

  static int open(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out) {
    file->pMethods = nullptr;
    const int result = base_->xOpen(base_, name, base(file), flags, out);
    if (result == SQLITE_OK) file->pMethods = &kMethods;
    return result;
  }
  static int remove(sqlite3_vfs* /*vfs*/, const char* name, int sync) {
    if (due()) ::_exit(kCrashExit);
    return base_->xDelete(base_, name, sync);
  }
  static int close(sqlite3_file* f) { return base(f)->pMethods->xClose(base(f)); }
  static int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
    return base(f)->pMethods->xRead(base(f), to, n, at);
  }
  static int write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
    if (due()) {
      base(f)->pMethods->xWrite(base(f), from, n / 2, at);  // torn
      ::_exit(kCrashExit);
    }
    return base(f)->pMethods->xWrite(base(f), from, n, at);
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    if (due()) ::_exit(kCrashExit);
    return base(f)->pMethods->xTruncate(base(f), size);
  }
  static int sync(sqlite3_file* f, int flags) {
    if (due()) ::_exit(kCrashExit);
    return base(f)->pMethods->xSync(base(f), flags);
  }
  static int size(sqlite3_file* f, sqlite3_int64* out) {
    return base(f)->pMethods->xFileSize(base(f), out);
  }
  static int lock(sqlite3_file* f, int how) { return base(f)->pMethods->xLock(base(f), how); }
  static int unlock(sqlite3_file* f, int how) { return base(f)->pMethods->xUnlock(base(f), how); }
  static int check_lock(sqlite3_file* f, int* out) {
    return base(f)->pMethods->xCheckReservedLock(base(f), out);
  }
  static int control(sqlite3_file* f, int op, void* arg) {
    return base(f)->pMethods->xFileControl(base(f), op, arg);
  }
  static int sector(sqlite3_file* f) { return base(f)->pMethods->xSectorSize(base(f)); }
  static int traits(sqlite3_file* f) { return base(f)->pMethods->xDeviceCharacteristics(base(f)); }
  static int shm_map(sqlite3_file* f, int page, int n, int extend, void volatile** out) {
    return base(f)->pMethods->xShmMap(base(f), page, n, extend, out);
  }
  static int shm_lock(sqlite3_file* f, int at, int n, int flags) {
    return base(f)->pMethods->xShmLock(base(f), at, n, flags);
  }
  static void shm_barrier(sqlite3_file* f) { base(f)->pMethods->xShmBarrier(base(f)); }
  static int shm_unmap(sqlite3_file* f, int remove_it) {
    return base(f)->pMethods->xShmUnmap(base(f), remove_it);
  }

  inline static sqlite3_vfs* base_ = nullptr;
  inline static sqlite3_vfs vfs_{};
  inline static int left_ = 0;
  static constexpr sqlite3_io_methods kMethods{2,           close,     read,    write,   truncate,
                                               sync,        size,      lock,    unlock,  check_lock,
                                               control,     sector,    traits,  shm_map, shm_lock,
                                               shm_barrier, shm_unmap, nullptr, nullptr};
};

}  // namespace kiln::db
