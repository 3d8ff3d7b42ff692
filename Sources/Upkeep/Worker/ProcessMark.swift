import Glibc

/// A process that outlives whoever started it, known by its number and when it began: together they are nobody else's.
struct ProcessMark: Equatable, Sendable {
    let number: Int32
    /// In clock ticks since the machine started.
    let start: UInt64

    /// The process called `number`; `nil` where there is none, or it has ended and waits to be collected.
    init?(_ number: Int32) {
        guard number > 0 else { return nil }
        let descriptor = open("/proc/\(number)/stat", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        // Counted behind the name, which may hold anything: state is field 3, the start field 22.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 20, fields[1] != "Z", let start = UInt64(fields[20]) else { return nil }
        self.number = number
        self.start = start
    }
}
