/// Why the registry did not do what it was asked to.
package struct RegistryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What failed, for programs.
    package let code: Code
    /// One sentence for people: what failed, on which value, and what to do about it.
    package let message: String
    /// SQLite's extended result code, where SQLite was the one to refuse.
    package let sqliteCode: Int32?

    package init(_ code: Code, _ message: String, sqliteCode: Int32? = nil) {
        self.code = code
        self.message = message
        self.sqliteCode = sqliteCode
    }

    package var description: String { "\(code.rawValue): \(message)" }

    /// Every way to fail there is.
    package enum Code: String, CaseIterable, Sendable {
        // The caller's part.
        case invalidArgument, notFound, alreadyExists, illegalMove
        // The registry's state.
        case overloaded, closed
        // The file's part.
        case inUse, notARegistry, newerSchema, corrupt, readOnly, diskFull, ioFailed, sqliteFailed
    }
}
