import Glibc
import Registry

/// A line for each sandbox that stopped, in a file that other programs read.
///
/// The registry's table is the truth. Beside the file, `<file>.position` holds the number of the last entry that is in it, so that
/// what a killed server did not write is added by the next one, whatever became of older lines. Each line carries its number
/// in the place of a trace id: a line that a kill at the wrong instant doubled can be told by it.
final class BillingLog: Sendable {
    private let path: String
    private let times: TimeFormat
    private let complain: @Sendable (String) -> Void

    init(path: String, times: TimeFormat, complain: @escaping @Sendable (String) -> Void) {
        self.path = path
        self.times = times
        self.complain = complain
    }

    /// Appends one entry. It runs on the registry's writing thread, one entry after the other; the file is opened each time,
    /// so that it can be moved away at any time.
    func append(_ entry: BillingEntry) { append([entry]) }

    private func append(_ entries: [BillingEntry]) {
        guard let last = entries.last else { return }
        let lines = entries.map { entry in
            "\(times.logText(entry.stopTime)) INFO:BillingLog:1 [billing] [\(entry.sandboxID)] [\(entry.serial)] -- \(entry.line)\n"
        }
        guard write(lines.joined(), to: path, O_WRONLY | O_APPEND | O_CREAT) else { return }
        // Always as long: a file that is emptied and written anew is flushed to the disk by some file systems at each close.
        let number = String(last.serial)
        let position = String(repeating: "0", count: max(0, 20 - number.utf8.count)) + number + "\n"
        _ = write(position, to: path + ".position", O_WRONLY | O_CREAT)
    }

    /// Appends what a predecessor did not.
    func catchUp(with registry: SandboxRegistry) async throws {
        var last = position() ?? 0
        while true {
            let entries = try await registry.billing(after: last, limit: 1000)
            guard let latest = entries.last else { return }
            append(entries)
            last = latest.serial
        }
    }

    private func position() -> Int64? {
        let descriptor = open(path + ".position", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text = [UInt8](repeating: 0, count: 32)
        let count = read(descriptor, &text, text.count)
        return Int64(String(decoding: text.prefix(max(count, 0)).prefix { 0x30...0x39 ~= $0 }, as: UTF8.self))
    }

    private func write(_ text: String, to path: String, _ flags: Int32) -> Bool {
        let descriptor = open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            complain("The billing log \(path) cannot be opened: \(String(cString: strerror(errno))).")
            return false
        }
        defer { close(descriptor) }
        // One call, so that a line of another process does not get in between.
        let bytes = Array(text.utf8)
        let count = Glibc.write(descriptor, bytes, bytes.count)
        if count != bytes.count {
            complain("The billing log \(path) cannot be written; entries go on in the registry.")
        }
        return count == bytes.count
    }
}
