import Glibc

/// A system call that failed, with what it was asked to work on.
package struct SystemCallError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call's name, such as `bind`.
    package let call: String
    /// What it was called on: a path, an address, a process id. May be empty.
    package let subject: String
    /// The kernel's reason, one of `E…`.
    package let errno: Int32

    package init(_ call: String, _ subject: String = "", errno: Int32) {
        self.call = call
        self.subject = subject
        self.errno = errno
    }

    /// `bind(127.0.0.1:80): Permission denied`
    package var description: String {
        var text = [CChar](repeating: 0, count: 128)
        let reason =
            strerror_r(errno, &text, text.count) == 0
            ? String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : "error \(errno)"
        return "\(call)(\(subject)): \(reason)"
    }

    /// Passes on the result of a `rock_…` call, which is `-errno` on failure.
    ///
    /// - Throws: ``SystemCallError`` when `result` is negative.
    @discardableResult
    package static func check<Result: SignedInteger>(
        _ result: Result, _ call: String, _ subject: @autoclosure () -> String = ""
    ) throws(SystemCallError) -> Result {
        guard result < 0 else { return result }
        throw SystemCallError(call, subject(), errno: Int32(-result))
    }
}
