import CSQLite

/// A prepared statement: bound, stepped and reset in one call, so that none is ever left half way.
package final class Statement {
    private let handle: OpaquePointer
    private let sql: String
    /// Unowned because the database keeps its statements and outlives them.
    private unowned let database: Database

    /// Compiles `sql`, one statement.
    init(_ sql: String, on database: Database) throws(RegistryError) {
        var handle: OpaquePointer?
        let result = sqlite3_prepare_v3(
            database.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
        guard result == SQLITE_OK, let handle else { throw database.failure(result, sql) }
        self.handle = handle
        self.sql = sql
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    /// Runs the statement to its end.
    ///
    /// - Parameter bind: Gives the parameters, in order.
    /// - Throws: What SQLite reports.
    package func run(_ bind: (inout Bindings) -> Void = { _ in }) throws(RegistryError) {
        try query(bind) { _ throws(RegistryError) in }
    }

    /// Runs the statement and shows every row to `read`.
    ///
    /// - Parameters:
    ///   - bind: Gives the parameters, in order.
    ///   - read: Reads one row; the row is gone when it returns.
    /// - Throws: What SQLite reports, and what `read` throws.
    package func query(
        _ bind: (inout Bindings) -> Void = { _ in }, read: (inout Row) throws(RegistryError) -> Void
    ) throws(RegistryError) {
        defer {
            // Its result repeats what the last step said.
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        var bindings = Bindings(handle: handle)
        bind(&bindings)
        guard bindings.result == SQLITE_OK else { throw database.failure(bindings.result, sql) }
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW:
                var row = Row(handle: handle, source: self)
                try read(&row)
            case SQLITE_DONE: return
            case let result: throw database.failure(result, sql)
            }
        }
    }

    /// Takes the next row by itself, for a ``Cursor``; resets at the end.
    fileprivate func next<Value>(
        _ read: (inout Row) throws(RegistryError) -> Value
    ) throws(RegistryError) -> Value? {
        switch sqlite3_step(handle) {
        case SQLITE_ROW:
            var row = Row(handle: handle, source: self)
            return try read(&row)
        case SQLITE_DONE: return nil
        case let result: throw database.failure(result, sql)
        }
    }

    /// A row that does not hold what its table promises.
    fileprivate func damaged(column: Int32, expected: String) -> RegistryError {
        let name = sqlite3_column_name(handle, column).map { String(cString: $0) } ?? "\(column)"
        return RegistryError(
            .corrupt, "\(database.path): column \(name) holds no \(expected); restore a backup",
            sqliteCode: SQLITE_CORRUPT)
    }

    /// Gives a statement its parameters from left to right.
    package struct Bindings: ~Copyable {
        fileprivate let handle: OpaquePointer
        fileprivate var result = SQLITE_OK
        private var place: Int32 = 0

        fileprivate init(handle: OpaquePointer) { self.handle = handle }

        private mutating func next(_ bind: (OpaquePointer, Int32) -> Int32) {
            place += 1
            let result = bind(handle, place)
            if self.result == SQLITE_OK { self.result = result }
        }

        package mutating func integer(_ value: some BinaryInteger) {
            next { sqlite3_bind_int64($0, $1, Int64(value)) }
        }

        package mutating func integer(_ value: (some BinaryInteger)?) {
            if let value { integer(value) } else { null() }
        }

        package mutating func bool(_ value: Bool) { integer(value ? 1 : 0) }

        package mutating func bool(_ value: Bool?) { integer(value.map { $0 ? 1 : 0 }) }

        /// A number that is not NaN, which SQLite would store as NULL.
        package mutating func real(_ value: Double) { next { sqlite3_bind_double($0, $1, value) } }

        package mutating func real(_ value: Double?) { if let value { real(value) } else { null() } }

        package mutating func text(_ value: String) {
            var value = value
            value.withUTF8 { utf8 in
                // An empty buffer may have no address, which would mean NULL.
                guard let base = utf8.baseAddress else {
                    return next { sqlite3_bind_text($0, $1, "", 0, rock_sqlite_copy()) }
                }
                base.withMemoryRebound(to: CChar.self, capacity: utf8.count) { characters in
                    next {
                        sqlite3_bind_text64(
                            $0, $1, characters, UInt64(utf8.count), rock_sqlite_copy(), UInt8(SQLITE_UTF8))
                    }
                }
            }
        }

        package mutating func text(_ value: String?) { if let value { text(value) } else { null() } }

        package mutating func blob(_ value: [UInt8]) {
            value.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress, !bytes.isEmpty else {
                    return next { sqlite3_bind_zeroblob($0, $1, 0) }
                }
                next { sqlite3_bind_blob64($0, $1, base, UInt64(bytes.count), rock_sqlite_copy()) }
            }
        }

        package mutating func blob(_ value: [UInt8]?) { if let value { blob(value) } else { null() } }

        package mutating func null() { next { sqlite3_bind_null($0, $1) } }
    }

    /// One row, read from left to right. A column of another type than asked for is damage, never a guess.
    package struct Row: ~Copyable {
        private let handle: OpaquePointer
        private let source: Statement
        private var place: Int32 = 0

        fileprivate init(handle: OpaquePointer, source: Statement) {
            self.handle = handle
            self.source = source
        }

        private mutating func next(_ type: Int32, _ name: String) throws(RegistryError) -> Int32 {
            defer { place += 1 }
            guard sqlite3_column_type(handle, place) == type else {
                throw source.damaged(column: place, expected: name)
            }
            return place
        }

        private mutating func skipNull() -> Bool {
            guard sqlite3_column_type(handle, place) == SQLITE_NULL else { return false }
            place += 1
            return true
        }

        package mutating func integer() throws(RegistryError) -> Int64 {
            sqlite3_column_int64(handle, try next(SQLITE_INTEGER, "integer"))
        }

        package mutating func optionalInteger() throws(RegistryError) -> Int64? { skipNull() ? nil : try integer() }

        /// An integer that must fit into `Value`.
        package mutating func integer<Value: FixedWidthInteger>(
            as type: Value.Type
        ) throws(RegistryError) -> Value {
            guard let value = Value(exactly: try integer()) else {
                throw source.damaged(column: place - 1, expected: "\(type)")
            }
            return value
        }

        package mutating func bool() throws(RegistryError) -> Bool { try integer() != 0 }

        package mutating func optionalBool() throws(RegistryError) -> Bool? { skipNull() ? nil : try bool() }

        package mutating func real() throws(RegistryError) -> Double {
            sqlite3_column_double(handle, try next(SQLITE_FLOAT, "number"))
        }

        package mutating func optionalReal() throws(RegistryError) -> Double? { skipNull() ? nil : try real() }

        package mutating func text() throws(RegistryError) -> String {
            let place = try next(SQLITE_TEXT, "text")
            guard let base = sqlite3_column_text(handle, place) else { return "" }
            return String(
                decoding: UnsafeBufferPointer(start: base, count: Int(sqlite3_column_bytes(handle, place))),
                as: UTF8.self)
        }

        package mutating func optionalText() throws(RegistryError) -> String? { skipNull() ? nil : try text() }

        package mutating func blob() throws(RegistryError) -> [UInt8] {
            let place = try next(SQLITE_BLOB, "blob")
            guard let base = sqlite3_column_blob(handle, place) else { return [] }
            return [UInt8](UnsafeRawBufferPointer(start: base, count: Int(sqlite3_column_bytes(handle, place))))
        }

        package mutating func optionalBlob() throws(RegistryError) -> [UInt8]? { skipNull() ? nil : try blob() }

        /// A column that failed a check of its reader's own.
        package func damaged(expected: String) -> RegistryError {
            source.damaged(column: place - 1, expected: expected)
        }
    }
}

/// A walk through rows, one at a time, beside another such walk.
final class Cursor {
    private let statement: Statement
    private var isAtEnd = false

    init(_ sql: String, on database: Database) throws(RegistryError) {
        // Its own statement: one of the cache's might be in use.
        statement = try Statement(sql, on: database)
    }

    /// The next row as `read` takes it; `nil` at the end.
    func next<Value>(_ read: (inout Statement.Row) throws(RegistryError) -> Value) throws(RegistryError) -> Value? {
        guard !isAtEnd else { return nil }
        let value = try statement.next(read)
        isAtEnd = value == nil
        return value
    }
}
