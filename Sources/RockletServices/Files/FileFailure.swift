import Glibc

/// A call on files that failed, named as callers in Python know such failures.
package struct FileFailure: Error, Equatable, Sendable {
    /// Module and class of the exception, such as `builtins.FileNotFoundError`.
    package let classPath: String
    /// What it says.
    package let message: String

    package init(_ classPath: String, _ message: String) {
        self.classPath = classPath
        self.message = message
    }

    /// What the kernel answered about `path`.
    package static func system(_ number: Int32, _ path: String) -> FileFailure {
        FileFailure("builtins." + name(number), "[Errno \(number)] \(reason(number)): '\(path)'")
    }

    /// An argument that no call can make sense of.
    package static func value(_ message: String) -> FileFailure { FileFailure("builtins.ValueError", message) }

    private static func name(_ number: Int32) -> String {
        switch number {
        case ENOENT: "FileNotFoundError"
        case EEXIST: "FileExistsError"
        case EISDIR: "IsADirectoryError"
        case ENOTDIR: "NotADirectoryError"
        case EACCES, EPERM: "PermissionError"
        case ECONNREFUSED: "ConnectionRefusedError"
        case ETIMEDOUT: "TimeoutError"
        default: "OSError"
        }
    }

    private static func reason(_ number: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        guard strerror_r(number, &text, text.count) == 0 else { return "error \(number)" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
