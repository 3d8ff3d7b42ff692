import Glibc

/// A value behind a lock of the C library.
///
/// `Synchronization.Mutex` is cheaper while nobody else wants it; contended, the kernel hands it over unseen by the thread
/// sanitizer, which then reports races that are none.
final class Guarded<Value: ~Copyable>: @unchecked Sendable {
    // Safety of @unchecked: `value` is touched with the lock held only.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: consuming Value) {
        self.value = value
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    @inline(__always)
    func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body(&value)
    }
}
