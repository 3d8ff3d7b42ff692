import Synchronization

/// What a handler notes for its test.
final class Seen: Sendable {
    private let state = Mutex("")
    var text: String { state.withLock { $0 } }
    func set(_ text: String) { state.withLock { $0 = text } }
    func add(_ text: String) { state.withLock { $0 += text } }
}
