import Glibc

/// A process's number inside a sandbox, and here.
enum ProcessInside {
    /// The process that is called `inside` where process `first` is number 1.
    ///
    /// - Returns: Its number here; `nil` where there is none. Looks through all of `/proc`.
    static func number(here inside: Int32, beside first: Int32) -> Int32? {
        guard first > 0, let namespace = namespace(of: "\(first)"), let stream = opendir("/proc") else { return nil }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let number = Int32(name), self.namespace(of: name) == namespace, innermost(name) == inside else {
                continue
            }
            return number
        }
        return nil
    }

    private static func namespace(of process: String) -> String? {
        var text = [UInt8](repeating: 0, count: 64)
        let count = text.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map {
                readlink("/proc/\(process)/ns/pid", $0.assumingMemoryBound(to: CChar.self), bytes.count)
            } ?? -1
        }
        return count > 0 ? String(decoding: text[..<count], as: UTF8.self) : nil
    }

    /// What a process is called in its own namespace: the last of its numbers.
    private static func innermost(_ process: String) -> Int32? {
        let file = open("/proc/\(process)/status", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = read(file, &bytes, bytes.count)
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        return lines.first { $0.hasPrefix("NSpid:") }?.split(whereSeparator: \.isWhitespace).last.flatMap { Int32($0) }
    }
}
