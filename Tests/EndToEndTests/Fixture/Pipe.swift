import CLinux
import Glibc
import Synchronization
import Testing
import Transport

/// A pipe whose ends no other program inherits.
struct Pipe {
    let reader: End
    let writer: End

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(rock_pipe(&ends, 0) == 0)
        (reader, writer) = (End(ends[0]), End(ends[1]))
    }

    /// One end, closed when nobody holds it any more. Reading and writing block a thread of the pool for that.
    final class End: Sendable {
        let descriptor: Int32
        private let isOpen = Atomic(true)

        init(_ descriptor: Int32) { self.descriptor = descriptor }
        deinit { close() }

        func close() {
            if isOpen.exchange(false, ordering: .relaxed) { _ = Glibc.close(descriptor) }
        }

        /// What comes next, at most 64 KiB; empty at the end.
        func read() async -> [UInt8] {
            await onThread { [self] in
                var bytes = [UInt8](repeating: 0, count: 65536)
                let count = Glibc.read(descriptor, &bytes, bytes.count)
                return Array(bytes.prefix(max(0, count)))
            }
        }

        func readToEnd() async -> String {
            var bytes: [UInt8] = []
            while case let more = await read(), !more.isEmpty { bytes += more }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// The text up to the next line feed that ends a line `isWanted`; `nil` when there is none.
        func line(where isWanted: (Substring) -> Bool) async -> Substring? {
            var bytes: [UInt8] = []
            while case let more = await read(), !more.isEmpty {
                bytes += more
                let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
                if bytes.last == 0x0A, let found = lines.first(where: isWanted) { return found }
            }
            return nil
        }

        /// Writes all of `text`; a program that does not want to hear it may.
        func writeAndClose(_ text: String) async {
            await onThread { [self] in
                var rest = Array(text.utf8)[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                    if count <= 0 { break }
                    rest = rest.dropFirst(count)
                }
                close()
            }
        }
    }
}

/// Runs `body`, which may block, where it holds nobody up.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Work { continuation.resume(returning: body()) })
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        if result == 0 { pthread_detach(thread) } else { fatalError("no thread: \(result)") }
    }
}

private final class Work: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
