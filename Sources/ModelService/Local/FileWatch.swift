import GEM
import Glibc
import Transport

/// Tells when a file may have changed: written to, made, removed or replaced. The kernel says so; nobody looks time and
/// again.
///
/// The folder is watched, since the file may come later or be replaced. Only files of this machine's own file systems tell:
/// what another machine writes to a shared folder goes unnoticed.
final class FileWatch: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: everything is constant; the descriptor is read on the loop only.

    /// One element for any number of changes since the last was taken; the first comes at once. For one consumer.
    let changes: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let descriptor: OwnedDescriptor
    private let loop: EventLoop
    private let name: [UInt8]

    /// Begins to watch, until ``cancel()``.
    ///
    /// - Throws: ``Failure`` where the folder cannot be watched.
    init(_ file: ConversationFile, on loop: EventLoop) throws(Failure) {
        let number = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard number >= 0 else { throw Self.failure("inotify_init1", file.folder) }
        descriptor = OwnedDescriptor(number)
        let events = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR
        guard inotify_add_watch(number, file.folder, UInt32(events)) >= 0 else {
            throw Self.failure("inotify_add_watch", file.folder)
        }
        self.loop = loop
        name = Array(file.name.utf8)
        (changes, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        signal.yield()
        loop.execute {
            do { try loop.watch(number, for: .readable, handler: self) } catch { self.signal.finish() }
        }
    }

    /// Stops watching and ends the stream.
    func cancel() {
        loop.execute {
            self.loop.unwatch(self.descriptor.rawValue)
            self.signal.finish()
        }
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        var bytes = [UInt8](repeating: 0, count: 16 * 1024)
        var concernsUs = false
        while case let count = read(descriptor, &bytes, bytes.count), count > 0 {
            bytes.withUnsafeBytes { room in
                var start = 0
                while start + MemoryLayout<inotify_event>.size <= count {
                    let event = room.loadUnaligned(fromByteOffset: start, as: inotify_event.self)
                    let text = room[(start + MemoryLayout<inotify_event>.size)...].prefix(Int(event.len))
                    // An event without a name is about the folder, or says that events were lost.
                    concernsUs = concernsUs || event.len == 0 || text.prefix { $0 != 0 }.elementsEqual(name)
                    start += MemoryLayout<inotify_event>.size + Int(event.len)
                }
            }
        }
        if concernsUs { signal.yield() }
    }

    private static func failure(_ call: String, _ folder: String) -> Failure {
        let error = SystemCallError(call, folder, errno: errno)
        let hint =
            error.errno == EMFILE || error.errno == ENOSPC
            ? " Raise fs.inotify.max_user_instances or max_user_watches." : ""
        return Failure(.infraFailed, "\(error).\(hint)")
    }
}
