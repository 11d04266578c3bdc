#pragma once
/// Sync<T>: data that cannot be reached without its lock.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace kiln {

template <typename T>
class Sync {
 public:
  Sync() = default;
  explicit Sync(T value) : value_(std::move(value)) {}

  /// Holds the lock while it lives.
  class Locked {
   public:
    explicit Locked(Sync& owner) : owner_(&owner), lock_(owner.mutex_) {}
    T* operator->() { return &owner_->value_; }
    T& operator*() { return owner_->value_; }
    /// Waits until `ready()` or the deadline; true when ready. The lock is released meanwhile.
    template <typename Predicate>
    bool wait_until(std::chrono::steady_clock::time_point deadline, Predicate ready) {
      return owner_->changed_.wait_until(lock_, deadline, ready);
    }
    void notify_all() { owner_->changed_.notify_all(); }

   private:
    Sync* owner_;
    std::unique_lock<std::mutex> lock_;
  };

  Locked lock() { return Locked(*this); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

}  // namespace kiln
