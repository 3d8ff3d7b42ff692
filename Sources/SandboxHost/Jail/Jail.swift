import CLinux
import GEM
import Glibc
import Synchronization

/// One process behind walls, from before it is cloned until it has been reaped, and the host's connection to it.
final class Jail: Sendable {
    /// Its place in the zygote's books, free again once it has ended.
    let slot: UInt32
    let limits: Limits
    /// The host's connection to it. Whoever uses the jail calls ``closeConnection()`` once.
    let connection: Int32

    private struct State {
        var path: String
        var process: Int32 = 0
        var end: JailEnd?
        var isClosed = false
        var watchers: [@Sendable (JailEnd) -> Void] = []
    }

    private let state: Mutex<State>

    init(slot: UInt32, limits: Limits, path: String, connection: Int32) {
        self.slot = slot
        self.limits = limits
        self.connection = connection
        state = Mutex(State(path: path))
    }

    /// Its process id as the host sees it; 0 before it is known.
    var process: Int32 {
        get { state.withLock(\.process) }
        set { state.withLock { $0.process = newValue } }
    }

    var end: JailEnd? { state.withLock(\.end) }

    /// Has it run on `processor` only. Where the kernel forbids it, or the jail has ended, it changes nothing.
    func keep(to processor: Int32) {
        let process = process
        if process > 0 { rock_pin(process, processor) }
    }

    /// Gives its socket another name. The connection does not notice. Returns 0 or an errno.
    func rename(to path: String) -> Int32 {
        state.withLock { state in
            guard Glibc.rename(state.path, path) == 0 else { return errno }
            state.path = path
            return 0
        }
    }

    /// Calls `body` when it has ended: at once if that is past.
    func whenEnded(_ body: @escaping @Sendable (JailEnd) -> Void) {
        let end: JailEnd? = state.withLock { state in
            if state.end == nil { state.watchers.append(body) }
            return state.end
        }
        if let end { body(end) }
    }

    /// Waits until it has ended.
    func ended() async {
        await withCheckedContinuation { continuation in whenEnded { _ in continuation.resume() } }
    }

    /// Takes note that it has been reaped; only the first end counts.
    func finish(_ end: JailEnd) {
        let watchers: [@Sendable (JailEnd) -> Void] = state.withLock { state in
            guard state.end == nil else { return [] }
            state.end = end
            unlink(state.path)
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher(end) }
    }

    /// Closes the connection; nobody may watch it any more. Further calls do nothing.
    func closeConnection() {
        state.withLock { state in
            if !state.isClosed { close(connection) }
            state.isClosed = true
        }
    }
}
