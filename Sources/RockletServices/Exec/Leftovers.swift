/// Pipes that background processes still write to after their program has ended: read on, so that nobody dies of writing,
/// and forgotten. For the loop's thread only.
final class Leftovers: @unchecked Sendable {
    // Safety of @unchecked: `readers` is touched on the one loop's thread only.

    static let shared = Leftovers()

    /// The oldest are closed beyond it.
    private static let limit = 256
    private var readers: [OutputReader] = []

    func adopt(_ reader: OutputReader) {
        readers.removeAll { !$0.isOpen }
        if readers.count >= Self.limit { readers.removeFirst().close() }
        reader.listen(.init(bytes: { _ in }, end: {}))
        readers.append(reader)
    }
}
